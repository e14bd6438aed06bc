//! Where a subscription's events go, as somebody asks for it: held to what is there and to what may be reached.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::filter::{Condition, nonsense};
use super::signing::WebhookSecret;
use crate::capability::cx::Cx;
use crate::capability::events::Ways;
use crate::capability::outcome::Form;
use crate::capability::registry::may_call;
use crate::capability::tool::Tool;
use crate::capability::topics::Pattern;
use crate::domain::events::faults::{FORBIDDEN_ADDRESS, SUBSCRIPTION_LOOP};
use crate::domain::events::model::subscription::{Delivery, Target};
use crate::domain::events::tools::TargetInput;
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::secret::Secret;
use crate::port::webhooks::NoAnswer;

/// How long a webhook's answer may take where nothing is said.
const TIMEOUT_SECONDS: u64 = 15;
/// The tool that publishes events.
const PUBLISH: &str = "event_publish";

/// A target, and what the caller is shown once.
pub(in crate::domain::events) struct Made {
    pub(in crate::domain::events) kind: Delivery,
    pub(in crate::domain::events) target: Target,
    pub(in crate::domain::events) secret: Option<Secret>,
}

/// The target that an input names.
pub(in crate::domain::events) async fn target(
    cx: &Cx,
    id: Uuid,
    input: TargetInput,
    topics: &[Pattern],
) -> Result<Made, Fault> {
    only_what_belongs(&input)?;
    let TargetInput { kind, url, timeout_seconds, tool, input, fields, channel } = input;
    let (target, secret) = match kind {
        Delivery::Webhook => {
            let url = needed(url, "url", kind)?;
            may_be_called(cx, &url).await?;
            let secret = WebhookSecret::of(&cx.platform().seal, cx.tenant(), id);
            let timeout_seconds = timeout_seconds.unwrap_or(TIMEOUT_SECONDS);
            (Target::Webhook { url, timeout_seconds, secret_digest: secret.digest() }, Some(secret.text()))
        }
        Delivery::Tool => {
            let tool = needed(tool, "tool", kind)?;
            let (input, fields) = (input.unwrap_or_default(), fields.unwrap_or_default());
            callable(cx, &tool, &input, &fields)?;
            no_circle(&tool, &input, topics)?;
            (Target::Tool { tool, input, fields }, None)
        }
        Delivery::Channel => (Target::Channel { channel: channel_name(needed(channel, "channel", kind)?)? }, None),
        Delivery::Pull => (Target::Pull, None),
    };
    Ok(Made { kind, target, secret })
}

fn needed(value: Option<String>, property: &str, kind: Delivery) -> Result<String, Fault> {
    let missing = || Fault::bad_input(format!("/target/{property}"), format!("a {} needs it", kind.name()));
    value.filter(|value| !value.is_empty()).ok_or_else(missing)
}

/// A property of another kind of target would be ignored: that is told instead.
fn only_what_belongs(input: &TargetInput) -> Result<(), Fault> {
    let given = [
        ("url", Delivery::Webhook, input.url.is_some()),
        ("timeoutSeconds", Delivery::Webhook, input.timeout_seconds.is_some()),
        ("tool", Delivery::Tool, input.tool.is_some()),
        ("input", Delivery::Tool, input.input.is_some()),
        ("fields", Delivery::Tool, input.fields.is_some()),
        ("channel", Delivery::Channel, input.channel.is_some()),
    ];
    let foreign = given.into_iter().filter(|(_, of, given)| *given && *of != input.kind);
    let wrong: Vec<Violation> = foreign
        .map(|(property, of, _)| Violation {
            pointer: format!("/target/{property}"),
            message: format!("belongs to a target of the type '{}', not '{}'", of.name(), input.kind.name()),
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}

async fn may_be_called(cx: &Cx, url: &str) -> Result<(), Fault> {
    match cx.service::<Ways>()?.webhooks.check(url).await {
        Err(NoAnswer::Forbidden(why)) => {
            let detail = serde_json::json!({ "pointer": "/target/url", "reason": why });
            Err(Fault::new(&FORBIDDEN_ADDRESS, format!("the webhook cannot be called: {why}")).with_detail(detail))
        }
        // What cannot be looked up now is tried again with every delivery.
        Ok(()) | Err(NoAnswer::TimeOut | NoAnswer::Failed(_)) => Ok(()),
    }
}

/// Whether the caller may call the tool, and the input can be one of its inputs.
fn callable(cx: &Cx, tool: &str, input: &Map<String, Value>, fields: &BTreeMap<String, String>) -> Result<(), Fault> {
    let snapshot = cx.platform().registry.present();
    let found = snapshot.find(cx.tenant(), tool).filter(|tool| may_call(cx.caller(), tool));
    let Some(found) = found else {
        return Err(Fault::new(&codes::UNKNOWN_TOOL, format!("there is no tool '{tool}' that the caller may call"))
            .with_detail(serde_json::json!({ "pointer": "/target/tool" })));
    };
    let refuse = |why: &str| Err(Fault::bad_input("/target/tool", format!("'{tool}' {why}")));
    if found.forwards.is_some() {
        return refuse("calls other tools: name that tool itself");
    }
    if found.shows_secret {
        return refuse("answers with a secret that nobody would see");
    }
    if !found.is_audited() {
        return refuse("only reads: nobody would see its answer");
    }
    if !matches!(found.form, Form::Value | Form::Content) {
        return refuse("streams its answer");
    }
    fits_the_input(found, input, fields)
}

fn fits_the_input(tool: &Tool, input: &Map<String, Value>, fields: &BTreeMap<String, String>) -> Result<(), Fault> {
    let mut wrong = Vec::new();
    let empty = Map::new();
    let properties = tool.input().get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let closed = tool.input().get("additionalProperties") == Some(&Value::Bool(false));
    let names = input.keys().map(|name| ("input", name)).chain(fields.keys().map(|name| ("fields", name)));
    for (part, name) in names {
        let pointer = format!("/target/{part}/{}", name.replace('~', "~0").replace('/', "~1"));
        if closed && !properties.contains_key(name) {
            wrong.push(Violation { pointer, message: format!("'{}' has no input '{name}'", tool.name) });
        } else if part == "fields" && input.contains_key(name) {
            wrong.push(Violation { pointer, message: format!("'{name}' is in 'input' too: leave one of both out") });
        }
    }
    for (name, place) in fields {
        let condition = Condition { field: place.clone(), exists: Some(true), ..Condition::default() };
        wrong.extend(nonsense(&[condition], "").into_iter().map(|one| Violation {
            pointer: format!("/target/fields/{}", name.replace('~', "~0").replace('/', "~1")),
            message: one.message,
        }));
    }
    let required = tool.input().get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !input.contains_key(name) && !fields.contains_key(name) {
            let message = format!("'{}' needs '{name}': give it in 'input' or in 'fields'", tool.name);
            wrong.push(Violation { pointer: "/target/input".to_owned(), message });
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}

/// A subscription that publishes to a topic which it hears would go on for ever. Longer circles end by the count of hops.
fn no_circle(tool: &str, input: &Map<String, Value>, topics: &[Pattern]) -> Result<(), Fault> {
    let topic = input.get("topic").and_then(Value::as_str).filter(|_| tool == PUBLISH);
    let Some(topic) = topic else { return Ok(()) };
    let Some(heard) = topics.iter().find(|pattern| pattern.fits(topic)) else { return Ok(()) };
    let say = format!("it publishes to '{topic}', and '{}' hears that", heard.as_str());
    let detail = serde_json::json!({ "pointer": "/target/input/topic", "topic": topic });
    Err(Fault::new(&SUBSCRIPTION_LOOP, say).with_detail(detail))
}

fn channel_name(channel: String) -> Result<String, Fault> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:/".contains(letter);
    match channel.strip_prefix("channel:") {
        Some(name) if !name.is_empty() && name.len() <= 128 && name.chars().all(plain) => Ok(channel),
        _ => Err(Fault::bad_input("/target/channel", "must be 'channel:' and a name, such as channel:orders")),
    }
}
