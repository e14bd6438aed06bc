//! `agent_list`: agents by state, tag and words.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::visible_to;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::finding::MOST_AGENTS;
use crate::domain::agents::model::agent::{Agent, State};
use crate::domain::agents::views::Brief;
use crate::domain::registry::engine::content_stems;
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Query, Scalar};

/// Lists agents.
pub(in crate::domain::agents) struct AgentList;

/// Which agents.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// Only those in this state; all but retired ones when not given.
    #[serde(default)]
    state: Option<State>,
    /// Only those with this tag.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tag: Option<String>,
    /// Only those whose id, name, description or tags have all of these words, in whatever form.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
    /// Only the caller's own.
    #[serde(default)]
    mine: bool,
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for AgentList {
    type Input = Input;
    type Output = Page<Brief>;
    const SPEC: Spec = Spec::read(
        "agent_list",
        Domain::Agents,
        Route::get("/agents"),
        Permit::on(Resource::Agents, Action::Read),
        "The agents that can be seen, by state, tag and words, with what each is for. For everything about one use agent_get, to run one \
         agent_invoke.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Brief>, Fault> {
        let is = |state: State| Filter::is("state", Scalar::Text(state.name().to_owned()));
        let state = input.state.map_or_else(|| Filter::Not(Box::new(is(State::Retired))), is);
        let mut filter = visible_to::<Agent>(cx.caller()).and(state);
        if input.mine {
            filter = filter.and(Filter::is("owner", Scalar::Id(cx.caller().user.uuid())));
        }
        let query = Query { filter, order: "agentId", descending: false, after: None, limit: MOST_AGENTS };
        let words = input.text.as_deref().map(content_stems).unwrap_or_default();
        let list = format!("agents {:?} {:?} {:?} {}", input.state, input.tag, input.text, input.mine);
        let token = input.paging.page_token.as_deref();
        let after = token.map(|token| cx.open_page::<String>(&list, token)).transpose()?;
        let mut rest = cx.find::<Agent>(query).await?.into_iter().filter(|stored| {
            let agent = &stored.value;
            after.as_ref().is_none_or(|after| agent.agent_id > *after)
                && input.tag.as_ref().is_none_or(|tag| agent.profile.tags.contains(tag))
                && words.is_subset(&words_of(agent))
        });
        let items: Vec<Brief> = rest.by_ref().take(input.paging.size() as usize).map(Brief::of).collect();
        let next_page_token = match (items.last(), rest.next()) {
            (Some(last), Some(_)) => Some(cx.seal_page(&list, &last.agent_id)?),
            _ => None,
        };
        Ok(Page { items, next_page_token })
    }
}

fn words_of(agent: &Agent) -> BTreeSet<String> {
    let (id, profile) = (agent.agent_id.replace('-', " "), &agent.profile);
    content_stems(&format!("{id} {} {} {}", profile.name, profile.description, profile.tags.join(" ")))
}
