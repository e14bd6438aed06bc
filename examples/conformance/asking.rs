//! Fixtures that ask the client: while the call runs in the older revisions, by `input_required` in the newer.

use convoke::capability::client::{Answers, Question, Questions};
use convoke::capability::content::Content;
use convoke::capability::cx::Cx;
use convoke::capability::row::Row;
use convoke::capability::schema::SharedSchema;
use convoke::kernel::fault::Fault;
use serde_json::{Map, Value, json};

use crate::plain::{nothing, text_of};
use crate::{fixture, schema};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        fixture!("test_sampling", "Asks the client's model.", prompt, sampling),
        fixture!("test_elicitation", "Asks the person.", message, elicitation),
        fixture!("test_elicitation_sep1034_defaults", "Asks the person, with defaults.", nothing, defaults),
        fixture!("test_elicitation_sep1330_enums", "Asks the person to choose.", nothing, choices),
        fixture!("test_missing_capability", "Needs the client's model.", nothing, model),
        fixture!("test_streaming_elicitation", "Asks the person after a while.", nothing, ask_name),
        fixture!("test_input_required_result_elicitation", "Asks for a name.", nothing, ask_name),
        fixture!("test_input_required_result_sampling", "Asks the client's model for a capital.", nothing, ask_capital),
        fixture!("test_input_required_result_list_roots", "Asks for the client's folders.", nothing, ask_roots),
        fixture!("test_input_required_result_request_state", "Asks to confirm.", nothing, ask_confirmation),
        fixture!("test_input_required_result_multiple_inputs", "Asks three things at once.", nothing, ask_three),
        fixture!("test_input_required_result_multi_round", "Asks one thing after the other.", nothing, ask_twice),
        fixture!("test_input_required_result_tampered_state", "Asks to confirm.", nothing, ask_confirmation),
        fixture!("test_input_required_result_capabilities", "Asks whatever the client understands.", nothing, ask_able),
    ]
}

pub(crate) fn form(message: &str, properties: &Value, required: &[&str]) -> Question {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    Question::Form { message: message.to_owned(), schema: object(&schema) }
}

fn sample(text: &str, tokens: u32) -> Question {
    let messages = json!([{ "role": "user", "content": { "type": "text", "text": text } }]);
    Question::Sample { request: object(&json!({ "messages": messages, "maxTokens": tokens })) }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

pub(crate) async fn ask(cx: &Cx, key: &str, question: Question) -> Result<Value, Fault> {
    let mut answers = cx.ask(vec![(key.to_owned(), question)]).await?;
    Ok(answers.remove(key).unwrap_or_default())
}

fn prompt() -> SharedSchema {
    schema(&json!({ "type": "object", "properties": { "prompt": { "type": "string" } }, "required": ["prompt"] }))
}

fn message() -> SharedSchema {
    schema(&json!({ "type": "object", "properties": { "message": { "type": "string" } }, "required": ["message"] }))
}

async fn sampling(cx: &Cx, input: Value) -> Result<Content, Fault> {
    let answer = ask(cx, "sample", sample(&text_of(&input, "prompt"), 100)).await?;
    Ok(Content::text(format!("LLM response: {}", text_of(&answer["content"], "text"))))
}

async fn elicitation(cx: &Cx, input: Value) -> Result<Content, Fault> {
    let properties = json!({
        "username": { "type": "string", "description": "User's response" },
        "email": { "type": "string", "description": "User's email address" },
    });
    let answer = ask(cx, "who", form(&text_of(&input, "message"), &properties, &["username", "email"])).await?;
    Ok(Content::text(told("User response", &answer)))
}

fn told(what: &str, answer: &Value) -> String {
    format!("{what}: action={}, content={}", text_of(answer, "action"), answer["content"])
}

async fn defaults(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let properties = json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    });
    let answer = ask(cx, "defaults", form("Please review", &properties, &[])).await?;
    Ok(Content::text(told("Elicitation completed", &answer)))
}

async fn choices(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let titled = |titles: [&str; 3]| {
        let named = titles.iter().enumerate();
        named.map(|(at, title)| json!({ "const": format!("value{}", at + 1), "title": title })).collect::<Vec<_>>()
    };
    let properties = json!({
        "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
        "titledSingle": { "type": "string", "oneOf": titled(["First Option", "Second Option", "Third Option"]) },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": ["option1", "option2", "option3"] } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled(["First Choice", "Second Choice", "Third Choice"]) } },
    });
    let answer = ask(cx, "choices", form("Please choose", &properties, &[])).await?;
    Ok(Content::text(told("Elicitation completed", &answer)))
}

async fn model(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let answer = ask(cx, "model", sample("Say something.", 100)).await?;
    Ok(Content::text(text_of(&answer["content"], "text")))
}

fn whose_name() -> Question {
    form("What is your name?", &json!({ "name": { "type": "string" } }), &["name"])
}

async fn ask_name(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let answer = ask(cx, "user_name", whose_name()).await?;
    Ok(Content::text(format!("Hello, {}!", text_of(&answer["content"], "name"))))
}

async fn ask_capital(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let answer = ask(cx, "capital_question", sample("What is the capital of France?", 100)).await?;
    Ok(Content::text(text_of(&answer["content"], "text")))
}

fn names(roots: &Value) -> String {
    let named = roots["roots"].as_array().into_iter().flatten();
    named.map(|root| text_of(root, "uri")).collect::<Vec<_>>().join(", ")
}

async fn ask_roots(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let answer = ask(cx, "client_roots", Question::Roots).await?;
    Ok(Content::text(format!("Roots: {}", names(&answer))))
}

async fn ask_confirmation(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let question = form("Please confirm", &json!({ "ok": { "type": "boolean" } }), &["ok"]);
    ask(cx, "confirm", question).await?;
    Ok(Content::text("state-ok"))
}

async fn ask_three(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let questions: Questions = vec![
        ("user_name".to_owned(), whose_name()),
        ("greeting".to_owned(), sample("Generate a greeting", 50)),
        ("client_roots".to_owned(), Question::Roots),
    ];
    let answers: Answers = cx.ask(questions).await?;
    let greeting = text_of(&answers["greeting"]["content"], "text");
    let name = text_of(&answers["user_name"]["content"], "name");
    Ok(Content::text(format!("{greeting} {name}, {}", names(&answers["client_roots"]))))
}

async fn ask_twice(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let name = form("Step 1: What is your name?", &json!({ "name": { "type": "string" } }), &["name"]);
    let name = ask(cx, "step1", name).await?;
    let color = form("Step 2: What is your favorite color?", &json!({ "color": { "type": "string" } }), &["color"]);
    let color = ask(cx, "step2", color).await?;
    let (name, color) = (text_of(&name["content"], "name"), text_of(&color["content"], "color"));
    Ok(Content::text(format!("{name} likes {color}.")))
}

async fn ask_able(cx: &Cx, _: Value) -> Result<Content, Fault> {
    let able = cx.abilities();
    let mut questions = Questions::new();
    if able.form {
        questions.push(("user_name".to_owned(), whose_name()));
    }
    if able.sample {
        questions.push(("greeting".to_owned(), sample("Generate a greeting", 50)));
    }
    if able.roots {
        questions.push(("client_roots".to_owned(), Question::Roots));
    }
    let asked = questions.len();
    cx.ask(questions).await?;
    Ok(Content::text(format!("{asked} questions were answered.")))
}
