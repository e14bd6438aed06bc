//! Random graphs that the search calls sound: each play of them ends, with no token left and a journal whose counts agree with the edges.

use std::collections::BTreeMap;

use convoke::domain::processes::engine::interpreter::{Ending, Happening, Wish};
use convoke::domain::processes::engine::nodes::Role;
use convoke::domain::processes::engine::validation::{Soundness, judge};
use serde_json::{Value, json};

use super::{LANGUAGE, Stand, failed, node, tool};

/// Small numbers from a seed.
struct Dice(u64);

impl Dice {
    fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// A graph on its way.
#[derive(Default)]
struct Draft {
    nodes: Vec<Value>,
    ways: Vec<(String, String)>,
}

impl Draft {
    fn add(&mut self, kind: &str) -> String {
        let id = format!("{}{}", &kind[..1], self.nodes.len());
        self.nodes.push(match kind {
            "tool" => tool(&id, json!({ "output": { "roll": "= result.roll" } })),
            "wait" => json!({ "id": id, "type": "timer", "config": { "after": "PT1M" } }),
            kind => node(&id, kind),
        });
        id
    }

    fn way(&mut self, from: &str, to: &str) {
        self.ways.push((from.to_owned(), to.to_owned()));
    }

    /// Something that is sound by how it is built, between what is before it and what it ends in.
    fn block(&mut self, dice: &mut Dice, before: &str, depth: usize) -> String {
        match if depth == 0 { 0 } else { dice.roll(8) } {
            0 | 1 => {
                let one = self.add(if dice.roll(3) == 0 { "wait" } else { "tool" });
                self.way(before, &one);
                one
            }
            2 => {
                let between = self.block(dice, before, depth - 1);
                self.block(dice, &between, depth - 1)
            }
            kind @ 3..=5 => {
                let kind = ["exclusive", "parallel", "inclusive"][kind - 3];
                let thinks = self.add("tool");
                self.way(before, &thinks);
                let (split, join) = (self.add(kind), self.add(kind));
                self.way(&thinks, &split);
                for _ in 0..2 + dice.roll(2) {
                    let end = self.block(dice, &split, depth - 1);
                    self.way(&end, &join);
                }
                join
            }
            6 => {
                let (head, tail) = (self.add("exclusive"), self.add("exclusive"));
                self.way(before, &head);
                let body = self.block(dice, &head, depth - 1);
                let thinks = self.add("tool");
                self.way(&body, &thinks);
                self.way(&thinks, &tail);
                self.way(&tail, &head);
                tail
            }
            _ => {
                // An activity that may be left by its boundaries.
                let (work, join) = (self.add("tool"), self.add("exclusive"));
                self.way(before, &work);
                let catch = self.add("boundary_error");
                self.nodes.last_mut().unwrap()["config"] = json!({ "attachedTo": work });
                let late = self.add("boundary_timeout");
                self.nodes.last_mut().unwrap()["config"] = json!({ "attachedTo": work, "after": "PT1H" });
                for from in [&work, &catch, &late] {
                    let end = self.block(dice, from, depth - 1);
                    self.way(&end, &join);
                }
                join
            }
        }
    }

    /// With conditions that go by the last number that a tool brought.
    fn definition(self) -> Value {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        let leaving = |id: &str| self.ways.iter().filter(|(from, _)| from == id).count();
        let edge = |(from, to): &(String, String)| {
            let number = count.entry(from.clone()).or_default();
            let (ways, this) = (leaving(from), *number);
            *number += 1;
            let mut edge = json!({ "from": from, "to": to });
            let kind = self.nodes.iter().find(|node| node["id"] == **from).unwrap()["type"].as_str().unwrap();
            match kind {
                "exclusive" | "inclusive" if ways > 1 && this + 1 == ways => edge["default"] = json!(true),
                "exclusive" if ways > 1 => edge["condition"] = json!(format!("modulo(roll, {ways}) = {this}")),
                "inclusive" if ways > 1 => {
                    edge["condition"] = json!(format!("modulo(floor(roll / {}), 2) = 1", 1 << this));
                }
                _ => {}
            }
            edge
        };
        let edges: Vec<Value> = self.ways.iter().map(edge).collect();
        json!({ "nodes": self.nodes, "edges": edges, "variables": { "roll": { "default": 0 } } })
    }
}

/// Built of blocks within blocks.
fn of_blocks(seed: u64) -> Value {
    let mut dice = Dice::of(seed);
    let mut draft = Draft::default();
    let start = draft.add("start");
    let last = draft.block(&mut dice, &start, 4);
    let end = draft.add("end");
    draft.way(&last, &end);
    draft.definition()
}

/// Gateways wired at random, with a tool on each edge, so that every choice is made anew; none where the search does not call it sound.
fn tangled(seed: u64) -> Option<Value> {
    let mut dice = Dice::of(seed);
    let mut draft = Draft::default();
    let start = draft.add("start");
    let count = 3 + dice.roll(5);
    let kinds = ["exclusive", "parallel", "inclusive"];
    let names: Vec<String> = (0..count).map(|_| draft.add(kinds[dice.roll(3)])).collect();
    let way = |draft: &mut Draft, from: &str, to: &str| {
        let between = draft.add("tool");
        draft.way(from, &between);
        draft.way(&between, to);
    };
    way(&mut draft, &start, &names[0]);
    for (number, name) in names.iter().enumerate() {
        for _ in 0..=dice.roll(2) {
            let to = match dice.roll(10) {
                0 if number > 0 => names[dice.roll(number)].clone(),
                1..=7 if number + 1 < count => names[number + 1 + dice.roll(count - number - 1)].clone(),
                _ => draft.add("end"),
            };
            way(&mut draft, name, &to);
        }
    }
    let definition = draft.definition();
    let mut read: convoke::domain::processes::engine::definition::Definition =
        serde_json::from_value(definition.clone()).unwrap();
    read.name_edges();
    let judged = judge(&read.into(), &*LANGUAGE);
    (judged.is_fit() && judged.sound == Some(Soundness::Sound)).then_some(definition)
}

/// Plays to the end: whatever is wished for comes in any order, fails at times, and comes twice at times.
fn played(definition: &Value, seed: u64) -> Stand {
    let mut dice = Dice::of(seed ^ 0x5EED);
    let mut stand = Stand::begun(definition.clone(), json!({ "roll": dice.roll(64) }));
    let mut past: Vec<Happening> = Vec::new();
    let mut happened = 0;
    while stand.state.ending.is_none() {
        happened += 1;
        assert!(happened < 20_000, "it does not end: {definition}");
        assert!(!stand.open.is_empty(), "nothing can happen any more at {:?}: {definition}", stand.places());
        let wish = stand.open.remove(dice.roll(stand.open.len()));
        let happening = match wish {
            Wish::Work { token, item, node, .. } => {
                let id = stand.graph.find(&node).unwrap();
                if stand.graph.nodes[id].boundaries.is_empty() || dice.roll(3) > 0 {
                    Happening::Done { token, item, attempt: None, result: json!({ "roll": dice.roll(64) }) }
                } else {
                    failed(token, item, "gone", false)
                }
            }
            Wish::Wake { token, timer, at } => {
                stand.now = stand.now.max(at);
                Happening::Woke { token, timer }
            }
            other => panic!("{other:?}"),
        };
        stand.take(happening.clone());
        past.push(happening);
        // What was, once more: a token that is gone takes nothing.
        let again = past[dice.roll(past.len())].clone();
        assert!(!stand.take(again.clone()), "{again:?} was taken twice: {definition}");
    }
    stand
}

/// Whether the journal agrees with the edges: what comes to a node is what left those before it.
fn agrees(stand: &Stand, definition: &Value) {
    let counted = |event: &str| {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        stand.told(event).into_iter().for_each(|line| *count.entry(line).or_default() += 1);
        count
    };
    let (entered, done, came, took) = (counted("entered"), counted("done"), counted("came"), counted("took"));
    let of = |count: &BTreeMap<String, usize>, name: &str| count.get(name).copied().unwrap_or(0);
    let graph = &stand.graph;
    let passed = |edge: usize| {
        let from = graph.edges[edge].0;
        let id = &graph.node(from).id;
        match graph.nodes[from].role {
            Role::Exclusive | Role::Inclusive if graph.nodes[from].outgoing.len() > 1 => {
                of(&took, &format!("{id} {}", graph.edge(edge).id))
            }
            Role::Activity => of(&done, id),
            Role::Event => of(&came, id),
            _ => of(&entered, id),
        }
    };
    for (index, linked) in graph.nodes.iter().enumerate() {
        let id = &graph.node(index).id;
        let passed: Vec<usize> = linked.incoming.iter().map(|edge| passed(*edge)).collect();
        let (sum, here) = (passed.iter().sum::<usize>(), of(&entered, id));
        match linked.role {
            Role::Start => assert_eq!(here, 1),
            Role::Boundary | Role::Compensation => {}
            Role::Parallel if passed.len() > 1 => {
                assert!(passed.iter().all(|count| *count == here), "{id}: {passed:?} {here}: {definition}");
            }
            Role::Inclusive if passed.len() > 1 => {
                let most = passed.iter().max().unwrap();
                assert!(here >= *most && here <= sum, "{id}: {passed:?} {here}: {definition}");
            }
            _ => assert_eq!(here, sum, "{id}: {definition}"),
        }
        // Whoever came to an activity left it, by its edge or by a boundary.
        if linked.role == Role::Activity {
            let beside: usize = linked.boundaries.iter().map(|one| of(&entered, &graph.node(*one).id)).sum();
            assert_eq!(here, of(&done, id) + beside, "{id}: {definition}");
        }
    }
}

fn check(definition: &Value, seed: u64) {
    let stand = played(definition, seed);
    assert!(matches!(stand.state.ending, Some(Ending::Completed { .. })), "{}: {definition}", stand.end());
    assert!(stand.state.tokens.is_empty());
    agrees(&stand, definition);
    assert_eq!(stand.told("ended"), [" completed"]);
}

#[test]
fn what_is_built_of_blocks_always_ends_and_leaves_nothing() {
    for seed in 1..150 {
        check(&of_blocks(seed), seed);
    }
}

#[test]
fn what_the_search_calls_sound_always_ends_and_leaves_nothing() {
    let mut found = 0;
    for seed in 1..3_000 {
        if let Some(definition) = tangled(seed) {
            found += 1;
            (0..3).for_each(|more| check(&definition, seed * 8 + more));
        }
    }
    assert!(found > 100, "only {found} are sound");
}
