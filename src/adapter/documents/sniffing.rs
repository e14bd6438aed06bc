//! What a file is, told from its content. Its name decides between formats that are all plain text, and nothing else.

use super::unzip::Archive;
use super::{markdown, picture, plain};
use crate::port::documents::{Format, Hints, Limits, ParseFault};

/// What a file is, with what was learned while looking.
pub(super) enum Kind<'a> {
    Pdf,
    Office(Format, Archive<'a>),
    Image(&'static str, u32, u32),
    /// Text of a format, and whether its encoding was guessed.
    Text(Format, String, bool),
}

/// Beginnings of files that are no documents, and what they are.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"SQLite format 3", "a database"),
    (b"{\\rtf", "RTF"),
    (b"%!PS", "PostScript"),
    (b"OggS", "a sound or film"),
    (b"ID3", "a sound"),
    (b"RIFF", "a sound or film"),
];

/// Tells what a file is.
pub(super) fn kind<'a>(bytes: &'a [u8], hints: &Hints, limits: &Limits) -> Result<Kind<'a>, ParseFault> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ParseFault::unreadable("it is empty"));
    }
    // Readers of PDF allow for a kibibyte of anything before it.
    if bytes.get(..1024.min(bytes.len())).is_some_and(|head| head.windows(5).any(|window| window == b"%PDF-"))
        && !is_letter(bytes)
    {
        return Ok(Kind::Pdf);
    }
    if let Some((media_type, width, height)) = picture::size(bytes) {
        return Ok(Kind::Image(media_type, width, height));
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return office(bytes, limits);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        // New documents that are encrypted lie in such a file too, as do old ones.
        let encrypted = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        return Err(if bytes.windows(encrypted.len()).any(|window| window == encrypted) {
            ParseFault::Encrypted
        } else {
            ParseFault::Unknown("it is a document of an old office program: save it in a format of today".to_owned())
        });
    }
    if let Some((_, what)) = OTHERS.iter().find(|(begin, _)| bytes.starts_with(begin)) {
        return Err(ParseFault::Unknown(format!("it is {what}")));
    }
    text(bytes, hints)
}

/// Whether it begins with headers of a mail, in which a PDF may lie.
fn is_letter(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..4096.min(bytes.len())).unwrap_or_default());
    is_mail(&head)
}

fn office<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Kind<'a>, ParseFault> {
    let mut archive = Archive::open(bytes, limits.unpacked)?;
    let format = if archive.has("word/document.xml") {
        Format::Docx
    } else if archive.has("xl/workbook.xml") {
        Format::Xlsx
    } else if archive.has("ppt/presentation.xml") {
        Format::Pptx
    } else if archive.has("content.xml") {
        let said = archive.member("mimetype")?.unwrap_or_default();
        if archive.has("META-INF/manifest.xml") {
            let manifest = archive.member("META-INF/manifest.xml")?.unwrap_or_default();
            if manifest.windows(15).any(|window| window == b"encryption-data") {
                return Err(ParseFault::Encrypted);
            }
        }
        if !said.starts_with(b"application/vnd.oasis.opendocument.text") {
            return Err(ParseFault::Unknown("it is an OpenDocument that is no text".to_owned()));
        }
        Format::Odt
    } else {
        return Err(ParseFault::Unknown("it is an archive, and none of an office document".to_owned()));
    };
    Ok(Kind::Office(format, archive))
}

fn text<'a>(bytes: &[u8], hints: &Hints) -> Result<Kind<'a>, ParseFault> {
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let controls =
        bytes.iter().filter(|byte| **byte < 9 || (14..=26).contains(*byte) || (28..32).contains(*byte)).count();
    if !wide && (bytes.contains(&0) || controls * 200 > bytes.len()) {
        return Err(ParseFault::Unknown("its content is neither a format that is known nor text".to_owned()));
    }
    let (text, guessed) = plain::decode(bytes);
    let head = text.get(..text.floor_char_boundary(4096)).unwrap_or_default();
    let lower = head.trim_start().to_ascii_lowercase();
    let is_html = ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| lower.starts_with(tag))
        || (lower.starts_with('<') && (lower.contains("<html") || lower.contains("<body")));
    let said = named(&hints.name).or_else(|| typed(hints.media_type.as_deref().unwrap_or("")));
    let format = if is_html {
        Format::Html
    } else if is_mail(head) {
        Format::Email
    } else {
        match said {
            Some(Format::Html) if lower.contains("</") => Format::Html,
            Some(Format::Csv) if plain::separator(&text).is_some() => Format::Csv,
            Some(Format::Markdown) => Format::Markdown,
            Some(Format::Text) => Format::Text,
            _ if markdown::looks_like(&text) => Format::Markdown,
            None if plain::separator(&text).is_some_and(|separator| separator != '|') => Format::Csv,
            _ => Format::Text,
        }
    };
    Ok(Kind::Text(format, text, guessed))
}

/// A mail begins with headers, among them some that every mail has.
fn is_mail(head: &str) -> bool {
    let mut known = 0;
    for (number, line) in head.lines().take(60).enumerate() {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) && number > 0 {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else { return false };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return false;
        }
        let name = name.to_ascii_lowercase();
        known += usize::from(
            ["from", "to", "subject", "date", "received", "message-id", "mime-version", "return-path", "content-type"]
                .contains(&name.as_str()),
        );
    }
    known >= 3
}

/// The format that a name's ending says.
pub(super) fn named(name: &str) -> Option<Format> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "pdf" => Format::Pdf,
        "docx" | "docm" | "dotx" => Format::Docx,
        "xlsx" | "xlsm" => Format::Xlsx,
        "pptx" | "pptm" | "ppsx" => Format::Pptx,
        "odt" => Format::Odt,
        "html" | "htm" | "xhtml" => Format::Html,
        "md" | "markdown" => Format::Markdown,
        "txt" | "text" | "log" => Format::Text,
        "csv" | "tsv" => Format::Csv,
        "eml" => Format::Email,
        "png" | "jpg" | "jpeg" | "gif" | "tif" | "tiff" | "bmp" | "webp" => Format::Image,
        _ => return None,
    })
}

fn typed(media_type: &str) -> Option<Format> {
    Some(match media_type.split(';').next()?.trim() {
        "text/html" | "application/xhtml+xml" => Format::Html,
        "text/markdown" => Format::Markdown,
        "text/plain" => Format::Text,
        "text/csv" | "text/tab-separated-values" => Format::Csv,
        _ => return None,
    })
}

/// Whether one may be called the other without anybody being misled: all of them are text.
pub(super) fn near(named: Format, format: Format) -> bool {
    let texts = [Format::Text, Format::Markdown, Format::Csv];
    texts.contains(&named) && texts.contains(&format)
}
