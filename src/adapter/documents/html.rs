//! HTML, read as browsers do: nothing is refused. Scripts, styles and what is hidden are left out; nothing is fetched.

use super::building::Builder;
use super::plain::long_table;
use crate::port::documents::{BlockKind, ParseFault};

/// Elements whose content is no text.
const SILENT: &[&str] = &["script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select"];
/// Elements that end a run of words.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
    "caption",
    "center",
    "title",
];
/// Rows and cells of one table.
const MOST_ROWS: usize = 100_000;

/// Reads a page.
pub(super) fn read(builder: &mut Builder, html: &str) -> Result<(), ParseFault> {
    let mut page = Page::default();
    let mut rest = html;
    while !rest.is_empty() {
        let Some(at) = rest.find('<') else {
            page.say(rest);
            break;
        };
        page.say(&rest[..at]);
        rest = &rest[at..];
        rest = page.markup(builder, rest)?;
    }
    page.flush(builder)?;
    page.end_table(builder)
}

#[derive(Default)]
struct Page {
    words: String,
    /// The element that is open and says what the words are.
    heading: u8,
    items: usize,
    pre: usize,
    /// The rows of the outermost table that is open; tables within tables are words of a cell.
    rows: Vec<Vec<String>>,
    tables: usize,
    /// Whether a cell of that table is open: one that says nothing has its column, too.
    in_cell: bool,
}

impl Page {
    fn say(&mut self, text: &str) {
        if !text.is_empty() {
            unescape(text, &mut self.words);
        }
    }

    /// Takes what begins with `<`; answers what follows it.
    fn markup<'h>(&mut self, builder: &mut Builder, html: &'h str) -> Result<&'h str, ParseFault> {
        if let Some(rest) = html.strip_prefix("<!--") {
            return Ok(rest.find("-->").map_or("", |end| &rest[end + 3..]));
        }
        let closing = html.starts_with("</");
        let name_at = if closing { 2 } else { 1 };
        let begins = html.as_bytes().get(name_at).copied().unwrap_or(0);
        if !begins.is_ascii_alphabetic() {
            if matches!(begins, b'!' | b'?' | b'/') {
                return Ok(html.find('>').map_or("", |end| &html[end + 1..]));
            }
            self.words.push('<');
            return Ok(&html[1..]);
        }
        let name_end = html[name_at..].find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        let name_end = name_end.map_or(html.len(), |end| name_at + end);
        let name = html[name_at..name_end].to_ascii_lowercase();
        let end = end_of_tag(&html[name_end..]).map_or(html.len(), |end| name_end + end);
        let attributes = &html[name_end..end.saturating_sub(1).max(name_end)];
        let mut rest = &html[end..];
        if closing {
            self.close(builder, &name)?;
        } else if name == "title" && !attributes.ends_with('/') {
            let stop = find_end(rest, "title").unwrap_or(rest.len());
            let mut title = String::new();
            unescape(&rest[..stop], &mut title);
            builder.says("title", &title);
            rest = rest[stop..].find('>').map_or("", |end| &rest[stop + end + 1..]);
        } else if SILENT.contains(&name.as_str()) && !attributes.ends_with('/') {
            let stop = find_end(rest, &name);
            rest = stop.map_or("", |stop| rest[stop..].find('>').map_or("", |end| &rest[stop + end + 1..]));
        } else {
            self.open(builder, &name, attributes)?;
        }
        Ok(rest)
    }

    fn open(&mut self, builder: &mut Builder, name: &str, attributes: &str) -> Result<(), ParseFault> {
        if name == "br" {
            self.words.push('\n');
            return Ok(());
        }
        if name == "img" {
            if let Some(said) = attribute(attributes, "alt").filter(|said| !said.trim().is_empty()) {
                self.words.push(' ');
                unescape(&said, &mut self.words);
                self.words.push(' ');
            }
            return Ok(());
        }
        if name == "meta" {
            let (named, content) = (attribute(attributes, "name"), attribute(attributes, "content"));
            if let (Some(named), Some(content)) = (named, content)
                && ["author", "description", "keywords", "date"].contains(&named.as_str())
            {
                builder.says(&named, &content);
            }
            return Ok(());
        }
        if !BLOCKS.contains(&name) {
            return Ok(());
        }
        if self.tables == 0 {
            self.flush(builder)?;
        } else {
            self.words.push(' ');
        }
        match name {
            "table" => self.tables += 1,
            "tr" if self.tables == 1 => {
                self.cell();
                if self.rows.len() < MOST_ROWS {
                    self.rows.push(Vec::new());
                }
            }
            "td" | "th" if self.tables == 1 => {
                self.cell();
                self.in_cell = true;
            }
            // What a cell holds is words, and ends unseen.
            _ if self.tables > 0 => {}
            "li" | "dd" | "dt" => self.items += 1,
            "pre" => self.pre += 1,
            _ => {
                if let Some(level) = heading(name) {
                    self.heading = level;
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, builder: &mut Builder, name: &str) -> Result<(), ParseFault> {
        if !BLOCKS.contains(&name) {
            return Ok(());
        }
        if self.tables > 0 {
            match name {
                "table" => {
                    self.tables -= 1;
                    if self.tables == 0 {
                        self.cell();
                        self.end_table(builder)?;
                    }
                }
                "td" | "th" | "tr" if self.tables == 1 => self.cell(),
                _ => self.words.push(' '),
            }
            return Ok(());
        }
        self.flush(builder)?;
        match name {
            "li" | "dd" | "dt" => self.items = self.items.saturating_sub(1),
            "pre" => self.pre = self.pre.saturating_sub(1),
            _ if heading(name).is_some() => self.heading = 0,
            _ => {}
        }
        Ok(())
    }

    /// Ends a cell of the table that is open.
    fn cell(&mut self) {
        let words = std::mem::take(&mut self.words);
        if std::mem::take(&mut self.in_cell) || !words.trim().is_empty() {
            if self.rows.is_empty() {
                self.rows.push(Vec::new());
            }
            if let Some(row) = self.rows.last_mut() {
                row.push(words);
            }
        }
    }

    fn end_table(&mut self, builder: &mut Builder) -> Result<(), ParseFault> {
        let rows = std::mem::take(&mut self.rows);
        // A table of one cell a row lays out a page.
        let said = |row: &Vec<String>| row.iter().filter(|cell| !cell.trim().is_empty()).count();
        if rows.iter().all(|row| said(row) < 2) {
            return rows.iter().flatten().try_for_each(|cell| builder.paragraph(cell));
        }
        long_table(builder, &rows)
    }

    fn flush(&mut self, builder: &mut Builder) -> Result<(), ParseFault> {
        let words = std::mem::take(&mut self.words);
        let (kind, level) = match () {
            () if self.heading > 0 => (BlockKind::Heading, self.heading),
            () if self.pre > 0 => (BlockKind::Code, 0),
            () if self.items > 0 => (BlockKind::ListItem, 0),
            () => (BlockKind::Paragraph, 0),
        };
        builder.add(kind, level, &words)
    }
}

fn heading(name: &str) -> Option<u8> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

/// Where a tag ends: behind its `>`, which quotes can hold.
fn end_of_tag(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') if rest[..at].trim_end().ends_with('=') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        // A quote that is never closed must not swallow the page.
        if at > 100_000 {
            break;
        }
    }
    rest.find('>').map(|at| at + 1)
}

/// Where the closing tag of a name begins.
fn find_end(html: &str, name: &str) -> Option<usize> {
    let bytes = html.as_bytes();
    let mut from = 0;
    while let Some(at) = html[from..].find("</") {
        let at = from + at;
        let found = bytes.get(at + 2..at + 2 + name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(rest.len());
        let found = rest[..end].eq_ignore_ascii_case(name);
        rest = rest[end..].trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start) else {
            if end == 0 {
                return None;
            }
            continue;
        };
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or_else(|| (&value[1..], "")),
            _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        if found {
            return Some(value.to_owned());
        }
        rest = after;
    }
}

/// Text with its references resolved: those in use, and all numbers.
pub(super) fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let known = end.and_then(|end| reference(&rest[1..end]).map(|letter| (letter, end)));
        if let Some((letter, end)) = known {
            out.push(letter);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
}

fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(number);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "shy" => '\u{ad}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "bull" => '•',
        "middot" => '·',
        "euro" => '€',
        "pound" => '£',
        "yen" => '¥',
        "cent" => '¢',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "sect" => '§',
        "para" => '¶',
        "deg" => '°',
        "plusmn" => '±',
        "times" => '×',
        "divide" => '÷',
        "frac12" => '½',
        "frac14" => '¼',
        "frac34" => '¾',
        "laquo" => '«',
        "raquo" => '»',
        "lsquo" => '‘',
        "rsquo" => '’',
        "sbquo" => '‚',
        "ldquo" => '“',
        "rdquo" => '”',
        "bdquo" => '„',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "ecirc" => 'ê',
        "euml" => 'ë',
        "Eacute" => 'É',
        "Egrave" => 'È',
        "agrave" => 'à',
        "aacute" => 'á',
        "acirc" => 'â',
        "atilde" => 'ã',
        "aring" => 'å',
        "aelig" => 'æ',
        "Agrave" => 'À',
        "Aacute" => 'Á',
        "Aring" => 'Å',
        "AElig" => 'Æ',
        "ccedil" => 'ç',
        "Ccedil" => 'Ç',
        "iacute" => 'í',
        "igrave" => 'ì',
        "icirc" => 'î',
        "iuml" => 'ï',
        "ntilde" => 'ñ',
        "Ntilde" => 'Ñ',
        "oacute" => 'ó',
        "ograve" => 'ò',
        "ocirc" => 'ô',
        "otilde" => 'õ',
        "oslash" => 'ø',
        "Oslash" => 'Ø',
        "uacute" => 'ú',
        "ugrave" => 'ù',
        "ucirc" => 'û',
        "rarr" => '→',
        "larr" => '←',
        "le" => '≤',
        "ge" => '≥',
        "ne" => '≠',
        "minus" => '−',
        "iexcl" => '¡',
        "iquest" => '¿',
        "ordf" => 'ª',
        "ordm" => 'º',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::documents::{Format, Limits};

    fn of(html: &str) -> Vec<(BlockKind, String)> {
        let mut builder = Builder::new(&Limits::default());
        read(&mut builder, html).unwrap();
        let parsed = builder.finish(Format::Html);
        parsed.blocks.iter().map(|one| (one.kind, parsed.text[one.start..one.end].to_owned())).collect()
    }

    #[test]
    fn what_begins_in_a_table_ends_with_it() {
        for inside in ["<h2>a</h2>", "<li>a</li>", "<pre>a</pre>", "<h2>a", "<dt>a"] {
            let html = format!("<table><tr><td>{inside}</td><td>b</td></tr></table><p>behind</p>");
            let told = of(&html);
            assert_eq!(told[0], (BlockKind::Table, "a | b".to_owned()), "{html}");
            assert_eq!(told[1], (BlockKind::Paragraph, "behind".to_owned()), "{html}");
        }
    }

    #[test]
    fn an_empty_cell_has_its_column() {
        let rows = "<tr><th>a<th>b<th>c<tr><td>1</td><td></td><td>3</td></tr><tr><td><td>2<td></tr>";
        assert_eq!(of(&format!("<table>{rows}</table>")), [(BlockKind::Table, "a | b | c\n1 |  | 3\n | 2".to_owned())]);
        let page = "<table><tr><td></td><td>one</td></tr><tr><td>two</td><td> </td></tr></table>";
        assert_eq!(of(page).iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [BlockKind::Paragraph; 2]);
    }
}
