//! The page of a task for one person: the pass by which it is opened, and what it shows.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answering::may;
use super::faults::{TASK_ANSWERED, TASK_OVER};
use super::model::task::Task;
use super::model::who::Who;
use super::opening::{DEFER, decision};
use super::people::People;
use crate::capability::cx::Cx;
use crate::capability::form_page::{Decision, Fact, FieldHint, FormPage};
use crate::capability::owned::Stored;
use crate::capability::passes::Pass;
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;

/// The path of the page of a task for a person, good until a moment.
pub(super) fn path(cx: &Cx, task: Uuid, user: UserId, until: Timestamp) -> String {
    let mut fixed = Map::new();
    fixed.insert("id".to_owned(), task.to_string().into());
    let pass = Pass {
        tenant: cx.tenant(),
        user,
        shows: "task_page".to_owned(),
        answers: "task_respond".to_owned(),
        fixed,
        permits: vec!["tasks:read".to_owned(), "tasks:change".to_owned()],
        until,
    };
    format!("/forms/{}", pass.sealed(&cx.platform().seal))
}

/// The page of a task as the caller sees it.
pub(super) async fn page(cx: &Cx, stored: &Stored<Task>) -> Result<FormPage, Fault> {
    let task = &stored.value;
    let mut page = FormPage {
        title: task.title.clone(),
        person: Some(cx.caller().name.clone()).filter(|name| !name.is_empty()),
        text: task.description.iter().flat_map(|text| text.split("\n\n")).map(str::to_owned).collect(),
        facts: facts(cx, stored).await?,
        ..FormPage::default()
    };
    if let Err(fault) = may(cx, stored).await {
        if fault.code().status >= 500 {
            return Err(fault);
        }
        page.closed = Some(closed(cx, task, &fault));
        return Ok(page);
    }
    let decides_itself = task.form.as_ref().is_some_and(|form| decision(form).is_some());
    page.form = task.form.clone();
    page.form_as = task.form.is_some().then(|| "response".to_owned());
    page.order = task.ui.order.clone();
    let hint = |hint: &super::form::hints::Hint| FieldHint {
        widget: hint.widget.and_then(|widget| serde_json::to_value(widget).ok()?.as_str().map(str::to_owned)),
        placeholder: hint.placeholder.clone(),
        help: hint.help.clone(),
    };
    page.hints = task.ui.fields.iter().map(|(name, one)| (name.clone(), hint(one))).collect();
    if !decides_itself {
        let one = |outcome: &String| Decision { value: outcome.clone(), label: label(outcome) };
        page.decisions = task.outcomes.iter().map(one).collect();
    }
    page.decision_as = Some("outcome".to_owned());
    page.also.insert("comment".to_owned(), json!({ "type": "string", "title": "Comment", "maxLength": 4000 }));
    if task.outcomes.iter().any(|outcome| outcome == DEFER) {
        let field = json!({ "type": "string", "format": "date-time", "title": "Put off until", "description": "Only to put the answer off." });
        page.also.insert("deferUntil".to_owned(), field);
    }
    page.fixed.insert("shownHash".to_owned(), task.shown_hash.clone().into());
    Ok(page)
}

/// What stands on a button.
fn label(outcome: &str) -> String {
    let text = outcome.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

async fn facts(cx: &Cx, stored: &Stored<Task>) -> Result<Vec<Fact>, Fault> {
    let task = &stored.value;
    let people = People { store: &*cx.platform().store, tenant: cx.tenant() };
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value, url: None };
    let mut facts = Vec::new();
    for (name, value) in &task.data {
        facts.push(fact(&label(name), said(value)));
    }
    if let Some(name) = people.name(&Who::User(task.starter)).await? {
        facts.push(fact("Asked by", name));
    }
    for (name, moment) in [("Answer until", task.sla_deadline), ("Due", task.due_at)] {
        facts.extend(moment.map(|moment| fact(name, time(moment))));
    }
    for attachment in &task.attachments {
        let value = attachment.name.clone();
        facts.push(Fact { name: "Attached".to_owned(), value, url: attachment.url.clone() });
    }
    Ok(facts)
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(said).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// A moment as people read it.
fn time(moment: Timestamp) -> String {
    let text = moment.to_string();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

/// What a page says that takes no answer.
fn closed(cx: &Cx, task: &Task, fault: &Fault) -> String {
    let by = Who::doing(cx.caller());
    let own = task.answers.iter().find(|answer| answer.by == by).map(|answer| label(&answer.outcome));
    if fault.is(&TASK_ANSWERED) {
        return format!("Thank you. You answered: {}. It waits for the answers of others.", own.unwrap_or_default());
    }
    if !fault.is(&TASK_OVER) {
        return format!("{}.", label(fault.say()));
    }
    let outcome = task.outcome.as_deref().map(label).unwrap_or_default();
    match own {
        Some(own) if own == outcome => format!("Thank you. You answered: {own}. Nothing more is needed."),
        Some(own) => format!("Thank you. You answered: {own}. It was decided: {outcome}."),
        None => format!("This needs no answer any more. It ended with: {outcome}."),
    }
}
