//! One node of a file: its type from its element, its config from what the element says, the rest from what was kept for it.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::element_of;
use super::extension::{agreed, carried, put};
use super::ids::Ids;
use super::import::{documented, foreign, is_feel, short, text_of};
use super::outside::{Effect, Found};
use super::xml::Element;
use crate::domain::processes::engine::definition::Node as Written;

/// What tools add and what is read of it here.
pub(super) const VENDORS: &[&str] =
    &["taskDefinition", "assignmentDefinition", "calledDecision", "calledElement", "loopCharacteristics", "script"];

/// A node, and what is done for each item where it is one of many.
pub(super) struct Node {
    pub(super) node: Written,
    /// The node that it runs, and where that stood in the list.
    pub(super) body: Option<(Option<usize>, Written)>,
}

/// What is kept of a node besides.
#[derive(Deserialize)]
struct Kept {
    #[serde(default)]
    body: Option<Written>,
    #[serde(default, rename = "bodyAt")]
    body_at: Option<usize>,
    #[serde(flatten)]
    node: Map<String, Value>,
}

/// What elements refer to.
pub(super) struct Roots<'a> {
    pub(super) by_id: HashMap<&'a str, &'a Element>,
    /// What undoes, by what names it.
    pub(super) ties: HashMap<&'a str, &'a str>,
}

impl<'a> Roots<'a> {
    pub(super) fn of(root: &'a Element, process: &'a Element) -> Self {
        let by_id = root.children.iter().filter_map(|one| Some((one.attribute("id")?, one))).collect();
        let ties = process
            .all("association")
            .filter_map(|one| Some((one.attribute("sourceRef")?, one.attribute("targetRef")?)))
            .collect();
        Self { by_id, ties }
    }

    /// An attribute of what an element refers to.
    pub(super) fn of_referred(&self, element: &Element, reference: &str, attribute: &str) -> Option<&'a str> {
        self.by_id.get(local(element.attribute(reference)?)).and_then(|one| one.attribute(attribute))
    }
}

/// A reference without the prefix that some tools write.
pub(super) fn local(reference: &str) -> &str {
    reference.rsplit_once(':').map_or(reference, |(_, local)| local)
}

/// Reads a node.
pub(super) fn node(
    element: &Element,
    id: &str,
    ids: &HashMap<String, String>,
    roots: &Roots<'_>,
    others: &mut Ids,
    found: &mut Found,
) -> Node {
    foreign(element, found);
    let kept: Option<Kept> = carried(element, "node");
    let multiple = element.child("multiInstanceLoopCharacteristics");
    let (mut body, mut body_at) = (None, None);
    let mut own: Option<Written> = None;
    if let Some(kept) = kept {
        own = serde_json::from_value(Value::Object(kept.node)).ok();
        (body, body_at) = (kept.body, kept.body_at);
        if multiple.is_none()
            && let Some(inner) = body.take()
        {
            // Somebody took the multiple out: what was done for each is done once.
            own = Some(inner);
        }
    }
    let written_as = body.as_ref().or(own.as_ref()).map(|one| element_of(&one.kind));
    if own.is_some() && written_as != Some(element.name.as_str()) {
        found.add(
            element,
            None,
            Effect::Todo,
            "it was made another element: what was kept for the one before is left out",
        );
        (own, body) = (None, None);
    }
    let mut node = own.unwrap_or_default();
    id.clone_into(&mut node.id);
    let name = element.attribute("name").unwrap_or_default();
    node.name = found.cut(element, "name", agreed(name, Some(&node.name)), 200);
    let description = agreed(&documented(element), Some(&node.description));
    node.description = found.cut(element, "documentation", description, 2000);
    let mut reader = Reader { element, ids, roots, found };
    let Some(multiple) = multiple else {
        reader.read(&mut node);
        return Node { node, body: None };
    };
    // The element is what is done for each item; the node itself does it.
    let mut inner = body.unwrap_or_else(|| Written { id: format!("{id}_each"), ..Written::default() });
    inner.id = others.of_ours(&inner.id);
    reader.read(&mut inner);
    reader.many(multiple, &mut node, &inner.id);
    Node { node, body: Some((body_at, inner)) }
}

/// Reads what an element says.
pub(super) struct Reader<'a> {
    pub(super) element: &'a Element,
    pub(super) ids: &'a HashMap<String, String>,
    pub(super) roots: &'a Roots<'a>,
    pub(super) found: &'a mut Found,
}

impl<'a> Reader<'a> {
    /// Names something within the element.
    pub(super) fn outside(&mut self, element: &Element, effect: Effect, say: impl Into<String>) {
        self.found.add(element, self.element.attribute("id"), effect, say);
    }

    pub(super) fn todo(&mut self, say: &str) {
        self.outside(self.element, Effect::Todo, say);
    }

    pub(super) fn refuse(&mut self, say: &str) {
        self.outside(self.element, Effect::Flow, say);
    }

    /// What happens in it: its event definitions.
    pub(super) fn events(&self) -> Vec<&'a Element> {
        self.element
            .children
            .iter()
            .filter(|one| one.namespace == super::MODEL && one.name.ends_with("EventDefinition"))
            .collect()
    }

    /// The attribute of an element of a tool's own within one.
    fn vendor(within: &Element, element: &str, attribute: &str) -> Option<String> {
        let all = within.child("extensionElements")?;
        all.children
            .iter()
            .find(|one| one.name == element && one.namespace != super::MODEL)?
            .attribute(attribute)
            .map(str::to_owned)
    }

    /// What the element says of the node, into it; where it was one of ours before, its type stays.
    fn read(&mut self, node: &mut Written) {
        let is_new = node.kind.is_empty();
        let kind = match self.element.name.as_str() {
            "startEvent" => "start",
            "endEvent" => "end",
            "userTask" | "task" | "manualTask" => "human_task",
            "serviceTask" | "sendTask" => "tool",
            "businessRuleTask" => "decision",
            "scriptTask" => "script",
            "callActivity" => "sub_process",
            "receiveTask" => "wait",
            "exclusiveGateway" => "exclusive",
            "parallelGateway" => "parallel",
            "inclusiveGateway" => "inclusive",
            "intermediateCatchEvent" | "intermediateThrowEvent" | "boundaryEvent" => "",
            "subProcess" | "transaction" | "adHocSubProcess" => {
                return self.refuse("a process within the process is not read: make it a process of its own and call that by a callActivity");
            }
            "eventBasedGateway" => {
                return self.refuse("ways that wait for the first of several events are not in the subset: put a boundary event on an activity instead");
            }
            _ => return self.refuse("it is not in the subset, and the process would not be the same without it"),
        };
        if is_new {
            kind.clone_into(&mut node.kind);
        }
        match self.element.name.as_str() {
            "startEvent" => {
                for event in self.events() {
                    self.outside(
                        event,
                        Effect::Todo,
                        "a process is started by a call, a schedule or a subscription: set that up beside it",
                    );
                }
            }
            "endEvent" => self.end(&mut node.config),
            "userTask" | "task" | "manualTask" if is_new => self.person(&mut node.config),
            "serviceTask" | "sendTask" if is_new => {
                let tool = Self::vendor(self.element, "taskDefinition", "type")
                    .or_else(|| self.element.added("topic").map(str::to_owned));
                let say =
                    "it does not say what is called: name a tool, or make it an agent, a prompt or an integration";
                self.given(&mut node.config, "tool", tool, say);
            }
            "businessRuleTask" if is_new => {
                let rules = Self::vendor(self.element, "calledDecision", "decisionId")
                    .or_else(|| self.element.added("decisionRef").map(str::to_owned));
                self.given(&mut node.config, "ruleSet", rules, "it does not say what is decided by: name a rule set");
            }
            "scriptTask" if is_new => self.script(&mut node.config),
            "callActivity" => {
                let called = self.element.attribute("calledElement").map(|id| local(id).to_owned());
                let called = called.or_else(|| Self::vendor(self.element, "calledElement", "processId"));
                self.given(&mut node.config, "processId", called, "it does not say which process is called: name one");
            }
            "receiveTask" if is_new => self.message(self.element, &mut node.config),
            "intermediateCatchEvent" => self.catching(node),
            "intermediateThrowEvent" => self.throwing(node),
            "boundaryEvent" => self.boundary(node),
            _ => {}
        }
        self.beside();
    }

    fn given(&mut self, config: &mut Map<String, Value>, name: &str, value: Option<String>, say: &str) {
        match value.filter(|value| !value.trim().is_empty()) {
            Some(value) => put(config, name, &value),
            None if config.contains_key(name) => {}
            None => self.todo(say),
        }
    }

    /// Who does it, as tools write it.
    fn person(&mut self, config: &mut Map<String, Value>) {
        for name in ["assignee", "candidateUsers", "candidateGroups"] {
            let said = self
                .element
                .added(name)
                .map(str::to_owned)
                .or_else(|| Self::vendor(self.element, "assignmentDefinition", name));
            let Some(said) = said.filter(|said| !said.trim().is_empty()) else { continue };
            if said.contains("${") || said.contains("#{") {
                self.todo(&format!("'{}' in {name} is kept as it stands: write it in FEEL, after '='", short(&said)));
            }
            let value = if name == "assignee" || said.trim_start().starts_with('=') {
                json!(said.trim())
            } else {
                json!(said.split(',').map(str::trim).filter(|one| !one.is_empty()).collect::<Vec<_>>())
            };
            let value = if name == "assignee" || value.is_array() { value } else { json!([value]) };
            config.insert(name.to_owned(), value);
        }
        if config.is_empty() {
            self.todo("nobody is to do it: name an assignee or candidates");
        }
    }

    fn script(&mut self, config: &mut Map<String, Value>) {
        let expression = Self::vendor(self.element, "script", "expression");
        let is_told_feel = expression.is_some() || self.element.attribute("scriptFormat").is_none_or(is_feel);
        let text = expression
            .or_else(|| self.element.child("script").map(|one| one.text.trim().to_owned()))
            .unwrap_or_default();
        let name = Self::vendor(self.element, "script", "resultVariable")
            .or_else(|| self.element.added("resultVariable").map(str::to_owned));
        if text.is_empty() {
            return self.todo("it has no script: write what it works out");
        }
        if !is_told_feel {
            self.todo("the script is kept as it stands: write it in FEEL");
        }
        let step = json!({ "name": name.unwrap_or_else(|| "value".to_owned()), "value": text.chars().take(4000).collect::<String>() });
        config.insert("steps".to_owned(), json!([step]));
    }

    /// What is done for each item.
    fn many(&mut self, multiple: &Element, node: &mut Written, inner: &str) {
        let is_parallel = multiple.attribute("isSequential") != Some("true");
        if node.kind != "for_each" {
            "for_each".clone_into(&mut node.kind);
            node.config = Map::new();
            let list = multiple
                .added("collection")
                .map(str::to_owned)
                .or_else(|| Self::vendor(multiple, "loopCharacteristics", "inputCollection"));
            let list = list.or_else(|| multiple.child("loopDataInputRef").map(|one| one.text.trim().to_owned()));
            let count =
                multiple.child("loopCardinality").map(|one| one.text.trim().trim_start_matches('=').trim().to_owned());
            let list = list.or_else(|| count.map(|count| format!("for number in 1..{count} return number")));
            let item = multiple
                .added("elementVariable")
                .map(str::to_owned)
                .or_else(|| Self::vendor(multiple, "loopCharacteristics", "inputElement"));
            let item = item
                .or_else(|| multiple.child("inputDataItem").and_then(|one| one.attribute("name")).map(str::to_owned));
            node.config.insert("as".to_owned(), json!(item.unwrap_or_else(|| "item".to_owned())));
            self.given(&mut node.config, "items", list, "it does not say for what it is done: name the list");
        }
        put(&mut node.config, "node", inner);
        if is_parallel != (text_of(&node.config, "mode") == Some("parallel")) {
            node.config.insert("mode".to_owned(), json!(if is_parallel { "parallel" } else { "in_order" }));
        }
        if let Some(condition) = multiple.child("completionCondition") {
            self.outside(condition, Effect::Flow, "all items are done here: an end before that is not in the subset");
        }
    }

    /// What else lies in the element.
    fn beside(&mut self) {
        for one in &self.element.children {
            let read = [
                "documentation",
                "extensionElements",
                "incoming",
                "outgoing",
                "multiInstanceLoopCharacteristics",
                "script",
            ];
            if read.contains(&one.name.as_str()) || one.name.ends_with("EventDefinition") {
                continue;
            }
            if one.is("standardLoopCharacteristics") {
                self.outside(one, Effect::Flow, "a loop is drawn by a way back from an exclusive gateway: draw it so");
            } else {
                self.outside(one, Effect::None, "it is left out");
            }
        }
        let read = [
            "assignee",
            "candidateUsers",
            "candidateGroups",
            "topic",
            "decisionRef",
            "resultVariable",
            "schemaLocation",
            "type",
        ];
        let added: Vec<&str> = self
            .element
            .attributes
            .iter()
            .filter(|(space, name, _)| !space.is_empty() && !read.contains(&name.as_str()))
            .map(|(_, name, _)| name.as_str())
            .collect();
        if !added.is_empty() {
            self.outside(
                self.element,
                Effect::None,
                format!("attributes that a tool added are left out: {}", short(&added.join(", "))),
            );
        }
    }
}
