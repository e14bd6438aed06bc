//! `task_comment`: says something about a task, or adds something to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::handing;
use crate::domain::tasks::faults::TASK_OVER;
use crate::domain::tasks::model::entry::What;
use crate::domain::tasks::model::task::{Attachment, Task};
use crate::domain::tasks::model::who::Who;
use crate::domain::tasks::opening::shown_hash;
use crate::domain::tasks::topics::COMMENTED;
use crate::domain::tasks::writing::{Doer, Notes, change};
use crate::kernel::fault::Fault;
use crate::kernel::id::{DocumentId, TaskId};

/// So many things may be added to a task.
const MOST_ATTACHMENTS: usize = 50;

/// Comments on a task.
pub(in crate::domain::tasks) struct TaskComment;

/// What is said or added.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// What is said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 10_000))]
    text: Option<String>,
    /// What is added.
    #[serde(default)]
    attachment: Option<Given>,
}

/// Something that is added: a document, or something that lies elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Given {
    /// What it is called; the document's name when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    name: Option<String>,
    /// A document, as `document_upload` answers it. Who answers the task reads it with their own permission.
    #[serde(default)]
    document_id: Option<DocumentId>,
    /// Or where it lies: an address that begins with `https://` or `http://`.
    #[serde(default)]
    #[schemars(length(min = 8, max = 2_000))]
    url: Option<String>,
}

/// What the task has now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Output {
    /// The task.
    task_id: TaskId,
    /// What belongs to it.
    attachments: Vec<Attachment>,
    /// The digest of what is shown: another one than before where something was added.
    shown_hash: String,
}

impl Capability for TaskComment {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "task_comment",
        Domain::Tasks,
        Route::post("/tasks/{id}/comments"),
        Permit::on(Resource::Tasks, Action::Change),
        "Adds a comment, a document or an address to a task. A comment changes nothing of what is asked; what is added does: whoever was about to \
         answer must look again. Comments are read with task_history.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Change).await?;
        let (mut task, mut notes, doer) = (stored.value.clone(), Notes::default(), Doer::of(cx.caller()));
        if input.text.is_none() && input.attachment.is_none() {
            return Err(Fault::bad_input("/text", "is missing: say something, or add something with 'attachment'"));
        }
        match input.attachment {
            None => notes.note(What::Commented, &doer, input.text, serde_json::Value::Null),
            Some(given) => {
                if task.status.is_over() {
                    let say = "the task is over: it takes comments, and nothing else is added to what was decided";
                    return Err(Fault::new(&TASK_OVER, say));
                }
                if task.attachments.len() >= MOST_ATTACHMENTS {
                    return Err(Fault::bad_input("/attachment", format!("would be one more than {MOST_ATTACHMENTS}")));
                }
                let attachment = attached(cx, given).await?;
                let detail =
                    json!({ "name": attachment.name, "documentId": attachment.document_id, "url": attachment.url });
                task.attachments.push(attachment);
                task.shown_hash = shown_hash(&task);
                notes.note(What::Attached, &doer, input.text, detail);
            }
        }
        notes.tell(COMMENTED);
        let task = change(cx, &stored, task, notes)?;
        Ok(Output { task_id: input.id, attachments: task.attachments, shown_hash: task.shown_hash })
    }
}

async fn attached(cx: &Cx, given: Given) -> Result<Attachment, Fault> {
    let by = Who::doing(cx.caller()).to_string();
    let at = cx.now();
    match (given.document_id, given.url) {
        (Some(id), None) => {
            let document = handing::document(cx, id.uuid()).await?;
            let name = given.name.unwrap_or(document.name);
            Ok(Attachment { name, document_id: Some(id.to_string()), url: None, by, at })
        }
        (None, Some(url)) => {
            if !(url.starts_with("https://") || url.starts_with("http://")) || url.chars().any(char::is_whitespace) {
                return Err(Fault::bad_input(
                    "/attachment/url",
                    "must begin with https:// or http:// and have no blanks",
                ));
            }
            let name = given.name.unwrap_or_else(|| url.clone());
            Ok(Attachment { name, document_id: None, url: Some(url), by, at })
        }
        _ => Err(Fault::bad_input("/attachment", "must have 'documentId' or 'url', and one of them only")),
    }
}
