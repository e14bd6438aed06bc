//! Fixtures that answer by themselves: every kind of content, failure, progress, messages, changes of lists.

use std::sync::Arc;
use std::time::Duration;

use convoke::capability::client::Level;
use convoke::capability::content::{Block, Content, Embedded};
use convoke::capability::cx::Cx;
use convoke::capability::outcome::Outcome;
use convoke::capability::permit::Permit;
use convoke::capability::row::Row;
use convoke::capability::schema::SharedSchema;
use convoke::capability::spec::{Domain, Effect};
use convoke::capability::tool::{Card, Definition, Runner, Tool};
use convoke::kernel::fault::Fault;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::{Bell, fixture, schema};

pub(crate) const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
const SOUND: &str = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn nothing() -> SharedSchema {
    schema(&json!({ "type": "object", "properties": {} }))
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        fixture!("test_simple_text", "Answers with a text.", nothing, simple_text),
        fixture!("test_image_content", "Answers with a picture.", nothing, image),
        fixture!("test_audio_content", "Answers with a sound.", nothing, audio),
        fixture!("test_embedded_resource", "Answers with a document.", nothing, embedded),
        fixture!("test_multiple_content_types", "Answers with blocks of several kinds.", nothing, multiple),
        fixture!("test_error_handling", "Fails.", nothing, failing),
        fixture!("test_tool_with_progress", "Tells of its progress.", nothing, progress),
        fixture!("test_tool_with_logging", "Tells what it does while it runs.", nothing, logging),
        fixture!("test_logging_tool", "Tells what it does, to those who want to hear it.", nothing, logging),
        fixture!("test_reconnection", "Takes a moment.", nothing, moment),
        fixture!("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", full_schema, simple_text),
        fixture!("test_header_param", "Answers with a parameter that is repeated as a header.", region, header),
        fixture!("test_trigger_tool_change", "Changes the list of tools.", nothing, change_tools),
        fixture!("test_trigger_prompt_change", "Says that the list of prompts has changed.", nothing, change_prompts),
        fixture!("greet", "Greets somebody.", name, greet),
    ]
}

async fn simple_text(_: &Cx, _: Value) -> Result<Content, Fault> {
    Ok(Content::text("This is a simple text response for testing."))
}

async fn image(_: &Cx, _: Value) -> Result<Content, Fault> {
    Ok(Content::of(vec![picture()]))
}

pub(crate) fn picture() -> Block {
    Block::Image { data: PICTURE.to_owned(), mime_type: "image/png".to_owned() }
}

async fn audio(_: &Cx, _: Value) -> Result<Content, Fault> {
    Ok(Content::of(vec![Block::Audio { data: SOUND.to_owned(), mime_type: "audio/wav".to_owned() }]))
}

pub(crate) fn document(uri: &str, media: &str, text: &str) -> Block {
    let resource = Embedded {
        uri: uri.to_owned(),
        mime_type: Some(media.to_owned()),
        text: Some(text.to_owned()),
        ..Embedded::default()
    };
    Block::Resource { resource }
}

async fn embedded(_: &Cx, _: Value) -> Result<Content, Fault> {
    let text = "This is an embedded resource content.";
    Ok(Content::of(vec![document("test://embedded-resource", "text/plain", text)]))
}

async fn multiple(_: &Cx, _: Value) -> Result<Content, Fault> {
    let mixed = document("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#);
    Ok(Content::of(vec![Block::text("Multiple content types test:"), picture(), mixed]))
}

async fn failing(_: &Cx, _: Value) -> Result<Content, Fault> {
    Ok(Content::text("This tool intentionally returns an error for testing").failed())
}

async fn progress(cx: &Cx, _: Value) -> Result<Content, Fault> {
    for done in [0.0, 50.0, 100.0] {
        cx.progress(done, Some(100.0), format!("{done} of 100"));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Content::text("Progress was made."))
}

async fn logging(cx: &Cx, _: Value) -> Result<Content, Fault> {
    for said in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        cx.say(Level::Info, said.into());
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Content::text("Everything was said."))
}

async fn moment(_: &Cx, _: Value) -> Result<Content, Fault> {
    tokio::time::sleep(PAUSE * 2).await;
    Ok(Content::text("The moment is over."))
}

fn full_schema() -> SharedSchema {
    schema(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
        } },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    }))
}

fn region() -> SharedSchema {
    schema(&json!({
        "type": "object",
        "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
        "required": ["region"],
    }))
}

async fn header(_: &Cx, input: Value) -> Result<Content, Fault> {
    Ok(Content::text(text_of(&input, "region")))
}

fn name() -> SharedSchema {
    schema(&json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] }))
}

async fn greet(_: &Cx, input: Value) -> Result<Content, Fault> {
    Ok(Content::text(format!("Hello, {}!", text_of(&input, "name"))))
}

pub(crate) fn text_of(input: &Value, name: &str) -> String {
    input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A tool that comes and goes.
struct Guest;

impl Runner for Guest {
    fn run<'a>(&'a self, _: &'a Cx, _: Value) -> BoxFuture<'a, Result<Outcome, Fault>> {
        Box::pin(async { Ok(Outcome::Value(json!({ "here": true }))) })
    }
}

async fn change_tools(cx: &Cx, _: Value) -> Result<Content, Fault> {
    const NAME: &str = "test_guest";
    let registry = &cx.platform().registry;
    if registry.present().find(cx.tenant(), NAME).is_some() {
        registry.withdraw(cx.tenant(), NAME);
        return Ok(Content::text("A tool has gone."));
    }
    let definition = Definition {
        name: NAME.to_owned(),
        description: "Comes and goes.".to_owned(),
        domain: Domain::System,
        effect: Effect::Read,
        permit: Permit::Own,
        reaches: false,
        input: nothing(),
        output: schema(&json!({ "type": "object", "properties": { "here": { "type": "boolean" } } })),
        card: Card::default(),
    };
    let added = registry.add(cx.tenant(), &Arc::new(Tool::added(definition, Arc::new(Guest))));
    Ok(Content::text(if added { "A tool has come." } else { "The tool's name is taken." }))
}

async fn change_prompts(cx: &Cx, _: Value) -> Result<Content, Fault> {
    cx.service::<Bell>()?.0.send_modify(|count| *count += 1);
    Ok(Content::text("The prompts are said to have changed."))
}
