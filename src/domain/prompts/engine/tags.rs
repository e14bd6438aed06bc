//! The tags of a template with their places: which blocks it includes, and where a name is used. The template engine says
//! whether a template is well formed; here is what it does not tell.

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Whether it is a statement (`{% … %}`) and not an expression (`{{ … }}`).
    pub statement: bool,
    /// What is in it.
    pub inside: &'a str,
    /// The line that what is in it begins in, from 1.
    pub line: usize,
}

/// What a tag has to do with other templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// It includes the block of this name.
    Block {
        /// The reference as it is written: a name, or a name with `@` and a version or label.
        name: String,
        /// The line.
        line: usize,
    },
    /// It reaches for another template in a way that is not served.
    Refused {
        /// The statement's first word.
        word: String,
        /// The line.
        line: usize,
    },
}

/// Every tag, in order; comments and raw parts are left out.
#[must_use]
pub fn tags(template: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (template, 1);
    let mut raw = false;
    while let Some(start) = rest.find('{') {
        let Some(opening) = rest.get(start..start + 2) else {
            let step = start + 1;
            line += lines_in(rest.get(..step).unwrap_or_default());
            rest = rest.get(step..).unwrap_or_default();
            continue;
        };
        let closing = match opening {
            "{%" => "%}",
            "{{" if !raw => "}}",
            "{#" if !raw => "#}",
            _ => {
                line += lines_in(rest.get(..=start).unwrap_or_default());
                rest = rest.get(start + 1..).unwrap_or_default();
                continue;
            }
        };
        line += lines_in(rest.get(..start).unwrap_or_default());
        let inner = rest.get(start + 2..).unwrap_or_default();
        let Some(end) = end_of(inner, closing, opening != "{#") else { break };
        let inside = inner.get(..end).unwrap_or_default();
        let trimmed = inside.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim();
        match (opening, trimmed) {
            ("{%", "raw") => raw = true,
            ("{%", "endraw") => raw = false,
            ("{#", _) => {}
            _ if raw => {}
            _ => {
                let before = inside.find(trimmed).and_then(|at| inside.get(..at)).unwrap_or_default();
                found.push(Tag { statement: opening == "{%", inside: trimmed, line: line + lines_in(before) });
            }
        }
        line += lines_in(inside);
        rest = inner.get(end + 2..).unwrap_or_default();
    }
    found
}

fn lines_in(text: &str) -> usize {
    text.bytes().filter(|one| *one == b'\n').count()
}

/// Where a tag ends: a closing mark in quotes is text.
fn end_of(inner: &str, closing: &str, quoted: bool) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, one) in inner.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if one == '\\' => escaped = true,
            Some(open) if one == open => quote = None,
            None if quoted && (one == '"' || one == '\'') => quote = Some(one),
            None if inner.get(at..).is_some_and(|rest| rest.starts_with(closing)) => return Some(at),
            Some(_) | None => {}
        }
    }
    None
}

/// What a template has to do with others.
#[must_use]
pub fn references(template: &str) -> Vec<Reference> {
    let statements = tags(template).into_iter().filter(|tag| tag.statement);
    statements
        .filter_map(|tag| {
            let word = tag.inside.split(|one: char| !one.is_alphanumeric() && one != '_').next().unwrap_or_default();
            let line = tag.line;
            match word {
                "include" => Some(match quoted(tag.inside.get(word.len()..).unwrap_or_default()) {
                    Some(name) => Reference::Block { name, line },
                    None => Reference::Refused { word: word.to_owned(), line },
                }),
                "import" | "from" | "extends" | "block" => Some(Reference::Refused { word: word.to_owned(), line }),
                _ => None,
            }
        })
        .collect()
}

/// The text in quotes, where that is all there is.
fn quoted(text: &str) -> Option<String> {
    let text = text.trim();
    let quote = text.chars().next().filter(|one| matches!(one, '"' | '\''))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inside.contains([quote, '\\'])).then(|| inside.to_owned())
}

/// The line in which a tag first uses a name.
#[must_use]
pub fn line_of(template: &str, name: &str) -> Option<usize> {
    tags(template).into_iter().find_map(|tag| {
        let at = word_in(tag.inside, name)?;
        Some(tag.line + lines_in(tag.inside.get(..at).unwrap_or_default()))
    })
}

fn word_in(text: &str, name: &str) -> Option<usize> {
    let part = |one: Option<char>| one.is_some_and(|one| one.is_alphanumeric() || one == '_' || one == '.');
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|text| text.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|text| text.chars().next());
        !part(before) && after.is_none_or(|one| !one.is_alphanumeric() && one != '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_their_lines_and_nothing_that_only_looks_like_one() {
        let template = "Hi\n{# {% include \"no\" %} #}\n{%- include 'plain-words' -%}\n{% raw %}{% include \"raw\" %}\n{{ x\n{% endraw %}\n{% if a == \"%}\" %}{% include \"two@1.0.0\" %}{% endif %}{";
        let found = references(template);
        assert_eq!(
            found,
            [
                Reference::Block { name: "plain-words".to_owned(), line: 3 },
                Reference::Block { name: "two@1.0.0".to_owned(), line: 7 },
            ]
        );
    }

    #[test]
    fn what_reaches_for_others_otherwise_is_told() {
        let refused = |template: &str| match references(template).as_slice() {
            [Reference::Refused { word, line }] => (word.clone(), *line),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused("{% include name %}"), ("include".to_owned(), 1));
        assert_eq!(refused("\n{% include [\"a\", \"b\"] %}"), ("include".to_owned(), 2));
        assert_eq!(refused("{% extends \"a\" %}"), ("extends".to_owned(), 1));
        assert_eq!(refused("{% from \"a\" import b %}"), ("from".to_owned(), 1));
        assert_eq!(refused("{% include \"a\" ignore missing %}"), ("include".to_owned(), 1));
    }

    #[test]
    fn a_name_is_found_where_it_is_used_and_not_where_it_is_a_part() {
        let template = "name\n{{ surname }} {{ user.name }}\n{% if x %}{{\n  name | upper }}{% endif %}";
        assert_eq!(
            (line_of(template, "name"), line_of(template, "user"), line_of(template, "y")),
            (Some(4), Some(2), None)
        );
    }
}
