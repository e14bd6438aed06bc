//! Activities and what waits: each type of node, retries, timeouts, boundaries, what comes late or twice.

use convoke::domain::processes::engine::interpreter::{Happening, Timer, Wish};
use convoke::domain::processes::engine::nodes::{NODE_TYPES, Role};
use serde_json::{Map, Value, json};

use super::super::{definition, line};
use super::{Stand, failed, node, tool};

/// What a node's wish says of its config and its input.
fn wished(stand: &Stand) -> (Map<String, Value>, Map<String, Value>, String) {
    let work = |wish: &Wish| match wish {
        Wish::Work { config, input, key, .. } => Some((config.clone(), input.clone(), key.clone())),
        _ => None,
    };
    stand.open.iter().find_map(work).unwrap()
}

#[test]
fn every_type_that_works_outside_is_wished_for_with_its_expressions_worked_out() {
    let cases = [
        (
            "human_task",
            json!({ "assignee": "= who", "title": "= \"Look at \" + who" }),
            json!({ "assignee": "ada", "title": "Look at ada" }),
        ),
        (
            "agent",
            json!({ "agentId": "a", "message": "= \"Greet \" + who" }),
            json!({ "agentId": "a", "message": "Greet ada" }),
        ),
        ("tool", json!({ "tool": "memory_store" }), json!({ "tool": "memory_store" })),
        (
            "integration",
            json!({ "url": "= \"https://example.org/\" + who", "headers": { "x": "= who" } }),
            json!({ "url": "https://example.org/ada", "headers": { "x": "ada" } }),
        ),
        ("decision", json!({ "ruleSet": "r" }), json!({ "ruleSet": "r" })),
        ("prompt", json!({ "promptId": "p" }), json!({ "promptId": "p" })),
        ("sub_process", json!({ "processId": "s" }), json!({ "processId": "s" })),
    ];
    for (kind, config, told) in &cases {
        let one = json!({ "id": "one", "type": kind, "config": config, "input": { "a": { "b": ["= n + 1", "n"] } }, "output": { "got": "= result.x" } });
        let mut stand = Stand::begun(
            line(json!([one]), json!({ "who": "string", "n": "number", "got": "number" })),
            json!({ "who": "ada", "n": 1 }),
        );
        let (config, input, key) = wished(&stand);
        assert_eq!(Value::Object(config), *told, "{kind}");
        assert_eq!(input["a"], json!({ "b": [2, "n"] }), "{kind}");
        assert_eq!(key, "e1/one/1", "{kind}");
        stand.done("one", json!({ "x": 7 }));
        assert_eq!((stand.end().as_str(), stand.variable("got")), ("completed", &json!(7)), "{kind}");
    }
    // Every other activity is played in a test of its own.
    let played: Vec<&str> = cases.iter().map(|(kind, ..)| *kind).chain(["script", "for_each", "compensate"]).collect();
    for one in NODE_TYPES.iter().filter(|one| one.role == Role::Activity) {
        assert!(played.contains(&one.name), "{} is played by no test", one.name);
    }
}

#[test]
fn a_script_works_its_steps_out_in_order_and_keeps_what_its_output_says() {
    let one = json!({
        "id": "sum", "type": "script", "input": { "rate": "= 0.5" },
        "config": { "steps": [{ "name": "net", "value": "amount * rate" }, { "name": "gross", "value": "= net + 1" }] },
        "output": { "gross": "= result.gross", "all": "= result" },
    });
    let stand = Stand::begun(
        line(json!([one]), json!({ "amount": "number", "gross": "number", "all": "object" })),
        json!({ "amount": 10 }),
    );
    assert_eq!(stand.result(), json!({ "amount": 10, "gross": 6, "all": { "net": 5, "gross": 6 } }));
    assert!(stand.open.is_empty());
}

#[test]
fn expressions_know_the_execution_and_a_key_names_what_happens_once() {
    let one = tool(
        "one",
        json!({ "input": { "text": "= execution.startedBy + \"/\" + execution.processId" }, "idempotencyKey": "= \"order-\" + string(n)" }),
    );
    let stand = Stand::begun(line(json!([one]), json!({ "n": "number" })), json!({ "n": 7 }));
    let (_, input, key) = wished(&stand);
    assert_eq!((&input["text"], key.as_str()), (&json!("ada/tested"), "order-7"));
}

#[test]
fn what_is_given_at_the_start_fits_or_is_refused() {
    let of = || {
        Stand::of(line(
            json!([]),
            json!({ "must": { "schema": { "type": "string" }, "required": true }, "has": { "default": 3 } }),
        ))
    };
    for (given, code) in [
        (json!({}), "variable_missing"),
        (json!({ "must": 1 }), "variable_unfit"),
        (json!({ "must": "a", "other": 1 }), "unknown_variable"),
    ] {
        assert_eq!(of().start(given).unwrap_err().code, code);
    }
    let mut stand = of();
    stand.start(json!({ "must": "a" })).unwrap();
    assert_eq!(stand.result(), json!({ "must": "a", "has": 3 }));
}

#[test]
fn what_may_pass_is_tried_again_with_longer_and_longer_waits() {
    let retry = json!({ "attempts": 4, "wait": "PT10S", "factor": 3, "longest": "PT1M", "jitter": 0 });
    let mut stand = Stand::begun(line(json!([tool("one", json!({ "retry": retry }))]), json!({})), json!({}));
    for (attempt, wait) in [(1, 10), (2, 30), (3, 60)] {
        assert_eq!(stand.works("one"), [(1, None, attempt)]);
        stand.fails("one", "unavailable", true);
        assert_eq!(stand.wakes(), [(std::time::Duration::from_secs(wait), Timer::Retry { item: None })]);
        // What comes meanwhile is of the time before, and late.
        assert!(!stand.take(Happening::Done { token: 1, item: None, attempt: None, result: json!({}) }));
        assert_eq!(stand.passes("PT1M"), 1);
    }
    stand.fails("one", "unavailable", true);
    assert_eq!(stand.end(), "unavailable at one");
    assert_eq!(stand.told("failed").len(), 4);
    assert_eq!(stand.told("began").len(), 4);
}

#[test]
fn only_what_is_meant_is_tried_again() {
    for (on, code, passing, again) in [
        (json!(null), "unavailable", true, true),
        (json!(null), "bad_input", false, false),
        (json!(["bad_input"]), "bad_input", false, true),
        (json!(["bad_input"]), "unavailable", true, false),
    ] {
        let mut retry = json!({ "attempts": 2, "jitter": 0 });
        if !on.is_null() {
            retry["on"] = on.clone();
        }
        let mut stand = Stand::begun(line(json!([tool("one", json!({ "retry": retry }))]), json!({})), json!({}));
        stand.fails("one", code, passing);
        assert_eq!(stand.state.ending.is_none(), again, "{on} {code}");
        if again {
            assert_eq!(stand.wakes()[0].0.as_secs(), 5, "what is not said is five seconds");
        }
    }
    // Chance makes a wait shorter, never longer, and the same one each time.
    let retry = json!({ "attempts": 2, "wait": "PT100S", "jitter": 0.5 });
    let mut stand = Stand::begun(line(json!([tool("one", json!({ "retry": retry }))]), json!({})), json!({}));
    stand.fails("one", "unavailable", true);
    let wait = stand.wakes()[0].0.as_secs_f64();
    assert!((50.0..100.0).contains(&wait), "{wait}");
}

#[test]
fn a_step_that_takes_too_long_fails_is_done_or_is_left_out() {
    let of = |outcome: Value| {
        let mut timeout = json!({ "after": "= \"PT\" + string(n) + \"M\"" });
        timeout.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
        let one = tool("one", json!({ "timeout": timeout, "output": { "got": "= result.x" } }));
        Stand::begun(line(json!([one]), json!({ "n": "number", "got": { "default": 0 } })), json!({ "n": 5 }))
    };
    let mut stand = of(json!({ "outcome": "fail" }));
    assert_eq!(stand.passes("PT4M59S"), 0);
    assert_eq!(stand.passes("PT1S"), 1);
    assert_eq!(stand.end(), "step_timed_out at one");
    let mut stand = of(json!({ "outcome": "complete", "result": { "x": 9 } }));
    stand.passes("PT5M");
    assert_eq!((stand.end().as_str(), stand.variable("got")), ("completed", &json!(9)));
    let mut stand = of(json!({ "outcome": "skip" }));
    stand.passes("PT5M");
    assert_eq!((stand.end().as_str(), stand.variable("got")), ("completed", &json!(0)));
    assert_eq!((stand.told("timedOut"), stand.told("skipped")), (vec!["one".to_owned()], vec!["one".to_owned()]));
    // Done in time: the timer finds nothing, and a second answer neither.
    let mut stand = of(json!({ "outcome": "fail" }));
    stand.done("one", json!({ "x": 1 }));
    assert_eq!(stand.passes("PT5M"), 0);
    assert!(!stand.take(Happening::Done { token: 1, item: None, attempt: None, result: json!({ "x": 2 }) }));
    assert_eq!((stand.end().as_str(), stand.variable("got")), ("completed", &json!(1)));
}

#[test]
fn a_timeout_is_of_its_turn_and_boundaries_outlive_it() {
    let one = tool(
        "one",
        json!({ "timeout": { "after": "PT1M", "outcome": "fail" }, "retry": { "attempts": 9, "wait": "PT1M", "factor": 1, "jitter": 0 } }),
    );
    let late = json!({ "id": "late", "type": "boundary_timeout", "config": { "attachedTo": "one", "after": "PT5M" } });
    let nodes = json!([node("s", "start"), one, late, node("e", "end"), node("lapsed", "end")]);
    let mut stand = Stand::begun(definition(nodes, "s > one; one > e; late > lapsed", json!({})), json!({}));
    assert_eq!(stand.passes("PT1M"), 1);
    assert_eq!(stand.works("one"), []);
    assert_eq!(stand.passes("PT1M"), 1);
    assert_eq!(stand.works("one"), [(1, None, 2)]);
    // The timer of the first turn, told once more.
    assert!(!stand.take(Happening::Woke { token: 1, timer: Timer::Timeout { item: None, attempt: 1 } }));
    stand.passes("PT3M");
    assert_eq!(stand.end(), "completed");
    assert_eq!(stand.told("entered"), ["s", "one", "late", "lapsed"]);
    assert!(stand.open.is_empty(), "{:?}", stand.open);
}

#[test]
fn a_boundary_that_interrupts_takes_the_token_and_one_that_does_not_goes_beside_it() {
    let of = |config: Value| {
        let mut late = json!({ "attachedTo": "one", "after": "PT1H" });
        late.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        let late = json!({ "id": "late", "type": "boundary_timeout", "config": late });
        let nodes = json!([
            node("s", "start"),
            tool("one", json!({})),
            late,
            tool("remind", json!({})),
            node("e", "end"),
            node("f", "end")
        ]);
        Stand::begun(definition(nodes, "s > one; one > e; late > remind; remind > f", json!({})), json!({}))
    };
    let mut stand = of(json!({}));
    let (token, _) = stand.work("one");
    assert_eq!(stand.passes("PT1H"), 1);
    assert_eq!(stand.places(), ["remind"]);
    assert!(
        !stand.take(Happening::Done { token, item: None, attempt: None, result: json!({}) }),
        "what was given up is late"
    );
    stand.done("remind", json!({}));
    assert_eq!(stand.end(), "completed");

    let mut stand = of(json!({ "interrupting": false, "times": 3 }));
    assert_eq!(stand.passes("PT10H"), 3);
    assert_eq!(stand.places(), ["one", "remind", "remind", "remind"]);
    // Told once more than it may be.
    let timer = Timer::Boundary { node: "late".to_owned() };
    assert!(!stand.take(Happening::Woke { token: 1, timer }));
    stand.done("one", json!({}));
    let left: Vec<_> = stand.works("remind");
    for (token, item, _) in left {
        assert_eq!(stand.state.ending, None);
        assert!(stand.take(Happening::Done { token, item, attempt: None, result: json!({}) }));
    }
    assert_eq!(stand.end(), "completed");
    // Once, where it is not said how often; and not after the activity is done.
    let mut stand = of(json!({ "interrupting": false }));
    assert_eq!(stand.passes("PT10H"), 1);
    let mut stand = of(json!({ "interrupting": false }));
    stand.done("one", json!({}));
    assert_eq!((stand.passes("PT10H"), stand.end().as_str()), (0, "completed"));
}

#[test]
fn a_boundary_error_takes_its_code_before_one_for_all() {
    let of = |catches: &[(&str, Value)]| {
        let mut nodes = vec![node("s", "start"), tool("one", json!({})), node("e", "end")];
        let mut text = "s > one; one > e".to_owned();
        for (id, codes) in catches {
            let config = json!({ "attachedTo": "one", "codes": codes });
            nodes.push(json!({ "id": id, "type": "boundary_error", "config": config, "output": { "why": "= result.code + \": \" + result.message" } }));
            nodes.push(json!({ "id": format!("end_{id}"), "type": "end" }));
            text.extend(["; ", id, " > end_", id]);
        }
        Stand::begun(definition(nodes.into(), &text, json!({ "why": "string" })), json!({}))
    };
    let both = [("all", json!([])), ("mine", json!(["not_found", "gone"]))];
    for (code, entered) in [("gone", "end_mine"), ("other", "end_all")] {
        let mut stand = of(&both);
        stand.fails("one", code, false);
        assert_eq!(stand.told("entered").last().unwrap(), entered);
        assert_eq!(
            (stand.end().as_str(), stand.variable("why")),
            ("completed", &json!(format!("{code}: it went wrong")))
        );
    }
    let mut stand = of(&both[1..]);
    stand.fails("one", "other", false);
    assert_eq!(stand.end(), "other at one");
    assert_eq!(stand.places(), ["one"], "what failed stays to be recovered");
}

#[test]
fn what_waits_goes_on_at_its_time_or_when_what_it_waits_for_comes() {
    for (config, span) in [
        (json!({ "after": "PT30M" }), "PT30M"),
        (json!({ "after": "= \"PT\" + string(n) + \"H\"" }), "PT2H"),
        (json!({ "until": "2026-11-20T13:00:00Z" }), "PT1H"),
        (json!({ "until": "2020-01-01T00:00:00Z" }), "PT0S"),
    ] {
        let rest = json!({ "id": "rest", "type": "timer", "config": config });
        let mut stand = Stand::begun(line(json!([rest]), json!({ "n": "number" })), json!({ "n": 2 }));
        assert_eq!(stand.end(), "waits at rest");
        assert_eq!(stand.passes(span), 1, "{config}");
        assert_eq!(stand.end(), "completed");
    }
    let rest = json!({ "id": "rest", "type": "timer", "config": { "after": "= n" } });
    let stand = Stand::begun(line(json!([rest]), json!({ "n": "number" })), json!({ "n": 2 }));
    assert_eq!(stand.end(), "expression_failed at rest");

    let wait = json!({ "event": "order.paid", "correlationKey": "order", "condition": "result.amount >= 10" });
    let word = json!({ "id": "word", "type": "wait", "config": wait, "output": { "paid": "= result.amount" }, "timeout": { "after": "P1D", "outcome": "skip" } });
    let begun =
        || Stand::begun(line(json!([word]), json!({ "order": "number", "paid": "number" })), json!({ "order": 7 }));
    let mut stand = begun();
    let Some(Wish::Listen { token, event, message, key, .. }) = stand.open.first().cloned() else { panic!() };
    assert_eq!((event.as_deref(), message, key.as_deref()), (Some("order.paid"), None, Some("7")));
    assert!(!stand.take(Happening::Came { token, payload: json!({ "amount": 9 }) }), "the condition does not hold");
    assert!(stand.take(Happening::Came { token, payload: json!({ "amount": 10 }) }));
    assert!(!stand.take(Happening::Came { token, payload: json!({ "amount": 11 }) }), "a second one is late");
    assert_eq!((stand.end().as_str(), stand.variable("paid")), ("completed", &json!(10)));
    let mut stand = begun();
    assert_eq!(stand.passes("P1D"), 1);
    assert_eq!((stand.end(), stand.told("skipped")), ("completed".to_owned(), vec!["word".to_owned()]));
}

#[test]
fn ends_say_what_is_answered_and_fail_or_end_all() {
    let parted = |end: Value| {
        let nodes = json!([node("s", "start"), node("p", "parallel"), tool("one", json!({})), tool("two", json!({})), end,
            { "id": "e", "type": "end", "config": { "result": { "by": "e", "n": "= n + 1" } } }]);
        Stand::begun(
            definition(nodes, "s > p; p > one; p > two; one > z; two > e", json!({ "n": "number" })),
            json!({ "n": 1 }),
        )
    };
    let mut stand = parted(json!({ "id": "z", "type": "end", "config": { "result": { "by": "z", "more": true } } }));
    stand.done("two", json!({}));
    stand.done("one", json!({}));
    assert_eq!(stand.result(), json!({ "by": "z", "n": 2, "more": true }));

    let mut stand = parted(json!({ "id": "z", "type": "end", "config": { "kind": "terminate" } }));
    stand.done("one", json!({}));
    assert_eq!((stand.end().as_str(), stand.open.len()), ("completed", 0));
    assert!(!stand.take(Happening::Done { token: 4, item: None, attempt: None, result: json!({}) }));

    let error = json!({ "kind": "error", "code": "rejected", "message": "= \"for \" + string(n)" });
    let mut stand = parted(json!({ "id": "z", "type": "end", "config": error }));
    let (two, _) = stand.work("two");
    stand.done("one", json!({}));
    assert_eq!((stand.end().as_str(), stand.open.len()), ("rejected at z", 0));
    assert!(!stand.take(failed(two, None, "late", false)), "after the end nothing is taken");
    assert_eq!(stand.told("ended"), [" failed"]);
}
