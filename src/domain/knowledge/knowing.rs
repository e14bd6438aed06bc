//! The facts that bear on a question, each with where it comes from and how far that goes; and facts that an agent learned.

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::around::facts;
use super::engine::naming::UNKNOWN;
use super::ingesting::writing::types_of;
use super::model::{Extracted, Relation};
use super::upserting::{GivenNode, GivenOrigin, GivenRelation, Input, Outcome, Resolve, take};
use crate::capability::cx::{Belongs, Cx};
use crate::capability::owned::visible_to;
use crate::domain::memory::recalling::Trust;
use crate::kernel::fault::Fault;
use crate::kernel::id::NodeId;
use crate::kernel::time::Timestamp;
use crate::port::graph::name_key;
use crate::port::records::{Filter, Query, Scalar};

/// So many places are told of each.
const MOST_PLACES: usize = 5;

/// A fact.
pub(crate) struct Known {
    pub(crate) relation: Uuid,
    pub(crate) from: Uuid,
    pub(crate) to: Uuid,
    /// In words, such as `Anna works at Bosch`.
    pub(crate) text: String,
    /// How sure it is.
    pub(crate) confidence: Option<f64>,
    /// How far it can be trusted: as far as the best of its sources.
    pub(crate) trust: Trust,
    pub(crate) recorded_at: Timestamp,
    pub(crate) places: Vec<Place>,
}

/// Where a fact comes from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Place {
    /// The address or name of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The document.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<String>,
    /// Its passage, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    passage: Option<u32>,
    /// The page; 0 where the format has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// The words that say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    quote: Option<String>,
}

/// What the graph says of what a question names, as far as the caller may see it.
///
/// # Errors
/// When the store fails.
pub(crate) async fn known(cx: &Cx, question: &str) -> Result<Vec<Known>, Fault> {
    let found = facts(cx, question, 1).await?;
    let ids = found.iter().map(|fact| Scalar::Id(fact.relation)).collect();
    let most = u32::try_from(found.len()).unwrap_or(u32::MAX);
    if most == 0 {
        return Ok(Vec::new());
    }
    let filter = Filter::In("id", ids).and(visible_to::<Relation>(cx.caller()));
    let mut relations: HashMap<Uuid, _> =
        cx.find::<Relation>(Query::newest(filter, most)).await?.into_iter().map(|one| (one.id, one)).collect();
    let known = found.into_iter().filter_map(|fact| {
        let stored = relations.remove(&fact.relation)?;
        let Relation { confidence, provenance, .. } = stored.value;
        let trust = |origin: &super::model::Origin| {
            origin.extracted.as_ref().map_or(Trust::Stated, |extracted| extracted.trust)
        };
        Some(Known {
            relation: fact.relation,
            from: fact.from,
            to: fact.to,
            text: fact.text.replace('_', " "),
            confidence,
            trust: best(provenance.iter().map(trust)),
            recorded_at: stored.updated_at,
            places: provenance.into_iter().rev().take(MOST_PLACES).map(Place::of).collect(),
        })
    });
    Ok(known.collect())
}

/// The best of them.
fn best(all: impl Iterator<Item = Trust>) -> Trust {
    let rank = |trust: &Trust| match trust {
        Trust::Untrusted => 0,
        Trust::Inferred => 1,
        Trust::Stated => 2,
    };
    all.max_by_key(rank).unwrap_or_default()
}

impl Place {
    fn of(origin: super::model::Origin) -> Self {
        let of_document = origin.extracted.as_ref().filter(|_| origin.document.is_some());
        let (passage, page) = of_document.map(|extracted| (extracted.passage, extracted.page)).unzip();
        Self { source: origin.source, document_id: origin.document, passage, page, quote: origin.note }
    }
}

/// A fact that was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Learned {
    /// Of what it is, by name.
    #[schemars(length(min = 1, max = 300))]
    pub(crate) subject: String,
    /// What that is, such as `Person`; what it is known as where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub(crate) subject_type: Option<String>,
    /// What it says, such as `works_at`.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub(crate) relation: String,
    /// What it leads to, by name.
    #[schemars(length(min = 1, max = 300))]
    pub(crate) object: String,
    /// What that is; what it is known as where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub(crate) object_type: Option<String>,
    /// How sure it is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) confidence: Option<f64>,
    /// From when on it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_from: Option<Timestamp>,
    /// Until when it held; later than `validFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_to: Option<Timestamp>,
    /// The words that say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub(crate) quote: Option<String>,
    /// Whether a model drew it out of the conversation, and which.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) model: Option<String>,
}

/// What became of a fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InGraph {
    /// The relation.
    pub(crate) relation_id: NodeId,
    /// The node of the subject.
    from: NodeId,
    /// The node of the object.
    to: NodeId,
    /// `created`, `changed` where it was known by another source, `unchanged`.
    outcome: String,
}

/// Puts facts into the graph. `trust` is how far those go that nobody stated: those of a model, and all where `stated` is false.
///
/// # Errors
/// As `graph_upsert`, below `/facts`.
pub(crate) async fn learn(
    cx: &Cx,
    facts: &[Learned],
    source: &str,
    belongs: Belongs,
    trust: Trust,
    stated: bool,
) -> Result<Vec<InGraph>, Fault> {
    if facts.is_empty() {
        return Ok(Vec::new());
    }
    let mut untyped = HashSet::new();
    for fact in facts {
        for (name, of) in [(&fact.subject, &fact.subject_type), (&fact.object, &fact.object_type)] {
            if of.is_none() {
                untyped.insert(name_key(name));
            }
        }
    }
    let known = types_of(cx, belongs, untyped).await?;
    let mut input = Input {
        resolve: Resolve::Exact,
        visibility: Some(belongs.visibility),
        workspace_id: belongs.workspace,
        lenient: true,
        ..Input::default()
    };
    for fact in facts {
        let nobody = !stated || fact.model.is_some();
        let method = if fact.model.is_some() { "model" } else { "agent" };
        let extracted = Extracted { passage: 0, page: 0, method: method.to_owned(), model: fact.model.clone(), trust };
        let origin = GivenOrigin {
            source: Some(source.to_owned()),
            document: None,
            note: fact.quote.clone(),
            extracted: nobody.then_some(extracted),
        };
        let mut end = |name: &str, of: &Option<String>| {
            let of = of.clone().or_else(|| known.get(&name_key(name)).cloned()).unwrap_or_else(|| UNKNOWN.to_owned());
            let reference = format!("n{}", input.nodes.len());
            input.nodes.push(GivenNode {
                reference: Some(reference.clone()),
                of,
                name: Some(name.to_owned()),
                provenance: Some(origin.clone()),
                ..GivenNode::default()
            });
            reference
        };
        let (from, to) = (end(&fact.subject, &fact.subject_type), end(&fact.object, &fact.object_type));
        input.relations.push(GivenRelation {
            from,
            to,
            of: fact.relation.clone(),
            confidence: fact.confidence,
            valid_from: fact.valid_from,
            valid_to: fact.valid_to,
            provenance: Some(origin),
            ..GivenRelation::default()
        });
    }
    let output = take(cx, input).await.map_err(|fault| fault.below("/facts"))?;
    let told = output.relations.iter().map(|one| InGraph {
        relation_id: NodeId::from_uuid(one.id),
        from: NodeId::from_uuid(one.from),
        to: NodeId::from_uuid(one.to),
        outcome: match one.outcome {
            Outcome::Created => "created",
            Outcome::Changed | Outcome::Merged => "changed",
            Outcome::Unchanged => "unchanged",
        }
        .to_owned(),
    });
    Ok(told.collect())
}
