//! Mails: the headers that people read, then the body. What is attached is named, and not read: it is a document of its own.

use mail_parser::{Address, MessageParser, MimeHeaders as _};

use super::building::Builder;
use super::{html, plain};
use crate::port::documents::{BlockKind, ParseFault};

/// Reads a mail.
pub(super) fn read(builder: &mut Builder, bytes: &[u8]) -> Result<(), ParseFault> {
    let mail = MessageParser::default()
        .parse(bytes)
        .ok_or_else(|| ParseFault::unreadable("it is no mail: it has no headers"))?;
    if let Some(subject) = mail.subject() {
        builder.says("subject", subject);
        builder.add(BlockKind::Heading, 1, subject)?;
    }
    let mut head = Vec::new();
    for (name, address) in [("From", mail.from()), ("To", mail.to()), ("Cc", mail.cc())] {
        if let Some(address) = address {
            let people = people(address);
            builder.says(&name.to_lowercase(), &people);
            head.push(format!("{name}: {people}"));
        }
    }
    if let Some(date) = mail.date() {
        builder.says("date", &date.to_rfc3339());
        head.push(format!("Date: {}", date.to_rfc3339()));
    }
    builder.add(BlockKind::Code, 0, &head.join("\n"))?;
    if mail.text_body_count() > 0 && mail.text_bodies().any(mail_parser::MessagePart::is_text) {
        for part in mail.text_bodies().filter(|part| part.is_text()) {
            let text = part.text_contents().unwrap_or_default();
            if part.is_text_html() { html::read(builder, text)? } else { plain::text(builder, text)? }
        }
    } else {
        for part in mail.html_bodies() {
            html::read(builder, part.text_contents().unwrap_or_default())?;
        }
    }
    for part in mail.attachments().take(50) {
        let name = part.attachment_name().unwrap_or("without a name");
        builder.warn(format!("what is attached was not read: {name}"));
        builder.paragraph(&format!("Attachment: {name}"))?;
    }
    Ok(())
}

fn people(address: &Address<'_>) -> String {
    let person = |one: &mail_parser::Addr<'_>| match (one.name(), one.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    };
    address.iter().take(100).map(person).collect::<Vec<_>>().join(", ")
}
