//! `prompt_list`: prompts by tag and text.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::visible_to;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::finding::{Found, Wanted};
use crate::domain::prompts::judging::Whole;
use crate::domain::prompts::library::Library;
use crate::domain::prompts::model::prompt::{Prompt, PromptKind};
use crate::domain::prompts::views::{Brief, VariableView};
use crate::domain::prompts::writing::{MOST_PROMPTS, own_name};
use crate::domain::registry::engine::content_stems;
use crate::kernel::fault::Fault;
use crate::port::records::Query;

/// Lists prompts.
pub(in crate::domain::prompts) struct PromptList;

/// Which prompts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// Only those with this tag.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tag: Option<String>,
    /// Only those whose id, name, description or tags have all of these words, in whatever form.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
    /// Only prompts, or only blocks; prompts when not said.
    #[serde(default)]
    kind: PromptKind,
    /// Whether to tell the variables that each takes, too.
    #[serde(default)]
    takes: bool,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// A prompt in the list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Item {
    /// The prompt.
    #[serde(flatten)]
    brief: Brief,
    /// Every variable that it takes, those of its blocks included, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    takes: Option<Vec<VariableView>>,
}

impl Capability for PromptList {
    type Input = Input;
    type Output = Page<Item>;
    const SPEC: Spec = Spec::read(
        "prompt_list",
        Domain::Prompts,
        Route::get("/prompts"),
        Permit::on(Resource::Prompts, Action::Read),
        "The prompts that can be used, or the blocks that they are made of, by tag and words: those that come with the program and \
         the tenant's own. For the text of one use prompt_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Item>, Fault> {
        let (filter, order) = (visible_to::<Prompt>(cx.caller()), "promptId");
        let query = Query { filter, order, descending: false, after: None, limit: MOST_PROMPTS };
        let own = cx.find::<Prompt>(query).await?;
        let mut all: BTreeMap<String, Found> = BTreeMap::new();
        let files = cx.service::<Library>()?.present();
        for file in files.all() {
            all.entry(file.id.clone()).or_insert_with(|| Found::of_file(file));
        }
        for stored in own {
            let found = Found { prompt: stored.value.clone(), stored: Some(stored), file: None };
            all.insert(found.prompt.prompt_id.clone(), found);
        }
        let words = input.text.as_deref().map(content_stems).unwrap_or_default();
        all.retain(|_, found| {
            let prompt = &found.prompt;
            prompt.kind == input.kind
                && input.tag.as_ref().is_none_or(|tag| prompt.tags.contains(tag))
                && (words.is_empty() || words.is_subset(&words_of(prompt)))
        });
        let list = format!("prompts {:?} {:?} {:?}", input.tag, input.text, input.kind);
        let token = input.paging.page_token.as_deref();
        let after = token.map(|token| cx.open_page::<String>(&list, token)).transpose()?;
        let size = input.paging.size() as usize;
        let mut rest = all.into_iter().skip_while(|(id, _)| after.as_ref().is_some_and(|after| id <= after));
        let page: Vec<(String, Found)> = rest.by_ref().take(size).collect();
        let next_page_token = match (page.last(), rest.next()) {
            (Some((last, _)), Some(_)) => Some(cx.seal_page(&list, last)?),
            _ => None,
        };
        let mut items = Vec::with_capacity(page.len());
        for (_, found) in page {
            let takes = if input.takes { Some(takes(cx, &found).await?) } else { None };
            items.push(Item { brief: Brief::found(&found), takes });
        }
        Ok(Page { items, next_page_token })
    }
}

async fn takes(cx: &Cx, found: &Found) -> Result<Vec<VariableView>, Fault> {
    let content = found.choose(cx, Wanted::default()).await?.revision.content;
    let whole = Whole::of(cx, &content, own_name(&found.prompt)).await?;
    let variables = whole.map_or(content.variables, |whole| whole.variables);
    Ok(variables.iter().map(VariableView::from).collect())
}

fn words_of(prompt: &Prompt) -> BTreeSet<String> {
    let id = prompt.prompt_id.replace('-', " ");
    content_stems(&format!("{id} {} {} {}", prompt.name, prompt.description, prompt.tags.join(" ")))
}
