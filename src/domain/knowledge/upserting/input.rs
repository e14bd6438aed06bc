//! What is given to be known.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::knowledge::model::Extracted;
use crate::kernel::id::NodeId;
use crate::kernel::time::Timestamp;
use crate::port::records::Visibility;

/// What is to be known.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Input {
    /// The nodes.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub(in crate::domain::knowledge) nodes: Vec<GivenNode>,
    /// The relations between nodes of this call or nodes that there are.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub(in crate::domain::knowledge) relations: Vec<GivenRelation>,
    /// Merges to undo, before anything else is done: what was given then becomes a node of its own again, with the relations that were given with
    /// it.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub(in crate::domain::knowledge) splits: Vec<GivenSplit>,
    /// How a node without id and key is found among those that there are.
    #[serde(default)]
    pub(in crate::domain::knowledge) resolve: Resolve,
    /// With `similar`: how alike two names must be, from 0.8 to 1; 0.9 when not said.
    #[serde(default)]
    #[schemars(range(min = 0.8, max = 1.0))]
    pub(in crate::domain::knowledge) threshold: Option<f64>,
    /// Where all of it comes from, where a node or relation says nothing else.
    #[serde(default)]
    pub(in crate::domain::knowledge) provenance: Option<GivenOrigin>,
    /// Who else may see what is new; everybody of the tenant who may read the graph when not said. Keys name a node among those that are seen
    /// alike.
    #[serde(default)]
    pub(in crate::domain::knowledge) visibility: Option<Visibility>,
    /// With the visibility `workspace`: which; one that the caller is a member of.
    #[serde(default)]
    #[schemars(with = "Option<NodeId>")]
    pub(in crate::domain::knowledge) workspace_id: Option<Uuid>,
    /// What the caller may not change stays as it is, in place of a refusal: for what a program draws out of texts.
    #[serde(skip)]
    #[schemars(skip)]
    pub(in crate::domain::knowledge) lenient: bool,
}

/// How nodes are found that are given without id and key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::knowledge) enum Resolve {
    /// Not at all: each is new.
    None,
    /// By type and name or alias, whatever the case and the signs between words.
    #[default]
    Exact,
    /// Also by names that are alike: slips of the pen. What is merged so can be split again.
    Similar,
}

/// A node.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct GivenNode {
    /// A name for it within this call, by which relations refer to it.
    #[serde(default, rename = "ref")]
    #[schemars(length(min = 1, max = 100))]
    pub(in crate::domain::knowledge) reference: Option<String>,
    /// The id of a node that there is.
    #[serde(default)]
    #[schemars(with = "Option<NodeId>")]
    pub(in crate::domain::knowledge) id: Option<Uuid>,
    /// What it is, such as `Person`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub(in crate::domain::knowledge) of: String,
    /// What names it exactly among those of its type, such as a number or address.
    #[serde(default)]
    #[schemars(length(min = 1, max = 300))]
    pub(in crate::domain::knowledge) key: Option<String>,
    /// What it is called. Needed for a new one.
    #[serde(default)]
    #[schemars(length(min = 1, max = 300))]
    pub(in crate::domain::knowledge) name: Option<String>,
    /// What else it is called; added to what is known.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 300)))]
    pub(in crate::domain::knowledge) aliases: Vec<String>,
    /// What is known of it: takes the place of properties of the same names; null removes one.
    #[serde(default)]
    pub(in crate::domain::knowledge) properties: Map<String, Value>,
    /// From when on it holds.
    #[serde(default)]
    pub(in crate::domain::knowledge) valid_from: Option<Timestamp>,
    /// Until when it held.
    #[serde(default)]
    pub(in crate::domain::knowledge) valid_to: Option<Timestamp>,
    /// Where it comes from.
    #[serde(default)]
    pub(in crate::domain::knowledge) provenance: Option<GivenOrigin>,
}

/// A relation. Its ends, its type and the beginning of its validity say which one it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct GivenRelation {
    /// Where it begins: a `ref` of this call, the id of a node, or its type and key as `Person:anna@example.org`.
    #[schemars(length(min = 1, max = 400))]
    pub(in crate::domain::knowledge) from: String,
    /// What it says, such as `works_at`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub(in crate::domain::knowledge) of: String,
    /// Where it ends, said in the same way.
    #[schemars(length(min = 1, max = 400))]
    pub(in crate::domain::knowledge) to: String,
    /// What is known of it: takes the place of properties of the same names; null removes one.
    #[serde(default)]
    pub(in crate::domain::knowledge) properties: Map<String, Value>,
    /// How much it weighs.
    #[serde(default)]
    pub(in crate::domain::knowledge) weight: Option<f64>,
    /// How sure it is, from 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(in crate::domain::knowledge) confidence: Option<f64>,
    /// From when on it holds. The same ends and type with another beginning are another relation.
    #[serde(default)]
    pub(in crate::domain::knowledge) valid_from: Option<Timestamp>,
    /// Until when it held: give it later to end a relation.
    #[serde(default)]
    pub(in crate::domain::knowledge) valid_to: Option<Timestamp>,
    /// Where it comes from.
    #[serde(default)]
    pub(in crate::domain::knowledge) provenance: Option<GivenOrigin>,
}

/// Where something comes from.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct GivenOrigin {
    /// The address or name of the source.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000))]
    pub(in crate::domain::knowledge) source: Option<String>,
    /// The id of a document.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    pub(in crate::domain::knowledge) document: Option<String>,
    /// The words that say it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000))]
    pub(in crate::domain::knowledge) note: Option<String>,
    /// How a program drew it out of the document, where one did.
    #[serde(skip)]
    #[schemars(skip)]
    pub(in crate::domain::knowledge) extracted: Option<Extracted>,
}

/// A merge to undo.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct GivenSplit {
    /// The node that something was taken for.
    #[schemars(with = "NodeId")]
    pub(in crate::domain::knowledge) node_id: Uuid,
    /// The merge, as `graph_get` tells it.
    #[schemars(with = "NodeId")]
    pub(in crate::domain::knowledge) merge_id: Uuid,
}
