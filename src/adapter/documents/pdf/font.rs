//! Fonts of a PDF: what the codes in a string mean, and how far each moves.

use std::collections::HashMap;

use hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};

use super::cmap::{self, Table};
use super::glyphs;

/// A font.
pub(super) struct Font {
    texts: Table,
    letters: Vec<Option<char>>,
    widths: HashMap<u32, f64>,
    default_width: f64,
    /// Its name, where its widths are to be known by it.
    guessed: Option<String>,
    code_bytes: usize,
    /// Codes are text in UTF-16 by themselves.
    unicode: bool,
    /// How many units of the font its size has, over 1000.
    scale: f64,
    /// Whether it is bold.
    pub(super) bold: bool,
}

impl Font {
    /// Reads a font.
    pub(super) fn read(dict: &Dict<'_>) -> Self {
        let base = dict.get::<Name<'_>>("BaseFont").map(|name| name.as_str().to_owned()).unwrap_or_default();
        let table = |name: &str| {
            dict.get::<Stream<'_>>(name).and_then(|stream| stream.decoded_data().ok().map(|data| cmap::read(&data)))
        };
        let mut font = Self {
            texts: table("ToUnicode").unwrap_or_default(),
            letters: Vec::new(),
            widths: HashMap::new(),
            default_width: 500.0,
            guessed: None,
            code_bytes: 1,
            unicode: false,
            scale: 1.0,
            bold: ["Bold", "Black", "Heavy", "Semibold", "Demi"].iter().any(|word| base.contains(word)),
        };
        match dict.get::<Name<'_>>("Subtype").as_deref() {
            Some(b"Type0") => {
                let encoding =
                    dict.get::<Name<'_>>("Encoding").map(|name| name.as_str().to_owned()).unwrap_or_default();
                font.unicode = encoding.contains("UCS2") || encoding.contains("UTF16");
                font.code_bytes = table("Encoding").and_then(|table| table.code_bytes).unwrap_or(2);
                font.composite(dict);
            }
            subtype => {
                if subtype == Some(b"Type3")
                    && let Some(first) = dict.get::<Array<'_>>("FontMatrix").and_then(|all| all.iter::<Number>().next())
                {
                    font.scale = (first.as_f64() * 1000.0).abs();
                }
                font.simple(dict, &base);
            }
        }
        font
    }

    fn simple(&mut self, dict: &Dict<'_>, base: &str) {
        let mut letters = glyphs::encoding(b"WinAnsiEncoding");
        if let Some(name) = dict.get::<Name<'_>>("Encoding") {
            letters = glyphs::encoding(&name);
        } else if let Some(encoding) = dict.get::<Dict<'_>>("Encoding") {
            let name = encoding.get::<Name<'_>>("BaseEncoding");
            letters = glyphs::encoding(name.as_deref().unwrap_or(b"StandardEncoding"));
            let mut code = 0_usize;
            for object in encoding.get::<Array<'_>>("Differences").into_iter().flat_map(|all| all.iter::<Object<'_>>())
            {
                match object {
                    Object::Number(number) => code = usize::try_from(number.as_i64()).unwrap_or(256),
                    Object::Name(name) => {
                        if let Some(letter) = letters.get_mut(code) {
                            *letter = glyphs::named(name.as_str());
                        }
                        code = code.saturating_add(1);
                    }
                    _ => {}
                }
            }
        }
        self.letters = letters;
        if let Some(widths) = dict.get::<Array<'_>>("Widths") {
            let first = dict.get::<u32>("FirstChar").unwrap_or(0);
            for (code, width) in (first..).zip(widths.iter::<Number>().take(256)) {
                self.widths.insert(code, width.as_f64());
            }
            let described =
                dict.get::<Dict<'_>>("FontDescriptor").and_then(|described| described.get::<Number>("MissingWidth"));
            self.default_width = described.map_or(0.0, |width| width.as_f64());
        } else {
            self.guessed = Some(base.to_owned());
        }
    }

    fn composite(&mut self, dict: &Dict<'_>) {
        let Some(below) = dict.get::<Array<'_>>("DescendantFonts").and_then(|all| all.iter::<Dict<'_>>().next()) else {
            return;
        };
        self.default_width = below.get::<Number>("DW").map_or(1000.0, |width| width.as_f64());
        let mut pending: Vec<f64> = Vec::new();
        for object in below.get::<Array<'_>>("W").into_iter().flat_map(|all| all.iter::<Object<'_>>()).take(70_000) {
            match object {
                Object::Number(number) => {
                    pending.push(number.as_f64());
                    if let [first, last, width] = pending[..] {
                        for code in whole(first)..=whole(last).min(whole(first).saturating_add(0xffff)) {
                            if self.widths.len() < 70_000 {
                                self.widths.insert(code, width);
                            }
                        }
                        pending.clear();
                    }
                }
                Object::Array(widths) => {
                    let first = whole(pending.pop().unwrap_or(0.0));
                    pending.clear();
                    for (code, width) in (first..).zip(widths.iter::<Number>().take(70_000)) {
                        self.widths.insert(code, width.as_f64());
                    }
                }
                _ => {}
            }
        }
    }

    /// Hands each code of a string to `each`: its text, how wide it is in thousandths, and whether it is the space of words.
    pub(super) fn show(&self, bytes: &[u8], mut each: impl FnMut(&str, f64, bool)) {
        let mut buffer = [0; 4];
        for code_bytes in bytes.chunks(self.code_bytes) {
            let code = code_bytes.iter().fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
            let letter = if self.code_bytes == 1 && !self.letters.is_empty() {
                self.letters.get(code as usize).copied().flatten()
            } else if self.unicode {
                char::from_u32(code)
            } else {
                None
            };
            let text: &str = match (self.texts.texts.get(&code), letter) {
                (Some(text), _) => text,
                (None, Some(letter)) => letter.encode_utf8(&mut buffer),
                // A glyph of unknown meaning is shown as such, except those that no eye sees.
                (None, None) if self.code_bytes > 1 => "\u{fffd}",
                (None, None) => "",
            };
            let known = self.widths.get(&code).copied();
            let width = known.unwrap_or_else(|| match &self.guessed {
                Some(font) => glyphs::width(font, text.chars().next().unwrap_or(' ')),
                None => self.default_width,
            });
            each(text, width * self.scale, self.code_bytes == 1 && code == 32);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded first")]
fn whole(number: f64) -> u32 {
    number.clamp(0.0, 1_000_000.0) as u32
}
