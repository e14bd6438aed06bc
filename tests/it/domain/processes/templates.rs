//! Templates: each stands, is sound, and comes to every one of its ends and nodes; made into a process by the tools, as a caller would.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use convoke::adapter::feel::FeelLanguage;
use convoke::domain::processes::engine::template::Template;
use convoke::domain::processes::library::Templates;
use convoke::port::expressions::Expressions;
use convoke::port::overlay::{Overlaid as _, TextFile};
use serde_json::{Map, Value, json};

use super::{ada, checked_note};
use crate::support::app::TestApp;
use crate::tools::{files, text};

fn all() -> Vec<Template> {
    let read = |path: std::path::PathBuf| {
        let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Template::read(&id, &text(&path)).unwrap_or_else(|why| panic!("{id}: {why}"))
    };
    files("processes", "json").into_iter().map(read).collect()
}

#[test]
fn every_template_is_sound_and_its_cases_come_to_every_end_and_every_node() {
    let language: Arc<dyn Expressions> = Arc::new(FeelLanguage::default());
    let templates = all();
    assert!(templates.len() >= 10);
    let wrong: Vec<String> = templates
        .iter()
        .flat_map(|one| one.unmet(&language).into_iter().map(|why| format!("{}: {why}", one.id)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_template_does_not_keep_is_told() {
    let language: Arc<dyn Expressions> = Arc::new(FeelLanguage::default());
    let text = text(std::path::Path::new("processes/expense-approval.json"));
    let unmet = |change: &dyn Fn(&mut Value)| {
        let mut one: Value = serde_json::from_str(&text).unwrap();
        change(&mut one);
        Template::read("changed", &one.to_string()).map(|one| one.unmet(&language).join("\n"))
    };
    let silent = unmet(&|one| drop(one["cases"].as_array_mut().unwrap().pop())).unwrap();
    assert!(silent.contains("no case comes to 'silent'"), "{silent}");
    let other = unmet(&|one| one["cases"][0]["ends"] = json!(["declined"])).unwrap();
    assert!(other.contains("A small claim needs nobody"), "{other}");
    let idle = unmet(&|one| one["parameters"]["spare"] = json!({ "description": "Idle.", "schema": {}, "example": 1 }))
        .unwrap();
    assert!(idle.contains("'spare' goes nowhere"), "{idle}");
    let stuck = unmet(&|one| one["nodes"][0]["type"] = json!("end")).unwrap();
    assert!(stuck.contains("start_missing"), "{stuck}");
    assert!(unmet(&|one| one["parameters"]["manager"]["example"] = json!(7)).unwrap_err().contains("example"));
    assert!(
        unmet(&|one| drop(one["parameters"].as_object_mut().unwrap().remove("finance")))
            .unwrap_err()
            .contains("no parameter 'finance'")
    );
    assert!(unmet(&|one| one["colour"] = json!("red")).unwrap_err().contains("unknown field"));
}

#[tokio::test]
async fn each_is_made_into_a_process_by_the_tools_and_tried_out_to_all_of_its_ends() {
    let app = TestApp::start().await;
    let call = |tool: &'static str, input: Value| app.call(&app.admin, tool, input);
    for template in all() {
        let mut given = template.example();
        for (name, one) in &template.parameters {
            // The scene has one agent, which stands for all.
            if one.description.contains("the id of an agent") {
                given.insert(name.clone(), json!("archivist"));
            }
        }
        let told = call("process_templates", json!({ "id": template.id })).await.unwrap();
        let made = json!({ "name": template.name, "template": template.id, "parameters": given });
        let made = call("process_create", made).await;
        let made = made.unwrap_or_else(|fault| panic!("{}: {:?}", template.id, fault.places()));
        let errors: Vec<&Value> =
            made["findings"].as_array().unwrap().iter().filter(|one| one["level"] == "error").collect();
        assert!(errors.is_empty() && made["soundness"] == "sound", "{}: {errors:?}", template.id);
        let mut ends = BTreeSet::new();
        for case in told["items"][0]["cases"].as_array().unwrap() {
            let run = json!({ "id": made["id"], "variables": case["variables"], "answers": case["answers"] });
            let ran = call("process_sandbox", run).await.unwrap_or_else(|fault| panic!("{:?}", fault.places()));
            let status = if case["fails"] == true { "failed" } else { "completed" };
            assert_eq!(ran["status"], status, "{} {}: {}", template.id, case["name"], ran["failure"]);
            ends.extend(case["ends"].as_array().unwrap().iter().map(|end| end.as_str().unwrap().to_owned()));
            for end in case["ends"].as_array().unwrap() {
                assert!(ran["visited"].get(end.as_str().unwrap()).is_some(), "{} {}: {ran}", template.id, case["name"]);
            }
        }
        let known: BTreeSet<String> = serde_json::from_value(told["items"][0]["ends"].clone()).unwrap();
        assert_eq!(ends, known, "{}", template.id);
        call("process_publish", json!({ "id": made["id"] })).await.unwrap();
    }
}

#[tokio::test]
async fn templates_are_found_by_category_tag_and_words() {
    let app = TestApp::start().await;
    let ids = |told: &Value| -> Vec<String> {
        told["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let found = |input: Value| async { ids(&ada(&app, "process_templates", input).await.unwrap()) };
    assert_eq!(found(json!({})).await.len(), all().len());
    assert_eq!(found(json!({ "category": "finance" })).await, ["expense-approval", "invoice-processing"]);
    assert_eq!(found(json!({ "tag": "gdpr" })).await, ["data-subject-request"]);
    assert_eq!(found(json!({ "text": "laptop for a new colleague" })).await, Vec::<String>::new());
    assert_eq!(found(json!({ "text": "new colleagues" })).await, ["employee-onboarding"]);
    let told = ada(&app, "process_templates", json!({ "category": "none" })).await.unwrap();
    assert_eq!((&told["items"], &told["categories"]["finance"]), (&json!([]), &json!(2)));
    // The one that is named is told whole, with the examples of its parameters.
    let told = ada(&app, "process_templates", json!({ "id": "expense-approval" })).await.unwrap();
    assert_eq!(told["items"][0]["cases"].as_array().unwrap().len(), 5);
    let text = told["definition"].to_string();
    assert!(text.contains("amount > 1000") && !text.contains("{{"), "{text}");
    let missing = ada(&app, "process_templates", json!({ "id": "no-such" })).await.unwrap_err();
    assert_eq!(missing.code().status, 404);
    assert!(missing.detail().unwrap()["templates"].as_array().unwrap().contains(&json!("access-request")));
}

#[tokio::test]
async fn parameters_fill_the_gaps_and_what_does_not_fit_is_told_by_place() {
    let app = TestApp::start().await;
    let with = |parameters: Value| json!({ "name": "Trips", "template": "expense-approval", "parameters": parameters });
    let given = with(json!({ "manager": "= claimant", "finance": "f", "managerUpTo": 77 }));
    let made = ada(&app, "process_create", given).await.unwrap();
    assert_eq!((&made["id"], &made["findings"]), (&json!("trips"), &json!([])));
    let told = ada(&app, "process_get", json!({ "id": "trips" })).await.unwrap();
    assert!(told["tags"].as_array().unwrap().contains(&json!("expenses")), "{told}");
    let text = told.to_string();
    assert!(text.contains("amount > 77") && text.contains("amount <= 50") && !text.contains("{{"), "{text}");
    for (parameters, at) in [
        (json!({ "finance": "f" }), vec!["/parameters/manager"]),
        (json!({ "manager": 7, "finance": "f" }), vec!["/parameters/manager"]),
        (
            json!({ "manager": "m", "finance": "f", "colour": "red", "freeUpTo": -1 }),
            vec!["/parameters/colour", "/parameters/freeUpTo"],
        ),
    ] {
        let refused = ada(&app, "process_create", with(parameters)).await.unwrap_err();
        let places: Vec<&str> = refused.places().iter().map(|one| one.pointer.as_str()).collect();
        assert_eq!(places, at);
    }
    for (unfit, at) in [
        (
            json!({ "name": "Trips two", "parameters": { "finance": "f" }, "nodes": [{ "id": "begin", "type": "start" }] }),
            "/parameters",
        ),
        (
            json!({ "name": "Trips two", "template": "expense-approval", "nodes": [{ "id": "begin", "type": "start" }] }),
            "/template",
        ),
        (json!({ "name": "Trips two" }), "/nodes"),
    ] {
        let refused = ada(&app, "process_create", unfit).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, at);
    }
    let missing = json!({ "name": "Trips two", "template": "no-such" });
    assert_eq!(ada(&app, "process_create", missing).await.unwrap_err().code().status, 404);
    // An agent that is not there is found before anything is made.
    let parameters = json!({ "agent": "nobody", "firstLine": "f", "expert": "e" });
    let triage = json!({ "name": "Triage", "template": "support-triage", "parameters": parameters });
    let refused = ada(&app, "process_create", triage).await.unwrap_err();
    assert_eq!(refused.detail().unwrap()["findings"][0]["rule"], "unknown_agent");
}

#[test]
fn a_file_of_the_data_folder_lies_over_the_one_that_comes_with_the_program() {
    let file = |path: &str, text: String| TextFile { path: path.to_owned(), place: path.to_owned(), text: Ok(text) };
    let mut own: Map<String, Value> = serde_json::from_value(checked_note()).unwrap();
    let more = json!({ "name": "Mine", "description": "Mine.", "category": "house", "cases": [] });
    own.extend(more.as_object().unwrap().clone());
    let built_in = files("processes", "json").into_iter().map(|path| {
        file(
            path.file_name().unwrap().to_str().unwrap(),
            fs::read_to_string(crate::tools::project().join(&path)).unwrap(),
        )
    });
    let (templates, broken) = Templates::new(&built_in.collect::<Vec<_>>());
    assert!(broken.is_empty());
    let count = templates.present().len();
    let laid = [file("code-review.json", json!(own).to_string()), file("broken.json", "{".to_owned())];
    let broken = templates.take(&laid);
    assert_eq!(broken.len(), 1);
    assert_eq!((templates.present()["code-review"].name.as_str(), templates.present().len()), ("Mine", count));
    assert!(templates.take(&[]).is_empty());
    assert_eq!(templates.present()["code-review"].category, "engineering");
}
