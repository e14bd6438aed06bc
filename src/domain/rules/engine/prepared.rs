//! A rule set as it is evaluated: every expression compiled, decisions in an order in which each finds what it reads.

use std::sync::{Arc, OnceLock};

use super::looking::Finding;
use crate::domain::rules::content::{HitPolicy, Rules};
use crate::port::expressions::{Expression, Expressions, Kind, Rows};

/// A compiled rule set.
pub struct Prepared {
    /// What it says.
    pub rules: Arc<Rules>,
    /// The language.
    pub language: Arc<dyn Expressions>,
    /// The kinds of the inputs.
    pub kinds: Vec<Kind>,
    /// What inputs may be.
    pub allowed: Vec<Option<Arc<dyn Expression>>>,
    /// The decisions, in their own order.
    pub decisions: Vec<Compiled>,
    /// Their places, each after those that it reads.
    pub order: Vec<usize>,
    /// The functions.
    pub functions: Vec<CompiledFunction>,
    /// What was found by looking at its tables, once somebody looked.
    pub looked: OnceLock<Vec<Finding>>,
}

/// A compiled decision.
pub struct Compiled {
    /// What it reads.
    pub reads: Requirements,
    /// How it is decided.
    pub logic: CompiledLogic,
}

/// A compiled function.
pub struct CompiledFunction {
    /// The kinds of its parameters.
    pub parameters: Vec<(String, Kind)>,
    /// What it reads besides them.
    pub reads: Requirements,
    /// What it does.
    pub logic: CompiledLogic,
}

/// What is read, by its place in the rule set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Inputs.
    pub inputs: Vec<usize>,
    /// Decisions.
    pub decisions: Vec<usize>,
    /// Functions.
    pub functions: Vec<usize>,
}

/// Compiled logic.
pub enum CompiledLogic {
    /// An expression, or a call of a function, which is one.
    Expression(Arc<dyn Expression>),
    /// A table.
    Table(Box<CompiledTable>),
    /// Parts one after the other.
    Context(Vec<(Option<String>, CompiledLogic)>),
    /// A list.
    List(Vec<Arc<dyn Expression>>),
    /// A list of objects.
    Relation(Vec<String>, Vec<Vec<Arc<dyn Expression>>>),
}

/// A compiled table.
pub struct CompiledTable {
    /// Which rules count.
    pub policy: HitPolicy,
    /// What is tested.
    pub inputs: Vec<CompiledInput>,
    /// What comes out.
    pub outputs: Vec<CompiledOutput>,
    /// The tests.
    pub rows: Arc<dyn Rows>,
    /// What each rule says.
    pub then: Vec<Vec<Arc<dyn Expression>>>,
    /// What is said of each rule.
    pub notes: Vec<Option<String>>,
    /// What each rule tests, as it is written.
    pub when: Vec<Vec<String>>,
}

/// A compiled input of a table.
pub struct CompiledInput {
    /// What to call it.
    pub label: String,
    /// What is tested.
    pub expression: Arc<dyn Expression>,
    /// What it is, where that is known.
    pub kind: Kind,
    /// What it may be.
    pub allowed: Option<Arc<dyn Expression>>,
}

/// A compiled output of a table.
pub struct CompiledOutput {
    /// Its name.
    pub name: Option<String>,
    /// What it may be.
    pub allowed: Option<Arc<dyn Expression>>,
    /// The same as a list, in order of priority.
    pub priority: Option<Arc<dyn Expression>>,
    /// What it is when no rule fires.
    pub default: Option<Arc<dyn Expression>>,
}

impl Prepared {
    /// The place of the decision of a name.
    #[must_use]
    pub fn decision(&self, name: &str) -> Option<usize> {
        self.rules.decisions.iter().position(|decision| decision.name == name)
    }

    /// The decisions that no other one reads.
    #[must_use]
    pub fn last(&self) -> Vec<usize> {
        let read = |at: usize| self.decisions.iter().any(|decision| decision.reads.decisions.contains(&at));
        (0..self.decisions.len()).filter(|at| !read(*at)).collect()
    }

    /// The tables of a decision, by the entry of its context that each is.
    #[must_use]
    pub fn tables_of(&self, decision: usize) -> Vec<(Option<String>, &CompiledTable)> {
        match self.decisions.get(decision).map(|decision| &decision.logic) {
            Some(CompiledLogic::Table(table)) => vec![(None, table)],
            Some(CompiledLogic::Context(entries)) => {
                let table = |(name, logic): &'_ (Option<String>, CompiledLogic)| match logic {
                    CompiledLogic::Table(_) => Some(name.clone()),
                    _ => None,
                };
                let names = entries.iter().filter_map(table);
                let tables = entries.iter().filter_map(|(_, logic)| match logic {
                    CompiledLogic::Table(table) => Some(&**table),
                    _ => None,
                });
                names.zip(tables).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The tables of the decisions and functions, with where each stands.
    #[must_use]
    pub fn tables(&self) -> Vec<(String, &CompiledTable)> {
        let decisions = self.rules.decisions.iter().zip(&self.decisions).map(|(one, it)| (&one.name, &it.logic));
        let functions = self.rules.functions.iter().zip(&self.functions).map(|(one, it)| (&one.name, &it.logic));
        let mut all = Vec::new();
        for (name, logic) in decisions.chain(functions) {
            match logic {
                CompiledLogic::Table(table) => all.push((name.clone(), &**table)),
                CompiledLogic::Context(entries) => {
                    for (entry, logic) in entries {
                        if let CompiledLogic::Table(table) = logic {
                            let entry = entry.as_deref().unwrap_or("the result");
                            all.push((format!("{name} / {entry}"), &**table));
                        }
                    }
                }
                CompiledLogic::Expression(_) | CompiledLogic::List(_) | CompiledLogic::Relation(..) => {}
            }
        }
        all
    }
}
