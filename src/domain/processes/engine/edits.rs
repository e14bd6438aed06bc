//! Edits of a definition: what an agent does to one without writing the whole anew. All are made or none.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::{Definition, Edge, Lane, Node, Variable};

/// An edit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "do", deny_unknown_fields)]
pub enum Edit {
    /// Adds a node; with `between` in the middle of an edge, which then leads to it.
    AddNode {
        /// The node.
        node: Node,
        /// The id of an edge.
        #[serde(default)]
        #[schemars(length(min = 1, max = 140))]
        between: Option<String>,
    },
    /// Changes properties of a node: those that are given, a null takes one away. Its id stays.
    ChangeNode {
        /// The node's id.
        #[schemars(length(min = 1, max = 64))]
        id: String,
        /// The properties: `type`, `name`, `config` and so on, each as a whole.
        set: Map<String, Value>,
    },
    /// Takes a node out, with its edges and what stands on it; with `bridge` what led to it leads to what followed.
    RemoveNode {
        /// The node's id.
        #[schemars(length(min = 1, max = 64))]
        id: String,
        /// Whether to lead the ways on.
        #[serde(default)]
        bridge: bool,
    },
    /// Adds an edge.
    Connect {
        /// The edge.
        edge: Edge,
    },
    /// Changes properties of an edge: those that are given, a null takes one away.
    ChangeEdge {
        /// The edge's id.
        #[schemars(length(min = 1, max = 140))]
        id: String,
        /// The properties: `from`, `to`, `name`, `condition`, `default`.
        set: Map<String, Value>,
    },
    /// Takes an edge out.
    Disconnect {
        /// The edge's id.
        #[schemars(length(min = 1, max = 140))]
        id: String,
    },
    /// Declares a variable, or declares it otherwise.
    SetVariable {
        /// Its name.
        #[schemars(length(min = 1, max = 64))]
        name: String,
        /// It.
        variable: Variable,
    },
    /// Takes a variable out.
    RemoveVariable {
        /// Its name.
        #[schemars(length(min = 1, max = 64))]
        name: String,
    },
    /// Adds a lane, or calls one otherwise.
    SetLane {
        /// It.
        lane: Lane,
    },
    /// Takes a lane out; its nodes then have none.
    RemoveLane {
        /// The lane's id.
        #[schemars(length(min = 1, max = 64))]
        id: String,
    },
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
        match self {
            Self::AddNode { node, between } => add(definition, node, between.as_deref()),
            Self::ChangeNode { id, set } => {
                let node =
                    definition.nodes.iter_mut().find(|node| node.id == id).ok_or_else(|| missing("node", &id))?;
                if set.get("id").is_some_and(|new| *new != *id) {
                    return Err("a node keeps its id: add another one and remove this".to_owned());
                }
                *node = changed(node, set)?;
                Ok(())
            }
            Self::RemoveNode { id, bridge } => remove(definition, &id, bridge),
            Self::Connect { edge } => {
                if !edge.id.is_empty() && definition.edges.iter().any(|one| one.id == edge.id) {
                    return Err(format!("there is an edge '{}'", edge.id));
                }
                for end in [&edge.from, &edge.to] {
                    definition.node(end).ok_or_else(|| missing("node", end))?;
                }
                definition.edges.push(edge);
                Ok(())
            }
            Self::ChangeEdge { id, set } => {
                let edge =
                    definition.edges.iter_mut().find(|edge| edge.id == id).ok_or_else(|| missing("edge", &id))?;
                *edge = changed(edge, set)?;
                let (from, to) = (edge.from.clone(), edge.to.clone());
                for end in [&from, &to] {
                    definition.node(end).ok_or_else(|| missing("node", end))?;
                }
                Ok(())
            }
            Self::Disconnect { id } => {
                let before = definition.edges.len();
                definition.edges.retain(|edge| edge.id != id);
                if definition.edges.len() == before { Err(missing("edge", &id)) } else { Ok(()) }
            }
            Self::SetVariable { name, variable } => {
                definition.variables.insert(name, variable);
                Ok(())
            }
            Self::RemoveVariable { name } => {
                definition.variables.remove(&name).map(|_| ()).ok_or_else(|| missing("variable", &name))
            }
            Self::SetLane { lane } => {
                match definition.lanes.iter_mut().find(|one| one.id == lane.id) {
                    Some(one) => *one = lane,
                    None => definition.lanes.push(lane),
                }
                Ok(())
            }
            Self::RemoveLane { id } => {
                let before = definition.lanes.len();
                definition.lanes.retain(|lane| lane.id != id);
                for node in definition.nodes.iter_mut().filter(|node| node.lane.as_ref() == Some(&id)) {
                    node.lane = None;
                }
                if definition.lanes.len() == before { Err(missing("lane", &id)) } else { Ok(()) }
            }
        }
    }
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
