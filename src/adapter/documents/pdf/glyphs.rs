//! What the bytes of simple fonts mean: the standard encodings, and the names of glyphs.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::adapter::documents::plain::western;

/// Bytes 0x80 to 0xFF of the standard encoding; a dot is none.
const STANDARD: &str = "................................\
.¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ.–†‡·.¶•‚„”»…‰.¿.`´ˆ˜¯˘˙¨.˚¸.˝˛ˇ—................Æ.ª....ŁØŒº.....æ...ı..łøœß....";
/// Bytes 0x80 to 0xFF of the Macintosh.
const MAC: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ.ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

/// Widths of the letters from space to `~` in Helvetica and in Times, for fonts that every reader of PDF has.
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];
const TIMES: [u16; 95] = [
    250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500, 500, 500, 500, 500,
    500, 500, 500, 278, 278, 564, 564, 564, 444, 921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889,
    722, 722, 556, 722, 667, 556, 611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500, 333, 444, 500, 444, 500,
    444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500, 500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480,
    200, 480, 541,
];

/// The letters of an encoding, by byte.
pub(super) fn encoding(name: &[u8]) -> Vec<Option<char>> {
    let upper: Vec<Option<char>> = match name {
        b"MacRomanEncoding" => MAC.chars().map(|letter| (letter != '.').then_some(letter)).collect(),
        b"StandardEncoding" => STANDARD.chars().map(|letter| (letter != '.').then_some(letter)).collect(),
        _ => western(&(0x80..=0xff).collect::<Vec<u8>>()).chars().map(Some).collect(),
    };
    let mut letters: Vec<Option<char>> = (0..0x80).map(|byte: u8| (byte >= 0x20).then_some(char::from(byte))).collect();
    letters.extend(upper);
    letters.resize(256, None);
    letters
}

/// The letter of a glyph's name.
pub(super) fn named(name: &str) -> Option<char> {
    static NAMES: OnceLock<HashMap<&'static str, char>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let pair = |line: &'static str| {
            let (name, code) = line.split_once(' ')?;
            Some((name, char::from_u32(u32::from_str_radix(code, 16).ok()?)?))
        };
        let mut names: HashMap<_, _> = include_str!("glyphs.txt").lines().filter_map(pair).collect();
        names.extend([
            ("fi", 'ﬁ'),
            ("fl", 'ﬂ'),
            ("ff", 'ﬀ'),
            ("ffi", 'ﬃ'),
            ("ffl", 'ﬄ'),
            ("nbspace", ' '),
            ("sfthyphen", '-'),
        ]);
        names
    });
    let plain = name.split_once('.').map_or(name, |(plain, _)| plain);
    names.get(plain).copied().or_else(|| {
        let hex = plain.strip_prefix("uni").or_else(|| plain.strip_prefix('u')).filter(|hex| hex.len() >= 4)?;
        char::from_u32(u32::from_str_radix(hex.get(..hex.len().min(6))?, 16).ok()?)
    })
}

/// How wide a letter is in a font that the file does not hold, in thousandths of its size.
pub(super) fn width(font: &str, letter: char) -> f64 {
    if font.contains("Courier") || font.contains("Mono") {
        return 600.0;
    }
    let widths = if font.contains("Times") || font.contains("Roman") { &TIMES } else { &HELVETICA };
    let at = (letter as usize).wrapping_sub(0x20);
    let bold = if font.contains("Bold") { 1.06 } else { 1.0 };
    widths.get(at).map_or(540.0, |width| f64::from(*width)) * bold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_and_names_say_letters() {
        assert_eq!(MAC.chars().count(), 128);
        assert_eq!(STANDARD.chars().count(), 128);
        assert_eq!(encoding(b"WinAnsiEncoding")[0x80], Some('€'));
        assert_eq!(encoding(b"MacRomanEncoding")[0x80], Some('Ä'));
        assert_eq!(encoding(b"StandardEncoding")[0xfb], Some('ß'));
        assert_eq!(encoding(b"StandardEncoding")[0xae], Some('ﬁ'));
        assert_eq!(
            ["Adieresis", "uni20AC", "a.alt", "u1F600", "fi", "g123"].map(named),
            [Some('Ä'), Some('€'), Some('a'), Some('😀'), Some('ﬁ'), None]
        );
    }
}
