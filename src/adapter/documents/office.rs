//! Documents of office programs: Word, Excel, PowerPoint, OpenDocument text.

use std::collections::HashMap;

use super::building::Builder;
use super::plain::long_table;
use super::unzip::Archive;
use super::xml::{self, Piece};
use crate::port::documents::{BlockKind, ParseFault};

/// Columns of a sheet that are read; what lies beyond is told.
const MOST_COLUMNS: usize = 512;
/// Cells of a workbook.
const MOST_CELLS: usize = 2_000_000;

/// What a document says of itself.
fn properties(builder: &mut Builder, archive: &mut Archive<'_>, member: &str) -> Result<(), ParseFault> {
    let Some(bytes) = archive.member(member)? else { return Ok(()) };
    let mut words = String::new();
    xml::read(&bytes, |piece| {
        match piece {
            Piece::Open(_) => words.clear(),
            Piece::Text(text) => words.push_str(&text),
            Piece::Close(name) => {
                let said = match name {
                    "title" | "subject" | "creator" | "keywords" | "description" | "language" => name,
                    "created" | "creation-date" => "created",
                    "modified" | "date" => "modified",
                    "initial-creator" => "creator",
                    _ => return Ok(()),
                };
                builder.says(if said == "creator" { "author" } else { said }, &words);
            }
        }
        Ok(())
    })
}

/// A text as it is read from a document of a word processor: paragraphs, lists, tables.
#[derive(Default)]
struct Writing {
    words: String,
    style: String,
    level: Option<u8>,
    listed: bool,
    tables: usize,
    rows: Vec<Vec<String>>,
}

impl Writing {
    fn end_paragraph(&mut self, builder: &mut Builder, styles: &HashMap<String, u8>) -> Result<(), ParseFault> {
        if self.tables > 0 {
            self.words.push(' ');
            return Ok(());
        }
        let level = self.level.take().or_else(|| styles.get(&self.style).copied());
        let (kind, level) = match level {
            Some(0) => (BlockKind::ListItem, 0),
            Some(level) => (BlockKind::Heading, level),
            None if self.listed => (BlockKind::ListItem, 0),
            None => (BlockKind::Paragraph, 0),
        };
        self.style.clear();
        self.listed = false;
        builder.add(kind, level, &std::mem::take(&mut self.words))
    }

    fn begin_row(&mut self) {
        if self.tables == 1 {
            self.rows.push(Vec::new());
        }
    }

    fn end_cell(&mut self) {
        if self.tables == 1
            && let Some(row) = self.rows.last_mut()
        {
            row.push(std::mem::take(&mut self.words));
        }
    }

    fn begin_table(&mut self, builder: &mut Builder) -> Result<(), ParseFault> {
        self.tables += 1;
        if self.tables == 1 {
            builder.paragraph(&std::mem::take(&mut self.words))?;
        }
        Ok(())
    }

    fn end_table(&mut self, builder: &mut Builder) -> Result<(), ParseFault> {
        self.tables = self.tables.saturating_sub(1);
        if self.tables == 0 {
            self.words.clear();
            return long_table(builder, &std::mem::take(&mut self.rows));
        }
        Ok(())
    }
}

/// Which styles are headings, and of what level; those of items of lists have none, written as 0.
fn heading_styles(archive: &mut Archive<'_>) -> Result<HashMap<String, u8>, ParseFault> {
    let mut styles = HashMap::new();
    let Some(bytes) = archive.member("word/styles.xml")? else { return Ok(styles) };
    let mut id = String::new();
    xml::read(&bytes, |piece| {
        if let Piece::Open(element) = piece {
            match element.name() {
                "style" => id = element.attribute("styleId").unwrap_or_default(),
                "name" => {
                    let name = element.attribute("val").unwrap_or_default().to_lowercase();
                    if name == "title" {
                        styles.insert(id.clone(), 1);
                    } else if let Some(level) = name.strip_prefix("heading ").and_then(|level| level.parse().ok()) {
                        styles.insert(id.clone(), level);
                    }
                }
                "numPr" => {
                    styles.entry(id.clone()).or_insert(0);
                }
                "outlineLvl" => {
                    let level = element.attribute("val").and_then(|level| level.parse::<u8>().ok());
                    if let Some(level) = level.filter(|level| *level < 9) {
                        styles.entry(id.clone()).or_insert(level + 1);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    })?;
    Ok(styles)
}

/// A text of Word.
pub(super) fn word(builder: &mut Builder, archive: &mut Archive<'_>) -> Result<(), ParseFault> {
    properties(builder, archive, "docProps/core.xml")?;
    let styles = heading_styles(archive)?;
    let mut parts = vec!["word/document.xml".to_owned()];
    parts.extend(
        ["word/footnotes.xml", "word/endnotes.xml"].into_iter().filter(|part| archive.has(part)).map(str::to_owned),
    );
    for (number, part) in parts.into_iter().enumerate() {
        let bytes = if number == 0 { archive.needed(&part)? } else { archive.member(&part)?.unwrap_or_default() };
        let mut writing = Writing::default();
        // Words that a reviewer deleted are kept in the file.
        let (mut deleted, mut in_text) = (0_usize, false);
        xml::read(&bytes, |piece| {
            match piece {
                Piece::Open(element) => match element.name() {
                    "t" => in_text = true,
                    "tab" => writing.words.push(' '),
                    "br" | "cr" => writing.words.push('\n'),
                    "noBreakHyphen" => writing.words.push('-'),
                    "pStyle" => writing.style = element.attribute("val").unwrap_or_default(),
                    "numPr" => writing.listed = true,
                    "del" | "moveFrom" => deleted += 1,
                    "tbl" => writing.begin_table(builder)?,
                    "tr" => writing.begin_row(),
                    "docPr" => {
                        if let Some(said) = element.attribute("descr").filter(|said| !said.is_empty()) {
                            writing.words.extend([" ", &said, " "]);
                        }
                    }
                    _ => {}
                },
                Piece::Text(text) if in_text && deleted == 0 => writing.words.push_str(&text),
                Piece::Text(_) => {}
                Piece::Close(name) => match name {
                    "t" => in_text = false,
                    "del" | "moveFrom" => deleted = deleted.saturating_sub(1),
                    "p" => writing.end_paragraph(builder, &styles)?,
                    "tc" => writing.end_cell(),
                    "tbl" => writing.end_table(builder)?,
                    _ => {}
                },
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// An OpenDocument text.
pub(super) fn open_document(builder: &mut Builder, archive: &mut Archive<'_>) -> Result<(), ParseFault> {
    properties(builder, archive, "meta.xml")?;
    let bytes = archive.needed("content.xml")?;
    let mut writing = Writing::default();
    let (mut body, mut lists, mut silent) = (false, 0_usize, 0_usize);
    let styles = HashMap::new();
    xml::read(&bytes, |piece| {
        match piece {
            Piece::Open(element) => match element.name() {
                "text" => body = true,
                "h" => {
                    let level = element.attribute("outline-level").and_then(|level| level.parse().ok());
                    writing.level = Some(level.unwrap_or(1));
                }
                "list" => lists += 1,
                "tracked-changes" | "annotation" => silent += 1,
                "tab" | "s" => writing.words.push(' '),
                "line-break" => writing.words.push('\n'),
                "table" => writing.begin_table(builder)?,
                "table-row" => writing.begin_row(),
                _ => {}
            },
            Piece::Text(text) if body && silent == 0 => writing.words.push_str(&text),
            Piece::Text(_) => {}
            Piece::Close(name) => match name {
                "p" | "h" if silent == 0 => {
                    writing.listed = lists > 0;
                    writing.end_paragraph(builder, &styles)?;
                }
                "list" => lists = lists.saturating_sub(1),
                "tracked-changes" | "annotation" => silent = silent.saturating_sub(1),
                "table-cell" | "covered-table-cell" => writing.end_cell(),
                "table" => writing.end_table(builder)?,
                _ => {}
            },
        }
        Ok(())
    })
}

/// A presentation: a slide a page, its notes behind it.
pub(super) fn slides(builder: &mut Builder, archive: &mut Archive<'_>) -> Result<(), ParseFault> {
    properties(builder, archive, "docProps/core.xml")?;
    let slides = slides_in_order(archive)?;
    if slides.is_empty() {
        return Err(ParseFault::unreadable("the presentation has no slides"));
    }
    builder.pages = u32::try_from(slides.len()).unwrap_or(u32::MAX);
    for (number, slide) in slides.iter().enumerate() {
        builder.page = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let bytes = archive.needed(slide)?;
        slide_text(builder, &bytes, false)?;
        let notes = relations(archive, slide)?.into_values().find(|(kind, _)| kind.ends_with("/notesSlide"));
        if let Some((_, notes)) = notes
            && let Some(bytes) = archive.member(&notes)?
        {
            slide_text(builder, &bytes, true)?;
        }
    }
    Ok(())
}

/// The slides as they are shown. Their numbers tell when they were made, and some that are there are shown no more.
fn slides_in_order(archive: &mut Archive<'_>) -> Result<Vec<String>, ParseFault> {
    const PRESENTATION: &str = "ppt/presentation.xml";
    let mut shown = Vec::new();
    if let Some(bytes) = archive.member(PRESENTATION)? {
        xml::read(&bytes, |piece| {
            if let Piece::Open(element) = piece
                && element.name() == "sldId"
            {
                shown.extend(element.relation());
            }
            Ok(())
        })?;
    }
    let mut related = relations(archive, PRESENTATION)?;
    let slides: Vec<String> = shown.iter().filter_map(|id| related.remove(id)).map(|(_, slide)| slide).collect();
    let slides: Vec<String> = slides.into_iter().filter(|slide| archive.has(slide)).collect();
    Ok(if slides.is_empty() { archive.names("ppt/slides/slide", ".xml") } else { slides })
}

/// What a member names: by the relation's id what it is, and the other member.
fn relations(archive: &mut Archive<'_>, member: &str) -> Result<HashMap<String, (String, String)>, ParseFault> {
    let (folder, name) = member.rsplit_once('/').unwrap_or(("", member));
    let mut found = HashMap::new();
    let Some(bytes) = archive.member(&format!("{folder}/_rels/{name}.rels"))? else { return Ok(found) };
    xml::read(&bytes, |piece| {
        if let Piece::Open(element) = piece
            && let (Some(id), Some(target)) = (element.attribute("Id"), element.attribute("Target"))
        {
            found.insert(id, (element.attribute("Type").unwrap_or_default(), beside(folder, &target)));
        }
        Ok(())
    })?;
    Ok(found)
}

/// The member that a target names, seen from a folder.
fn beside(folder: &str, target: &str) -> String {
    let mut path: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in target.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            path.pop();
        } else {
            path.push(part);
        }
    }
    path.join("/")
}

fn slide_text(builder: &mut Builder, bytes: &[u8], notes: bool) -> Result<(), ParseFault> {
    let mut writing = Writing::default();
    let (mut title, mut skip, mut in_text, mut bullets) = (false, false, false, false);
    xml::read(bytes, |piece| {
        match piece {
            Piece::Open(element) => match element.name() {
                "sp" => (title, skip, bullets) = (false, false, false),
                "ph" => {
                    let kind = element.attribute("type").unwrap_or_default();
                    title = matches!(kind.as_str(), "title" | "ctrTitle");
                    // The number, the date, and on a page of notes the slide itself.
                    skip = matches!(kind.as_str(), "sldNum" | "dt" | "ftr" | "sldImg");
                    bullets = kind.is_empty() || kind == "body";
                }
                "t" => in_text = true,
                "br" => writing.words.push('\n'),
                "tbl" => writing.begin_table(builder)?,
                "tr" => writing.begin_row(),
                _ => {}
            },
            Piece::Text(text) if in_text && !skip => writing.words.push_str(&text),
            Piece::Text(_) => {}
            Piece::Close(name) => match name {
                "t" => in_text = false,
                "p" => {
                    writing.level = (title && !notes).then_some(1);
                    writing.listed = bullets && !notes;
                    writing.end_paragraph(builder, &HashMap::new())?;
                }
                "tc" => writing.end_cell(),
                "tbl" => writing.end_table(builder)?,
                _ => {}
            },
        }
        Ok(())
    })
}

/// A workbook: a sheet a page, its name as a heading, its cells as tables.
pub(super) fn workbook(builder: &mut Builder, archive: &mut Archive<'_>) -> Result<(), ParseFault> {
    properties(builder, archive, "docProps/core.xml")?;
    let texts = shared_texts(archive)?;
    let dates = date_styles(archive)?;
    let (mut sheets, mut since_1904) = (Vec::new(), false);
    xml::read(&archive.needed("xl/workbook.xml")?, |piece| {
        if let Piece::Open(element) = piece {
            match element.name() {
                "sheet" => sheets
                    .push((element.attribute("name").unwrap_or_default(), element.attribute("id").unwrap_or_default())),
                "workbookPr" => since_1904 = matches!(element.attribute("date1904").as_deref(), Some("1" | "true")),
                _ => {}
            }
        }
        Ok(())
    })?;
    let targets = relations(archive, "xl/workbook.xml")?;
    builder.pages = u32::try_from(sheets.len()).unwrap_or(u32::MAX);
    let mut cells = 0;
    for (number, (name, id)) in sheets.iter().enumerate() {
        builder.page = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let member = targets.get(id).map(|(_, sheet)| sheet.clone());
        let member = member.unwrap_or_else(|| format!("xl/worksheets/sheet{}.xml", number + 1));
        let Some(bytes) = archive.member(&member)? else { continue };
        let rows = sheet(builder, &bytes, &texts, &dates, since_1904, &mut cells)?;
        builder.add(BlockKind::Heading, 1, name)?;
        long_table(builder, &rows)?;
    }
    Ok(())
}

fn shared_texts(archive: &mut Archive<'_>) -> Result<Vec<String>, ParseFault> {
    let mut texts = Vec::new();
    let Some(bytes) = archive.member("xl/sharedStrings.xml")? else { return Ok(texts) };
    let (mut words, mut in_text, mut phonetic) = (String::new(), false, false);
    xml::read(&bytes, |piece| {
        match piece {
            Piece::Open(element) => match element.name() {
                "t" => in_text = !phonetic,
                "rPh" => phonetic = true,
                _ => {}
            },
            Piece::Text(text) if in_text => words.push_str(&text),
            Piece::Close("t") => in_text = false,
            Piece::Close("rPh") => phonetic = false,
            Piece::Close("si") => texts.push(std::mem::take(&mut words)),
            Piece::Close(_) | Piece::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(texts)
}

/// Which formats of cells show days, by their number.
fn date_styles(archive: &mut Archive<'_>) -> Result<Vec<bool>, ParseFault> {
    let Some(bytes) = archive.member("xl/styles.xml")? else { return Ok(Vec::new()) };
    let (mut own, mut styles, mut in_cells) = (HashMap::new(), Vec::new(), false);
    xml::read(&bytes, |piece| {
        match piece {
            Piece::Open(element) => match element.name() {
                "numFmt" => {
                    let code = element.attribute("formatCode").unwrap_or_default().to_lowercase();
                    let bare = code.split(['"', '[', ']']).step_by(2).collect::<String>();
                    let is_date = bare.contains('y') || (bare.contains('d') && bare.contains('m'));
                    own.insert(element.attribute("numFmtId").unwrap_or_default(), is_date);
                }
                "cellXfs" => in_cells = true,
                "xf" if in_cells => {
                    let id = element.attribute("numFmtId").unwrap_or_default();
                    let built_in = id.parse::<u32>().is_ok_and(|id| (14..=17).contains(&id) || id == 22);
                    styles.push(own.get(&id).copied().unwrap_or(built_in));
                }
                _ => {}
            },
            Piece::Close("cellXfs") => in_cells = false,
            Piece::Close(_) | Piece::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(styles)
}

fn sheet(
    builder: &mut Builder,
    bytes: &[u8],
    texts: &[String],
    dates: &[bool],
    since_1904: bool,
    cells: &mut usize,
) -> Result<Vec<Vec<String>>, ParseFault> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let (mut column, mut kind, mut is_date, mut words, mut in_value) = (0, String::new(), false, String::new(), false);
    xml::read(bytes, |piece| {
        match piece {
            Piece::Open(element) => match element.name() {
                "row" => {
                    rows.push(Vec::new());
                    column = 0;
                }
                "c" => {
                    if let Some(place) = element.attribute("r").as_deref().and_then(column_of) {
                        column = place;
                    }
                    kind = element.attribute("t").unwrap_or_default();
                    let style = element.attribute("s").and_then(|style| style.parse::<usize>().ok());
                    is_date = style.and_then(|style| dates.get(style)).copied().unwrap_or(false);
                    words.clear();
                }
                "v" | "t" => in_value = true,
                _ => {}
            },
            Piece::Text(text) if in_value => words.push_str(&text),
            Piece::Close("v" | "t") => in_value = false,
            Piece::Close("c") => {
                let value = match kind.as_str() {
                    "s" => words.trim().parse().ok().and_then(|at: usize| texts.get(at)).cloned().unwrap_or_default(),
                    "b" => if words.trim() == "1" { "true" } else { "false" }.to_owned(),
                    "" | "n" if is_date => day(&words, since_1904).unwrap_or_else(|| words.clone()),
                    _ => words.clone(),
                };
                if column >= MOST_COLUMNS {
                    builder.warn(format!("of a sheet the first {MOST_COLUMNS} columns were read"));
                } else if !value.is_empty()
                    && let Some(row) = rows.last_mut()
                {
                    *cells += 1;
                    if *cells > MOST_CELLS {
                        return Err(ParseFault::TooLarge(format!("the workbook has more than {MOST_CELLS} cells")));
                    }
                    row.resize(row.len().max(column), String::new());
                    if row.len() == column { row.push(value) } else { row[column] = value }
                }
                column += 1;
            }
            Piece::Close(_) | Piece::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(rows)
}

/// The column of a place such as `AB12`, from 0.
fn column_of(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic).take(4);
    letters.fold(None, |column: Option<usize>, letter| {
        let number = usize::from(letter.to_ascii_uppercase() - b'A') + 1;
        Some(column.map_or(0, |column| column + 1) * 26 + number - 1)
    })
}

/// The day of a number as a workbook counts days: from 1899-12-30, or from 1904-01-01.
fn day(words: &str, since_1904: bool) -> Option<String> {
    let number: f64 = words.trim().parse().ok()?;
    if !(0.0..2_958_466.0).contains(&number) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let days = number.trunc() as i64 + if since_1904 { 1462 } else { 0 };
    let (year, month, day) = civil(days - 25_569);
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    #[expect(clippy::cast_possible_truncation, reason = "less than a day has seconds")]
    let seconds = (number.fract() * 86_400.0).round() as i64;
    if seconds > 0 && seconds < 86_400 {
        text = format!("{text} {:02}:{:02}", seconds / 3600, seconds % 3600 / 60);
    }
    Some(text)
}

/// Year, month and day of a count of days from 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_days_of_a_sheet_are_counted_as_it_does() {
        assert_eq!(["A1", "Z9", "AA1", "AB12", "1"].map(column_of), [Some(0), Some(25), Some(26), Some(27), None]);
        assert_eq!(day("45306", false).as_deref(), Some("2024-01-15"));
        assert_eq!(day("45306.5", false).as_deref(), Some("2024-01-15 12:00"));
        assert_eq!(day("43844", true).as_deref(), Some("2024-01-15"));
        assert_eq!(day("-1", false), None);
    }

    /// An archive whose members are not packed.
    fn archive(members: &[(&str, String)]) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
        let short = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in members {
            let at = bytes.len();
            let head = [
                &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
                &number(content.len()),
                &number(content.len()),
                &short(name.len()),
                &[0, 0],
            ];
            bytes.extend([b"PK\x03\x04", head.concat().as_slice(), name.as_bytes(), content.as_bytes()].concat());
            directory.extend(
                [b"PK\x01\x02\x14\0", head.concat().as_slice(), &[0; 10], &number(at), name.as_bytes()].concat(),
            );
        }
        let at = bytes.len();
        let many = short(members.len());
        let end =
            [b"PK\x05\x06\0\0\0\0".as_slice(), &many, &many, &number(directory.len()), &number(at), &[0, 0]].concat();
        [bytes, directory, end].concat()
    }

    #[test]
    fn slides_are_told_as_they_are_shown_each_with_its_own_notes() {
        let slide = |text: &str| {
            format!("<p:sld xmlns:p='p' xmlns:a='a'><p:sp><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sp></p:sld>")
        };
        let relation = |id: &str, kind: &str, target: &str| {
            format!("<Relationship Id='{id}' Type='http://x/{kind}' Target='{target}'/>")
        };
        let relations = |all: &[String]| format!("<Relationships>{}</Relationships>", all.concat());
        let shown = "<p:presentation xmlns:p='p' xmlns:r='r'><p:sldIdLst><p:sldId id='256' r:id='b'/><p:sldId id='300' r:id='a'/>\
                     <p:sldId id='301' r:id='lost'/></p:sldIdLst></p:presentation>";
        let of = |more: &[(&str, String)]| {
            let members = [
                ("ppt/slides/slide1.xml", slide("shown second")),
                ("ppt/slides/slide2.xml", slide("shown first")),
                ("ppt/slides/slide3.xml", slide("shown no more")),
                ("ppt/notesSlides/notesSlide1.xml", slide("note of the first")),
                (
                    "ppt/slides/_rels/slide2.xml.rels",
                    relations(&[relation("n", "notesSlide", "../notesSlides/notesSlide1.xml")]),
                ),
            ];
            let bytes = archive(&[&members[..], more].concat());
            let mut builder = Builder::new(&crate::port::documents::Limits::default());
            slides(&mut builder, &mut Archive::open(&bytes, 1 << 20).unwrap()).unwrap();
            let parsed = builder.finish(crate::port::documents::Format::Pptx);
            parsed.blocks.iter().map(|one| (one.page, parsed.text[one.start..one.end].to_owned())).collect::<Vec<_>>()
        };
        let told = |all: &[(u32, &str)]| all.iter().map(|(page, text)| (*page, (*text).to_owned())).collect::<Vec<_>>();
        let named =
            relations(&[relation("a", "slide", "slides/slide1.xml"), relation("b", "slide", "/ppt/slides/slide2.xml")]);
        let whole = of(&[("ppt/presentation.xml", shown.to_owned()), ("ppt/_rels/presentation.xml.rels", named)]);
        assert_eq!(whole, told(&[(1, "shown first"), (1, "note of the first"), (2, "shown second")]));
        // Without a list all that are there are told by their numbers.
        let all = told(&[(1, "shown second"), (2, "shown first"), (2, "note of the first"), (3, "shown no more")]);
        assert_eq!(of(&[]), all);
    }
}
