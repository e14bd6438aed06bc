//! What docs/processes.md says, held against the code.

use std::collections::BTreeSet;
use std::path::Path;

use convoke::domain::processes::engine::nodes::NODE_TYPES;
use regex::Regex;

use crate::tools::{files, text};

/// What stands in backquotes in the rows of a part's table: the first cells, or all.
fn told(part: &str, whole: bool) -> BTreeSet<String> {
    let page = text(Path::new("docs/processes.md"));
    let (_, rest) = page.split_once(&format!("## {part}\n")).unwrap();
    let part = rest.split("\n## ").next().unwrap();
    let quoted = Regex::new("`([A-Za-z_]+)`").unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| if whole { row } else { row.split('|').nth(1).unwrap() });
    cells.flat_map(|cell| quoted.captures_iter(cell).map(|found| found[1].to_owned()).collect::<Vec<_>>()).collect()
}

#[test]
fn every_type_of_node_is_told_with_all_of_its_config() {
    let types: BTreeSet<String> = NODE_TYPES.iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(told("Types of nodes", false), types);
    let all = told("Types of nodes", true);
    for one in NODE_TYPES {
        let schema = (one.schema)();
        for name in schema.get("properties").and_then(|all| all.as_object()).into_iter().flatten().map(|(name, _)| name)
        {
            assert!(all.contains(name), "docs/processes.md does not tell '{name}' of {}", one.name);
        }
    }
}

#[test]
fn every_rule_of_the_checks_is_told() {
    let rule = Regex::new(r#"(?:error|warning)\(\s*"([a-z_]+)""#).unwrap();
    let mut rules = BTreeSet::new();
    for file in files("src/domain/processes/engine/validation", "rs") {
        rules.extend(rule.captures_iter(&text(&file)).map(|found| found[1].to_owned()));
    }
    assert!(rules.len() > 40, "{rules:?}");
    for kind in ["tool", "agent", "prompt", "process", "rule_set"] {
        rules.extend([format!("unknown_{kind}"), format!("unusable_{kind}")]);
    }
    assert_eq!(told("What is checked", false), rules);
}
