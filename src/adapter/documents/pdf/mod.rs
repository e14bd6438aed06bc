//! PDF: the text of each page in reading order. The syntax (objects, references, streams, repair of what is broken) is read by
//! hayro-syntax; what text means and where it stands is read here.

mod cmap;
mod drawing;
mod font;
mod glyphs;
mod layout;
mod writing;

use std::collections::HashMap;
use std::rc::Rc;

use hayro_syntax::metadata::Metadata;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use self::drawing::{Drawing, Picture};
use self::font::Font;
use super::building::Builder;
use super::{ocr, plain};
use crate::port::documents::{Hints, Limits, ParseFault};

/// Fonts that are kept while the pages are read.
type Fonts = HashMap<Vec<u8>, Rc<Font>>;

/// Reads a PDF.
pub(super) fn read(builder: &mut Builder, bytes: &[u8], hints: &Hints, limits: &Limits) -> Result<(), ParseFault> {
    let pdf = Pdf::new(bytes.to_vec()).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected | DecryptionError::UnsupportedAlgorithm) => {
            ParseFault::Encrypted
        }
        LoadPdfError::Decryption(_) => ParseFault::unreadable("its encryption is broken"),
        LoadPdfError::Invalid => ParseFault::unreadable("it begins as a PDF and no pages can be found in it"),
    })?;
    let pages = pdf.pages();
    if pages.len() > limits.pages as usize {
        return Err(ParseFault::TooLarge(format!("it has {} pages and may have {}", pages.len(), limits.pages)));
    }
    says(builder, pdf.metadata());
    builder.pages = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    let (mut fonts, mut written, mut unknown, mut scans) = (Fonts::new(), writing::Writing::default(), 0_usize, 0_u32);
    for (number, page) in (1_u32..).zip(pages.iter()) {
        let mut drawing = Drawing::new(&mut fonts, page.initial_transform(true).as_coeffs());
        drawing.draw(page)?;
        let (runs, turned, pictures) = drawing.finish();
        let letters: usize = runs.iter().map(|run| run.text.len()).sum();
        unknown += runs.iter().map(|run| run.text.matches('\u{fffd}').count()).sum::<usize>();
        written.page(number, layout::arrange(runs));
        written.page(number, layout::arrange(turned));
        if letters == 0 && !pictures.is_empty() {
            scans += 1;
            if hints.recognise && scans <= limits.recognised {
                recognise(builder, &mut written, number, &pictures)?;
            }
        }
        if written.size() > limits.text {
            return Err(ParseFault::TooLarge(format!("its text has more than the {} bytes that it may", limits.text)));
        }
    }
    if unknown > 0 {
        builder.warn(format!("what {unknown} signs mean is not said in the file: they are shown as \u{fffd}"));
    }
    if scans > 0 && !hints.recognise {
        builder.warn(format!("{scans} pages are pictures; their text was not asked to be recognised"));
    } else if scans > limits.recognised {
        builder.warn(format!("{scans} pages are pictures; text was recognised on the first {}", limits.recognised));
    }
    written.into_blocks(builder)
}

fn recognise(
    builder: &mut Builder,
    written: &mut writing::Writing,
    number: u32,
    pictures: &[Picture],
) -> Result<(), ParseFault> {
    for picture in pictures.iter().take(8) {
        match picture {
            Picture::File(bytes) => match ocr::recognise(bytes)? {
                ocr::Read::Text(text) => {
                    written.recognised(number, &text);
                    if !builder.recognised.contains(&number) {
                        builder.recognised.push(number);
                    }
                }
                ocr::Read::Nothing(why) => builder.warn(why),
            },
            Picture::Unknown(form) => builder.warn(format!("text in pictures of the form {form} is not recognised")),
        }
    }
    Ok(())
}

fn says(builder: &mut Builder, metadata: &Metadata) {
    for (name, value) in [
        ("title", &metadata.title),
        ("author", &metadata.author),
        ("subject", &metadata.subject),
        ("keywords", &metadata.keywords),
        ("creator", &metadata.creator),
        ("producer", &metadata.producer),
    ] {
        if let Some(value) = value {
            builder.says(name, &plain::decode(value).0);
        }
    }
    if let Some(day) = &metadata.creation_date {
        builder.says("created", &format!("{:04}-{:02}-{:02}", day.year, day.month, day.day));
    }
}
