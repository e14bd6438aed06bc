//! No text makes the reader of queries panic; what it refuses has a place within the text, and what it understands keeps the limits.
#![no_main]

use convoke::domain::knowledge::engine::cypher::read;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let parameters = json!({ "a": "x", "n": 3, "list": [1, "b", null] });
    let Some(parameters) = parameters.as_object() else { return };
    match read(text, parameters) {
        Ok(query) => {
            assert!(!query.returns.is_empty() && query.variables.len() <= 40);
            let ways = query.matches.iter().flat_map(|one| &one.patterns).flat_map(|one| &one.steps);
            for (relation, _) in ways {
                assert!(relation.hops.is_none_or(|(least, most)| 1 <= least && least <= most && most <= 8));
            }
        }
        Err(refused) => {
            assert!(refused.place.line <= text.matches('\n').count() + 1 && refused.place.column >= 1);
            assert_eq!(refused.outside.is_some(), refused.instead.is_some());
        }
    }
});
