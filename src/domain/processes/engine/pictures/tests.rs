//! What holds of every picture, whatever people call their nodes.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::texts::is_sayable;
use super::*;
use crate::domain::processes::engine::by_chance::{NAMES, by_chance, every_type};
use crate::domain::processes::engine::definition::Definition;
use crate::domain::processes::engine::layout::lay_out;

fn drawn(definition: &Definition, title: &str, progress: &Progress) -> String {
    svg(definition, &lay_out(definition), title, title, progress)
}

/// The elements of a text that must be XML, each with its attributes; what is no SVG of ours fails.
fn elements(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    assert!(text.chars().all(is_sayable));
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut found, mut depth) = (Vec::new(), 0_usize);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(one) => {
                depth += 1;
                found.push(one.into_owned());
            }
            Event::Empty(one) => found.push(one.into_owned()),
            Event::End(_) => depth -= 1,
            Event::Text(_) | Event::GeneralRef(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(depth, 0);
    let told = found.iter().map(|one| {
        let attributes = one.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            let name = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
            (name, String::from_utf8(attribute.value.to_vec()).unwrap())
        });
        (String::from_utf8(one.name().as_ref().to_vec()).unwrap(), attributes.collect())
    });
    told.collect()
}

#[test]
fn an_svg_is_well_formed_and_says_nothing_but_shapes_and_text() {
    for seed in 0..200 {
        let definition = by_chance(seed);
        let mut progress = Progress::new();
        for (number, node) in definition.nodes.iter().enumerate() {
            let state = Stage::ALL[number % 6];
            progress.insert(node.id.clone(), Passed { state, times: (number % 3) as u64 });
        }
        let text = drawn(&definition, NAMES[usize::try_from(seed).unwrap() % NAMES.len()], &progress);
        let found = elements(&text);
        for (name, attributes) in &found {
            let known = ["svg", "title", "desc", "style", "defs", "marker", "path", "rect", "circle", "g", "text"];
            assert!(known.contains(&name.as_str()), "{name}");
            for (key, value) in attributes {
                assert!(!key.starts_with("on") && !key.contains("href") && !value.contains('<'), "{key}={value}");
            }
        }
        let nodes = found
            .iter()
            .filter(|(_, all)| all.iter().any(|(key, value)| key == "class" && value.starts_with("node ")))
            .count();
        assert_eq!(nodes, definition.nodes.len());
        let named = found
            .iter()
            .filter(|(name, all)| {
                name == "g" && all.iter().any(|(key, value)| key == "aria-label" && !value.is_empty())
            })
            .count();
        assert_eq!(named, definition.nodes.len() + definition.edges.len() + definition.lanes.len());
    }
}

#[test]
fn a_picture_tells_the_state_in_words_signs_and_colours() {
    let definition = every_type();
    let progress: Progress = [
        ("ask".to_owned(), Passed { state: Stage::Done, times: 3 }),
        ("think".to_owned(), Passed { state: Stage::Failed, times: 1 }),
    ]
    .into();
    let text = drawn(&definition, "Every type", &progress);
    assert!(text.contains("aria-label=\"Ask the manager: human task, done, 3 times\""), "{text}");
    assert!(text.contains(">✓</text>") && text.contains(">×3</text>") && text.contains("class=\"node failed\""));
    assert!(text.contains("32 nodes, 32 ways, 3 lanes. 1 node done. 1 node failed."));
    assert!(text.contains("prefers-color-scheme:dark"));
    assert!(!drawn(&definition, "x", &Progress::new()).contains("class=\"badge\""));
    let told = mermaid(&definition, "Every type", &progress);
    assert!(told.contains("classDef done") && told.contains("class n1_ask done"), "{told}");
}

#[test]
fn a_flowchart_says_no_more_than_it_means() {
    for seed in 0..200 {
        let definition = by_chance(seed);
        let text = mermaid(&definition, "<b>%%{init}", &Progress::new());
        let ways = text.lines().filter(|line| line.contains(" -->")).count();
        assert_eq!(ways, definition.edges.len());
        let nodes = text
            .lines()
            .filter(|line| line.trim_start().starts_with('n') && line.contains('"') && !line.contains(" -->"))
            .count();
        assert_eq!(nodes, definition.nodes.len());
        assert_eq!(text.matches("subgraph").count(), definition.lanes.len() + text.matches("subgraph x").count());
        assert!(!text.contains("%%") && !text.contains("<script") && text.chars().all(is_sayable));
        for line in text.lines() {
            assert_eq!(line.matches('"').count() % 2, 0, "{line}");
            // What stands between quotes has neither brackets that end a shape nor signs that end a text.
            if let Some(inner) = line.split('"').nth(1) {
                assert!(!inner.contains([']', '}', '`', '|', '&']), "{line}");
            }
        }
    }
}
