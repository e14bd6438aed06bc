//! `tool_categories`: what areas there are tools for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::Permit;
use crate::capability::spec::{Domain, Route, Spec};
use crate::kernel::fault::Fault;

/// Lists the categories.
pub(crate) struct Categories;

/// Nothing is asked.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Input {}

/// The tree of categories.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    /// The domains with tools that you may call.
    categories: Vec<Category>,
    /// How many tools you may call in all.
    tools: usize,
}

/// A domain.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Category {
    /// The domain's name, also the toolset's.
    name: &'static str,
    /// What it is about.
    about: &'static str,
    /// How many tools it has.
    tools: usize,
    /// How many of them only read.
    reads: usize,
    /// Its subjects with their tools.
    subjects: Vec<Subject>,
}

/// A subject within a domain.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Subject {
    /// The subject: what the tools' names begin with.
    name: String,
    /// The tools' names.
    tools: Vec<String>,
}

impl Capability for Categories {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "tool_categories",
        Domain::Registry,
        Route::get("/capabilities/categories"),
        Permit::Own,
        "The areas that there are tools for, with the names of the tools that you may call. For a look around; to find \
         a tool for a need use tool_search.",
    );

    async fn run(cx: &Cx, _: Self::Input) -> Result<Self::Output, Fault> {
        let snapshot = cx.platform().registry.present();
        let mut by_domain: BTreeMap<Domain, (usize, BTreeMap<String, Vec<String>>)> = BTreeMap::new();
        for tool in snapshot.visible(cx.caller()) {
            let (reads, subjects) = by_domain.entry(tool.domain).or_default();
            *reads += usize::from(tool.effect.reads());
            let subject = tool.name.rsplit_once('_').map_or(&*tool.name, |(subject, _)| subject);
            subjects.entry(subject.to_owned()).or_default().push(tool.name.to_string());
        }
        let categories: Vec<Category> = by_domain
            .into_iter()
            .map(|(domain, (reads, subjects))| Category {
                name: domain.name(),
                about: domain.about(),
                tools: subjects.values().map(Vec::len).sum(),
                reads,
                subjects: subjects.into_iter().map(|(name, tools)| Subject { name, tools }).collect(),
            })
            .collect();
        Ok(Output { tools: categories.iter().map(|category| category.tools).sum(), categories })
    }
}
