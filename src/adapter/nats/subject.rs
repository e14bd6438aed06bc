//! Subjects: `STREAM.TOKEN.TENANT.TOPIC`. A topic's words are the subject's; whatever a subject could not hold, or would take for
//! a wildcard, is written as `=` and two digits for each byte, and an empty word as `=` alone. So every topic has one subject, and
//! the topic can be read from it.

use std::fmt::Write as _;

use crate::kernel::id::TenantId;
use crate::port::records::{Comparison, Filter, Scalar};

/// The subject of an event below a stream's own.
pub(super) fn subject(below: &str, tenant: TenantId, topic: &str) -> String {
    format!("{}.{}", of_tenant(below, tenant), escaped(topic))
}

/// What the subjects of a tenant begin with.
fn of_tenant(below: &str, tenant: TenantId) -> String {
    format!("{below}.{}", tenant.uuid().simple())
}

/// The tenant and the topic of a subject.
pub(super) fn read(below: &str, subject: &str) -> Option<(TenantId, String)> {
    let rest = subject.strip_prefix(below)?.strip_prefix('.')?;
    let (tenant, topic) = rest.split_once('.')?;
    Some((TenantId::from_uuid(tenant.parse().ok()?), plain(topic)?))
}

/// The narrowest subject that names all events of a tenant that can fit a filter.
pub(super) fn of_filter(below: &str, tenant: TenantId, filter: &Filter) -> String {
    let tenant = of_tenant(below, tenant);
    match filter {
        Filter::Compare("stream", Comparison::Equal, Scalar::Text(topic)) => format!("{tenant}.{}", escaped(topic)),
        Filter::StartsWith("stream", start) => match start.rsplit_once('.') {
            Some((words, _)) => format!("{tenant}.{}.>", escaped(words)),
            None => format!("{tenant}.>"),
        },
        _ => format!("{tenant}.>"),
    }
}

/// Whether an event of a topic can fit a filter.
pub(super) fn fits(filter: &Filter, topic: &str) -> bool {
    match filter {
        Filter::Compare("stream", Comparison::Equal, Scalar::Text(wanted)) => wanted == topic,
        Filter::StartsWith("stream", start) => topic.starts_with(start.as_str()),
        Filter::Or(any) => any.iter().any(|one| fits(one, topic)),
        Filter::And(all) => all.iter().all(|one| fits(one, topic)),
        // What is not of the topic is the reader's to judge.
        _ => true,
    }
}

fn escaped(topic: &str) -> String {
    let mut text = String::with_capacity(topic.len());
    for (number, word) in topic.split('.').enumerate() {
        if number > 0 {
            text.push('.');
        }
        if word.is_empty() {
            text.push('=');
        }
        for byte in word.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
                text.push(char::from(byte));
            } else {
                // Writing to a text cannot fail.
                let _ = write!(text, "={byte:02x}");
            }
        }
    }
    text
}

fn plain(escaped: &str) -> Option<String> {
    let words: Option<Vec<String>> = escaped.split('.').map(plain_word).collect();
    Some(words?.join("."))
}

fn plain_word(word: &str) -> Option<String> {
    if word == "=" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const TENANT: TenantId = TenantId::from_uuid(Uuid::from_u128(7));

    #[test]
    fn every_topic_has_a_subject_that_tells_it() {
        for topic in [
            "order.created",
            "order",
            "A-1.b_2.c",
            "",
            ".",
            "a..b",
            "*",
            ">",
            "a.>",
            "a b",
            "=",
            "=3d",
            "größe.x",
            "a\r\nb",
            "\t",
        ] {
            let subject = subject("convoke.e-1", TENANT, topic);
            let fine = |word: &str| {
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !b"*>".contains(&byte))
            };
            assert!(subject.split('.').all(fine), "{topic:?}: {subject}");
            assert_eq!(read("convoke.e-1", &subject), Some((TENANT, topic.to_owned())), "{subject}");
        }
        assert_eq!(read("convoke.e-1", "convoke.e-12.x.y"), None);
        assert_eq!(read("convoke.e-1", "convoke.e-1.nobody.y"), None);
    }

    #[test]
    fn a_filter_is_narrowed_to_whole_words() {
        let tenant = TENANT.uuid().simple();
        let of = |filter: Filter| of_filter("s", TENANT, &filter).replace(&tenant.to_string(), "t");
        let starts = |start: &str| Filter::StartsWith("stream", start.to_owned());
        let is = |topic: &str| Filter::is("stream", Scalar::Text(topic.to_owned()));
        assert_eq!(of(Filter::All), "s.t.>");
        assert_eq!(of(is("order.created")), "s.t.order.created");
        assert_eq!(of(is("a*")), "s.t.a=2a");
        assert_eq!(
            (of(starts("order.")), of(starts("order.cr")), of(starts("ord"))),
            ("s.t.order.>".to_owned(), "s.t.order.>".to_owned(), "s.t.>".to_owned())
        );
        let both = Filter::Or(vec![is("a"), starts("b.")]);
        assert_eq!(of(both.clone()), "s.t.>");
        assert!(fits(&both, "a") && fits(&both, "b.c") && !fits(&both, "b") && !fits(&both, "a.b"));
        assert!(fits(&Filter::All, "x") && !fits(&both.and(is("b.c")), "a"));
    }
}
