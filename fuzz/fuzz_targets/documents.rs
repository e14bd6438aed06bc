//! Whatever bytes a document is, reading it ends without a panic, and the places of its parts are those of its text. The first byte
//! chooses a name, which decides between kinds of plain text.
#![no_main]

use convoke::adapter::documents::parse;
use convoke::port::documents::{Hints, Limits};
use libfuzzer_sys::fuzz_target;

const NAMES: &[&str] = &["a.txt", "a.md", "a.html", "a.csv", "a.eml", "a.pdf", "a.docx", ""];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let name = NAMES[usize::from(*choice) % NAMES.len()].to_owned();
    let limits = Limits { unpacked: 4 << 20, text: 4 << 20, ..Limits::default() };
    if let Ok(parsed) = parse(bytes, &Hints { name, media_type: None, recognise: false }, &limits) {
        let parts: Vec<&str> = parsed.blocks.iter().map(|block| &parsed.text[block.start..block.end]).collect();
        assert_eq!(parsed.text, parts.join("\n\n"));
    }
});
