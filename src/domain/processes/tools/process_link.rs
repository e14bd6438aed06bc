//! `process_link`: says what a process has to do with another one, or takes that back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::faults::TOO_MANY_PROCESSES;
use crate::domain::processes::finding::load;
use crate::domain::processes::model::process::{Link, LinkKind, Process};
use crate::domain::processes::topics::LINKED;
use crate::domain::prompts::engine::file::meant;
use crate::kernel::fault::Fault;

/// The most links that people give to a process.
const MOST_LINKS: usize = 200;

/// Links processes.
pub(in crate::domain::processes) struct ProcessLink;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The id or name of the other process.
    #[schemars(length(min = 1, max = 100))]
    to: String,
    /// How: `calls` where it runs the other one in a way that its definition does not show, `depends_on` where it needs that the other one is
    /// there or was done, `feeds` where what it brings is what the other one begins with.
    kind: LinkKind,
    /// What goes over the link, or why it is there.
    #[serde(default)]
    #[schemars(length(max = 500))]
    note: String,
    /// Whether the link is taken away in place of made.
    #[serde(default)]
    remove: bool,
}

/// The links.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id of the process.
    id: String,
    /// The links that people gave it.
    links: Vec<Link>,
}

impl Capability for ProcessLink {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "process_link",
        Domain::Processes,
        Route::post("/processes/{id}/links"),
        Permit::on(Resource::Processes, Action::Change),
        "Links a process to another one that it calls, depends on or feeds, or takes the link away with 'remove'. Sub-process nodes need none: \
         they are known. To see links and what a change would affect use process_links.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let mut process = stored.value.clone();
        let to = meant(&input.to);
        let place = process.links.iter().position(|link| link.to == to && link.kind == input.kind);
        if input.remove {
            let place = place.ok_or_else(|| Fault::not_found("link", &input.to))?;
            process.links.remove(place);
        } else {
            if to == process.process_id {
                return Err(Fault::bad_input("/to", "must be another process"));
            }
            load(cx, &input.to, Action::Read).await?;
            let link = Link { to, kind: input.kind, note: input.note, by: cx.caller().user, at: cx.now() };
            match place {
                Some(place) => process.links[place] = link,
                None if process.links.len() >= MOST_LINKS => {
                    let say = format!("'{}' has {MOST_LINKS} links and may have no more", process.process_id);
                    return Err(Fault::new(&TOO_MANY_PROCESSES, say));
                }
                None => process.links.push(link),
            }
            process.links.sort_by(|one, other| (&one.to, one.kind).cmp(&(&other.to, other.kind)));
        }
        cx.change(&stored, &process)?;
        cx.about::<Process>(Process::id(&process.process_id));
        let told = serde_json::json!({ "processId": process.process_id, "to": meant(&input.to) });
        cx.emit(LINKED, &process.process_id, &told)?;
        Ok(Output { id: process.process_id, links: process.links })
    }
}
