//! Reading documents: what a file is, told from its content, and the text of it with the places of its parts. The reading itself
//! (`parse`) is done in a process of its own (`worker`), so that no file can take the program down.

mod building;
mod html;
mod mail;
mod markdown;
mod ocr;
mod office;
mod pdf;
mod picture;
mod plain;
mod sniffing;
mod unzip;
pub mod worker;
mod xml;

use self::building::Builder;
use self::sniffing::Kind;
use self::unzip::Archive;
use crate::port::documents::{BlockKind, Format, Hints, Limits, ParseFault, Parsed};

/// Reads a document in this very process: within the limits of size, not of time and memory.
///
/// # Errors
/// When it cannot be read.
pub fn parse(bytes: &[u8], hints: &Hints, limits: &Limits) -> Result<Parsed, ParseFault> {
    let mut builder = Builder::new(limits);
    let format = match sniffing::kind(bytes, hints, limits)? {
        Kind::Pdf => {
            pdf::read(&mut builder, bytes, hints, limits)?;
            Format::Pdf
        }
        Kind::Office(format, mut archive) => {
            office(&mut builder, format, &mut archive)?;
            format
        }
        Kind::Image(media_type, width, height) => return image(builder, bytes, (media_type, width, height), hints),
        Kind::Text(format, text, guessed) => {
            if guessed {
                builder.warn("its encoding is not UTF-8 and was taken for that of western Windows");
            }
            match format {
                Format::Html => html::read(&mut builder, &text)?,
                Format::Markdown => markdown::read(&mut builder, &text)?,
                Format::Csv => plain::separated(&mut builder, &text)?,
                Format::Email => mail::read(&mut builder, bytes)?,
                _ => plain::text(&mut builder, &text)?,
            }
            format
        }
    };
    if let Some(named) =
        sniffing::named(&hints.name).filter(|named| *named != format && !sniffing::near(*named, format))
    {
        builder.warn(format!(
            "its name says {} and its content is {}: it was read as what it is",
            named.name(),
            format.name()
        ));
    }
    if builder.is_empty() {
        builder.warn("there is no text in it");
    }
    Ok(builder.finish(format))
}

fn office(builder: &mut Builder, format: Format, archive: &mut Archive<'_>) -> Result<(), ParseFault> {
    match format {
        Format::Docx => office::word(builder, archive),
        Format::Xlsx => office::workbook(builder, archive),
        Format::Pptx => office::slides(builder, archive),
        _ => office::open_document(builder, archive),
    }
}

fn image(
    mut builder: Builder,
    bytes: &[u8],
    (media_type, width, height): (&'static str, u32, u32),
    hints: &Hints,
) -> Result<Parsed, ParseFault> {
    builder.says("width", &width.to_string());
    builder.says("height", &height.to_string());
    if u64::from(width) * u64::from(height) > 200_000_000 {
        builder.warn("the picture is too large for its text to be recognised");
    } else if hints.recognise {
        match ocr::recognise(bytes)? {
            ocr::Read::Text(text) => {
                for paragraph in text.split("\n\n") {
                    builder.add(BlockKind::Image, 0, paragraph)?;
                }
                builder.recognised.push(0);
            }
            ocr::Read::Nothing(why) => builder.warn(why),
        }
    } else {
        builder.warn("it is a picture; its text was not asked to be recognised");
    }
    let parsed = builder.finish(Format::Image);
    Ok(Parsed { media_type: media_type.to_owned(), ..parsed })
}
