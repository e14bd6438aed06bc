//! The prompts and personas that come with the program: each is well, passes its own checks, and is worth choosing.

use std::collections::BTreeSet;

use convoke::adapter::tokens::Tiktoken;
use convoke::domain::personas::library::{Personas, unmet};
use convoke::domain::prompts::engine::lint::findings;
use convoke::domain::prompts::library::Library;
use convoke::port::overlay::TextFile;

use crate::tools::{files, text};

fn built_in(folder: &str) -> Vec<TextFile> {
    let read = |path: std::path::PathBuf| {
        let text = text(&path);
        let path = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        TextFile { place: path.clone(), path, text: Ok(text) }
    };
    files(folder, "md").into_iter().map(read).collect()
}

#[tokio::test]
async fn every_prompt_is_well_and_passes_its_checks() {
    let (library, broken) = Library::new(&built_in("prompts"));
    assert_eq!(broken, []);
    let present = library.present();
    assert_eq!(present.unmet(&Tiktoken).await, []);
    let count = present.all().filter(|file| !file.block).count();
    assert!(count >= 25, "{count}");
    let mut wrong = Vec::new();
    for file in present.all() {
        if file.content.checks.is_empty() {
            wrong.push(format!("{}: has no check", file.id));
        }
        if !file.block && !file.labels.contains(&"production".to_owned()) {
            wrong.push(format!("{}: is not in production", file.id));
        }
        for finding in findings(&file.content, None) {
            wrong.push(file.place(&finding));
        }
        let blocks = present.blocks_of(file).unwrap();
        let direct: BTreeSet<&String> =
            blocks.keys().filter(|name| file.content.template.contains(&format!("\"{name}\""))).collect();
        let said: BTreeSet<&String> = file.blocks.iter().collect();
        if direct != said {
            wrong.push(format!("{}: says that it includes {said:?} and includes {direct:?}", file.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_persona_is_well_and_passes_its_checks() {
    let (personas, broken) = Personas::new(&built_in("personas"));
    assert_eq!(broken, []);
    let present = personas.present();
    assert_eq!(unmet(&present, &Tiktoken).await, []);
    assert!(present.len() >= 15, "{}", present.len());
    let bare: Vec<&str> = present
        .values()
        .filter(|file| {
            file.profile.checks.is_empty() || file.profile.rules.is_empty() || file.profile.examples.is_empty()
        })
        .map(|file| file.id.as_str())
        .collect();
    assert!(bare.is_empty(), "without a check, a rule or an example: {bare:?}");
}
