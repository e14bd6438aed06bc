//! `event_schema_set`: a topic's JSON Schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::publish::room_for;
use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::capability::topics::TopicBook;
use crate::domain::events::engine::compatible::breaks;
use crate::domain::events::engine::schemas::compile;
use crate::domain::events::faults::{BREAKING_SCHEMA, RESERVED_TOPIC};
use crate::domain::events::model::topic::CustomTopic;
use crate::domain::events::topics::{OfSchema, SCHEMA_SET};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::Visibility;

/// The most bytes that a schema has.
const MOST_BYTES: usize = 64 * 1024;

/// Sets a topic's schema.
pub(in crate::domain::events) struct SchemaSet;

/// Which topic, and what its events must be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// The topic, such as `order.created`. It need not exist yet.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"))]
    topic: String,
    /// A JSON Schema (2020-12) that the data of each event must fit.
    schema: Map<String, Value>,
    /// What the topic's events are about.
    #[serde(default)]
    #[schemars(length(max = 500))]
    description: Option<String>,
}

/// The topic.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Output {
    /// The topic.
    topic: String,
    /// Counts its schemas from 1.
    version: u32,
    /// Whether this call changed the schema.
    changed: bool,
    /// The schema in force.
    schema: Map<String, Value>,
    /// What its events are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl Capability for SchemaSet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "event_schema_set",
        Domain::Events,
        Route::put("/events/schemas/{topic}"),
        Permit::on(Resource::Events, Action::Change),
        "Sets the JSON Schema that a topic's events must fit. A later one must be compatible with the present one: only \
         optional properties can be added; a change that breaks readers is refused, naming what breaks.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        if cx.service::<TopicBook>()?.is_reserved(&input.topic) {
            let say = format!("the schema of '{}' comes with the program", input.topic);
            return Err(Fault::new(&RESERVED_TOPIC, say));
        }
        check(&input.schema)?;
        let id = CustomTopic::id_of(&input.topic);
        let user = cx.caller().user;
        let Some(stored) = cx.get::<CustomTopic>(id).await? else {
            room_for(cx, 1).await?;
            let mut topic = CustomTopic::named(&input.topic, user);
            (topic.schema, topic.version, topic.description) = (Some(input.schema), 1, input.description);
            let belongs = Belongs { owner: Some(user.uuid()), workspace: None, visibility: Visibility::Tenant };
            cx.create(id, belongs, &topic)?;
            return told(cx, topic, true, cx.now());
        };
        // Whose topic it is promises its form to the readers.
        if stored.owner != Some(user.uuid()) && !cx.caller().may(Resource::Events, Action::Manage) {
            return Err(forbidden(Permit::on(Resource::Events, Action::Manage)));
        }
        let mut topic = stored.value.clone();
        if let Some(present) = &topic.schema {
            let found = breaks(&Value::Object(present.clone()), &Value::Object(input.schema.clone()));
            if let Some(first) = found.first() {
                let (count, place) = (found.len(), if first.pointer.is_empty() { "/" } else { &first.pointer });
                let rest = if count == 1 { String::new() } else { format!(", and {} more", count - 1) };
                let say = format!("the schema breaks version {} at {place}: {}{rest}", topic.version, first.message);
                let detail = serde_json::json!({ "topic": topic.topic, "version": topic.version, "breaks": found });
                return Err(Fault::new(&BREAKING_SCHEMA, say).with_detail(detail));
            }
        }
        let changed = topic.schema.as_ref() != Some(&input.schema);
        topic.schema = Some(input.schema);
        topic.version += u32::from(changed);
        topic.description = input.description.or(topic.description);
        if topic == stored.value {
            return told(cx, topic, false, stored.updated_at);
        }
        cx.change(&stored, &topic)?;
        told(cx, topic, changed, cx.now())
    }
}

fn told(cx: &Cx, topic: CustomTopic, changed: bool, updated_at: Timestamp) -> Result<Output, Fault> {
    if changed {
        cx.emit(SCHEMA_SET, &topic.topic, &OfSchema { topic: topic.topic.clone(), version: topic.version })?;
    }
    let CustomTopic { topic, description, schema, version, .. } = topic;
    Ok(Output { topic, version, changed, schema: schema.unwrap_or_default(), description, updated_at })
}

/// Whether it is a schema that the data of an event, an object, can fit.
fn check(schema: &Map<String, Value>) -> Result<(), Fault> {
    if serde_json::to_string(schema).map_err(Fault::internal)?.len() > MOST_BYTES {
        return Err(Fault::bad_input("/schema", format!("must be at most {MOST_BYTES} bytes of JSON")));
    }
    if schema.get("type").is_some_and(|kind| kind != "object") {
        return Err(Fault::bad_input("/schema/type", "must be \"object\": an event's data is one"));
    }
    compile(schema).map(drop).map_err(|why| Fault::bad_input("/schema", format!("is no JSON Schema: {why}")))
}
