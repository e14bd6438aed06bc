//! The rules domain.

mod importing;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// Loans: a table over two inputs, a function with a table of its own, a context, an expression over other decisions, a service.
fn loans() -> Value {
    json!({
        "name": "Loans", "description": "Who gets a loan at which rate.",
        "inputs": [
            { "name": "amount", "type": "number", "allowed": "[0..1000000]" },
            { "name": "applicant age", "type": "number" },
            { "name": "since", "type": "date" },
        ],
        "functions": [
            { "name": "rate of", "parameters": [{ "name": "risk", "type": "string" }], "logic": { "table": {
                "hitPolicy": "U", "inputs": [{ "expression": "risk", "allowed": "\"low\", \"high\"" }], "outputs": [{ "name": "rate" }],
                "rules": [{ "when": ["\"low\""], "then": ["0.03"] }, { "when": ["\"high\""], "then": ["0.08"] }],
            } } },
        ],
        "decisions": [
            { "name": "risk", "logic": { "table": {
                "hitPolicy": "U", "inputs": [{ "expression": "amount" }, { "expression": "applicant age" }],
                "outputs": [{ "name": "risk", "allowed": "\"low\", \"high\"" }],
                "rules": [
                    { "when": ["< 1000", "-"], "then": ["\"low\""], "note": "small ones are safe" },
                    { "when": [">= 1000", "< 25"], "then": ["\"high\""] },
                    { "when": [">= 1000", ">= 25"], "then": ["\"low\""] },
                ],
            } } },
            { "name": "terms", "logic": { "context": [
                { "name": "rate", "invocation": { "function": "rate of", "arguments": [{ "name": "risk", "expression": "risk" }] } },
                { "name": "interest", "expression": "amount * rate" },
            ] } },
            { "name": "known for", "logic": { "expression": "(date(\"2026-11-26\") - since).days" } },
        ],
        "services": [{ "name": "quote", "decisions": ["terms"], "given": ["risk"] }],
        "tests": [
            { "name": "young and much", "inputs": { "amount": 5000, "applicant age": 20 }, "expect": { "risk": "high" } },
            { "name": "terms of a small one", "inputs": { "amount": 500 }, "expect": { "terms": { "rate": 0.03, "interest": 15.0 } } },
            { "name": "a quote", "service": "quote", "inputs": { "amount": 100, "risk": "high" }, "expect": { "terms": { "rate": 0.08, "interest": 8 } } },
        ],
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut input = loans();
    *input.pointer_mut(pointer).unwrap() = value;
    input
}

#[tokio::test]
async fn a_rule_set_is_made_asked_changed_and_read_in_every_version() {
    let app = TestApp::start().await;
    let made = app.call(&app.member, "rule_create", loans()).await.unwrap();
    assert_eq!((&made["ruleSetId"], &made["version"], &made["findings"]), (&json!("loans"), &json!(1), &json!([])));
    let graph = json!({ "decision": "terms", "inputs": ["amount"], "decisions": ["risk"], "functions": ["rate of"] });
    assert!(made["graph"].as_array().unwrap().contains(&graph), "{made}");
    let ask = async |input: Value| app.call(&app.member, "rule_evaluate", input).await.unwrap();
    let inputs = json!({ "amount": 5000, "applicant age": 20, "since": "2026-11-01" });
    let all = ask(json!({ "id": "Loans", "inputs": inputs })).await;
    assert_eq!(all["result"], json!({ "terms": { "rate": 0.08, "interest": 400 }, "known for": 25 }));
    let risk = &all["decisions"][0];
    assert_eq!((&risk["decision"], &risk["value"]), (&json!("risk"), &json!("high")));
    let fired = json!([{ "rule": 2, "outputs": ["high"], "because": [
        { "input": "amount", "value": 5000, "test": ">= 1000" }, { "input": "applicant age", "value": 20, "test": "< 25" },
    ] }]);
    assert_eq!(risk["tables"][0]["fired"], fired);
    assert!(risk["tables"][0].get("passedOver").is_none());
    let traced = ask(json!({ "id": "loans", "decision": "risk", "inputs": inputs, "trace": true })).await;
    let passed = json!([
        { "rule": 1, "because": [{ "input": "amount", "value": 5000, "test": "< 1000" }] },
        { "rule": 3, "because": [{ "input": "applicant age", "value": 20, "test": ">= 25" }] },
    ]);
    assert_eq!(traced["decisions"][0]["tables"][0]["passedOver"], passed);
    let quote = ask(json!({ "id": "loans", "decision": "quote", "inputs": { "amount": 100, "risk": "low" } })).await;
    assert_eq!(
        (&quote["result"], quote["decisions"].as_array().unwrap().len()),
        (&json!({ "rate": 0.03, "interest": 3 }), 1)
    );
    let missing = ask(json!({ "id": "loans", "decision": "risk", "inputs": { "amount": 5000 } })).await;
    assert_eq!((&missing["result"], &missing["missing"]), (&Value::Null, &json!(["applicant age"])));
    assert!(missing["decisions"][0]["whyNull"].as_str().unwrap().contains("no rule fires"), "{missing}");
    // A version changes nothing of those before it.
    let mut decisions = loans()["decisions"].clone();
    decisions[0]["logic"]["table"]["rules"][0]["when"][0] = json!("< 2000");
    decisions[0]["logic"]["table"]["rules"][1]["when"][0] = json!(">= 2000");
    decisions[0]["logic"]["table"]["rules"][2]["when"][0] = json!(">= 2000");
    let change = json!({ "id": "loans", "decisions": decisions, "message": "2000" });
    let changed = app.call(&app.member, "rule_update", change.clone()).await.unwrap();
    assert_eq!((&changed["version"], &changed["changed"]), (&json!(2), &json!(true)));
    let again = app.call(&app.member, "rule_update", change).await.unwrap();
    assert_eq!((&again["version"], &again["changed"]), (&json!(2), &json!(false)));
    let young = json!({ "amount": 1500, "applicant age": 20 });
    for (version, risk) in [(json!(1), "high"), (json!(2), "low")] {
        let told = ask(json!({ "id": "loans", "version": version, "decision": "risk", "inputs": young })).await;
        assert_eq!((&told["version"], &told["result"]), (&version, &json!(risk)));
    }
    let first = app.call(&app.member, "rule_get", json!({ "id": "loans", "version": 1 })).await.unwrap();
    assert_eq!(
        (&first["version"], &first["newest"], &first["decisions"]),
        (&json!(1), &json!(2), &loans()["decisions"])
    );
    let history = app.call(&app.member, "rule_versions", json!({ "id": "loans", "limit": 1 })).await.unwrap();
    assert_eq!((&history["items"][0]["version"], &history["items"][0]["message"]), (&json!(2), &json!("2000")));
    let next = json!({ "id": "loans", "pageToken": history["nextPageToken"] });
    let rest = app.call(&app.member, "rule_versions", next).await.unwrap();
    assert_eq!((&rest["items"][0]["version"], rest.get("nextPageToken")), (&json!(1), None));
    assert_eq!((&rest["items"][0]["rules"], &rest["items"][0]["tests"]), (&json!(5), &json!(3)));
    let unknown = json!({ "id": "loans", "version": 9 });
    assert!(app.call(&app.member, "rule_get", unknown).await.unwrap_err().is(&codes::NOT_FOUND));
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_places_and_nothing_is_kept() {
    let app = TestApp::start().await;
    let cases = [
        (with("/decisions/2/logic/expression", json!("amont + 1")), "/decisions/2/logic/expression", "'amont'"),
        (with("/decisions/2/logic/expression", json!("amount +")), "/decisions/2/logic/expression", "character 9"),
        (
            with("/decisions/2/logic/expression", json!("terms.rate + known for")),
            "/decisions/2",
            "known for reads known for",
        ),
        (
            with("/decisions/0/logic/table/rules/0/when/0", json!("< <")),
            "/decisions/0/logic/table/rules/0/when/0",
            "no FEEL",
        ),
        (
            with("/decisions/0/logic/table/rules/0/when", json!(["-"])),
            "/decisions/0/logic/table/rules/0/when",
            "1 tests for 2",
        ),
        (with("/inputs/0/type", json!("money")), "/inputs/0/type", "no type"),
        (with("/inputs/1/name", json!("amount")), "/inputs/1/name", "another 'amount'"),
        (with("/inputs/1/name", json!("if")), "/inputs/1/name", "cannot be a name"),
        (with("/services/0/decisions/0", json!("nobody")), "/services/0/decisions/0", "no decision 'nobody'"),
        (with("/tests/0/expect", json!({ "nobody": 1 })), "/tests/0/expect/nobody", "no decision 'nobody'"),
        (
            with("/functions/0/logic", json!({ "expression": "amount" })),
            "/functions/0/logic/expression",
            "no parameter",
        ),
        (with("/decisions/2/logic", json!({})), "/decisions/2/logic", "exactly one"),
        (with("/decisions/0/logic/table/hitPolicy", json!("P")), "", ""),
    ];
    for (input, pointer, why) in cases {
        let told = app.call(&app.member, "rule_create", input).await;
        if pointer.is_empty() {
            // Priorities come from the output's allowed values, which are there.
            told.unwrap();
            continue;
        }
        let fault = told.unwrap_err();
        let place = fault.places().iter().find(|place| place.pointer == pointer);
        let place = place.unwrap_or_else(|| panic!("{pointer}: {:?}", fault.places()));
        assert!(place.message.contains(why), "{}: {why}", place.message);
    }
    let failing = with("/tests/0/expect", json!({ "risk": "low" }));
    let fault =
        app.call(&app.member, "rule_update", json!({ "id": "loans", "tests": failing["tests"] })).await.unwrap_err();
    assert_eq!(fault.code().name, "rule_tests_failed");
    let told = &fault.detail().unwrap()["tests"][0];
    assert_eq!(
        (&told["test"], &told["expected"], &told["actual"]),
        (&json!("young and much"), &json!({ "risk": "low" }), &json!({ "risk": "high" }))
    );
    let kept = app.call(&app.member, "rule_versions", json!({ "id": "loans" })).await.unwrap();
    assert_eq!(kept["items"].as_array().unwrap().len(), 1);
    let taken = app.call(&app.member, "rule_create", loans()).await.unwrap_err();
    assert!(taken.is(&codes::ALREADY_EXISTS), "{taken}");
}

#[tokio::test]
async fn inputs_that_do_not_fit_are_told_with_their_places() {
    let app = TestApp::start().await;
    app.call(&app.member, "rule_create", loans()).await.unwrap();
    let inputs = json!({ "amount": 2_000_000, "applicant age": "old", "since": "yesterday", "amout": 3 });
    let fault = app.call(&app.member, "rule_evaluate", json!({ "id": "loans", "inputs": inputs })).await.unwrap_err();
    let places: Vec<&str> = fault.places().iter().map(|place| place.pointer.as_str()).collect();
    assert_eq!(places, ["/inputs/amount", "/inputs/applicant age", "/inputs/since", "/inputs/amout"]);
    let fault = app.call(&app.member, "rule_evaluate", json!({ "id": "loans", "decision": "x" })).await.unwrap_err();
    assert!(fault.places()[0].message.contains("risk, terms, known for, quote"), "{fault}");
}

/// One table over one input with three rules that fire for 5, the second and third also for less.
fn policy(policy: &str, allowed: Option<&str>, default: Option<&str>) -> Value {
    let mut output = json!({ "name": "out" });
    if let Some(allowed) = allowed {
        output["allowed"] = json!(allowed);
    }
    if let Some(default) = default {
        output["default"] = json!(default);
    }
    let rules = json!([{ "when": ["> 3"], "then": ["3"] }, { "when": ["> 2"], "then": ["9"] }, { "when": ["> 1"], "then": ["1"] }]);
    let table = json!({ "hitPolicy": policy, "inputs": [{ "expression": "n" }], "outputs": [output], "rules": rules });
    json!({
        "name": format!("policy {}", policy.replace('+', "sum").replace('<', "least").replace('>', "most").replace('#', "count")),
        "inputs": [{ "name": "n", "type": "number" }], "decisions": [{ "name": "d", "logic": { "table": table } }],
    })
}

#[tokio::test]
async fn every_hit_policy_gives_what_the_standard_says() {
    let app = TestApp::start().await;
    for (name, allowed, all, one) in [
        ("P", Some("1, 9, 3"), json!(1), json!(1)),
        ("F", None, json!(3), json!(1)),
        ("R", None, json!([3, 9, 1]), json!([1])),
        ("O", Some("1, 9, 3"), json!([1, 9, 3]), json!([1])),
        ("C", None, json!([3, 9, 1]), json!([1])),
        ("C+", None, json!(13), json!(1)),
        ("C<", None, json!(1), json!(1)),
        ("C>", None, json!(9), json!(1)),
        ("C#", None, json!(3), json!(1)),
    ] {
        let made = app.call(&app.member, "rule_create", policy(name, allowed, Some("0"))).await.unwrap();
        assert_eq!(made["findings"], json!([]), "{name}");
        for (n, expected) in [(5, all), (2, one), (0, json!(0))] {
            let input = json!({ "id": made["ruleSetId"], "inputs": { "n": n } });
            let told = app.call(&app.member, "rule_evaluate", input).await.unwrap();
            assert_eq!(told["result"], expected, "{name} of {n}");
        }
    }
    for name in ["U", "A"] {
        let made = app.call(&app.member, "rule_create", policy(name, None, None)).await.unwrap();
        let told: Vec<&str> =
            made["findings"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(told, ["overlap", "overlap", "overlap", "gap"], "{name}");
        let input = json!({ "id": made["ruleSetId"], "inputs": { "n": 5 } });
        let fault = app.call(&app.member, "rule_evaluate", input).await.unwrap_err();
        assert_eq!((fault.code().name, &fault.detail().unwrap()["rules"]), ("rule_conflict", &json!([1, 2, 3])));
        let input = json!({ "id": made["ruleSetId"], "inputs": { "n": 2 } });
        assert_eq!(app.call(&app.member, "rule_evaluate", input).await.unwrap()["result"], 1);
    }
}

#[tokio::test]
async fn what_would_run_for_ever_ends_soon() {
    let app = TestApp::start().await;
    let logic =
        ["for i in 1..1000000000 return i * n", "loop(n)", "count(for i in 1..100000, j in 1..100000 return twice(i))"];
    let functions = json!([
        { "name": "loop", "parameters": [{ "name": "n" }], "logic": { "expression": "loop(n + 1)" } },
        { "name": "twice", "parameters": [{ "name": "n" }], "logic": { "expression": "n * 2" } },
    ]);
    for (at, text) in logic.iter().enumerate() {
        let set = json!({
            "name": format!("endless {at}"), "inputs": [{ "name": "n" }], "functions": functions,
            "decisions": [{ "name": "d", "logic": { "expression": text } }],
        });
        app.call(&app.member, "rule_create", set).await.unwrap();
        let begun = Instant::now();
        let input = json!({ "id": format!("endless-{at}"), "inputs": { "n": 1 } });
        let fault = app.call(&app.member, "rule_evaluate", input).await.unwrap_err();
        assert_eq!(
            (fault.code().name, &fault.detail().unwrap()["decision"]),
            ("rule_exceeded", &json!("d")),
            "{text}: {fault}"
        );
        // The bound is two seconds; the machine is busy with other tests.
        assert!(begun.elapsed() < Duration::from_secs(8), "{text}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_table_of_a_thousand_rules_is_compiled_once() {
    let app = TestApp::start().await;
    let rules: Vec<Value> = (0..1000)
        .map(|at| json!({ "when": [format!("[{at}..{})", at + 1), "\"gold\""], "then": [at.to_string()] }))
        .collect();
    let table = json!({ "inputs": [{ "expression": "n" }, { "expression": "tier" }], "outputs": [{ "name": "out" }], "rules": rules });
    let set = json!({
        "name": "Large", "inputs": [{ "name": "n", "type": "number" }, { "name": "tier" }],
        "decisions": [{ "name": "d", "logic": { "table": table } }],
    });
    let made = app.call(&app.member, "rule_create", set).await.unwrap();
    let kinds: Vec<&str> =
        made["findings"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == "gap"), "{kinds:?}");
    let begun = Instant::now();
    for n in [0.5, 500.0, 999.9] {
        let input = json!({ "id": "large", "inputs": { "n": n, "tier": "gold" } });
        let told = app.call(&app.member, "rule_evaluate", input).await.unwrap();
        assert_eq!(told["result"].as_f64(), Some(f64::floor(n)));
    }
    // Compiling it takes about a second in a build for tests, asking some milliseconds.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn rule_sets_are_their_tenants_own() {
    let app = TestApp::start().await;
    app.call(&app.member, "rule_create", loans()).await.unwrap();
    for (tool, input) in [
        ("rule_get", json!({ "id": "loans" })),
        ("rule_versions", json!({ "id": "loans" })),
        ("rule_evaluate", json!({ "id": "loans", "inputs": {} })),
        ("rule_update", json!({ "id": "loans", "description": "Mine." })),
    ] {
        let fault = app.call(&app.stranger, tool, input).await.unwrap_err();
        assert!(fault.is(&codes::NOT_FOUND), "{tool}: {fault}");
    }
    // Another tenant has a rule set of the same name.
    app.call(&app.stranger, "rule_create", loans()).await.unwrap();
}

#[tokio::test]
async fn a_rule_set_has_bounds() {
    let app = TestApp::start().await;
    let mut text = "1".to_owned();
    for _ in 0..300 {
        let _ = write!(text, " + 1");
    }
    let deep = with("/decisions/2/logic/expression", json!(text));
    let fault = app.call(&app.member, "rule_create", deep).await.unwrap_err();
    assert!(fault.places()[0].message.contains("nesting"), "{fault}");
    let external = "function(x) external { java: { class: \"java.lang.Runtime\", method signature: \"exit(int)\" } }";
    let external = with("/decisions/2/logic/expression", json!(external));
    let fault = app.call(&app.member, "rule_create", external).await.unwrap_err();
    assert!(fault.places()[0].message.contains("not called"), "{fault}");
}
