//! Fixtures that take long, and go on as tasks where the client can follow them.

use std::time::Duration;

use convoke::capability::client::Questions;
use convoke::capability::content::Content;
use convoke::capability::cx::{Cx, Lasting};
use convoke::capability::row::Row;
use convoke::capability::schema::SharedSchema;
use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::asking::{ask, form};
use crate::plain::{nothing, text_of};
use crate::{fixture, schema};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        fixture!("slow_compute", "Takes as long as it is told.", seconds, slow),
        fixture!("failing_job", "Fails after a while, as a task.", nothing, failing),
        fixture!("protocol_error_job", "Breaks down, as a task.", nothing, breaking),
        fixture!("confirm_delete", "Asks before it does something, as a task.", filename, confirm),
        fixture!("multi_input", "Asks two things at once, as a task.", nothing, two),
        fixture!("test_tool_with_task", "Asks first and then becomes a task.", nothing, asks_first),
    ]
}

fn seconds() -> SharedSchema {
    let properties = json!({ "seconds": { "type": "number", "minimum": 0 }, "label": { "type": "string" } });
    schema(&json!({ "type": "object", "properties": properties }))
}

async fn slow(cx: &Cx, input: Value) -> Result<Content, Fault> {
    let wait = Duration::from_secs_f64(input["seconds"].as_f64().unwrap_or_default().clamp(0.0, 600.0));
    if wait >= Duration::from_secs(1) {
        cx.prefer_task()?;
    }
    tokio::time::sleep(wait).await;
    Ok(Content::text(format!("{} took {} s.", text_of(&input, "label"), wait.as_secs_f64())))
}

async fn failing(cx: &Cx, _: Value) -> Result<Content, Fault> {
    cx.require_task()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(Content::text("The job failed.").failed())
}

async fn breaking(cx: &Cx, _: Value) -> Result<Content, Fault> {
    cx.prefer_task()?;
    Err(Fault::internal("the job broke down on purpose"))
}

fn filename() -> SharedSchema {
    schema(&json!({ "type": "object", "properties": { "filename": { "type": "string" } }, "required": ["filename"] }))
}

async fn confirm(cx: &Cx, input: Value) -> Result<Content, Fault> {
    cx.prefer_task()?;
    let name = text_of(&input, "filename");
    let question = form(&format!("Delete {name}?"), &json!({ "confirm": { "type": "boolean" } }), &["confirm"]);
    let answer = ask(cx, "confirm", question).await?;
    let yes = answer["content"]["confirm"] == json!(true);
    Ok(Content::text(if yes { format!("Deleted {name}.") } else { format!("Kept {name}.") }))
}

async fn two(cx: &Cx, _: Value) -> Result<Content, Fault> {
    cx.prefer_task()?;
    let questions: Questions = vec![
        ("name".to_owned(), form("What is your name?", &json!({ "name": { "type": "string" } }), &["name"])),
        ("confirm".to_owned(), form("Go on?", &json!({ "confirm": { "type": "boolean" } }), &["confirm"])),
    ];
    let answers = cx.ask(questions).await?;
    Ok(Content::text(format!("Both were answered: {}", answers["name"]["content"])))
}

async fn asks_first(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let question = form("What is your name?", &json!({ "name": { "type": "string" } }), &["name"]);
    if cx.call().lasting == Lasting::Either {
        ask(cx, "user_name", question.clone()).await?;
    }
    cx.require_task()?;
    let answer = ask(cx, "user_name", question).await?;
    Ok(Content::text(format!("The task of {} is done.", text_of(&answer["content"], "name"))))
}
