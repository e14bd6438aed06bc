//! Edits of a definition: what an agent does to one without writing the whole anew. All are made or none.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::{Definition, Edge, Lane, Node, Variable};

/// What an edit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Deed {
    /// Adds `node`; with `between` in the middle of that edge, which then leads to it.
    AddNode,
    /// Changes properties of the node `id`: those in `set`, as wholes; a null takes one away. Its id stays.
    ChangeNode,
    /// Takes the node `id` out, with its edges and what stands on it; with `bridge` what led to it leads to what followed.
    RemoveNode,
    /// Adds `edge`.
    Connect,
    /// Changes properties of the edge `id`: those in `set`; a null takes one away.
    ChangeEdge,
    /// Takes the edge `id` out.
    Disconnect,
    /// Declares `variable` as `name`, or declares it otherwise.
    SetVariable,
    /// Takes the variable `name` out.
    RemoveVariable,
    /// Adds `lane`, or calls it otherwise.
    SetLane,
    /// Takes the lane `id` out; its nodes then have none.
    RemoveLane,
}

/// An edit: what it does, and what that needs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edit {
    /// What it does.
    #[serde(rename = "do")]
    deed: Deed,
    /// The id of the node, edge or lane that is meant.
    #[serde(default)]
    #[schemars(length(min = 1, max = 140))]
    id: Option<String>,
    /// The node that is added.
    #[serde(default)]
    node: Option<Node>,
    /// The id of the edge in whose middle it is put.
    #[serde(default)]
    #[schemars(length(min = 1, max = 140))]
    between: Option<String>,
    /// The properties that change: of a node `type`, `name`, `config` and so on; of an edge `from`, `to`, `name`, `condition`, `default`.
    #[serde(default)]
    set: Option<Map<String, Value>>,
    /// Whether to lead the ways on past a node that is taken out.
    #[serde(default)]
    bridge: Option<bool>,
    /// The edge that is added.
    #[serde(default)]
    edge: Option<Edge>,
    /// The name of the variable.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    name: Option<String>,
    /// The variable that is declared.
    #[serde(default)]
    variable: Option<Variable>,
    /// The lane that is added or called otherwise.
    #[serde(default)]
    lane: Option<Lane>,
}

/// Why an edit does not fit: its number, and the sentence.
pub type Unfit = (usize, String);

/// Makes all edits, in order.
///
/// # Errors
/// The first that does not fit.
pub fn edited(definition: &Definition, edits: Vec<Edit>) -> Result<Definition, Unfit> {
    let mut definition = definition.clone();
    definition.name_edges();
    for (number, edit) in edits.into_iter().enumerate() {
        edit.make(&mut definition).map_err(|say| (number, say))?;
        definition.name_edges();
    }
    Ok(definition)
}

impl Edit {
    fn make(self, definition: &mut Definition) -> Result<(), String> {
        let deed = self.deed;
        self.has_only_its_own()?;
        let Self { id, node, between, set, bridge, edge, name, variable, lane, .. } = self;
        match deed {
            Deed::AddNode => add(definition, needed(deed, "node", node)?, between.as_deref()),
            Deed::ChangeNode => {
                let (id, set) = (needed(deed, "id", id)?, needed(deed, "set", set)?);
                let node =
                    definition.nodes.iter_mut().find(|node| node.id == id).ok_or_else(|| missing("node", &id))?;
                if set.get("id").is_some_and(|new| *new != *id) {
                    return Err("a node keeps its id: add another one and remove this".to_owned());
                }
                *node = changed(node, set)?;
                Ok(())
            }
            Deed::RemoveNode => remove(definition, &needed(deed, "id", id)?, bridge.unwrap_or_default()),
            Deed::Connect => {
                let edge = needed(deed, "edge", edge)?;
                if !edge.id.is_empty() && definition.edges.iter().any(|one| one.id == edge.id) {
                    return Err(format!("there is an edge '{}'", edge.id));
                }
                ends_are_there(definition, &edge)?;
                definition.edges.push(edge);
                Ok(())
            }
            Deed::ChangeEdge => {
                let (id, set) = (needed(deed, "id", id)?, needed(deed, "set", set)?);
                let edge =
                    definition.edges.iter_mut().find(|edge| edge.id == id).ok_or_else(|| missing("edge", &id))?;
                *edge = changed(edge, set)?;
                let edge = edge.clone();
                ends_are_there(definition, &edge)
            }
            Deed::Disconnect => {
                let id = needed(deed, "id", id)?;
                let before = definition.edges.len();
                definition.edges.retain(|edge| edge.id != id);
                if definition.edges.len() == before { Err(missing("edge", &id)) } else { Ok(()) }
            }
            Deed::SetVariable => {
                let (name, variable) = (needed(deed, "name", name)?, needed(deed, "variable", variable)?);
                definition.variables.insert(name, variable);
                Ok(())
            }
            Deed::RemoveVariable => {
                let name = needed(deed, "name", name)?;
                definition.variables.remove(&name).map(|_| ()).ok_or_else(|| missing("variable", &name))
            }
            Deed::SetLane => {
                let lane = needed(deed, "lane", lane)?;
                match definition.lanes.iter_mut().find(|one| one.id == lane.id) {
                    Some(one) => *one = lane,
                    None => definition.lanes.push(lane),
                }
                Ok(())
            }
            Deed::RemoveLane => {
                let id = needed(deed, "id", id)?;
                let before = definition.lanes.len();
                definition.lanes.retain(|lane| lane.id != id);
                for node in definition.nodes.iter_mut().filter(|node| node.lane.as_ref() == Some(&id)) {
                    node.lane = None;
                }
                if definition.lanes.len() == before { Err(missing("lane", &id)) } else { Ok(()) }
            }
        }
    }

    /// What is given and not used would look as if it had been done.
    fn has_only_its_own(&self) -> Result<(), String> {
        let given = [
            ("id", self.id.is_some()),
            ("node", self.node.is_some()),
            ("between", self.between.is_some()),
            ("set", self.set.is_some()),
            ("bridge", self.bridge.is_some()),
            ("edge", self.edge.is_some()),
            ("name", self.name.is_some()),
            ("variable", self.variable.is_some()),
            ("lane", self.lane.is_some()),
        ];
        let own = self.deed.takes();
        match given.iter().find(|(name, is_given)| *is_given && !own.contains(name)) {
            Some((name, _)) => Err(format!("{} has no '{name}': it takes {}", self.deed.name(), own.join(", "))),
            None => Ok(()),
        }
    }
}

impl Deed {
    const fn name(self) -> &'static str {
        match self {
            Self::AddNode => "addNode",
            Self::ChangeNode => "changeNode",
            Self::RemoveNode => "removeNode",
            Self::Connect => "connect",
            Self::ChangeEdge => "changeEdge",
            Self::Disconnect => "disconnect",
            Self::SetVariable => "setVariable",
            Self::RemoveVariable => "removeVariable",
            Self::SetLane => "setLane",
            Self::RemoveLane => "removeLane",
        }
    }

    const fn takes(self) -> &'static [&'static str] {
        match self {
            Self::AddNode => &["node", "between"],
            Self::ChangeNode | Self::ChangeEdge => &["id", "set"],
            Self::RemoveNode => &["id", "bridge"],
            Self::Connect => &["edge"],
            Self::Disconnect | Self::RemoveLane => &["id"],
            Self::SetVariable => &["name", "variable"],
            Self::RemoveVariable => &["name"],
            Self::SetLane => &["lane"],
        }
    }
}

fn needed<T>(deed: Deed, name: &str, given: Option<T>) -> Result<T, String> {
    given.ok_or_else(|| format!("{} needs '{name}'", deed.name()))
}

fn ends_are_there(definition: &Definition, edge: &Edge) -> Result<(), String> {
    [&edge.from, &edge.to]
        .into_iter()
        .try_for_each(|end| definition.node(end).map(|_| ()).ok_or_else(|| missing("node", end)))
}

fn add(definition: &mut Definition, node: Node, between: Option<&str>) -> Result<(), String> {
    if definition.node(&node.id).is_some() {
        return Err(format!("there is a node '{}'", node.id));
    }
    if let Some(between) = between {
        let edge =
            definition.edges.iter_mut().find(|edge| edge.id == between).ok_or_else(|| missing("edge", between))?;
        let to = std::mem::replace(&mut edge.to, node.id.clone());
        // Its id may have been made of its ends.
        edge.id = String::new();
        definition.edges.push(Edge { from: node.id.clone(), to, ..Edge::default() });
    }
    definition.nodes.push(node);
    Ok(())
}

fn remove(definition: &mut Definition, id: &str, bridge: bool) -> Result<(), String> {
    definition.node(id).ok_or_else(|| missing("node", id))?;
    let attached = |node: &Node| node.config.get("attachedTo").and_then(Value::as_str) == Some(id);
    let gone: Vec<String> =
        definition.nodes.iter().filter(|node| node.id == id || attached(node)).map(|node| node.id.clone()).collect();
    let behind: Vec<String> =
        definition.edges.iter().filter(|edge| edge.from == id && edge.to != id).map(|edge| edge.to.clone()).collect();
    if bridge && behind.len() > 1 {
        return Err(format!("{} ways leave '{id}': say by edges where what led to it leads now", behind.len()));
    }
    if let (true, Some(to)) = (bridge, behind.first()) {
        for edge in definition.edges.iter_mut().filter(|edge| edge.to == id && edge.from != id) {
            edge.to.clone_from(to);
        }
    }
    definition.nodes.retain(|node| !gone.contains(&node.id));
    definition.edges.retain(|edge| !gone.contains(&edge.from) && !gone.contains(&edge.to));
    Ok(())
}

/// The same with some properties set.
fn changed<T: serde::Serialize + serde::de::DeserializeOwned>(one: &T, set: Map<String, Value>) -> Result<T, String> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(one) else { return Err("it is no object".to_owned()) };
    for (name, value) in set {
        if value.is_null() {
            all.remove(&name)
        } else {
            all.insert(name, value)
        };
    }
    serde_json::from_value(Value::Object(all)).map_err(|error| error.to_string())
}

fn missing(what: &str, id: &str) -> String {
    format!("there is no {what} '{id}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition() -> Definition {
        serde_json::from_value(json!({
            "nodes": [
                { "id": "begin", "type": "start" },
                { "id": "ask", "type": "human_task", "config": { "assignee": "manager" } },
                { "id": "late", "type": "boundary_timeout", "config": { "attachedTo": "ask", "after": "P1D" } },
                { "id": "done", "type": "end" },
            ],
            "edges": [
                { "from": "begin", "to": "ask" },
                { "from": "ask", "to": "done" },
                { "from": "late", "to": "done" },
            ],
        }))
        .unwrap()
    }

    fn edits(value: Value) -> Vec<Edit> {
        serde_json::from_value(value).unwrap()
    }

    fn ways(definition: &Definition) -> Vec<String> {
        definition.edges.iter().map(|edge| format!("{}>{}", edge.from, edge.to)).collect()
    }

    #[test]
    fn a_node_is_put_in_the_middle_of_an_edge() {
        let new = edits(
            json!([{ "do": "addNode", "node": { "id": "note", "type": "tool", "config": { "tool": "memory_store" } }, "between": "ask--done" }]),
        );
        let after = edited(&definition(), new).unwrap();
        assert_eq!(ways(&after), ["begin>ask", "ask>note", "late>done", "note>done"]);
        assert_eq!(after.edges[1].id, "ask--note");
    }

    #[test]
    fn a_node_goes_with_what_stands_on_it_and_the_way_is_led_on() {
        let after = edited(&definition(), edits(json!([{ "do": "removeNode", "id": "ask", "bridge": true }]))).unwrap();
        assert_eq!(ways(&after), ["begin>done"]);
        assert!(after.node("late").is_none());
    }

    #[test]
    fn what_an_edit_lacks_or_has_no_use_for_is_told() {
        let refused =
            |edit: Value| edited(&definition(), edits(json!([{ "do": "disconnect", "id": "late--done" }, edit])));
        let told = refused(json!({ "do": "connect" })).unwrap_err();
        assert_eq!(told, (1, "connect needs 'edge'".to_owned()));
        let told = refused(json!({ "do": "removeNode", "id": "ask", "between": "late--done" })).unwrap_err();
        assert_eq!(told, (1, "removeNode has no 'between': it takes id, bridge".to_owned()));
        let told = refused(json!({ "do": "connect", "edge": { "from": "ask", "to": "nobody" } })).unwrap_err();
        assert_eq!(told, (1, missing("node", "nobody")));
    }

    #[test]
    fn properties_are_set_one_by_one_and_a_null_takes_one_away() {
        let set = json!([
            { "do": "changeNode", "id": "ask", "set": { "name": "Ask the manager", "config": { "assignee": "= manager" } } },
            { "do": "changeNode", "id": "ask", "set": { "name": null } },
            { "do": "setVariable", "name": "manager", "variable": { "required": true } },
        ]);
        let after = edited(&definition(), edits(set)).unwrap();
        let ask = after.node("ask").unwrap();
        assert_eq!((ask.name.as_str(), &ask.config["assignee"]), ("", &json!("= manager")));
        assert!(after.variables["manager"].required);
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_number_and_nothing_is_made() {
        let wrong = |value| edited(&definition(), edits(value)).unwrap_err();
        let connect = json!({ "do": "connect", "edge": { "from": "ask", "to": "nowhere" } });
        assert_eq!(
            wrong(json!([{ "do": "disconnect", "id": "ask--done" }, connect])),
            (1, "there is no node 'nowhere'".to_owned())
        );
        assert_eq!(wrong(json!([{ "do": "removeLane", "id": "x" }])).0, 0);
        assert!(
            wrong(json!([{ "do": "changeNode", "id": "ask", "set": { "kind": "tool" } }])).1.contains("unknown field")
        );
        assert!(
            wrong(json!([{ "do": "changeNode", "id": "ask", "set": { "id": "other" } }])).1.contains("keeps its id")
        );
        assert!(
            wrong(json!([{ "do": "addNode", "node": { "id": "ask", "type": "tool" } }])).1.contains("there is a node")
        );
    }
}
