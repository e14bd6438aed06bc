//! Pictures: what they are and how large, read from their first bytes.

/// The media type and size of a picture, `None` for what is none that is known.
pub(super) fn size(bytes: &[u8]) -> Option<(&'static str, u32, u32)> {
    let big = |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
    let little16 = |at: usize| bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_le_bytes);
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(("image/png", big(16)?, big(20)?));
    }
    if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        return Some(("image/gif", little16(6)?.into(), little16(8)?.into()));
    }
    if bytes.starts_with(b"BM") && bytes.len() > 30 {
        let little = |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(i32::from_le_bytes);
        return Some(("image/bmp", little(18)?.unsigned_abs(), little(22)?.unsigned_abs()));
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        let (width, height) = jpeg(bytes)?;
        return Some(("image/jpeg", width, height));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        let (width, height) = webp(bytes)?;
        return Some(("image/webp", width, height));
    }
    if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
        let (width, height) = tiff(bytes)?;
        return Some(("image/tiff", width, height));
    }
    None
}

fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1)?;
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
        if (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker) {
            let of = |from: usize| Some(u32::from(u16::from_be_bytes(bytes.get(from..from + 2)?.try_into().ok()?)));
            return Some((of(at + 7)?, of(at + 5)?));
        }
        at += 2 + length.max(2);
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let three = |at: usize| Some(u32::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?, *bytes.get(at + 2)?, 0]));
    match bytes.get(12..16)? {
        b"VP8X" => Some((three(24)? + 1, three(27)? + 1)),
        b"VP8 " => Some((three(26)? & 0x3fff, (three(28)? & 0x3fff))),
        b"VP8L" => {
            let bits = u32::from_le_bytes(bytes.get(21..25)?.try_into().ok()?);
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        _ => None,
    }
}

fn tiff(bytes: &[u8]) -> Option<(u32, u32)> {
    let little = bytes.starts_with(b"II");
    let u16_at = |at: usize| {
        let two: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    };
    let u32_at = |at: usize| {
        let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    };
    let directory = u32_at(4)? as usize;
    let (mut width, mut height) = (None, None);
    for entry in 0..usize::from(u16_at(directory)?) {
        let at = directory + 2 + entry * 12;
        let value = if u16_at(at + 2)? == 3 { u32::from(u16_at(at + 8)?) } else { u32_at(at + 8)? };
        match u16_at(at)? {
            256 => width = Some(value),
            257 => height = Some(value),
            _ => {}
        }
    }
    Some((width?, height?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_read_and_what_is_cut_off_has_none() {
        let gif = b"GIF89a\x05\x00\x03\x00";
        assert_eq!(super::size(gif), Some(("image/gif", 5, 3)));
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04xx\xff\xc0\x00\x11\x08\x00\x02\x00\x09more";
        assert_eq!(super::size(jpeg), Some(("image/jpeg", 9, 2)));
        for cut in 0..jpeg.len() - 4 {
            assert_eq!(super::size(&jpeg[..cut.min(16)]), None, "{cut}");
        }
    }
}
