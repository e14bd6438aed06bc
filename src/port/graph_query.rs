//! A query of the graph as it is understood: typed, with every parameter in its place. It can only read, and says nothing of tenants.

use serde_json::Value;

use super::graph::Direction;

/// A query: patterns that are looked for, one after the other, and what is told of each way in which they fit.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphQuery {
    /// What is looked for.
    pub matches: Vec<Match>,
    /// The variables, by number.
    pub variables: Vec<Variable>,
    /// Whether equal rows are told once.
    pub distinct: bool,
    /// What is told.
    pub returns: Vec<Item>,
    /// In which order: the column's or another expression, and whether the largest comes first.
    pub order: Vec<(Expression, bool)>,
    /// So many rows are left out at the beginning.
    pub skip: usize,
    /// So many are told at most.
    pub limit: Option<usize>,
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name; none where the pattern gives none.
    pub name: Option<String>,
    /// What it stands for.
    pub of: Stands,
}

/// What a variable stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// A node.
    Node,
    /// A relation.
    Relation,
    /// The relations of a way of several, in order.
    Way,
}

/// `MATCH` or `OPTIONAL MATCH` with its `WHERE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Whether what was found before stays where this fits nothing, with its variables null.
    pub optional: bool,
    /// What must fit together; no relation fits twice.
    pub patterns: Vec<Pattern>,
    /// What must hold.
    pub condition: Option<Expression>,
}

/// A chain of nodes and relations.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// The first node.
    pub start: NodePattern,
    /// What follows.
    pub steps: Vec<(RelationPattern, NodePattern)>,
}

/// A node of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct NodePattern {
    /// Its variable.
    pub variable: usize,
    /// It is of one of these types; of any where there is none.
    pub types: Vec<String>,
    /// Properties that it has.
    pub properties: Vec<(String, Value)>,
}

/// A relation of a pattern, or a way of several.
#[derive(Debug, Clone, PartialEq)]
pub struct RelationPattern {
    /// Its variable.
    pub variable: usize,
    /// It is of one of these types; of any where there is none.
    pub types: Vec<String>,
    /// Which way, as the pattern is written.
    pub direction: Direction,
    /// From so many relations to so many; none where it is exactly one.
    pub hops: Option<(u32, u32)>,
    /// Properties that each has.
    pub properties: Vec<(String, Value)>,
}

/// A column of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What it tells.
    pub expression: Expression,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparing {
    /// Equal.
    Equal,
    /// Not equal.
    Unequal,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
}

/// How a text is looked for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Anywhere.
    Contains,
    /// At its beginning.
    StartsWith,
    /// At its end.
    EndsWith,
}

/// What is made of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The id of a node or relation.
    Id,
    /// The type of a relation.
    Type,
    /// The types of a node, as a list.
    Labels,
    /// The properties of a node or relation.
    Properties,
    /// The names of the properties.
    Keys,
    /// The first of several that is not null.
    Coalesce,
    /// How long a text or list is.
    Size,
    /// A text in small letters.
    ToLower,
    /// A text in capital letters.
    ToUpper,
    /// The node where a relation begins, by its id.
    StartNode,
    /// The node where a relation ends, by its id.
    EndNode,
}

/// What is made of many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// How many there are.
    Count,
    /// A list of them.
    Collect,
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The least.
    Least,
    /// The greatest.
    Greatest,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A value that was written or given as a parameter.
    Literal(Value),
    /// A variable.
    Variable(usize),
    /// A property of a node or relation.
    Property(usize, String),
    /// A column of the answer: only in the order.
    Column(usize),
    /// A list.
    List(Vec<Expression>),
    /// All of them hold.
    And(Vec<Expression>),
    /// One of them holds.
    Or(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// Two values compared.
    Compare(Box<Expression>, Comparing, Box<Expression>),
    /// A text in another.
    Find(Box<Expression>, Finding, Box<Expression>),
    /// A value among those of a list.
    In(Box<Expression>, Box<Expression>),
    /// There is no value.
    IsNull(Box<Expression>),
    /// A function of values.
    Call(Function, Vec<Expression>),
    /// Something of all rows that are alike in everything else; of `*` where there is no argument.
    Aggregate(Aggregate, bool, Option<Box<Expression>>),
}

impl Expression {
    /// Calls with this and everything within it.
    pub fn visit<'a>(&'a self, look: &mut dyn FnMut(&'a Self)) {
        look(self);
        match self {
            Self::Literal(_) | Self::Variable(_) | Self::Property(..) | Self::Column(_) => {}
            Self::List(all) | Self::And(all) | Self::Or(all) | Self::Call(_, all) => {
                for one in all {
                    one.visit(look);
                }
            }
            Self::Not(one) | Self::IsNull(one) => one.visit(look),
            Self::Compare(one, _, other) | Self::Find(one, _, other) | Self::In(one, other) => {
                one.visit(look);
                other.visit(look);
            }
            Self::Aggregate(_, _, of) => of.iter().for_each(|of| of.visit(look)),
        }
    }

    /// Whether something of many rows is in it.
    #[must_use]
    pub fn aggregates(&self) -> bool {
        let mut found = false;
        self.visit(&mut |one| found |= matches!(one, Self::Aggregate(..)));
        found
    }

    /// The variables in it.
    #[must_use]
    pub fn variables(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.visit(&mut |one| {
            if let Self::Variable(variable) | Self::Property(variable, _) = one {
                found.push(*variable);
            }
        });
        found
    }
}
