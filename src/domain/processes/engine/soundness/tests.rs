//! The folded search against brute force, on graphs drawn and by chance.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;

use super::net::Net;
use super::*;
use crate::domain::processes::engine::definition::{Definition, Edge, Node};
use crate::domain::processes::engine::nodes::node_type;

/// A graph of a text such as `s>x1 x1>a x1>b a>x2 b>x2 x2>e`. The first letter says the type: s start, e end, z an end that ends all, x exclusive,
/// p parallel, i inclusive, others activities; `a!b>…` is a way out of `a` called `b`, `a?b>…` one beside it.
fn graph(text: &str) -> Graph {
    let mut ids = BTreeSet::new();
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    let mut add = |id: &str, nodes: &mut Vec<Node>, on: Option<(&str, bool)>| {
        if !ids.insert(id.to_owned()) {
            return;
        }
        let (kind, config) = match (on, id.as_bytes()[0]) {
            (Some((on, interrupting)), _) => {
                ("boundary_timeout", json!({ "attachedTo": on, "after": "PT1H", "interrupting": interrupting }))
            }
            (None, b's') => ("start", json!({})),
            (None, b'e') => ("end", json!({})),
            (None, b'z') => ("end", json!({ "kind": "terminate" })),
            (None, b'x') => ("exclusive", json!({})),
            (None, b'p') => ("parallel", json!({})),
            (None, b'i') => ("inclusive", json!({})),
            (None, _) => ("tool", json!({ "tool": "memory_store" })),
        };
        let config = config.as_object().unwrap().clone();
        nodes.push(Node { id: id.to_owned(), kind: kind.to_owned(), config, ..Node::default() });
    };
    for edge in text.split_whitespace() {
        let (from, to) = edge.split_once('>').unwrap();
        let from = if let Some((on, id)) = from.split_once(['!', '?']) {
            add(on, &mut nodes, None);
            add(id, &mut nodes, Some((on, from.contains('!'))));
            id
        } else {
            add(from, &mut nodes, None);
            from
        };
        add(to, &mut nodes, None);
        edges.push(Edge { from: from.to_owned(), to: to.to_owned(), ..Edge::default() });
    }
    let mut definition = Definition { nodes, edges, ..Definition::default() };
    definition.name_edges();
    let configs =
        definition.nodes.iter().map(|node| node_type(&node.kind).unwrap().read(&node.config).unwrap()).collect();
    Graph::of(Arc::new(definition), configs).unwrap()
}

/// The defects of a text's graph: kind and node.
fn defects(text: &str) -> Vec<(DefectKind, String)> {
    let graph = graph(text);
    match judge(&graph) {
        Verdict::Sound => Vec::new(),
        Verdict::Unsound(found) => {
            assert!(!found.is_empty());
            found.into_iter().map(|one| (one.kind, graph.node(one.node).id.clone())).collect()
        }
        Verdict::Unknown => panic!("unknown"),
    }
}

fn left(text: &str) -> usize {
    let mut net = Net::of(&graph(text));
    fold::fold(&mut net);
    net.ties.iter().flatten().count()
}

#[test]
fn what_is_built_of_blocks_is_sound_and_folds_away() {
    for text in [
        "s>a a>e",
        "s>x1 x1>a x1>b a>x2 b>x2 x2>e",
        "s>p1 p1>a p1>b a>p2 b>p2 p2>e",
        "s>i1 i1>a i1>b i1>c a>i2 b>i2 c>i2 i2>e",
        "s>p1 p1>x1 x1>a x1>b a>x2 b>x2 x2>p2 p1>c c>p2 p2>e",
        "s>x1 x1>a a>x2 x2>x1 x2>e",
        "s>a a!t>b b>e1 a>e2",
        "s>a a?t>b b>e1 a>e2",
        "s>p1 p1>a p1>b a>e1 b>e2",
        "s>x1 x1>a x1>b a>e b>z",
        "s>a a!t>b b>x1 a>x1 x1>e",
        "s>p1 p1>x1 p1>a a>x1 x1>e",
    ] {
        assert_eq!(defects(text), [], "{text}");
        assert!(left(text) <= 3, "{text} leaves {}", left(text));
    }
}

/// What becomes of tokens that stand at these nodes, or on these edges.
fn from(text: &str, standing: &str) -> Vec<(DefectKind, String)> {
    let graph = graph(text);
    let stands = |one: &str| match graph.definition.edges.iter().position(|edge| edge.id == one) {
        Some(edge) => Standing::On(edge),
        None => Standing::At(graph.find(one).unwrap()),
    };
    match judge_from(&graph, &standing.split_whitespace().map(stands).collect::<Vec<_>>()) {
        Verdict::Sound => Vec::new(),
        Verdict::Unsound(found) => found.into_iter().map(|one| (one.kind, graph.node(one.node).id.clone())).collect(),
        Verdict::Unknown => panic!("unknown"),
    }
}

#[test]
fn what_stands_in_the_middle_is_judged_from_there() {
    let join = "s>p1 p1>a p1>b a>p2 b>p2 p2>e";
    for fine in ["a b", "a--p2 b", "a--p2 b--p2", "p1", "p2", "e", ""] {
        assert_eq!(from(join, fine), [], "{fine}");
    }
    for (stuck, kind) in [("a", DefectKind::Stuck), ("b--p2", DefectKind::Stuck), ("a a b", DefectKind::Twice)] {
        assert!(from(join, stuck).contains(&(kind, "p2".to_owned())), "{stuck}: {:?}", from(join, stuck));
    }
    // A way that is gone beside an activity may still be gone.
    assert_eq!(from("s>a a?t>b b>e1 a>e2", "a"), []);
    assert_eq!(from("s>a a!t>b b>x1 a>x1 x1>e", "a"), []);
    // What waits for all that may still come.
    let inclusive = "s>i1 i1>a i1>b a>i2 b>i2 i2>e";
    assert_eq!(from(inclusive, "a"), []);
    assert_eq!(from(inclusive, "a--i2 b"), []);
    assert!(matches!(judge_from(&graph(join), &[Standing::On(2), Standing::On(2)]), Verdict::Unknown));
}

#[test]
fn a_join_that_waits_for_a_way_not_taken_is_found_with_that_way() {
    let text = "s>x1 x1>a x1>b a>p2 b>p2 p2>e";
    assert_eq!(defects(text), [(DefectKind::Stuck, "p2".to_owned())]);
    let graph = graph(text);
    let Verdict::Unsound(found) = judge(&graph) else { panic!() };
    let example: Vec<_> = found[0]
        .example
        .iter()
        .map(|(node, edge)| (graph.node(*node).id.as_str(), graph.edge(*edge).to.as_str()))
        .collect();
    assert_eq!(example, [("x1", "a")]);
}

#[test]
fn ways_that_go_at_once_and_meet_without_waiting_are_found() {
    assert_eq!(defects("s>p1 p1>a p1>b a>x2 b>x2 x2>c c>e"), [(DefectKind::Twice, "c".to_owned())]);
    assert_eq!(
        defects("s>a a?t>b b>c a>c c>d d>e").iter().map(|one| one.0).collect::<BTreeSet<_>>(),
        BTreeSet::from([DefectKind::Twice])
    );
}

#[test]
fn an_inclusive_split_needs_a_join_that_knows_what_may_come() {
    let text = "s>i1 i1>a i1>b a>p2 b>p2 p2>e";
    assert_eq!(defects(text), [(DefectKind::Stuck, "p2".to_owned())]);
    // One that waits for as many as there are, behind ways that part again.
    assert_eq!(defects("s>i1 i1>a i1>b i1>x1 x1>c x1>e1 c>i2 a>i2 b>i2 i2>e2"), []);
}

#[test]
fn what_is_tangled_is_searched() {
    // Two parallel ways that cross: sound, and not built of blocks.
    assert_eq!(defects("s>p1 p1>a p1>b a>p2 p2>c p2>p3 b>p3 p3>d c>p4 d>p4 p4>e"), []);
    assert_eq!(defects("s>x1 x1>pa x1>pb pa>xc pa>xd pb>xc pb>xd xc>p9 xd>p9 p9>e"), []);
    // A way back out of a parallel block.
    assert!(!defects("s>x0 x0>p1 p1>a p1>b a>x1 x1>x0 x1>p2 b>p2 p2>e").is_empty());
    // A circle of parallel gateways, which nothing can begin.
    assert!(!defects("s>p1 p1>a a>p2 p2>p1 p2>e").is_empty());
}

#[test]
fn a_terminating_end_takes_what_is_left() {
    assert_eq!(defects("s>p1 p1>a p1>b a>z b>x1 x1>c x1>e c>x1"), []);
}

#[test]
fn ten_thousand_ways_through_are_not_walked_when_they_are_blocks() {
    // Thirty choices in a row, between forty parallel ways: 40 places at once, and 2^30 ways.
    let mut text = "s>p0 ".to_owned();
    for way in 0..40 {
        let mut at = "p0".to_owned();
        for step in 0..8 {
            let (split, join) = (format!("x{way}_{step}a"), format!("x{way}_{step}b"));
            write!(
                text,
                "{at}>{split} {split}>a{way}_{step} {split}>b{way}_{step} a{way}_{step}>{join} b{way}_{step}>{join} "
            )
            .unwrap();
            at = join;
        }
        write!(text, "{at}>p9 ").unwrap();
    }
    text += "p9>e";
    assert_eq!(defects(&text), []);
    assert!(left(&text) <= 2);
}

#[test]
fn too_much_to_search_is_unknown_and_said_so() {
    // Twenty ways at once, each two ways to bring about the same pair of tokens: sound, and not built of blocks.
    let mut text = "s>p0 ".to_owned();
    for way in 0..20 {
        write!(text, "p0>x{way} x{way}>p{way}a x{way}>p{way}b ").unwrap();
        for half in ["a", "b"] {
            write!(text, "p{way}{half}>x{way}c p{way}{half}>x{way}d ").unwrap();
        }
        write!(text, "x{way}c>p{way}e x{way}d>p{way}e p{way}e>p9 ").unwrap();
    }
    text += "p9>e";
    assert_eq!(judge(&graph(&text)), Verdict::Unknown);
}

/// Small numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// A random graph of gateways and activities, each with ways in and out.
fn random(seed: u64) -> Option<String> {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let count = 3 + dice.roll(5);
    let letter = |kind: usize| ["x", "p", "i", "a", "x", "p"][kind];
    let names: Vec<String> = (0..count).map(|number| format!("{}{number}", letter(dice.roll(6)))).collect();
    let mut edges = vec![("s".to_owned(), names[0].clone())];
    for (number, name) in names.iter().enumerate() {
        let ways = if name.starts_with('a') { 1 } else { 1 + dice.roll(2) };
        for _ in 0..ways {
            let to = match dice.roll(10) {
                0 if number > 0 => names[dice.roll(number)].clone(),
                1..=7 if number + 1 < count => names[number + 1 + dice.roll(count - number - 1)].clone(),
                _ => format!("e{number}"),
            };
            edges.push((name.clone(), to));
        }
    }
    let text = edges.iter().map(|(from, to)| format!("{from}>{to}")).collect::<Vec<_>>().join(" ");
    let graph = graph(&text);
    let forth = graph.reached([graph.start], Graph::after);
    let ends = (0..graph.nodes.len()).filter(|index| graph.nodes[*index].outgoing.is_empty());
    let back = graph.reached(ends, Graph::before);
    (forth.iter().all(|one| *one) && back.iter().all(|one| *one)).then_some(text)
}

#[test]
fn folding_changes_no_verdict() {
    let (mut sound, mut unsound) = (0, 0);
    for text in (1..6_000).filter_map(random) {
        let graph = graph(&text);
        let whole = search::search(&Net::of(&graph));
        let folded = judge(&graph);
        match (&whole, &folded) {
            (Verdict::Sound, Verdict::Sound) => sound += 1,
            (Verdict::Unsound(_), Verdict::Unsound(_)) => unsound += 1,
            _ => panic!("{text}: {whole:?} is folded {folded:?}"),
        }
    }
    assert!(sound > 200 && unsound > 200, "{sound} sound, {unsound} unsound");
}
