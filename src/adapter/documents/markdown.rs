//! Markdown.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::building::Builder;
use super::plain::long_table;
use crate::port::documents::{BlockKind, ParseFault};

/// Whether a text is written in Markdown rather than plainly: it has headings, fences, links or tables at the beginning of lines.
pub(super) fn looks_like(text: &str) -> bool {
    let marks = text.lines().take(400).filter(|line| {
        let heading = line.trim_start_matches('#');
        let level = line.len() - heading.len();
        ((1..=6).contains(&level) && heading.starts_with(' '))
            || line.starts_with("```")
            || line.starts_with("|--")
            || line.contains("](")
    });
    marks.count() >= 2
}

/// Reads Markdown with tables.
pub(super) fn read(builder: &mut Builder, text: &str) -> Result<(), ParseFault> {
    let mut words = String::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    // What the words are, where they are no paragraph: set by what begins, and flushed by what ends.
    let mut items = 0_usize;
    for event in
        Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES)
    {
        match event {
            Event::Start(Tag::Item) => {
                flush(builder, &mut words, items)?;
                items += 1;
            }
            Event::End(TagEnd::Item) => {
                flush(builder, &mut words, items)?;
                items = items.saturating_sub(1);
            }
            Event::Start(Tag::Heading { .. } | Tag::Paragraph | Tag::CodeBlock(_)) | Event::End(TagEnd::Paragraph) => {
                flush(builder, &mut words, items)?;
            }
            Event::End(TagEnd::Heading(level)) => {
                builder.add(BlockKind::Heading, depth(level), &std::mem::take(&mut words))?;
            }
            Event::End(TagEnd::CodeBlock) => builder.add(BlockKind::Code, 0, &std::mem::take(&mut words))?,
            Event::Start(Tag::Table(_)) => {
                flush(builder, &mut words, items)?;
                rows.clear();
            }
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::End(TagEnd::TableCell) => {
                if let Some(row) = rows.last_mut() {
                    row.push(std::mem::take(&mut words));
                }
            }
            Event::End(TagEnd::Table) => {
                long_table(builder, &rows)?;
                rows.clear();
            }
            Event::Text(text) | Event::Code(text) => words.push_str(&text),
            Event::Html(html) | Event::InlineHtml(html) => words.push_str(&untagged(&html)),
            Event::SoftBreak | Event::HardBreak => words.push('\n'),
            _ => {}
        }
    }
    flush(builder, &mut words, items)
}

fn flush(builder: &mut Builder, words: &mut String, items: usize) -> Result<(), ParseFault> {
    let kind = if items > 0 { BlockKind::ListItem } else { BlockKind::Paragraph };
    builder.add(kind, 0, &std::mem::take(words))
}

fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// What stands between tags.
fn untagged(html: &str) -> String {
    let mut inside = false;
    let seen = html.chars().filter(|letter| match letter {
        '<' => {
            inside = true;
            false
        }
        '>' if inside => {
            inside = false;
            false
        }
        _ => !inside,
    });
    seen.collect()
}
