//! Looking at a parsed expression: how deep it is, what it reads, whether it surely ends soon.

use std::collections::BTreeSet;

use dsntk_feel::Name;
use dsntk_feel::bif::Bif;
use dsntk_feel_parser::AstNode;

use crate::port::expressions::{Names, Reads};

/// The name of what unary tests test.
pub(super) const TESTED: &str = "?";

/// The nodes directly below one.
pub(super) fn below(node: &AstNode) -> Vec<&AstNode> {
    use AstNode as N;
    match node {
        N::Add(a, b)
        | N::And(a, b)
        | N::ContextEntry(a, b)
        | N::ContextTypeEntry(a, b)
        | N::Div(a, b)
        | N::Eq(a, b)
        | N::Every(a, b)
        | N::Exp(a, b)
        | N::Filter(a, b)
        | N::For(a, b)
        | N::FormalParameter(a, b)
        | N::FunctionDefinition(a, b)
        | N::FunctionInvocation(a, b)
        | N::FunctionType(a, b)
        | N::Ge(a, b)
        | N::Gt(a, b)
        | N::In(a, b)
        | N::InstanceOf(a, b)
        | N::IterationContextSingle(a, b)
        | N::Le(a, b)
        | N::Lt(a, b)
        | N::Mul(a, b)
        | N::NamedParameter(a, b)
        | N::Nq(a, b)
        | N::Or(a, b)
        | N::Out(a, b)
        | N::Path(a, b)
        | N::QuantifiedContext(a, b)
        | N::Range(a, b)
        | N::Some(a, b)
        | N::Sub(a, b) => vec![a, b],
        N::Between(a, b, c) | N::If(a, b, c) | N::IterationContextInterval(a, b, c) => vec![a, b, c],
        N::EvaluatedExpression(a)
        | N::FunctionBody(a, _)
        | N::IntervalEnd(a, _)
        | N::IntervalStart(a, _)
        | N::ListType(a)
        | N::Neg(a)
        | N::RangeType(a)
        | N::Satisfies(a)
        | N::UnaryGe(a)
        | N::UnaryGt(a)
        | N::UnaryLe(a)
        | N::UnaryLt(a)
        | N::UnaryEq(a)
        | N::UnaryNe(a) => vec![a],
        N::CommaList(all)
        | N::Context(all)
        | N::ContextType(all)
        | N::ExpressionList(all)
        | N::FormalParameters(all)
        | N::IterationContexts(all)
        | N::List(all)
        | N::NamedParameters(all)
        | N::NegatedList(all)
        | N::ParameterTypes(all)
        | N::PositionalParameters(all)
        | N::QualifiedName(all)
        | N::QuantifiedContexts(all) => all.iter().collect(),
        N::At(_)
        | N::Boolean(_)
        | N::ContextEntryKey(_)
        | N::ContextTypeEntryKey(_)
        | N::FeelType(_)
        | N::Irrelevant
        | N::Name(_)
        | N::Null
        | N::Numeric(..)
        | N::ParameterName(_)
        | N::QualifiedNameSegment(_)
        | N::String(_) => Vec::new(),
    }
}

/// Whether nothing lies deeper than this. It looks no deeper itself.
pub(super) fn is_within(node: &AstNode, depth: usize) -> bool {
    depth > 0 && below(node).into_iter().all(|node| is_within(node, depth - 1))
}

/// Whether a node is in it that is as asked.
pub(super) fn has(node: &AstNode, asked: &dyn Fn(&AstNode) -> bool) -> bool {
    asked(node) || below(node).into_iter().any(|node| has(node, asked))
}

/// Whether it reads what unary tests test.
pub(super) fn reads_tested(node: &AstNode) -> bool {
    has(node, &|node| matches!(node, AstNode::Name(name) if name.as_str() == TESTED))
}

/// Whether it names a function outside, which is never called.
pub(super) fn is_external(node: &AstNode) -> bool {
    has(node, &|node| matches!(node, AstNode::FunctionBody(_, true)))
}

/// Whether it surely ends soon: without loops, functions of its own and those that take long for what they are given.
pub(super) fn is_quick(node: &AstNode) -> bool {
    !has(node, &|node| match node {
        AstNode::For(..)
        | AstNode::Some(..)
        | AstNode::Every(..)
        | AstNode::Filter(..)
        | AstNode::FunctionDefinition(..) => true,
        AstNode::FunctionInvocation(called, _) => match called.as_ref() {
            AstNode::Name(name) => name.as_str().parse::<Bif>().map_or(true, |function| takes_long(&function)),
            _ => true,
        },
        _ => false,
    })
}

fn takes_long(function: &Bif) -> bool {
    matches!(
        function,
        Bif::DistinctValues
            | Bif::Union
            | Bif::Mode
            | Bif::IndexOf
            | Bif::ListReplace
            | Bif::Sort
            | Bif::Median
            | Bif::Replace
            | Bif::Matches
            | Bif::Split
            | Bif::StringJoin
    )
}

/// The variables that it reads.
pub(super) fn variables(node: &AstNode, names: &Names) -> Vec<Reads> {
    let mut walk = Walk { names, bound: vec![TESTED.to_owned()], filters: 0, found: BTreeSet::new() };
    walk.node(node);
    walk.found.into_iter().collect()
}

struct Walk<'a> {
    names: &'a Names,
    bound: Vec<String>,
    filters: usize,
    found: BTreeSet<Reads>,
}

impl Walk<'_> {
    fn all<'n>(&mut self, nodes: impl IntoIterator<Item = &'n AstNode>) {
        nodes.into_iter().for_each(|node| self.node(node));
    }

    /// Walks what is bound for itself only.
    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        let before = self.bound.len();
        walk(self);
        self.bound.truncate(before);
    }

    fn bind(&mut self, name: &AstNode) {
        if let AstNode::Name(name) | AstNode::ParameterName(name) | AstNode::ContextEntryKey(name) = name {
            self.bound.push(name.to_string());
        }
    }

    fn read(&mut self, name: &Name, path: Vec<String>) {
        let name = name.to_string();
        let built_in = name.parse::<Bif>().is_ok() && !self.names.0.contains_key(&name);
        let item = self.filters > 0 && name == "item";
        if !self.bound.contains(&name) && !built_in && !item {
            let in_filter = self.filters > 0;
            self.found.insert(Reads { name, path, in_filter });
        }
    }

    fn node(&mut self, node: &AstNode) {
        match node {
            AstNode::Name(name) => self.read(name, Vec::new()),
            AstNode::Path(of, _) => match path(node) {
                Some((name, path)) => self.read(name, path),
                None => self.node(of),
            },
            // A context's fields may be read by those after them.
            AstNode::Context(entries) => self.within(|walk| {
                for entry in entries {
                    if let AstNode::ContextEntry(key, value) = entry {
                        // A function may call itself by its name.
                        if matches!(value.as_ref(), AstNode::FunctionDefinition(..)) {
                            walk.bind(key);
                        }
                        walk.node(value);
                        walk.bind(key);
                    }
                }
            }),
            AstNode::For(contexts, body) | AstNode::Some(contexts, body) | AstNode::Every(contexts, body) => {
                self.within(|walk| {
                    for context in below(contexts) {
                        match context {
                            AstNode::IterationContextSingle(name, of) | AstNode::QuantifiedContext(name, of) => {
                                walk.node(of);
                                walk.bind(name);
                            }
                            AstNode::IterationContextInterval(name, from, to) => {
                                walk.node(from);
                                walk.node(to);
                                walk.bind(name);
                            }
                            other => walk.node(other),
                        }
                    }
                    walk.bound.push("partial".to_owned());
                    walk.node(body);
                });
            }
            AstNode::FunctionDefinition(parameters, body) => self.within(|walk| {
                for parameter in below(parameters) {
                    if let AstNode::FormalParameter(name, _) = parameter {
                        walk.bind(name);
                    }
                }
                walk.node(body);
            }),
            AstNode::Filter(of, by) => {
                self.node(of);
                self.filters += 1;
                self.node(by);
                self.filters -= 1;
            }
            AstNode::NamedParameter(_, value) => self.node(value),
            other => self.all(below(other)),
        }
    }
}

/// A name and the names after it, where a path is nothing else.
fn path(node: &AstNode) -> Option<(&Name, Vec<String>)> {
    match node {
        AstNode::Name(name) => Some((name, Vec::new())),
        AstNode::Path(of, field) => {
            let (name, mut names) = path(of)?;
            let AstNode::Name(field) = field.as_ref() else { return None };
            names.push(field.to_string());
            Some((name, names))
        }
        _ => None,
    }
}
