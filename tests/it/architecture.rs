//! The house keeps its order: who imports whom, how long a file may be, what every file begins with, and that every tool has
//! its card and every card its tool.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use convoke::domain::MODULES;

use crate::tools::{cards, catalogue, files, text};

const LONGEST_FILE: usize = 600;

/// Which parts of the program a part may name. `app` and `main` put everything together.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("port", &["kernel"]),
    ("config", &["kernel"]),
    ("capability", &["kernel", "port", "config"]),
    ("domain", &["kernel", "capability", "port"]),
    ("adapter", &["kernel", "port"]),
    ("runtime", &["kernel", "config", "capability", "port", "domain"]),
    // A connected client's model is an llm: a door may implement a port.
    ("surface", &["kernel", "capability", "config", "port"]),
];

#[test]
fn parts_import_only_what_lies_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut breaches = Vec::new();
    for path in files("src", "rs") {
        let part = part_of(&path);
        // The command line starts the program: it is outermost, like main. Parts name only what is built together.
        if matches!(part.as_str(), "app" | "main" | "lib" | "parts") || path.starts_with("src/surface/cli") {
            continue;
        }
        let Some(allowed) = allowed.get(part.as_str()) else {
            breaches.push(format!("{}: '{part}' is no part of the design", path.display()));
            continue;
        };
        for import in imports(&text(&path)) {
            let target = import[0].as_str();
            if target != part && !allowed.contains(&target) {
                breaches.push(format!("{}: {part} imports {}", path.display(), import.join("::")));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// What goes out over HTTP tells its place in a trace, because there is one way for all of it.
#[test]
fn requests_over_http_go_out_by_one_way() {
    let mut breaches = Vec::new();
    for path in files("src/adapter", "rs").into_iter().filter(|path| !path.ends_with("sending.rs")) {
        let text = text(&path);
        if text.contains("reqwest") && (text.contains(".send()") || text.contains(".execute(")) {
            breaches.push(format!("{}: sends by itself, and not by adapter::sending", path.display()));
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Another domain may be used only through what its mod.rs says in a line "Other domains may use:".
#[test]
fn domains_use_of_each_other_only_what_is_listed() {
    let mut breaches = Vec::new();
    for path in files("src/domain", "rs") {
        let Some(own) = path.components().nth(2).map(|one| one.as_os_str().to_string_lossy().into_owned()) else {
            continue;
        };
        for import in imports(&text(&path)) {
            let [layer, other, rest @ ..] = import.as_slice() else { continue };
            if layer != "domain" || *other == own || own == "mod.rs" {
                continue;
            }
            let rest = rest.join("::");
            if !listed(other).iter().any(|one| rest == *one || rest.starts_with(&format!("{one}::"))) {
                breaches.push(format!("{}: uses {other}::{rest}, which its mod.rs does not list", path.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn every_domain_is_a_folder_with_a_module_that_is_listed() {
    let folders: BTreeSet<String> = std::fs::read_dir(crate::tools::project().join("src/domain"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for folder in &folders {
        let module = Path::new("src/domain").join(folder).join("mod.rs");
        assert!(crate::tools::project().join(&module).is_file(), "{} is missing", module.display());
    }
    let listed: BTreeSet<String> = MODULES.iter().map(|module| module.domain.name().to_owned()).collect();
    assert_eq!(folders, listed, "the folders of src/domain and the MODULES of src/domain/mod.rs differ");
}

/// The list of exceptions may only shrink: a file in it that has become short enough, or longer than it was, fails too.
#[test]
fn no_file_is_longer_than_a_person_reads() {
    let exceptions = text(Path::new("tests/it/lists/long_files.txt"));
    let mut exceptions: BTreeMap<PathBuf, usize> = exceptions
        .lines()
        .map(|line| {
            let (path, lines) = line.split_once(' ').unwrap_or_else(|| panic!("'path lines' expected: {line}"));
            (PathBuf::from(path), lines.parse().unwrap())
        })
        .collect();
    let mut wrong = Vec::new();
    for path in sources() {
        let lines = text(&path).lines().count();
        let most = exceptions.remove(&path).unwrap_or(LONGEST_FILE);
        if lines > most {
            wrong.push(format!("{} has {lines} lines, at most {most} are allowed", path.display()));
        }
        if most != LONGEST_FILE && lines < most {
            wrong.push(format!("{} has only {lines} lines now: write that into long_files.txt", path.display()));
        }
    }
    wrong.extend(exceptions.keys().map(|path| format!("{} is in long_files.txt and is no more", path.display())));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_about() {
    let silent: Vec<PathBuf> = sources().into_iter().filter(|path| !text(path).starts_with("//! ")).collect();
    assert!(silent.is_empty(), "without a //! header: {silent:?}");
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    let drawers: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|path| {
            path.iter().any(|part| {
                let name = part.to_string_lossy();
                let name = name.strip_suffix(".rs").unwrap_or(&name);
                ["util", "utils", "helper", "helpers", "common", "misc", "shared"].contains(&name)
            })
        })
        .collect();
    assert!(drawers.is_empty(), "name them by their subject: {drawers:?}");
}

/// A capability has one line: in its domain's `capabilities!`, which makes the module and the row of it.
#[test]
fn every_capability_has_its_line() {
    let mut wrong = Vec::new();
    for path in files("src/domain", "rs") {
        let code = text(&path);
        if ["Row::of::<", "Row::of_content::<", "Row::of_stream::<", "Row::of_bytes::<"]
            .iter()
            .any(|made| code.contains(made))
        {
            wrong.push(format!("{} makes a row by hand: list the capability in capabilities!", path.display()));
        }
        let folder = path.parent().unwrap();
        if folder.ends_with("tools") && !path.ends_with("mod.rs") {
            let (list, name) = (text(&folder.join("mod.rs")), path.file_stem().unwrap().to_string_lossy());
            let listed = list.lines().map(str::trim).any(|line| line.starts_with(&format!("{name}: ")));
            if code.contains("const SPEC: Spec") && !listed {
                wrong.push(format!("{} is in no capabilities! and so no part of the program", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_tool_has_a_card_and_every_card_a_tool() {
    let expected: BTreeSet<PathBuf> = MODULES
        .iter()
        .flat_map(|module| module.rows)
        .map(|row| Path::new("tools").join(row.spec.domain.name()).join(format!("{}.toml", row.spec.name)))
        .collect();
    let cards = cards();
    let planned: BTreeSet<String> = catalogue().into_iter().map(|row| row.name).collect();
    let found: BTreeSet<PathBuf> = cards.keys().cloned().collect();
    assert_eq!(expected, found, "the tools of the program (left) and the files in tools/ (right) differ");
    for (path, card) in cards {
        assert_eq!(path.file_stem().unwrap().to_string_lossy(), card.tool, "{} names another tool", path.display());
        assert!(card.phrases.len() >= 3, "{}: a tool is found by what people say of it: 3 phrases", path.display());
        let unknown: Vec<_> = card.avoid.iter().filter(|one| !planned.contains(&one.tool)).collect();
        assert!(unknown.is_empty(), "{}: no tool of the catalogue: {unknown:?}", path.display());
    }
}

/// All Rust files of the project.
fn sources() -> Vec<PathBuf> {
    ["src", "tests", "benches", "fuzz/fuzz_targets"].into_iter().flat_map(|folder| files(folder, "rs")).collect()
}

/// `kernel` of `src/kernel/id.rs`, `app` of `src/app.rs` and of `src/app/cards.rs`.
fn part_of(path: &Path) -> String {
    let name = path.components().nth(1).unwrap().as_os_str().to_string_lossy().into_owned();
    name.strip_suffix(".rs").map_or_else(|| name.clone(), str::to_owned)
}

/// What a domain's mod.rs lists for other domains: paths within it.
fn listed(domain: &str) -> Vec<String> {
    let head = text(&Path::new("src/domain").join(domain).join("mod.rs"));
    let head: Vec<&str> = head.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let head = head.join(" ");
    let Some((_, list)) = head.split_once("Other domains may use:") else { return Vec::new() };
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every path that begins with `crate::`, split at `::`, with groups in braces spread out.
fn imports(source: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let code: Vec<&str> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    for (start, _) in code.match_indices("crate::") {
        let before = code[..start].chars().next_back();
        if before.is_none_or(|one| !one.is_alphanumeric() && one != '_' && one != ':' && one != '$') {
            spread(&code[start + "crate::".len()..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one path after `crate::`; answers what is left behind it.
fn spread<'a>(code: &'a str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let depth = prefix.len();
    let mut rest = code.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            while !rest.starts_with('}') {
                rest = spread(rest, prefix, found).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            rest = &rest[1..];
            break;
        }
        let end = rest.find(|one: char| !one.is_alphanumeric() && one != '_' && one != '*').unwrap_or(rest.len());
        assert!(end > 0, "cannot read the import: {}", rest.chars().take(60).collect::<String>());
        prefix.push(rest[..end].to_owned());
        rest = &rest[end..];
        if let Some(alias) = rest.trim_start().strip_prefix("as ") {
            let end = alias.find(|one: char| !one.is_alphanumeric() && one != '_').unwrap_or(alias.len());
            rest = &alias[end..];
        }
        match rest.strip_prefix("::") {
            // A turbofish ends the path.
            Some(next) if !next.starts_with('<') => rest = next,
            _ => {
                found.push(prefix.clone());
                break;
            }
        }
    }
    prefix.truncate(depth);
    rest
}

#[test]
fn imports_are_read_whole() {
    let source = "use crate::kernel::{fault::{Fault, self as same}, id::Id};\nlet x = crate::port::logs::Log::<u8>::new(); // crate::no";
    let read: Vec<String> = imports(source).into_iter().map(|path| path.join("::")).collect();
    assert_eq!(read, ["kernel::fault::Fault", "kernel::fault::self", "kernel::id::Id", "port::logs::Log"]);
}
