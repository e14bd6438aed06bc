//! Executions that go over to another version of their process: what was begun is answered there, and nothing is lost on the way.

use convoke::domain::processes::engine::interpreter::{Happening, Plan, Recovery, Wish, judged_from};
use convoke::domain::processes::engine::validation::{Finding, Level};
use serde_json::{Value, json};

use super::super::{definition, line};
use super::{Stand, failed, node, tool};

#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn plan(nodes: Value, more: Value) -> Plan {
    let names = |value: &Value| serde_json::from_value(value.clone()).unwrap_or_default();
    let variables = more["variables"].as_object().cloned().unwrap_or_default();
    let forget = serde_json::from_value(more["forget"].clone()).unwrap_or_default();
    Plan { nodes: names(&nodes), edges: names(&more["edges"]), variables, forget }
}

fn renamed(before: &str, after: &str) -> Plan {
    plan(json!({ before: after }), json!({}))
}

/// Goes over; the errors' rules and nodes, and those of warnings.
fn over(stand: &mut Stand, to: Value, plan: &Plan) -> (Vec<String>, Vec<String>) {
    let before = std::mem::replace(&mut stand.graph, Stand::of(to).graph);
    let (mut findings, standing) = stand.play(|play| play.migrate(&before, plan));
    if findings.iter().all(|one| one.level != Level::Error) {
        findings.extend(judged_from(&stand.graph, &standing));
    }
    let told = |level: Level| {
        let of = |one: &&Finding| one.level == level;
        let name = |one: &Finding| format!("{} {}", one.rule, one.node.as_deref().unwrap_or(&one.at));
        findings.iter().filter(of).map(name).collect()
    };
    (told(Level::Error), told(Level::Warning))
}

fn none() -> (Vec<String>, Vec<String>) {
    (Vec::new(), Vec::new())
}

#[test]
fn what_is_under_way_is_answered_in_the_new_version_and_goes_on_there() {
    let after = line(json!([tool("decide", json!({})), tool("tell", json!({}))]), json!({}));
    let mut stand = Stand::begun(line(json!([tool("ask", json!({}))]), json!({})), json!({}));
    let mut lost = Stand::begun(line(json!([tool("ask", json!({}))]), json!({})), json!({}));
    assert_eq!(over(&mut lost, after.clone(), &Plan::default()).0, ["node_missing ask"]);
    assert_eq!(over(&mut stand, after, &renamed("ask", "decide")), none());
    // The work was wished for by its old name; it is the token that is answered.
    assert!(stand.take(Happening::Done { token: 1, item: None, attempt: Some(1), result: json!({}) }));
    assert_eq!(stand.end(), "waits at tell");
    stand.done("tell", json!({}));
    assert_eq!(stand.end(), "completed");
    assert!(stand.state.passed.contains("decide") && !stand.state.passed.contains("ask"));
}

#[test]
fn a_node_of_another_type_or_of_no_way_takes_in_nobody() {
    let begun = || Stand::begun(line(json!([tool("ask", json!({}))]), json!({})), json!({}));
    let timer = json!({ "id": "ask", "type": "timer", "config": { "after": "PT1H" } });
    let to = line(json!([timer, tool("other", json!({}))]), json!({}));
    assert_eq!(over(&mut begun(), to.clone(), &Plan::default()).0, ["node_type_differs ask"]);
    assert_eq!(over(&mut begun(), to.clone(), &renamed("ask", "nowhere")).0[0], "plan_unknown /nodes/ask");
    assert_eq!(over(&mut begun(), to.clone(), &renamed("asked", "other")).0[0], "plan_unknown /nodes/asked");
    let all = json!({ "id": "all", "type": "for_each", "config": { "items": "[1]", "as": "one", "node": "ask" } });
    let body = definition(
        json!([node("s", "start"), all, tool("ask", json!({})), node("e", "end")]),
        "s > all; all > e",
        json!({}),
    );
    assert_eq!(over(&mut begun(), body, &Plan::default()).0, ["node_role_differs ask"]);
}

/// Two ways that meet; one has come.
fn meeting() -> Stand {
    let nodes = json!([
        node("s", "start"),
        node("part", "parallel"),
        tool("a", json!({})),
        tool("b", json!({})),
        node("meet", "parallel"),
        node("e", "end"),
    ]);
    let mut stand = Stand::begun(
        definition(nodes, "s > part; part > a; part > b; a > meet; b > meet; meet > e", json!({})),
        json!({}),
    );
    stand.done("a", json!({}));
    assert_eq!(stand.end(), "waits at b meet");
    stand
}

#[test]
fn what_waits_at_a_join_waits_there_by_the_edge_that_takes_the_place_of_its_own() {
    let nodes = json!([
        node("s", "start"),
        node("part", "parallel"),
        tool("a2", json!({})),
        tool("b", json!({})),
        node("join", "parallel"),
        node("e", "end"),
    ]);
    let to = definition(nodes, "s > part; part > a2; part > b; a2 > join; b > join; join > e", json!({}));
    let mut stand = meeting();
    assert_eq!(over(&mut stand, to.clone(), &plan(json!({ "meet": "join", "a": "a2" }), json!({}))), none());
    stand.done("b", json!({}));
    assert_eq!(stand.end(), "completed");
    // Without a word of `a` nobody knows by which edge the token waits.
    let mut stand = meeting();
    assert_eq!(over(&mut stand, to.clone(), &renamed("meet", "join")).0, ["edge_missing meet"]);
    let mut stand = meeting();
    let edges = json!({ "edges": { "a--meet": "a2--join" } });
    assert_eq!(over(&mut stand, to.clone(), &plan(json!({ "meet": "join" }), edges)), none());
    // Two tokens by one edge are one too many.
    let mut stand = meeting();
    let edges = json!({ "edges": { "a--meet": "b--join" } });
    assert!(over(&mut stand, to, &plan(json!({ "meet": "join" }), edges)).0.iter().any(|one| one == "no_end join"));
}

#[test]
fn a_join_that_would_wait_for_ever_is_found_and_one_that_has_all_goes_on() {
    let wide = |text: &str| {
        let nodes = json!([
            node("s", "start"),
            node("part", "parallel"),
            tool("a", json!({})),
            tool("b", json!({})),
            tool("c", json!({})),
            node("meet", "parallel"),
            node("e", "end"),
        ]);
        definition(nodes, text, json!({}))
    };
    // The third way parts where the tokens have been already.
    let three = wide("s > part; part > a; part > b; part > c; a > meet; b > meet; c > meet; meet > e");
    assert_eq!(over(&mut meeting(), three, &Plan::default()).0, ["no_end meet"]);
    // The third way comes after them.
    let mut stand = meeting();
    let later = wide("s > part; part > a; part > b; a > meet; b > c; c > meet; meet > e");
    assert_eq!(over(&mut stand, later, &Plan::default()), none());
    stand.done("b", json!({}));
    stand.done("c", json!({}));
    assert_eq!(stand.end(), "completed");
    // The join has one way less, on which alone the other could come.
    let nodes = json!([
        node("s", "start"),
        node("meet", "parallel"),
        tool("a", json!({})),
        tool("b", json!({})),
        node("e", "end")
    ]);
    let mut stand = meeting();
    let one = definition(nodes, "s > a; a > meet; meet > b; b > e", json!({}));
    let (errors, _) = over(&mut stand, one, &Plan::default());
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(stand.places(), ["b", "b"], "what waited at the join goes on at once");
}

#[test]
fn a_list_goes_on_where_its_items_are() {
    let list = |all: &str, body: Value| {
        let id = body["id"].clone();
        let each = json!({ "id": all, "type": "for_each", "config": { "items": "[1, 2, 3]", "as": "one", "node": id, "mode": "parallel", "atOnce": 2 } });
        definition(
            json!([node("s", "start"), each, body, node("e", "end")]),
            &format!("s > {all}; {all} > e"),
            json!({}),
        )
    };
    let mut stand = Stand::begun(list("all", tool("body", json!({}))), json!({}));
    assert_eq!(over(&mut stand, list("each", tool("part", json!({}))), &renamed("all", "each")), none());
    assert_eq!(stand.state.does(&stand.graph, 1, Some(1)), stand.graph.find("part"));
    for item in 0..3 {
        assert!(
            stand.take(Happening::Done { token: 1, item: Some(item), attempt: Some(1), result: json!(item) }),
            "{item}"
        );
    }
    assert_eq!(stand.end(), "completed");
    let mut stand = Stand::begun(list("all", tool("body", json!({}))), json!({}));
    let person = json!({ "id": "body", "type": "human_task", "config": { "assignee": "ada" } });
    assert_eq!(over(&mut stand, list("all", person), &Plan::default()).0, ["node_type_differs body"]);
}

#[test]
fn what_can_be_undone_still_can_or_it_is_refused() {
    let booking = |name: &str, with: bool| {
        let mut nodes = vec![node("s", "start"), tool(name, json!({})), tool("word", json!({})), node("e", "end")];
        if with {
            nodes.push(json!({ "id": "un", "type": "compensation", "config": { "attachedTo": name, "by": "undo" } }));
            nodes.push(tool("undo", json!({})));
        }
        definition(nodes.into(), &format!("s > {name}; {name} > word; word > e"), json!({}))
    };
    let begun = || {
        let mut stand = Stand::begun(booking("book", true), json!({}));
        stand.done("book", json!({}));
        stand
    };
    assert_eq!(over(&mut begun(), booking("book", false), &Plan::default()).0, ["undoing_missing book"]);
    let mut stand = begun();
    assert_eq!(over(&mut stand, booking("hold", true), &renamed("book", "hold")), none());
    stand.play(|play| {
        play.compensate();
    });
    stand.done("undo", json!({}));
    assert_eq!((stand.end().as_str(), stand.told("undone")), ("compensated", vec!["s hold".to_owned()]));
    // In the middle of it.
    let mut stand = begun();
    stand.play(|play| {
        play.compensate();
    });
    assert_eq!(over(&mut stand, booking("hold", true), &renamed("book", "hold")), none());
    stand.done("undo", json!({}));
    assert_eq!(stand.end(), "compensated");
}

#[test]
fn times_that_were_waited_for_keep_their_moment_and_new_ones_count_from_now() {
    let with = |boundary: Option<(&str, &str)>, limit: Value| {
        let mut more = json!({});
        if !limit.is_null() {
            more["timeout"] = json!({ "after": limit, "outcome": "complete", "result": {} });
        }
        let mut nodes = vec![node("s", "start"), tool("ask", more), node("e", "end")];
        let mut text = "s > ask; ask > e".to_owned();
        if let Some((id, after)) = boundary {
            nodes.push(
                json!({ "id": id, "type": "boundary_timeout", "config": { "attachedTo": "ask", "after": after } }),
            );
            nodes.push(tool("late", json!({})));
            nodes.push(node("missed", "end"));
            for part in ["; ", id, " > late; late > missed"] {
                text.push_str(part);
            }
        }
        definition(nodes.into(), &text, json!({}))
    };
    // A boundary by another name.
    let mut stand = Stand::begun(with(Some(("day", "P1D")), Value::Null), json!({}));
    assert_eq!(stand.passes("PT20H"), 0);
    assert_eq!(over(&mut stand, with(Some(("limit", "P1D")), Value::Null), &renamed("day", "limit")), none());
    assert_eq!((stand.passes("PT3H"), stand.end()), (0, "waits at ask".to_owned()));
    assert_eq!((stand.passes("PT2H"), stand.end()), (1, "waits at late".to_owned()), "once, at the moment that it had");
    // A new one.
    let mut stand = Stand::begun(with(None, Value::Null), json!({}));
    stand.passes("PT20H");
    assert_eq!(over(&mut stand, with(Some(("limit", "P1D")), Value::Null), &Plan::default()).1, ["boundary_new ask"]);
    assert_eq!((stand.passes("PT23H"), stand.passes("PT2H"), stand.end()), (0, 1, "waits at late".to_owned()));
    // One that is gone.
    let mut stand = Stand::begun(with(Some(("day", "P1D")), Value::Null), json!({}));
    assert_eq!(over(&mut stand, with(None, Value::Null), &Plan::default()).1, ["boundary_gone day"]);
    assert_eq!((stand.passes("P2D"), stand.end()), (0, "waits at ask".to_owned()));
    // A time limit that was not there.
    let mut stand = Stand::begun(with(None, Value::Null), json!({}));
    assert_eq!(over(&mut stand, with(None, json!("PT1H")), &Plan::default()).1, ["limit_new ask"]);
    assert_eq!((stand.passes("PT2H"), stand.end()), (1, "completed".to_owned()));
}

#[test]
fn what_the_new_version_does_not_know_is_given_up_by_name_and_what_it_demands_is_given() {
    let with = |variables: Value| line(json!([tool("ask", json!({}))]), variables);
    let begun = || Stand::begun(with(json!({ "old": "string", "sum": "number" })), json!({ "old": "x", "sum": 7 }));
    let to = || {
        with(
            json!({ "sum": "string", "must": { "schema": { "type": "integer" }, "required": true }, "made": { "default": 3 } }),
        )
    };
    let mut errors = over(&mut begun(), to(), &Plan::default()).0;
    errors.sort();
    assert_eq!(
        errors,
        ["variable_missing /variables/must", "variable_unfit /variables/sum", "variable_unknown /variables/old"]
    );
    let mut stand = begun();
    let more = json!({ "variables": { "sum": "7", "must": 1 }, "forget": ["old"] });
    assert_eq!(over(&mut stand, to(), &plan(json!({}), more)), none());
    assert_eq!(Value::Object(stand.state.variables.clone()), json!({ "sum": "7", "must": 1, "made": 3 }));
}

#[test]
fn what_listens_listens_for_what_the_new_version_says_with_the_key_that_it_has() {
    let with = |message: &str| {
        line(
            json!([{ "id": "word", "type": "wait", "config": { "message": message, "correlationKey": "order" } }]),
            json!({ "order": "string" }),
        )
    };
    let mut stand = Stand::begun(with("paid"), json!({ "order": "A-7" }));
    stand.open.clear();
    assert_eq!(over(&mut stand, with("settled"), &Plan::default()).1, ["waits_for_other word"]);
    let [Wish::Listen { message, key, .. }] = stand.open.as_slice() else { panic!("{:?}", stand.open) };
    assert_eq!((message.as_deref(), key.as_deref()), (Some("settled"), Some("A-7")));
    assert!(stand.take(Happening::Came { token: 1, payload: json!({}) }));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn a_call_to_another_server_is_not_taken_over_while_it_is_under_way() {
    let with = |url: &str| {
        line(json!([{ "id": "call", "type": "integration", "config": { "url": url, "credential": "crm" } }]), json!({}))
    };
    let mut stand = Stand::begun(with("https://one.example.org/a"), json!({}));
    assert_eq!(over(&mut stand, with("https://two.example.org/a"), &Plan::default()).0, ["call_under_way call"]);
    let mut stand = Stand::begun(with("https://one.example.org/a"), json!({}));
    assert_eq!(
        over(&mut stand, with("https://one.example.org/b"), &Plan::default()),
        (Vec::new(), vec!["begun_as_before call".to_owned()])
    );
}

#[test]
fn one_that_failed_is_recovered_in_the_version_that_is_mended() {
    let mut stand = Stand::begun(line(json!([tool("ask", json!({}))]), json!({})), json!({}));
    assert!(stand.take(failed(1, None, "gone", false)));
    assert_eq!(stand.end(), "gone at ask");
    let journal = stand.journal.len();
    assert_eq!(
        over(&mut stand, line(json!([tool("mended", json!({}))]), json!({})), &renamed("ask", "mended")),
        none()
    );
    assert_eq!(
        (stand.end().as_str(), stand.journal.len()),
        ("gone at mended", journal),
        "it is not told to have failed once more"
    );
    stand.play(|play| play.recover(Recovery::Retry, serde_json::Map::new())).unwrap();
    stand.done("mended", json!({}));
    assert_eq!(stand.end(), "completed");
}
