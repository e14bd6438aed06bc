//! Boxed expressions: tables, contexts, calls and the like as logic of a rule set; what nests deeper as the text of FEEL that says the same.

use super::types::Types;
use super::{name_of, text_in};
use crate::domain::rules::content::{
    Entry, HitPolicy, Invocation, Logic, Named, Parameter, Relation, Rule, Table, TableInput, TableOutput,
};
use crate::port::markup::Element;

/// Whether an element is an expression.
pub(super) fn is_expression(name: &str) -> bool {
    matches!(
        name,
        "literalExpression"
            | "decisionTable"
            | "context"
            | "invocation"
            | "list"
            | "relation"
            | "functionDefinition"
            | "conditional"
            | "for"
            | "filter"
            | "every"
            | "some"
    )
}

/// A parameter of a function.
pub(super) fn parameter(types: &mut Types<'_>, element: &Element) -> Parameter {
    let of = element.attribute("typeRef").and_then(|name| types.of(name).0);
    Parameter { name: name_of(element.attribute("name").unwrap_or_default()), of }
}

/// Reads expressions.
pub(super) struct Boxed<'t, 'a> {
    types: &'t mut Types<'a>,
    /// What is left out.
    pub(super) left: Vec<(&'a Element, String)>,
    /// What cannot be read.
    pub(super) wrong: Vec<(&'a Element, String)>,
}

/// The first expression in an element.
fn inner(element: &Element) -> Option<&Element> {
    element.children.iter().find(|child| is_expression(&child.name))
}

impl<'t, 'a> Boxed<'t, 'a> {
    pub(super) fn new(types: &'t mut Types<'a>) -> Self {
        Self { types, left: Vec::new(), wrong: Vec::new() }
    }

    fn wrong<T>(&mut self, element: &'a Element, say: impl Into<String>) -> Option<T> {
        self.wrong.push((element, say.into()));
        None
    }

    /// An expression as logic.
    pub(super) fn logic(&mut self, element: &'a Element) -> Option<Logic> {
        let mut logic = Logic::default();
        match element.name.as_str() {
            "decisionTable" => logic.table = Some(self.table(element)?),
            "context" => logic.context = Some(self.entries(element)?),
            "invocation" => logic.invocation = Some(self.invocation(element)?),
            "list" => {
                let items: Option<Vec<_>> = element
                    .children
                    .iter()
                    .filter(|child| is_expression(&child.name))
                    .map(|child| self.text(child))
                    .collect();
                logic.list = Some(items?);
            }
            "relation" => logic.relation = Some(self.relation(element)?),
            _ => logic.expression = Some(self.text(element)?),
        }
        Some(logic)
    }

    fn entries(&mut self, element: &'a Element) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        for child in element.all("contextEntry") {
            let name = child.child("variable").and_then(|variable| variable.attribute("name")).map(name_of);
            let Some(expression) = inner(child) else { return self.wrong(child, "has no expression") };
            let mut entry = Entry { name, ..Entry::default() };
            match expression.name.as_str() {
                "decisionTable" => entry.table = Some(self.table(expression)?),
                "invocation" => entry.invocation = Some(self.invocation(expression)?),
                _ => entry.expression = Some(self.text(expression)?),
            }
            entries.push(entry);
        }
        Some(entries)
    }

    fn invocation(&mut self, element: &'a Element) -> Option<Invocation> {
        let Some(function) = text_in(element.child("literalExpression")) else {
            return self.wrong(element, "names no function");
        };
        let mut arguments = Vec::new();
        for binding in element.all("binding") {
            let name = binding.child("parameter").and_then(|parameter| parameter.attribute("name")).map(name_of);
            let (Some(name), Some(given)) = (name, inner(binding)) else {
                return self.wrong(binding, "needs a parameter and an expression");
            };
            arguments.push(Named { name, expression: self.text(given)? });
        }
        Some(Invocation { function: name_of(&function), arguments })
    }

    fn relation(&mut self, element: &'a Element) -> Option<Relation> {
        let columns =
            element.all("column").map(|column| name_of(column.attribute("name").unwrap_or_default())).collect();
        let mut rows = Vec::new();
        for row in element.all("row") {
            let cells: Option<Vec<_>> =
                row.children.iter().filter(|child| is_expression(&child.name)).map(|child| self.text(child)).collect();
            rows.push(cells?);
        }
        Some(Relation { columns, rows })
    }

    fn table(&mut self, element: &'a Element) -> Option<Table> {
        let hit_policy = match (element.attribute("hitPolicy").unwrap_or("UNIQUE"), element.attribute("aggregation")) {
            ("UNIQUE", _) => HitPolicy::Unique,
            ("ANY", _) => HitPolicy::Any,
            ("PRIORITY", _) => HitPolicy::Priority,
            ("FIRST", _) => HitPolicy::First,
            ("RULE ORDER", _) => HitPolicy::RuleOrder,
            ("OUTPUT ORDER", _) => HitPolicy::OutputOrder,
            ("COLLECT", None) => HitPolicy::Collect,
            ("COLLECT", Some("SUM")) => HitPolicy::Sum,
            ("COLLECT", Some("MIN")) => HitPolicy::Min,
            ("COLLECT", Some("MAX")) => HitPolicy::Max,
            ("COLLECT", Some("COUNT")) => HitPolicy::Count,
            (other, _) => return self.wrong(element, format!("'{other}' is no hit policy of DMN")),
        };
        let mut table = Table { hit_policy, ..Table::default() };
        for child in &element.children {
            match child.name.as_str() {
                "input" => {
                    let expression = child.child("inputExpression");
                    let Some(text) = text_in(expression) else { return self.wrong(child, "has no input expression") };
                    let of = expression.and_then(|one| one.attribute("typeRef"));
                    let (of, of_type) = of.map_or((None, None), |name| self.types.of(name));
                    let allowed = text_in(child.child("inputValues")).or(of_type);
                    let label = child.attribute("label").map(str::to_owned).filter(|label| !label.is_empty());
                    table.inputs.push(TableInput { expression: text, label, of, allowed });
                }
                "output" => table.outputs.push(TableOutput {
                    name: child.attribute("name").map(name_of).filter(|name| !name.is_empty()),
                    allowed: text_in(child.child("outputValues"))
                        .or_else(|| child.attribute("typeRef").and_then(|name| self.types.of(name).1)),
                    default: text_in(child.child("defaultOutputEntry")),
                }),
                "rule" => {
                    let notes: Vec<String> =
                        child.all("annotationEntry").filter_map(|note| text_in(Some(note))).collect();
                    let note = super::text(child.child("description"))
                        .or_else(|| (!notes.is_empty()).then(|| notes.join("; ")));
                    table.rules.push(Rule {
                        when: child
                            .all("inputEntry")
                            .map(|entry| text_in(Some(entry)).unwrap_or_else(|| "-".to_owned()))
                            .collect(),
                        then: child
                            .all("outputEntry")
                            .map(|entry| text_in(Some(entry)).unwrap_or_else(|| "null".to_owned()))
                            .collect(),
                        note: note.map(|note| note.chars().take(1000).collect()),
                    });
                }
                "annotation" | "description" => {}
                _ => self.left.push((child, "decides nothing: it is not kept".to_owned())),
            }
        }
        Some(table)
    }

    /// An expression as the text of FEEL that says the same.
    fn text(&mut self, element: &'a Element) -> Option<String> {
        let part = |boxed: &mut Self, name: &str| match element.child(name).and_then(inner) {
            Some(child) => boxed.text(child),
            None => boxed.wrong(element, format!("has no expression in '{name}'")),
        };
        let variable = || name_of(element.attribute("iteratorVariable").unwrap_or("item"));
        Some(match element.name.as_str() {
            "literalExpression" => {
                let language = element.attribute("expressionLanguage").unwrap_or_default();
                if !(language.is_empty() || language.to_uppercase().contains("FEEL")) {
                    return self.wrong(element, format!("is written in '{language}': only FEEL is read"));
                }
                let Some(text) = text_in(Some(element)) else { return self.wrong(element, "has no text") };
                text
            }
            "conditional" => {
                let (when, then, other) = (part(self, "if")?, part(self, "then")?, part(self, "else")?);
                format!("if ({when}) then ({then}) else ({other})")
            }
            "for" => format!("for {} in ({}) return ({})", variable(), part(self, "in")?, part(self, "return")?),
            "every" | "some" => {
                let (of, holds) = (part(self, "in")?, part(self, "satisfies")?);
                format!("{} {} in ({of}) satisfies ({holds})", element.name, variable())
            }
            "filter" => format!("({})[{}]", part(self, "in")?, part(self, "match")?),
            "list" => format!("[{}]", self.texts(element)?.join(", ")),
            "invocation" => {
                let Invocation { function, arguments } = self.invocation(element)?;
                let given: Vec<String> =
                    arguments.iter().map(|one| format!("{}: ({})", one.name, one.expression)).collect();
                format!("{function}({})", given.join(", "))
            }
            "relation" => {
                let Relation { columns, rows } = self.relation(element)?;
                let row = |row: &Vec<String>| {
                    let fields: Vec<String> =
                        columns.iter().zip(row).map(|(name, value)| format!("{name}: ({value})")).collect();
                    format!("{{{}}}", fields.join(", "))
                };
                format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(", "))
            }
            "context" => {
                let mut fields = Vec::new();
                let mut result = None;
                for child in element.all("contextEntry") {
                    let name = child.child("variable").and_then(|variable| variable.attribute("name")).map(name_of);
                    let Some(expression) = inner(child) else { return self.wrong(child, "has no expression") };
                    let text = self.text(expression)?;
                    match name {
                        Some(name) => fields.push(format!("{name}: ({text})")),
                        None => result = Some(text),
                    }
                }
                match result {
                    Some(text) => {
                        fields.push(format!("result of all: ({text})"));
                        format!("{{{}}}.result of all", fields.join(", "))
                    }
                    None => format!("{{{}}}", fields.join(", ")),
                }
            }
            "functionDefinition" => {
                if element.attribute("kind").is_some_and(|kind| kind != "FEEL") {
                    return self.wrong(element, "is no FEEL: functions in other languages are not called");
                }
                let names: Vec<String> = element
                    .all("formalParameter")
                    .map(|parameter| name_of(parameter.attribute("name").unwrap_or_default()))
                    .collect();
                let Some(body) = inner(element) else { return self.wrong(element, "has no expression") };
                format!("function({}) ({})", names.join(", "), self.text(body)?)
            }
            "decisionTable" => {
                return self.wrong(
                    element,
                    "a table stands in a decision, a function or an entry of their context, no deeper: make a decision of it",
                );
            }
            other => return self.wrong(element, format!("'{other}' is no expression that is read")),
        })
    }

    fn texts(&mut self, element: &'a Element) -> Option<Vec<String>> {
        element.children.iter().filter(|child| is_expression(&child.name)).map(|child| self.text(child)).collect()
    }
}
