//! DMN as it comes in files, versions 1.3 to 1.5: what it says as a rule set, and by name whatever has no place in one.

mod boxed;
mod types;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use self::boxed::Boxed;
use self::types::Types;
use crate::domain::rules::content::{Decision, Function, InputData, Logic, Rules, Service};
use crate::port::markup::Element;

/// The namespaces of the versions that are read.
const NAMESPACES: &[&str] = &[
    "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "https://www.omg.org/spec/DMN/20230324/MODEL/",
];

/// So many parts without a place are told.
const MOST_TOLD: usize = 200;

/// A part of a file that has no place in a rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outside {
    /// The element's name.
    pub element: String,
    /// The line in the file.
    pub line: u32,
    /// What becomes of it.
    pub say: String,
}

/// What a file says.
#[derive(Debug)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// What it says.
    pub rules: Rules,
    /// What is left out, without harm to what is decided.
    pub outside: Vec<Outside>,
}

/// Reads a model.
///
/// # Errors
/// What of it cannot be read, or decides something and has no place in a rule set.
pub fn model(root: &Element) -> Result<Model, Vec<Outside>> {
    if root.name != "definitions" || !NAMESPACES.contains(&root.namespace.as_str()) {
        let say = format!(
            "the outermost element must be 'definitions' of DMN 1.3, 1.4 or 1.5 ({}); this is '{}' of '{}'",
            NAMESPACES.join(", "),
            root.name,
            root.namespace
        );
        return Err(vec![Outside { element: root.name.clone(), line: root.line, say }]);
    }
    let mut reading = Reading::new(root);
    let rules = reading.rules();
    if !reading.wrong.is_empty() {
        return Err(reading.wrong);
    }
    let description = text(root.child("description")).unwrap_or_default();
    let name =
        root.attribute("name").map(name_of).filter(|name| !name.is_empty()).unwrap_or_else(|| "DMN model".to_owned());
    Ok(Model { name, description, rules, outside: reading.outside })
}

/// A name with single spaces.
pub(super) fn name_of(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of an element that has one.
pub(super) fn text(element: Option<&Element>) -> Option<String> {
    element.map(|element| element.text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The text that stands in the `text` of an element.
pub(super) fn text_in(element: Option<&Element>) -> Option<String> {
    text(element.and_then(|element| element.child("text")))
}

struct Reading<'a> {
    root: &'a Element,
    /// Names by id.
    names: HashMap<&'a str, String>,
    types: Types<'a>,
    outside: Vec<Outside>,
    wrong: Vec<Outside>,
}

impl<'a> Reading<'a> {
    fn new(root: &'a Element) -> Self {
        let mut names = HashMap::new();
        for element in &root.children {
            if let (Some(id), Some(name)) = (element.attribute("id"), element.attribute("name")) {
                names.insert(id, name_of(name));
            }
        }
        Self { root, names, types: Types::new(root), outside: Vec::new(), wrong: Vec::new() }
    }

    fn leave(&mut self, element: &Element, say: &str) {
        if self.outside.len() < MOST_TOLD {
            self.outside.push(Outside { element: element.name.clone(), line: element.line, say: say.to_owned() });
        }
    }

    fn refuse(&mut self, element: &Element, say: impl Into<String>) {
        if self.wrong.len() < MOST_TOLD {
            self.wrong.push(Outside { element: element.name.clone(), line: element.line, say: say.into() });
        }
    }

    fn rules(&mut self) -> Rules {
        let mut rules = Rules::default();
        for element in &self.root.children {
            if element.namespace != self.root.namespace {
                let say = if element.name == "DMNDI" { "the diagram is not kept" } else { "is of another namespace" };
                self.leave(element, say);
                continue;
            }
            match element.name.as_str() {
                "inputData" => rules.inputs.push(self.input(element)),
                "decision" => rules.decisions.extend(self.decision(element)),
                "businessKnowledgeModel" => rules.functions.extend(self.function(element)),
                "decisionService" => rules.services.push(self.service(element)),
                "description" | "itemDefinition" => {}
                "import" => self.refuse(element, "what it takes from another file is not here: put both into one file"),
                _ => self.leave(element, "decides nothing: it is not kept"),
            }
        }
        for (element, say) in std::mem::take(&mut self.types.left) {
            self.leave(element, &say);
        }
        rules
    }

    fn named(&mut self, element: &Element) -> String {
        match element.attribute("name").map(name_of) {
            Some(name) if !name.is_empty() => name,
            _ => {
                self.refuse(element, "must have a name");
                String::new()
            }
        }
    }

    /// What is said of an element for people.
    fn description(element: &Element) -> Option<String> {
        let all: Vec<String> = ["description", "question", "allowedAnswers"]
            .into_iter()
            .filter_map(|name| text(element.child(name)))
            .collect();
        (!all.is_empty()).then(|| all.join("\n").chars().take(2000).collect())
    }

    fn input(&mut self, element: &'a Element) -> InputData {
        let of = element.child("variable").and_then(|variable| variable.attribute("typeRef"));
        let (of, allowed) = of.map_or((None, None), |name| self.types.of(name));
        InputData { name: self.named(element), of, allowed, description: Self::description(element) }
    }

    /// The name that a reference points to.
    fn pointed(&mut self, element: &Element) -> Option<String> {
        let href = element.attribute("href").unwrap_or_default();
        let own = self.root.attribute("namespace").and_then(|own| href.strip_prefix(own)).unwrap_or(href);
        let name = own.strip_prefix('#').and_then(|id| self.names.get(id)).cloned();
        if name.is_none() {
            self.refuse(element, format!("points to '{href}', which is not in the file"));
        }
        name
    }

    fn decision(&mut self, element: &'a Element) -> Option<Decision> {
        let name = self.named(element);
        let mut requires = Vec::new();
        let mut logic = None;
        for child in &element.children {
            match child.name.as_str() {
                "informationRequirement" | "knowledgeRequirement" => {
                    for reference in &child.children {
                        requires.extend(self.pointed(reference));
                    }
                }
                "variable" | "description" | "question" | "allowedAnswers" => {}
                _ if boxed::is_expression(&child.name) && child.namespace == self.root.namespace => {
                    logic = Some(self.boxed(child)?);
                }
                _ => self.leave(child, "decides nothing: it is not kept"),
            }
        }
        let Some(logic) = logic else {
            self.refuse(element, format!("the decision '{name}' has no expression"));
            return None;
        };
        Some(Decision { name, description: Self::description(element), requires: Some(requires), logic })
    }

    /// An expression. What cannot be read is told.
    fn boxed(&mut self, element: &'a Element) -> Option<Logic> {
        let mut boxed = Boxed::new(&mut self.types);
        let logic = boxed.logic(element);
        let (left, wrong) = (boxed.left, boxed.wrong);
        for (element, say) in left {
            self.leave(element, &say);
        }
        for (element, say) in wrong {
            self.refuse(element, say);
        }
        logic
    }

    fn function(&mut self, element: &'a Element) -> Option<Function> {
        let name = self.named(element);
        let Some(encapsulated) = element.child("encapsulatedLogic") else {
            self.refuse(element, format!("the function '{name}' has no logic"));
            return None;
        };
        if encapsulated.attribute("kind").is_some_and(|kind| kind != "FEEL") {
            self.refuse(encapsulated, "is no FEEL: functions in other languages are not called");
            return None;
        }
        let parameters =
            encapsulated.all("formalParameter").map(|parameter| boxed::parameter(&mut self.types, parameter)).collect();
        let body = encapsulated.children.iter().find(|child| boxed::is_expression(&child.name));
        let Some(body) = body else {
            self.refuse(encapsulated, format!("the function '{name}' has no expression"));
            return None;
        };
        let logic = self.boxed(body)?;
        for child in &element.children {
            let known = ["encapsulatedLogic", "variable", "description", "knowledgeRequirement"];
            if !known.contains(&child.name.as_str()) {
                self.leave(child, "decides nothing: it is not kept");
            }
        }
        Some(Function { name, description: Self::description(element), parameters, logic })
    }

    fn service(&mut self, element: &'a Element) -> Service {
        let name = self.named(element);
        let mut service = Service { name, decisions: Vec::new(), given: Vec::new() };
        for child in &element.children {
            match child.name.as_str() {
                "outputDecision" => service.decisions.extend(self.pointed(child)),
                "inputDecision" => service.given.extend(self.pointed(child)),
                "encapsulatedDecision" | "inputData" | "variable" | "description" => {}
                _ => self.leave(child, "decides nothing: it is not kept"),
            }
        }
        service
    }
}
