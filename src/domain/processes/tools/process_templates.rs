//! `process_templates`: processes to begin from.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::definition::Definition;
use crate::domain::processes::engine::template::{Case, Parameter, Template};
use crate::domain::processes::library::{Templates, named};
use crate::domain::registry::engine::content_stems;
use crate::kernel::fault::Fault;

/// Tells templates.
pub(in crate::domain::processes) struct ProcessTemplates;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// Only this one, whole: its definition, and the cases that show what it comes to.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    id: Option<String>,
    /// Only those of this category, such as `finance`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    category: Option<String>,
    /// Only those with this tag.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tag: Option<String>,
    /// Only those whose name, description, tags or nodes have all of these words, in whatever form.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
}

/// The templates.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// Those that were meant, by id.
    items: Vec<Item>,
    /// How many there are of each category, whatever was asked for.
    categories: BTreeMap<String, usize>,
    /// The one that is named, with the examples of its parameters in place of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<Definition>,
}

/// A template.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Item {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What it does, and for whom.
    description: String,
    /// What part of the house it is of.
    category: String,
    /// What it is found by.
    tags: Vec<String>,
    /// What whoever takes it sets, by name.
    parameters: BTreeMap<String, Parameter>,
    /// Its ends: what it can come to.
    ends: Vec<String>,
    /// How many nodes it has.
    nodes: usize,
    /// Its use by example, as `process_sandbox` takes it; told of the one that is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cases: Vec<Case>,
}

impl Capability for ProcessTemplates {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "process_templates",
        Domain::Processes,
        Route::get("/operations/templates"),
        Permit::on(Resource::Processes, Action::Read),
        "Ready-made processes to begin from, such as approvals, incidents, reviews, onboarding; by category, tag and words. With an id the \
         whole of one, its parameters and worked cases. process_create makes a process of one.",
    )
    .also(&[Route::get("/processes/templates")]);

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let files = cx.service::<Templates>()?.present();
        let mut categories = BTreeMap::new();
        for template in files.values() {
            *categories.entry(template.category.clone()).or_insert(0) += 1;
        }
        let Some(id) = &input.id else {
            let words = input.text.as_deref().map(content_stems).unwrap_or_default();
            let meant = files.values().filter(|template| {
                input.category.as_ref().is_none_or(|category| template.category == *category)
                    && input.tag.as_ref().is_none_or(|tag| template.tags.contains(tag))
                    && words.is_subset(&words_of(template))
            });
            let items = meant.map(|template| Item::of(template, false)).collect();
            return Ok(Output { items, categories, definition: None });
        };
        let template = named(&files, id)?;
        let definition = template.filled(&template.example()).ok();
        Ok(Output { items: vec![Item::of(template, true)], categories, definition })
    }
}

impl Item {
    fn of(template: &Template, whole: bool) -> Self {
        let definition = template.filled(&template.example()).unwrap_or_default();
        let ends = definition.nodes.iter().filter(|node| node.kind == "end").map(|node| node.id.clone()).collect();
        Self {
            id: template.id.clone(),
            name: template.name.clone(),
            description: template.description.clone(),
            category: template.category.clone(),
            tags: template.tags.clone(),
            parameters: template.parameters.clone(),
            ends,
            nodes: definition.nodes.len(),
            cases: if whole { template.cases.clone() } else { Vec::new() },
        }
    }
}

fn words_of(template: &Template) -> BTreeSet<String> {
    let definition = template.filled(&template.example()).unwrap_or_default();
    let nodes: Vec<&str> = definition.nodes.iter().map(|node| node.name.as_str()).collect();
    let Template { id, name, description, category, tags, .. } = template;
    content_stems(&format!(
        "{} {name} {description} {category} {} {}",
        id.replace('-', " "),
        tags.join(" "),
        nodes.join(" ")
    ))
}
