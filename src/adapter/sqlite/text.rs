//! Full text by FTS5. Each full-text table has a column with the tenant as one word, so that a search touches only the
//! rows of its tenant.

use std::fmt::Write as _;

use crate::adapter::forms::words_of;
use crate::adapter::tables::field_column;
use crate::kernel::id::TenantId;
use crate::port::records::Word;

/// The statement that makes a full-text table. The tokenizer folds case and diacritics; nothing but the index is kept.
pub(super) fn create(table: &str, fields: &[&str]) -> String {
    let columns = fields.iter().fold(String::new(), |all, name| all + ", " + &field_column(name));
    format!(
        "CREATE VIRTUAL TABLE {table} USING fts5 (tenant{columns}, content = '', contentless_delete = 1, \
         tokenize = 'unicode61 remove_diacritics 2')"
    )
}

/// The tenant as one word.
pub(super) fn tenant_word(tenant: TenantId) -> String {
    tenant.uuid().simple().to_string()
}

/// The search expression for a text: every word of it, the last one also as a beginning. `None` when it has no word.
pub(super) fn expression(tenant: Option<TenantId>, fields: &[&str], words: &str) -> Option<String> {
    let words: Vec<&str> = words_of(words).collect();
    let last = words.len().checked_sub(1)?;
    let mut expression = begun(tenant, fields);
    for (at, word) in words.iter().enumerate() {
        let join = if at > 0 { " AND " } else { "" };
        let beginning = if at == last { " *" } else { "" };
        // A word has no quotes in it, so quoting makes it plain text whatever it says.
        let _ = write!(expression, "{join}\"{word}\"{beginning}");
    }
    expression.push(')');
    Some(expression)
}

/// The search expression for all words of any of some groups, whoever's rows they are. `None` when there is no word.
pub(super) fn any_group(fields: &[&str], groups: &[Vec<&Word>]) -> Option<String> {
    let mut expression = begun(None, fields);
    let mut join = "";
    for group in groups {
        let phrases: Vec<String> = group.iter().filter_map(|word| phrase(word)).collect();
        if !phrases.is_empty() {
            let _ = write!(expression, "{join}({})", phrases.join(" AND "));
            join = " OR ";
        }
    }
    expression.push(')');
    (!join.is_empty()).then_some(expression)
}

/// A word as it is looked for; `None` where it has nothing of a word.
pub(super) fn phrase(word: &Word) -> Option<String> {
    // What comes as one word is a phrase where the index knows it as several.
    let text = words_of(&word.text).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then(|| format!("\"{text}\"{}", if word.beginning { " *" } else { "" }))
}

/// The search expression for every row of a tenant.
pub(super) fn of_tenant(tenant: TenantId) -> String {
    format!("tenant : \"{}\"", tenant_word(tenant))
}

/// An expression, within a tenant.
pub(super) fn within(tenant: TenantId, expression: &str) -> String {
    format!("{} AND {expression}", of_tenant(tenant))
}

/// The beginning of an expression: which rows and columns.
fn begun(tenant: Option<TenantId>, fields: &[&str]) -> String {
    let mut expression = String::new();
    if let Some(tenant) = tenant {
        let _ = write!(expression, "tenant : \"{}\" AND ", tenant_word(tenant));
    }
    expression.push('{');
    for field in fields {
        let _ = write!(expression, " {}", field_column(field));
    }
    expression.push_str(" } : (");
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_quotes_are_plain_text() {
        let words = expression(None, &["title"], "a OR \"b\" NEAR(c* -d").unwrap();
        assert_eq!(words, "{ \"f_title\" } : (\"a\" AND \"OR\" AND \"b\" AND \"NEAR\" AND \"c\" AND \"d\" *)");
        assert_eq!(expression(None, &["title"], " \"*() "), None);
    }
}
