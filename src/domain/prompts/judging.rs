//! Judging and assembling a content with the blocks that it includes, as the tenant has them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::engine::blocks::{Block, BlockFault, Gathering, joined, texts};
use super::engine::checks::Wanted as Expected;
use super::engine::content::{Content, Variable};
use super::engine::lint::{Finding, Level, findings, unused};
use super::engine::tags::{Reference, references};
use super::engine::template::{self, Wrong, WrongKind, assembled};
use super::engine::variables::filled;
use super::faults::{BLOCK_LOOP, PROMPT_TOO_LARGE, PROMPT_UNUSABLE};
use super::finding::{Found, PRODUCTION};
use super::model::prompt::Target;
use crate::capability::cx::Cx;
use crate::kernel::fault::{Fault, Violation};
use crate::port::tokens::{Counted, Counting, Encoding};

/// A content with its blocks.
pub(super) struct Whole {
    /// The blocks by their references.
    pub(super) blocks: BTreeMap<String, Block>,
    /// Its variables with those of its blocks.
    pub(super) variables: Vec<Variable>,
}

/// A block that is a part of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    /// How the template names it.
    name: String,
    /// Its version.
    version: String,
    /// The digest of its content.
    digest: String,
}

impl Whole {
    /// Gathers the blocks of a content; `own` is how it is called as a block, where it is one.
    pub(super) async fn of(
        cx: &Cx,
        content: &Content,
        own: Option<&str>,
    ) -> Result<Result<Self, Vec<BlockFault>>, Fault> {
        let mut gathering = Gathering::of(&content.template, own);
        while let Some(wanted) = gathering.wanted() {
            if let Some(block) = block(cx, &wanted).await? {
                gathering.give(&wanted, block);
            }
        }
        Ok(gathering.finish(own).map(|blocks| {
            let variables = joined(content, &blocks);
            Self { blocks, variables }
        }))
    }

    /// The same, where the blocks must be there.
    pub(super) async fn load(cx: &Cx, content: &Content, own: Option<&str>) -> Result<Self, Fault> {
        Self::of(cx, content, own)
            .await?
            .map_err(|faults| unusable(&faults.iter().map(Finding::of_block).collect::<Vec<_>>()))
    }

    /// The text with these variables, and with which values it was made.
    pub(super) fn text(
        &self,
        content: &Content,
        given: &Map<String, Value>,
        below: &str,
    ) -> Result<(String, Map<String, Value>), NoText> {
        let values = filled(&self.variables, given, below).map_err(NoText::Variables)?;
        let text = assembled(&content.template, &texts(&self.blocks), &values).map_err(NoText::Template)?;
        Ok((text, values))
    }

    /// The blocks as they are told.
    pub(super) fn parts(&self) -> Vec<Part> {
        let part = |(name, block): (&String, &Block)| Part {
            name: name.clone(),
            version: block.version.clone(),
            digest: block.digest.clone(),
        };
        self.blocks.iter().map(part).collect()
    }
}

/// Why there is no text.
#[derive(Debug)]
pub(super) enum NoText {
    /// The variables do not fit.
    Variables(Vec<Violation>),
    /// The template cannot be carried out.
    Template(Wrong),
}

impl NoText {
    /// In one sentence.
    pub(super) fn say(&self) -> String {
        match self {
            Self::Variables(wrong) => {
                let all: Vec<String> = wrong.iter().map(|one| format!("{} {}", one.pointer, one.message)).collect();
                all.join("; ")
            }
            Self::Template(wrong) => wrong.to_string(),
        }
    }
}

impl From<NoText> for Fault {
    fn from(why: NoText) -> Self {
        match why {
            NoText::Variables(wrong) => Self::violations(wrong),
            NoText::Template(wrong) if wrong.kind == WrongKind::TooMuch => {
                Self::new(&PROMPT_TOO_LARGE, wrong.to_string())
            }
            NoText::Template(wrong) => unusable(&[Finding::of_template(&wrong)]),
        }
    }
}

/// The block that a template names: `name`, or `name@` and a version or label. Without one, what stands for `production`, else
/// what was published last.
async fn block(cx: &Cx, reference: &str) -> Result<Option<Block>, Fault> {
    let (name, which) = reference.split_once('@').map_or((reference, None), |(name, which)| (name, Some(which)));
    let Some(found) = Found::block(cx, name).await? else { return Ok(None) };
    let heaviest =
        |targets: &[Target]| targets.iter().max_by_key(|target| target.weight).map(|target| target.version.clone());
    let label = which.unwrap_or(PRODUCTION);
    let labelled = found.prompt.labels.get(label).and_then(|label| heaviest(&label.targets));
    let version = labelled.or_else(|| which.map(str::to_owned)).or_else(|| found.prompt.published.clone());
    let Some(version) = version else { return Ok(None) };
    match found.version(cx, &version).await {
        Ok(revision) => Ok(Some(Block {
            version: revision.called(),
            digest: revision.digest,
            template: revision.content.template,
            variables: revision.content.variables,
        })),
        Err(fault) if fault.is(&crate::kernel::codes::NOT_FOUND) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The fault of a content that cannot be used.
pub(super) fn unusable(findings: &[Finding]) -> Fault {
    let errors: Vec<&Finding> = findings.iter().filter(|one| one.level == Level::Error).collect();
    let told: Vec<String> = errors
        .iter()
        .take(5)
        .map(|one| one.line.map_or_else(|| one.message.clone(), |line| format!("line {line}: {}", one.message)))
        .collect();
    let code = if errors.iter().any(|one| one.rule == "P005") { &BLOCK_LOOP } else { &PROMPT_UNUSABLE };
    Fault::new(code, told.join("; ")).with_detail(serde_json::json!({ "findings": errors }))
}

/// Everything that can be said of a content, and the content with its blocks where those are there.
pub(super) async fn judged(
    cx: &Cx,
    content: &Content,
    own: Option<&str>,
) -> Result<(Vec<Finding>, Option<Whole>), Fault> {
    let whole = match Whole::of(cx, content, own).await? {
        Ok(whole) => whole,
        Err(faults) => {
            let mut found = findings(content, None);
            found.extend(faults.iter().map(Finding::of_block));
            return Ok((found, None));
        }
    };
    let mut found = findings(content, Some(&whole.variables));
    if found.iter().any(|one| one.level == Level::Error) {
        return Ok((found, Some(whole)));
    }
    let mut used = BTreeSet::new();
    for text in texts(&whole.blocks).values().chain([&content.template]) {
        // What is not well formed was found above, or was when the block was stored.
        used.extend(template::names(text).unwrap_or_default());
    }
    found.extend(unused(content, &used));
    found.extend(checked(cx, content, &whole).await?);
    Ok((found, Some(whole)))
}

/// Which of its own checks a content does not pass.
async fn checked(cx: &Cx, content: &Content, whole: &Whole) -> Result<Vec<Finding>, Fault> {
    let mut found = Vec::new();
    for check in &content.checks {
        let tell = |why: String| Finding::error("P012", None, format!("the check '{}': {why}", check.name));
        match whole.text(content, &check.variables, "") {
            Err(why) => found.push(tell(why.say())),
            Ok((text, _)) => {
                let expected = Expected::from(check);
                let tokens = if expected.counts() { tokens(cx, &text).await?.tokens } else { 0 };
                let wrong = expected.lacking(&text, tokens);
                if !wrong.is_empty() {
                    found.push(tell(format!("the text {}", wrong.join(", "))));
                }
            }
        }
    }
    Ok(found)
}

/// The tokens of a text.
pub(super) async fn tokens(cx: &Cx, text: &str) -> Result<Counted, Fault> {
    let counting = cx.service::<Counting>()?;
    let counted = counting.0.count(Encoding::O200k, vec![text.to_owned()]).await;
    counted.first().copied().ok_or_else(|| Fault::internal("a text was not counted"))
}

/// The names of the blocks that a template includes itself.
pub(super) fn included(template: &str) -> Vec<String> {
    let names: BTreeSet<String> = references(template)
        .into_iter()
        .filter_map(|reference| match reference {
            Reference::Block { name, .. } => Some(name),
            Reference::Refused { .. } => None,
        })
        .collect();
    names.into_iter().collect()
}
