//! The documents domain: reading files of other programs, hostile ones too, and what is done with them.

mod corpus;
mod extracting;
mod hostile;
mod meaning;
mod reading;
mod searching;
mod uploading;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A document as another program wrote it: see tests/fixtures/documents/make.py.
fn file(name: &str) -> Vec<u8> {
    let path: PathBuf = crate::tools::project().join("tests/fixtures/documents").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Whether this machine recognises text in pictures. Where `REQUIRE` names it, it must.
fn recognises() -> bool {
    let there = std::process::Command::new("tesseract").arg("--version").output().is_ok();
    let required = std::env::var("REQUIRE").unwrap_or_default();
    assert!(there || !required.split(',').any(|one| one == "tesseract"), "tesseract is required and not there");
    there
}
