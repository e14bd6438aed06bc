//! Asking the person on the other side of a call for an answer: as a flat form where the form of the task is flat, else by the page of a link. The question is bound to what it
//! shows: where the task changes before the answer comes, it is asked anew.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answering::Given;
use super::faults::{ANSWER_NEEDED, DECLINED};
use super::form::flat::{COMMENT, OUTCOME, flat};
use super::model::task::Task;
use super::opening::{DEFER, decision};
use super::page::path;
use crate::capability::client::Question;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;

/// So long the page of a question can be opened.
const QUESTION_TIME: Duration = Duration::from_hours(24);
/// So long a value is shown in a question.
const LONGEST_VALUE: usize = 300;

/// Asks for the answer; none where the person was sent to the page, from which it comes by itself.
///
/// # Errors
/// `task_answer_needed` where nobody can be asked, `task_answer_declined` where no answer is given; `input_required`, upon which the door asks.
pub(super) async fn ask(cx: &Cx, stored: &Stored<Task>) -> Result<Option<Given>, Fault> {
    let task = &stored.value;
    let decides_itself = task.form.as_ref().is_some_and(|form| decision(form).is_some());
    // A question has no field for until when it is put off.
    let outcomes: Vec<String> = task.outcomes.iter().filter(|outcome| *outcome != DEFER).cloned().collect();
    let Some(schema) = flat(task.form.as_ref(), &outcomes, decides_itself).filter(|_| cx.abilities().form) else {
        if let Some(link) = link(cx, stored).filter(|_| cx.abilities().url) {
            return opened(cx, task, link).await;
        }
        let detail = json!({ "shownHash": task.shown_hash, "outcomes": task.outcomes, "form": task.form });
        return Err(Fault::new(&ANSWER_NEEDED, "the call has no answer to the task").with_detail(detail));
    };
    let answer = cx.ask_form(&format!("answer:{}", task.shown_hash), &message(task), schema).await?;
    if answer.get("action").and_then(Value::as_str) != Some("accept") {
        return Err(Fault::new(&DECLINED, "the person gave no answer"));
    }
    let mut content = answer.get("content").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut text = |name: &str| match content.remove(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
        _ => None,
    };
    let comment = text(COMMENT);
    let outcome = if decides_itself { None } else { text(OUTCOME) };
    let given = Given { outcome, response: content, comment, shown_hash: task.shown_hash.clone(), defer_until: None };
    Ok(Some(given))
}

/// The address of the page for the person who calls, where it is known.
fn link(cx: &Cx, stored: &Stored<Task>) -> Option<String> {
    let base = cx.platform().config.server.public()?;
    let until = cx.now().plus(QUESTION_TIME);
    // An agent has no hands to open a page with.
    cx.caller().acting.is_none().then(|| format!("{base}{}", path(cx, stored.id, cx.caller().user, until)))
}

/// Asks the person to open the page: the answer comes from there, by itself.
async fn opened(cx: &Cx, task: &Task, url: String) -> Result<Option<Given>, Fault> {
    let key = format!("page:{}", task.shown_hash);
    let message = format!("{}\nPlease open the page to answer.", task.title);
    let question = Question::Link { message, url, id: key.clone() };
    let answers = cx.ask(vec![(key.clone(), question)]).await?;
    let action = answers.get(&key).and_then(|answer| answer.get("action")).and_then(Value::as_str);
    if action == Some("accept") { Ok(None) } else { Err(Fault::new(&DECLINED, "the person did not open the page")) }
}

/// What a person reads before they answer.
fn message(task: &Task) -> String {
    let mut lines = vec![task.title.clone()];
    lines.extend(task.description.clone());
    lines.extend(facts(&task.data));
    for attachment in &task.attachments {
        lines.push(format!("Attached: {}", attachment.name));
    }
    lines.join("\n")
}

fn facts(data: &Map<String, Value>) -> impl Iterator<Item = String> + '_ {
    data.iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}: {}", value.chars().take(LONGEST_VALUE).collect::<String>())
    })
}
