//! Definitions for tests: one with a node of every type, and any number by chance, with names that are meant to do harm.

use serde_json::{Map, Value, json};

use super::definition::{Definition, Edge, Lane, Node, Retry, Timeout, TimeoutOutcome, Variable};

/// Numbers by chance, the same for the same seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// Names that are meant to do harm.
pub(super) const NAMES: &[&str] = &[
    "",
    "Approve",
    "<script>alert(1)</script>",
    "\"quoted\" & 'single' -->",
    "]]>",
    "bell\u{7}, null\u{0}, escape\u{1b}, \u{FFFE}",
    "אישור הוצאה \u{202E}txt.exe",
    "two\nlines\r\nand\ta tab",
    " spaces around  and   within ",
    "end; subgraph x[ } %% {{",
    "a very long name a very long name a very long name a very long name a very long name a very long name a very long name",
    "💥💥💥 👩‍👩‍👧",
    "`#quot;` &lt;b&gt;",
    "= not an expression",
    "- no: list # nor comment",
];

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

pub(super) fn node(id: &str, kind: &str, config: Value) -> Node {
    Node { id: id.into(), kind: kind.into(), config: map(config), ..Node::default() }
}

pub(super) fn edge(from: &str, to: &str) -> Edge {
    Edge { from: from.into(), to: to.into(), ..Edge::default() }
}

/// A node of every type.
fn nodes_of_every_type() -> Vec<Node> {
    vec![
        node("begin", "start", json!({})),
        node(
            "ask",
            "human_task",
            json!({ "assignee": "manager", "form": { "type": "object", "properties": { "ok": { "type": "boolean" } } }, "due": "P2D", "priority": 70 }),
        ),
        node("think", "agent", json!({ "agentId": "researcher", "message": "= \"Look into \" + topic" })),
        node("store", "tool", json!({ "tool": "memory_store" })),
        node("forget", "tool", json!({ "tool": "memory_delete" })),
        node(
            "call",
            "integration",
            json!({ "method": "PUT", "url": "https://example.com/x?a=1&b=2", "headers": { "x-a": "1", "x-b": "= topic" }, "expect": [200, 404] }),
        ),
        node("decide", "decision", json!({ "ruleSet": "limits", "decision": "level", "version": "2" })),
        node(
            "work_out",
            "script",
            json!({ "steps": [{ "name": "a", "value": "1 < 2 and amount > 3" }, { "name": "b", "value": "if a then \"x\" else \"y\"" }] }),
        ),
        node("ask_model", "prompt", json!({ "promptId": "summary", "version": "production" })),
        node("other", "sub_process", json!({ "processId": "billing", "version": "3" })),
        node(
            "each",
            "for_each",
            json!({ "items": "= orders", "as": "order", "node": "one", "mode": "parallel", "atOnce": 3, "onFault": "collect" }),
        ),
        node("one", "tool", json!({ "tool": "order_check" })),
        node("choose", "exclusive", json!({})),
        node("join", "exclusive", json!({})),
        node("all", "parallel", json!({})),
        node("all_there", "parallel", json!({})),
        node("some", "inclusive", json!({})),
        node("some_there", "inclusive", json!({})),
        node("pause", "timer", json!({ "after": "PT5M" })),
        node("until", "timer", json!({ "until": "2030-01-01T00:00:00Z" })),
        node("monday", "timer", json!({ "next": "0 9 * * MON" })),
        node("letter", "wait", json!({ "message": "answer", "correlationKey": "= topic", "condition": "result.ok" })),
        node("signal", "wait", json!({ "event": "document.uploaded" })),
        node(
            "late",
            "boundary_timeout",
            json!({ "attachedTo": "ask", "after": "P1D", "interrupting": false, "times": 3 }),
        ),
        node("too_late", "boundary_timeout", json!({ "attachedTo": "think", "after": "PT1H" })),
        node("wrong", "boundary_error", json!({ "attachedTo": "call", "codes": ["unreachable", "timed_out"] })),
        node("any_wrong", "boundary_error", json!({ "attachedTo": "store" })),
        node("undo", "compensation", json!({ "attachedTo": "store", "by": "forget" })),
        node("take_back", "compensate", json!({ "only": ["store"] })),
        node("done", "end", json!({ "result": { "total": "= amount", "list": [1, null, { "a": true }] } })),
        node("failed", "end", json!({ "kind": "error", "code": "rejected", "message": "It was not wanted" })),
        node("stop", "end", json!({ "kind": "terminate" })),
    ]
}

/// Ways between them.
fn ways_of_every_type() -> Vec<Edge> {
    let mut edges: Vec<Edge> = [
        ("begin", "ask"),
        ("ask", "choose"),
        ("choose", "think"),
        ("choose", "call"),
        ("choose", "failed"),
        ("think", "join"),
        ("call", "join"),
        ("too_late", "join"),
        ("wrong", "take_back"),
        ("take_back", "stop"),
        ("join", "all"),
        ("all", "store"),
        ("all", "decide"),
        ("all", "each"),
        ("store", "all_there"),
        ("decide", "work_out"),
        ("work_out", "ask_model"),
        ("ask_model", "all_there"),
        ("each", "all_there"),
        ("any_wrong", "stop"),
        ("all_there", "some"),
        ("some", "other"),
        ("some", "pause"),
        ("some", "until"),
        ("other", "some_there"),
        ("pause", "some_there"),
        ("until", "some_there"),
        ("some_there", "letter"),
        ("letter", "signal"),
        ("signal", "monday"),
        ("monday", "done"),
        ("late", "stop"),
    ]
    .into_iter()
    .map(|(from, to)| edge(from, to))
    .collect();
    edges[2].condition = Some("amount > 100 and topic != \"<none>\"".into());
    edges[2].name = "much".into();
    edges[3].condition = Some("= amount <= 100".into());
    edges[4].default = true;
    edges[5].id = "my-own".into();
    edges[21].condition = Some("true".into());
    edges[22].condition = Some("amount < 1".into());
    edges[23].default = true;
    edges
}

/// A node of every type, and every field.
pub(super) fn every_type() -> Definition {
    let (mut nodes, edges) = (nodes_of_every_type(), ways_of_every_type());
    nodes[1].name = "Ask the manager".into();
    nodes[1].description = "Ask, with all that is known.\nTwice if need be.".into();
    nodes[1].input = map(json!({ "topic": "= topic", "n": 2, "deep": { "a": ["= x", null, 1.5] } }));
    nodes[1].output = map(json!({ "ok": "= result.ok" }));
    nodes[1].retry = Some(Retry {
        attempts: 3,
        wait: Some("PT5S".into()),
        factor: Some(1.5),
        longest: Some("PT1M".into()),
        jitter: Some(0.1),
        on: Some(vec!["busy".into()]),
    });
    nodes[1].timeout =
        Some(Timeout { after: "PT1H".into(), outcome: TimeoutOutcome::Complete, result: Some(json!({ "ok": false })) });
    nodes[1].idempotency_key = Some("= topic".into());
    nodes[1].permissions = Some(vec!["memory:read".into(), "documents:*".into()]);
    nodes[1].lane = Some("boss".into());
    nodes[6].lane = Some("house".into());
    nodes[23].lane = Some("boss".into());
    let variable = |schema: Value, default: Option<Value>| Variable {
        schema: map(schema),
        description: "What & why".into(),
        required: default.is_none(),
        default,
    };
    Definition {
        nodes,
        edges,
        variables: [
            ("amount".to_owned(), variable(json!({ "type": "number", "minimum": 0 }), Some(json!(12.5)))),
            ("topic".to_owned(), variable(json!({ "type": "string" }), None)),
            ("orders".to_owned(), variable(json!({}), Some(json!([])))),
        ]
        .into(),
        lanes: vec![
            Lane { id: "boss".into(), name: "The boss".into() },
            Lane { id: "house".into(), name: String::new() },
            Lane { id: "empty".into(), name: "Nobody".into() },
        ],
    }
}

/// One by chance: mostly a process as it may be, with harmful names. It need not be sound.
pub(super) fn by_chance(seed: u64) -> Definition {
    let mut chance = Chance::of(seed);
    let lanes: Vec<Lane> = (0..chance.below(5))
        .map(|number| Lane { id: format!("lane{number}"), name: chance.pick(NAMES).into() })
        .collect();
    let count = 2 + chance.below(40);
    let kinds = [
        "tool",
        "human_task",
        "exclusive",
        "parallel",
        "inclusive",
        "timer",
        "wait",
        "end",
        "script",
        "agent",
        "compensate",
        "decision",
    ];
    let mut nodes = vec![node("n0", "start", json!({}))];
    for number in 1..count {
        let kind = chance.pick(&kinds);
        let config = match kind {
            "tool" => json!({ "tool": chance.pick(NAMES) }),
            "human_task" => json!({ "assignee": chance.pick(NAMES) }),
            "timer" => json!({ "after": "PT5M" }),
            "wait" => json!({ "message": chance.pick(NAMES) }),
            "agent" => json!({ "agentId": "a", "message": chance.pick(NAMES) }),
            "script" => json!({ "steps": [{ "name": "a", "value": chance.pick(NAMES) }] }),
            "decision" => json!({ "ruleSet": "r" }),
            "end" => chance.pick(&[json!({}), json!({ "kind": "terminate" }), json!({ "kind": "error", "code": "x" })]),
            _ => json!({}),
        };
        nodes.push(node(&format!("n{number}"), kind, config));
    }
    let is_activity =
        |node: &Node| matches!(node.kind.as_str(), "tool" | "human_task" | "script" | "agent" | "decision");
    let mut edges = Vec::new();
    let ends: Vec<String> = nodes.iter().map(|node| node.id.clone()).collect();
    for _ in 0..chance.below(count * 2) {
        edges.push(edge(&chance.pick(&ends), &chance.pick(&ends)));
    }
    let hosts: Vec<String> = nodes.iter().filter(|node| is_activity(node)).map(|node| node.id.clone()).collect();
    for number in 0..if hosts.is_empty() { 0 } else { chance.below(8) } {
        let (host, id) = (chance.pick(&hosts), format!("x{number}"));
        let one = match chance.below(4) {
            0 => node(
                &id,
                "boundary_timeout",
                json!({ "attachedTo": host, "after": "PT1H", "interrupting": chance.below(2) == 0 }),
            ),
            1 => node(&id, "boundary_error", json!({ "attachedTo": host, "codes": ["a", "b"] })),
            2 => {
                nodes.push(node(&format!("u{number}"), "tool", json!({ "tool": "undo" })));
                node(&id, "compensation", json!({ "attachedTo": host, "by": format!("u{number}") }))
            }
            _ => {
                nodes.push(node(&format!("b{number}"), "tool", json!({ "tool": "one" })));
                node(&id, "for_each", json!({ "items": "list", "as": "item", "node": format!("b{number}") }))
            }
        };
        edges.push(edge(&id, &chance.pick(&ends)));
        nodes.push(one);
    }
    for node in &mut nodes {
        node.name = chance.pick(NAMES).into();
        node.description = chance.pick(NAMES).into();
        if !lanes.is_empty() && chance.below(4) > 0 {
            node.lane = Some(chance.pick(&lanes).id);
        }
        if chance.below(4) == 0 {
            node.input =
                map(json!({ "a": chance.pick(NAMES), "b": [1, 2.5, null, true, { "c": chance.pick(NAMES) }] }));
            node.output = map(json!({ "v": "= result" }));
        }
    }
    for edge in &mut edges {
        edge.name = chance.pick(NAMES).into();
        match chance.below(5) {
            0 => edge.condition = Some("amount > 3 and name = \"x\" or a<b".into()),
            1 => edge.default = true,
            _ => {}
        }
    }
    Definition { nodes, edges, lanes, ..Definition::default() }
}

/// A large one: ways part and meet again, some go back, some far ahead.
pub(super) fn large(count: usize) -> Definition {
    let mut chance = Chance::of(7);
    let kinds = ["tool", "exclusive", "tool", "human_task", "parallel"];
    let nodes: Vec<Node> = (0..count)
        .map(|number| Node {
            lane: Some(format!("lane{}", number % 5)),
            name: format!("Step {number}"),
            ..node(&format!("n{number}"), if number == 0 { "start" } else { kinds[number % 5] }, json!({}))
        })
        .collect();
    let mut edges = Vec::new();
    for number in 1..count {
        edges.push(edge(&format!("n{}", number.saturating_sub(1 + chance.below(6))), &format!("n{number}")));
        if chance.below(3) == 0 {
            edges.push(edge(&format!("n{number}"), &format!("n{}", chance.below(count))));
        }
    }
    let lanes = (0..5).map(|number| Lane { id: format!("lane{number}"), name: format!("Lane {number}") }).collect();
    Definition { nodes, edges, lanes, ..Definition::default() }
}
