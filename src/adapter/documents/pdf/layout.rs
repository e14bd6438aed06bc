//! From letters with places to text in reading order: rows, columns, tables, paragraphs.

/// Letters that were shown together.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Where it begins and ends from the left.
    pub(super) left: f64,
    pub(super) right: f64,
    /// Its base line from the top.
    pub(super) y: f64,
    /// The size of its letters.
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) text: String,
}

/// What a page has, in reading order.
#[derive(Debug)]
pub(super) enum Item {
    /// A line.
    Line(Run),
    /// A table's rows.
    Table(Vec<Vec<String>>),
}

/// Columns within columns.
const DEEPEST: usize = 3;

/// Puts a page's runs into reading order.
pub(super) fn arrange(runs: Vec<Run>) -> Vec<Item> {
    let mut items = Vec::new();
    arrange_into(runs, 0, &mut items);
    items
}

fn arrange_into(runs: Vec<Run>, depth: usize, items: &mut Vec<Item>) {
    let rows = rows(runs);
    let gutter = if depth < DEEPEST { gutter(&rows) } else { None };
    let Some(gutter) = gutter else { return lines_and_tables(rows, items) };
    // Rows that reach over the gutter stand between bands of two columns.
    let mut band: Vec<Vec<Run>> = Vec::new();
    let mut whole: Vec<Vec<Run>> = Vec::new();
    for row in rows {
        if row.iter().any(|one| one.left < gutter && one.right > gutter) {
            columns(std::mem::take(&mut band), &mut whole, gutter, depth, items);
            whole.push(row);
        } else {
            band.push(row);
        }
    }
    columns(band, &mut whole, gutter, depth, items);
    lines_and_tables(whole, items);
}

/// A band of rows beside a gutter: two columns of prose, or rows like any others.
fn columns(band: Vec<Vec<Run>>, whole: &mut Vec<Vec<Run>>, gutter: f64, depth: usize, items: &mut Vec<Item>) {
    let side = |left: bool| band.iter().flatten().filter(move |one| (one.right <= gutter) == left);
    let prose = |left: bool| {
        let rows = band.iter().filter(|row| row.iter().any(|one| (one.right <= gutter) == left)).count();
        let letters: usize = side(left).map(|one| one.text.chars().count()).sum();
        rows >= 4 && letters >= rows * 18 && side(left).count() * 2 <= rows * 3
    };
    if !(prose(true) && prose(false)) {
        whole.extend(band);
        return;
    }
    lines_and_tables(std::mem::take(whole), items);
    let (left, right): (Vec<Run>, Vec<Run>) = band.into_iter().flatten().partition(|one| one.right <= gutter);
    arrange_into(left, depth + 1, items);
    arrange_into(right, depth + 1, items);
}

/// The runs in rows from the top; within a row from the left, joined where no gap is between them.
fn rows(mut runs: Vec<Run>) -> Vec<Vec<Run>> {
    runs.retain(|run| run.y.is_finite() && run.left.is_finite() && run.right.is_finite() && run.size.is_finite());
    runs.sort_by(|one, other| one.y.total_cmp(&other.y));
    let mut rows: Vec<Vec<Run>> = Vec::new();
    let mut y = f64::NEG_INFINITY;
    for run in runs {
        match rows.last_mut() {
            Some(row) if run.y - y < 0.45 * run.size.max(row[0].size) => row.push(run),
            _ => {
                y = run.y;
                rows.push(vec![run]);
            }
        }
    }
    rows.into_iter().map(joined).collect()
}

fn joined(mut row: Vec<Run>) -> Vec<Run> {
    row.sort_by(|one, other| one.left.total_cmp(&other.left));
    let mut pieces: Vec<Run> = Vec::new();
    for run in row {
        let Some(last) = pieces.last_mut() else {
            pieces.push(run);
            continue;
        };
        let size = last.size.max(run.size);
        let gap = run.left - last.right;
        // What is shown twice to look bold is said once.
        if last.text == run.text && (run.left - last.left).abs() < 0.3 * size {
            last.bold = true;
            continue;
        }
        if gap > 1.2 * size {
            pieces.push(run);
            continue;
        }
        if gap > 0.15 * size && !last.text.ends_with(' ') && !run.text.starts_with(' ') {
            last.text.push(' ');
        }
        last.text.push_str(&run.text);
        last.right = last.right.max(run.right);
        last.size = size;
        last.bold &= run.bold;
    }
    pieces.retain(|piece| !piece.text.trim().is_empty());
    pieces
}

/// Where a gutter runs between two columns: the place that most rows have on their two sides and not on it.
fn gutter(rows: &[Vec<Run>]) -> Option<f64> {
    let mut gaps: Vec<(f64, f64)> = Vec::new();
    for row in rows {
        for pair in row.windows(2) {
            gaps.push((pair[0].right, pair[1].left));
        }
    }
    if gaps.len() < 4 {
        return None;
    }
    // The middle of each gap is a candidate; of many the first hundred places that differ are enough.
    let mut places: Vec<f64> = gaps.iter().map(|(from, to)| f64::midpoint(*from, *to)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup_by(|one, other| (*one - *other).abs() < 4.0);
    let best = places
        .into_iter()
        .take(100)
        .map(|place| (gaps.iter().filter(|(from, to)| *from < place && place < *to).count(), place))
        .max_by(|one, other| one.0.cmp(&other.0))?;
    (best.0 >= 4 && best.0 * 5 >= rows.len()).then_some(best.1)
}

/// Rows without columns of prose: neighbours that have their pieces below each other are tables.
fn lines_and_tables(rows: Vec<Vec<Run>>, items: &mut Vec<Item>) {
    let mut table: Vec<Vec<Run>> = Vec::new();
    for row in rows {
        if row.is_empty() {
            continue;
        }
        let near = table.last().is_none_or(|last| row[0].y - last[0].y < 4.0 * last[0].size.max(row[0].size));
        if row.len() > 1 && near {
            table.push(row);
            continue;
        }
        end_table(&mut table, items);
        if row.len() > 1 { table.push(row) } else { line(row, items) }
    }
    end_table(&mut table, items);
}

fn line(row: Vec<Run>, items: &mut Vec<Item>) {
    let mut row = row.into_iter();
    let Some(mut line) = row.next() else { return };
    for piece in row {
        line.text.push(' ');
        line.text.push_str(&piece.text);
        line.right = piece.right;
        line.bold &= piece.bold;
        line.size = line.size.max(piece.size);
    }
    items.push(Item::Line(line));
}

fn end_table(rows: &mut Vec<Vec<Run>>, items: &mut Vec<Item>) {
    let rows = std::mem::take(rows);
    // Where something stands in any row is a column; what touches is one.
    let mut spans: Vec<(f64, f64)> = rows.iter().flatten().map(|one| (one.left, one.right)).collect();
    spans.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut columns: Vec<(f64, f64)> = Vec::new();
    for (left, right) in spans {
        match columns.last_mut() {
            Some(last) if left < last.1 + 1.0 => last.1 = last.1.max(right),
            _ => columns.push((left, right)),
        }
    }
    if rows.len() < 2 || columns.len() < 2 {
        for row in rows {
            line(row, items);
        }
        return;
    }
    let cells = |row: Vec<Run>| {
        let mut cells = vec![String::new(); columns.len()];
        for piece in row {
            let column =
                columns.iter().position(|(left, right)| piece.left >= *left && piece.left <= *right).unwrap_or(0);
            if !cells[column].is_empty() {
                cells[column].push(' ');
            }
            cells[column].push_str(&piece.text);
        }
        cells
    };
    items.push(Item::Table(rows.into_iter().map(cells).collect()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(left: f64, y: f64, text: &str) -> Run {
        let right = left + f64::from(u32::try_from(text.len()).unwrap()) * 5.0;
        Run { left, right, y, size: 10.0, bold: false, text: text.to_owned() }
    }

    fn told(items: &[Item]) -> Vec<String> {
        let one = |item: &Item| match item {
            Item::Line(line) => line.text.clone(),
            Item::Table(rows) => rows.iter().map(|row| row.join("|")).collect::<Vec<_>>().join("/"),
        };
        items.iter().map(one).collect()
    }

    #[test]
    fn words_on_a_line_are_joined_in_their_order() {
        let items = arrange(vec![run(37.0, 10.0, "world"), run(10.0, 10.5, "Hello"), run(10.0, 30.0, "next")]);
        assert_eq!(told(&items), ["Hello world", "next"]);
    }

    #[test]
    fn columns_are_read_one_after_the_other() {
        let mut runs = vec![run(40.0, 5.0, "A title that reaches over both of the columns here")];
        for row in 0..6 {
            let y = 20.0 + f64::from(row) * 12.0;
            runs.push(run(10.0, y, &format!("left column prose line {row}")));
            runs.push(run(200.0, y, &format!("right column prose line {row}")));
        }
        let told = told(&arrange(runs));
        assert_eq!(told.len(), 13);
        assert!(told[0].starts_with("A title") && told[6].ends_with("line 5"), "{told:?}");
        assert!(told[1].starts_with("left") && told[7].starts_with("right"), "{told:?}");
    }

    #[test]
    fn short_pieces_below_each_other_are_a_table() {
        let mut runs = Vec::new();
        for (row, (name, price)) in
            [("Item", "Price"), ("Pen", "1.00"), ("Paper", "2.50"), ("Ink", "9"), ("Cup", "3")].iter().enumerate()
        {
            let y = 20.0 + f64::from(u32::try_from(row).unwrap()) * 12.0;
            runs.push(run(10.0, y, name));
            runs.push(run(200.0, y, price));
        }
        assert_eq!(told(&arrange(runs)), ["Item|Price/Pen|1.00/Paper|2.50/Ink|9/Cup|3"]);
    }
}
