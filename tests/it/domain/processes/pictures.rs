//! `process_view` and `process_import`: processes drawn, written for other tools, and read from files.

use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::snapshot::hold;
use crate::support::app::{Person, TestApp};

/// A process with two lanes, a timeout and a choice.
const HOLIDAY: &str = r#"name: Holiday request
description: Somebody asks for days off.
tags: [people]
nodes:
  - { id: begin, type: start, name: Days are asked for, lane: people }
  - id: approve
    type: human_task
    name: Approve the days
    lane: boss
    config:
      candidateGroups: [finance]
      form: { type: object, properties: { approved: { type: boolean } }, required: [approved] }
    output: { approved: "= result.approved" }
  - { id: late, type: boundary_timeout, config: { attachedTo: approve, after: P3D } }
  - { id: choose, type: exclusive, name: "Approved?", lane: boss }
  - id: work-out
    type: script
    name: Work out what is left
    lane: people
    config: { steps: [{ name: left, value: 30 - days }] }
    output: { left: "= result.left" }
  - { id: done, type: end, lane: people, config: { result: { left: "= left" } } }
  - { id: refused, type: end, name: Refused, lane: people, config: { kind: error, code: refused, message: The days were not approved. } }
edges:
  - { from: begin, to: approve }
  - { from: approve, to: choose }
  - { from: choose, to: work-out, condition: approved }
  - { from: choose, to: refused, default: true }
  - { from: work-out, to: done }
  - { from: late, to: refused }
variables:
  days: { schema: { type: integer, minimum: 1 }, required: true }
  approved: { schema: { type: boolean }, default: false }
  left: { schema: { type: integer }, default: 30 }
lanes:
  - { id: people, name: Whoever asks }
  - { id: boss, name: The manager }
"#;

/// The program with that process in it.
async fn with_holiday() -> TestApp {
    let app = TestApp::start().await;
    let made = app.call(&app.member, "process_import", json!({ "content": HOLIDAY })).await.unwrap();
    assert_eq!(
        (&made["id"], &made["valid"], &made["soundness"]),
        (&json!("holiday-request"), &json!(true), &json!("sound")),
        "{made}"
    );
    app
}

async fn view(app: &TestApp, person: &Person, format: &str) -> Value {
    app.call(person, "process_view", json!({ "id": "Holiday request", "format": format })).await.unwrap()
}

/// A file as other tools write it, with what stands within the process.
fn bpmn(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<bpmn:definitions xmlns:bpmn=\"http://www.omg.org/spec/BPMN/20100524/MODEL\" id=\"D\">\n<bpmn:process id=\"Process_1\" name=\"From elsewhere\">\n{inner}\n</bpmn:process></bpmn:definitions>"
    )
}

#[tokio::test]
async fn a_process_is_drawn_in_every_form() {
    let app = with_holiday().await;
    let svg = view(&app, &app.member, "svg").await;
    assert_eq!(
        (&svg["id"], &svg["version"], &svg["mediaType"], &svg["fileName"]),
        (
            &json!("holiday-request"),
            &json!("1.0.0-draft.1"),
            &json!("image/svg+xml"),
            &json!("holiday-request-1.0.0-draft.1.svg")
        )
    );
    hold("pictures/holiday-request.svg", svg["content"].as_str().unwrap());
    // What is not said is a picture.
    assert_eq!(app.call(&app.member, "process_view", json!({ "id": "holiday-request" })).await.unwrap(), svg);
    hold("pictures/holiday-request.mmd", view(&app, &app.member, "mermaid").await["content"].as_str().unwrap());
    hold("pictures/holiday-request.yaml", view(&app, &app.member, "yaml").await["content"].as_str().unwrap());
    let layout = view(&app, &app.member, "json").await;
    assert!(layout.get("content").is_none());
    let layout = &layout["layout"];
    assert_eq!(layout["lanes"][0]["id"], "people");
    let late = &layout["nodes"][2];
    assert_eq!(
        (&late["id"], &late["on"], &late["shape"], &late["lane"]),
        (&json!("late"), &json!("approve"), &json!("event"), &json!("boss"))
    );
    let bpmn = view(&app, &app.member, "bpmn").await;
    let bpmn = bpmn["content"].as_str().unwrap();
    assert!(bpmn.contains("<bpmn:boundaryEvent id=\"late\"") && bpmn.contains("<bpmndi:BPMNShape"), "{bpmn}");
}

#[tokio::test]
async fn how_far_an_execution_is_is_drawn_on_what_it_runs() {
    let app = TestApp::start().await;
    let execution = |last: &str| format!("0192f0c1-0000-7000-8000-0000000000{last}");
    let view = |person, last, with: Value| {
        let mut input = json!({ "id": "order-payment", "execution": execution(last) });
        input.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        app.call(person, "process_view", input)
    };
    let waiting = view(&app.member, "ca", json!({ "format": "json" })).await.unwrap();
    assert_eq!(waiting["version"], "1.0.0");
    let (done, waits) = (json!({ "state": "done", "times": 1 }), json!({ "state": "waiting", "times": 1 }));
    assert_eq!(waiting["progress"], json!({ "begin": done, "paid": waits }));
    let failed = view(&app.member, "cd", json!({ "format": "json" })).await.unwrap();
    assert_eq!(failed["progress"]["paid"]["state"], "failed");
    for (format, says) in [("svg", "waiting"), ("mermaid", "classDef waiting")] {
        let drawn = view(&app.member, "ca", json!({ "format": format })).await.unwrap();
        let plain =
            app.call(&app.member, "process_view", json!({ "id": "order-payment", "format": format })).await.unwrap();
        assert!(drawn["content"].as_str().unwrap().contains(says), "{drawn}");
        assert_ne!(drawn["content"], plain["content"]);
    }
    for unfit in [json!({ "format": "bpmn" }), json!({ "version": "1.0.0" }), json!({ "id": "leave-request" })] {
        assert_eq!(view(&app.member, "ca", unfit).await.unwrap_err().places()[0].pointer, "/execution");
    }
    assert_eq!(view(&app.member, "c9", json!({})).await.unwrap_err().code().status, 404);
    // Whoever may not see the execution is not told how far it is.
    let other = app.call(
        &app.stranger,
        "process_import",
        json!({ "content": HOLIDAY.replace("Holiday request", "Order payment") }),
    );
    other.await.unwrap();
    assert_eq!(view(&app.stranger, "ca", json!({})).await.unwrap_err().code().status, 404);
}

#[tokio::test]
async fn what_is_written_comes_back_the_same() {
    let app = with_holiday().await;
    let was = app.call(&app.member, "process_get", json!({ "id": "holiday-request" })).await.unwrap();
    for format in ["bpmn", "yaml"] {
        let text = view(&app, &app.member, format).await["content"].clone();
        let taken = app.call(&app.member, "process_import", json!({ "content": text })).await.unwrap_err();
        assert!(taken.is(&codes::ALREADY_EXISTS), "{taken}");
        let input = json!({ "content": text, "name": format!("Again {format}"), "message": "read from a file" });
        let made = app.call(&app.member, "process_import", input).await.unwrap();
        assert_eq!(
            (&made["id"], &made["created"], &made["format"]),
            (&json!(format!("again-{format}")), &json!(true), &json!(format))
        );
        assert_eq!(
            (&made["valid"], &made["outside"], &made["version"]),
            (&json!(true), &json!([]), &json!("1.0.0-draft.1")),
            "{made}"
        );
        let is = app.call(&app.member, "process_get", json!({ "id": made["id"] })).await.unwrap();
        for part in ["nodes", "edges", "variables", "lanes", "description"] {
            assert_eq!(is[part], was[part], "{format} {part}");
        }
    }
    let json = json!({ "name": "As JSON", "nodes": was["nodes"], "edges": was["edges"], "variables": was["variables"], "lanes": was["lanes"] });
    let made = app.call(&app.member, "process_import", json!({ "content": json.to_string() })).await.unwrap();
    assert_eq!((&made["id"], &made["format"]), (&json!("as-json"), &json!("json")));
}

#[tokio::test]
async fn a_dry_run_tells_what_would_come_and_stores_nothing() {
    let app = TestApp::start().await;
    let text = bpmn(
        "<bpmn:startEvent id=\"Start.1\"/><bpmn:userTask id=\"Ask\" name=\"Ask\"/>\n<bpmn:endEvent id=\"End_1\"/><bpmn:textAnnotation id=\"Note\"/>\
         <bpmn:sequenceFlow id=\"F1\" sourceRef=\"Start.1\" targetRef=\"Ask\"/><bpmn:sequenceFlow id=\"F2\" sourceRef=\"Ask\" targetRef=\"End_1\"/>",
    );
    let told = app.call(&app.member, "process_import", json!({ "content": text, "dryRun": true })).await.unwrap();
    assert_eq!(
        (&told["id"], &told["created"], &told["valid"]),
        (&json!("from-elsewhere"), &json!(false), &json!(false))
    );
    assert_eq!(
        (&told["findings"][0]["node"], &told["findings"][0]["level"]),
        (&json!("Ask"), &json!("error")),
        "{told}"
    );
    let outside: Vec<_> = told["outside"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["element"], &one["id"], &one["line"], &one["effect"]))
        .collect();
    assert_eq!(
        outside,
        [
            (&json!("userTask"), &json!("Ask"), &json!(4), &json!("todo")),
            (&json!("textAnnotation"), &json!("Note"), &json!(5), &json!("none"))
        ]
    );
    assert_eq!(told["definition"]["nodes"][0], json!({ "id": "Start_1", "type": "start" }));
    let gone = app.call(&app.member, "process_get", json!({ "id": "from-elsewhere" })).await.unwrap_err();
    assert!(gone.is(&codes::NOT_FOUND));
    // With its errors it is made only where that is asked for.
    let refused = app.call(&app.member, "process_import", json!({ "content": text })).await.unwrap_err();
    assert_eq!(refused.code().name, "process_unusable");
    let made = app.call(&app.member, "process_import", json!({ "content": text, "incomplete": true })).await.unwrap();
    assert_eq!((&made["created"], &made["valid"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_at_its_place_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let before = app.call(&app.admin, "process_list", json!({})).await.unwrap();
    let refused = async |input: Value| app.call(&app.member, "process_import", input).await.unwrap_err();
    let laughs =
        "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>\n<definitions>&lol2;</definitions>";
    for (text, line) in [
        (laughs, 1),
        ("<definitions xmlns='x'>\n<a></b></definitions>", 2),
        ("{\n\"nodes\": [}", 2),
        ("name: A\nname: B\n", 2),
        ("name: A\nnodes: !!python/object x\n", 2),
        ("- 1\n", 1),
    ] {
        let fault = refused(json!({ "content": text })).await;
        assert_eq!(
            (fault.code().name, &fault.detail().unwrap()["line"]),
            ("process_file_broken", &json!(line)),
            "{text}: {fault}"
        );
    }
    let fault =
        refused(json!({ "content": bpmn("<bpmn:startEvent id=\"a\"/>\n<bpmn:eventBasedGateway id=\"b\"/>") })).await;
    let outside = &fault.detail().unwrap()["outside"][0];
    assert_eq!(
        (fault.code().name, &outside["element"], &outside["id"], &outside["line"]),
        ("process_file_outside", &json!("eventBasedGateway"), &json!("b"), &json!(5))
    );
    for (text, place) in [
        ("name: A\nnodes:\n- id: 1x\n  type: start\n", "/nodes/0/id"),
        ("name: A\nnodes: []\nmore: 1\n", "more"),
        ("name: A\n", "nodes"),
    ] {
        let fault = refused(json!({ "content": text })).await;
        assert!(
            fault.is(&codes::BAD_INPUT)
                && fault.places().iter().any(|one| one.pointer == "/content" && one.message.contains(place)),
            "{text}: {fault}"
        );
    }
    let nameless = refused(json!({ "content": "nodes: []" })).await;
    assert_eq!(nameless.places()[0].pointer, "/name");
    assert_eq!(app.call(&app.admin, "process_list", json!({})).await.unwrap(), before);
}

#[tokio::test]
async fn others_neither_see_nor_make() {
    let app = with_holiday().await;
    let see = app.call(&app.stranger, "process_view", json!({ "id": "holiday-request" })).await.unwrap_err();
    assert!(see.is(&codes::NOT_FOUND), "{see}");
    let make = app.call(&app.nobody, "process_import", json!({ "content": "name: A" })).await.unwrap_err();
    assert!(make.is(&codes::FORBIDDEN), "{make}");
    // Where the same file is taken in elsewhere, it is another process.
    let text = view(&app, &app.member, "yaml").await["content"].clone();
    let made = app.call(&app.stranger, "process_import", json!({ "content": text })).await.unwrap();
    assert_eq!(made["id"], "holiday-request");
    let unknown = app
        .call(&app.member, "process_view", json!({ "id": "holiday-request", "version": "9.0.0" }))
        .await
        .unwrap_err();
    assert!(unknown.is(&codes::NOT_FOUND));
}
