//! Expressions: conditions, and what is told.

use serde_json::{Number, Value, json};

use super::lexer::Token;
use super::{Parser, Refused};
use crate::port::graph_query::{Aggregate, Comparing, Expression, Finding, Function, Stands};

/// Functions: the name, what it is, and what it takes.
const FUNCTIONS: &[(&str, Function, Takes)] = &[
    ("id", Function::Id, Takes::Either),
    ("elementid", Function::Id, Takes::Either),
    ("type", Function::Type, Takes::Relation),
    ("labels", Function::Labels, Takes::Node),
    ("properties", Function::Properties, Takes::Either),
    ("keys", Function::Keys, Takes::Either),
    ("coalesce", Function::Coalesce, Takes::Many),
    ("size", Function::Size, Takes::Value),
    ("tolower", Function::ToLower, Takes::Value),
    ("toupper", Function::ToUpper, Takes::Value),
    ("startnode", Function::StartNode, Takes::Relation),
    ("endnode", Function::EndNode, Takes::Relation),
];

const AGGREGATES: &[(&str, Aggregate)] = &[
    ("count", Aggregate::Count),
    ("collect", Aggregate::Collect),
    ("sum", Aggregate::Sum),
    ("avg", Aggregate::Mean),
    ("min", Aggregate::Least),
    ("max", Aggregate::Greatest),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Node,
    Relation,
    Either,
    Value,
    Many,
}

impl Parser<'_> {
    /// An expression.
    pub(super) fn expression(&mut self) -> Result<Expression, Refused> {
        self.deeper(|parser| {
            let mut any = vec![parser.conjunction()?];
            while parser.take_word("or") {
                any.push(parser.conjunction()?);
            }
            if parser.is_word("xor") {
                return Err(parser.unexpected("OR"));
            }
            Ok(if any.len() == 1 { any.remove(0) } else { Expression::Or(any) })
        })
    }

    fn conjunction(&mut self) -> Result<Expression, Refused> {
        let mut all = vec![self.negation()?];
        while self.take_word("and") {
            all.push(self.negation()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::And(all) })
    }

    fn negation(&mut self) -> Result<Expression, Refused> {
        if self.take_word("not") {
            return self.deeper(|parser| Ok(Expression::Not(Box::new(parser.negation()?))));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, Refused> {
        let one = self.operand()?;
        let comparing = |token: &Token| match token {
            Token::Sign("=") => Some(Comparing::Equal),
            Token::Sign("<>") => Some(Comparing::Unequal),
            Token::Sign("<") => Some(Comparing::Less),
            Token::Sign("<=") => Some(Comparing::AtMost),
            Token::Sign(">") => Some(Comparing::Greater),
            Token::Sign(">=") => Some(Comparing::AtLeast),
            _ => None,
        };
        let made = if let Some(how) = comparing(self.token()) {
            self.next();
            Expression::Compare(Box::new(one), how, Box::new(self.operand()?))
        } else if self.is_sign("=~") {
            return self.outside("=~", "write CONTAINS, STARTS WITH or ENDS WITH");
        } else if self.take_word("in") {
            Expression::In(Box::new(one), Box::new(self.operand()?))
        } else if self.take_word("contains") {
            Expression::Find(Box::new(one), Finding::Contains, Box::new(self.operand()?))
        } else if self.take_word("starts") {
            self.demand_word("WITH", "behind STARTS")?;
            Expression::Find(Box::new(one), Finding::StartsWith, Box::new(self.operand()?))
        } else if self.take_word("ends") {
            self.demand_word("WITH", "behind ENDS")?;
            Expression::Find(Box::new(one), Finding::EndsWith, Box::new(self.operand()?))
        } else if self.take_word("is") {
            let not = self.take_word("not");
            self.demand_word("NULL", "behind IS")?;
            let is_null = Expression::IsNull(Box::new(one));
            if not { Expression::Not(Box::new(is_null)) } else { is_null }
        } else {
            return Ok(one);
        };
        if comparing(self.token()).is_some() {
            return self.outside("a chain of comparisons", "write a < b AND b < c");
        }
        Ok(made)
    }

    fn operand(&mut self) -> Result<Expression, Refused> {
        let operand = self.deeper(Self::atom)?;
        if let Token::Sign(sign @ ("+" | "-" | "*" | "/" | "%" | "^")) = *self.token() {
            // A pattern as a condition looks like a subtraction.
            let pattern = sign == "-" && matches!(self.ahead(1), Token::Sign("[" | "-" | ">"));
            return if pattern {
                self.outside("a pattern as a condition", "write OPTIONAL MATCH with that pattern and IS NOT NULL")
            } else {
                self.outside(&format!("arithmetic ({sign})"), "calculate outside and give the value as a parameter")
            };
        }
        if self.is_sign("<") && matches!((self.ahead(1), self.ahead(2)), (Token::Sign("-"), Token::Sign("[" | "-"))) {
            return self.outside("a pattern as a condition", "write OPTIONAL MATCH with that pattern and IS NOT NULL");
        }
        if self.is_sign("[") {
            return self.outside("a part of a list", "return the whole list");
        }
        Ok(operand)
    }

    fn atom(&mut self) -> Result<Expression, Refused> {
        let token = self.token().clone();
        match token {
            Token::Whole(number) => {
                self.next();
                Ok(Expression::Literal(json!(number)))
            }
            Token::Real(number) => {
                self.next();
                Ok(Expression::Literal(json!(number)))
            }
            Token::Text(text) => {
                self.next();
                Ok(Expression::Literal(Value::String(text)))
            }
            Token::Parameter(name) => {
                let value = self.parameter(&name)?;
                self.next();
                if self.is_sign(".") {
                    return self.outside("a property of a parameter", "give the value as a parameter of its own");
                }
                Ok(Expression::Literal(value))
            }
            Token::Sign("-") => {
                self.next();
                self.negative()
            }
            Token::Sign("(") => {
                if matches!(self.ahead(1), Token::Sign(")" | ":")) {
                    return self
                        .outside("a pattern as a condition", "write OPTIONAL MATCH with that pattern and IS NOT NULL");
                }
                self.next();
                let inner = self.expression()?;
                self.demand_sign(")", "behind the expression")?;
                Ok(inner)
            }
            Token::Sign("[") => self.list(),
            Token::Sign("{") => self.outside("a map", "return each value as a column of its own"),
            Token::Sign("*") => self.syntax("'*' stands alone behind RETURN, or in count(*)"),
            Token::Word(word) => self.word(&word),
            Token::Quoted(_) => self.variable_or_property(),
            Token::Sign(_) | Token::End => Err(self.unexpected("a value")),
        }
    }

    fn negative(&mut self) -> Result<Expression, Refused> {
        let value = match *self.token() {
            Token::Whole(number) => json!(-number),
            Token::Real(number) => Number::from_f64(-number).map_or(Value::Null, Value::Number),
            _ => return self.outside("arithmetic (-)", "calculate outside and give the value as a parameter"),
        };
        self.next();
        Ok(Expression::Literal(value))
    }

    fn list(&mut self) -> Result<Expression, Refused> {
        self.demand_sign("[", "of a list")?;
        if matches!((self.token(), self.ahead(1)), (Token::Word(_), Token::Word(word)) if word.eq_ignore_ascii_case("in"))
        {
            return self.outside("a list made of another", "return the list whole, or write collect()");
        }
        let mut all = Vec::new();
        while !self.take_sign("]") {
            if !all.is_empty() {
                self.demand_sign(",", "between values")?;
            }
            all.push(self.expression()?);
        }
        let values: Option<Vec<Value>> = all
            .iter()
            .map(|one| if let Expression::Literal(value) = one { Some(value.clone()) } else { None })
            .collect();
        Ok(values.map_or(Expression::List(all), |values| Expression::Literal(Value::Array(values))))
    }

    fn word(&mut self, word: &str) -> Result<Expression, Refused> {
        let literal = match word.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => None,
        };
        if let Some(value) = literal {
            self.next();
            return Ok(Expression::Literal(value));
        }
        match self.ahead(1) {
            Token::Sign("(") => self.call(word),
            Token::Sign("{") if word.eq_ignore_ascii_case("exists") || word.eq_ignore_ascii_case("count") => self
                .outside(
                    &format!("{word} {{…}}"),
                    "write OPTIONAL MATCH and IS NOT NULL, or count() in a query of its own",
                ),
            Token::Sign(".") if matches!(self.ahead(3), Token::Sign("(" | ".")) && self.variable(word).is_none() => {
                self.outside(
                    &format!("the function {word}.…"),
                    "the functions that there are stand in docs/graph-query.md",
                )
            }
            _ => self.variable_or_property(),
        }
    }

    fn variable_or_property(&mut self) -> Result<Expression, Refused> {
        let place = self.place();
        let name = self.name("a value")?;
        let Some(variable) = self.variable(&name) else {
            let say = format!("'{name}' is the name of nothing in the patterns before it; texts stand in quotes");
            return Err(Refused::syntax(place, say));
        };
        if self.take_sign(".") {
            let property = self.any_name("a property")?;
            if self.variables[variable].of == Stands::Way {
                let say = format!("'{name}' stands for several relations and has no properties");
                return Err(Refused::syntax(place, say));
            }
            if self.is_sign(".") {
                return self.outside("a property of a property", "return the property whole");
            }
            return Ok(Expression::Property(variable, property));
        }
        if self.take_sign(":") {
            let mut types = vec![Value::String(self.any_name("a type")?)];
            while self.take_sign("|") {
                types.push(Value::String(self.any_name("a type")?));
            }
            if self.variables[variable].of == Stands::Way {
                return Err(Refused::syntax(place, format!("'{name}' stands for several relations and has no type")));
            }
            let of = Box::new(Expression::Property(variable, "type".to_owned()));
            return Ok(Expression::In(of, Box::new(Expression::Literal(Value::Array(types)))));
        }
        if self.is_sign("{") {
            return self.outside("a projection of a map", "return each property as a column of its own");
        }
        Ok(Expression::Variable(variable))
    }

    fn call(&mut self, word: &str) -> Result<Expression, Refused> {
        let place = self.place();
        let is = |name: &&str| name.eq_ignore_ascii_case(word);
        if is(&"exists") {
            return self.exists();
        }
        if let Some((_, aggregate)) = AGGREGATES.iter().find(|(name, _)| is(name)) {
            return self.aggregate(*aggregate);
        }
        let Some((name, function, takes)) = FUNCTIONS.iter().find(|(name, ..)| is(name)) else {
            if let Some(refused) = self.left_out() {
                return Err(refused);
            }
            let instead = "the functions that there are stand in docs/graph-query.md";
            return self.outside(&format!("the function {word}()"), instead);
        };
        self.next();
        self.demand_sign("(", "behind the function")?;
        let mut given = Vec::new();
        while !self.take_sign(")") {
            if !given.is_empty() {
                self.demand_sign(",", "between values")?;
            }
            given.push(self.expression()?);
        }
        let of = match given.as_slice() {
            [Expression::Variable(variable)] => Some(self.variables[*variable].of),
            _ => None,
        };
        let (fits, wanted) = match takes {
            Takes::Node => (of == Some(Stands::Node), "the name of a node"),
            Takes::Relation => (of == Some(Stands::Relation), "the name of a relation"),
            Takes::Either => (matches!(of, Some(Stands::Node | Stands::Relation)), "the name of a node or relation"),
            Takes::Value => (given.len() == 1, "one value"),
            Takes::Many => (!given.is_empty(), "at least one value"),
        };
        if !fits {
            return Err(Refused::syntax(place, format!("{name}() takes {wanted}")));
        }
        Ok(Expression::Call(*function, given))
    }

    /// `exists(n.property)`.
    fn exists(&mut self) -> Result<Expression, Refused> {
        let place = self.place();
        self.next();
        self.demand_sign("(", "behind exists")?;
        if self.is_sign("(") {
            return self.outside("a pattern as a condition", "write OPTIONAL MATCH with that pattern and IS NOT NULL");
        }
        let of = self.expression()?;
        self.demand_sign(")", "behind the property")?;
        if !matches!(of, Expression::Property(..)) {
            return Err(Refused::syntax(place, "exists() takes a property: exists(n.name)"));
        }
        Ok(Expression::Not(Box::new(Expression::IsNull(Box::new(of)))))
    }

    fn aggregate(&mut self, aggregate: Aggregate) -> Result<Expression, Refused> {
        self.next();
        self.demand_sign("(", "behind the function")?;
        if aggregate == Aggregate::Count && self.take_sign("*") {
            self.demand_sign(")", "behind count(*")?;
            return Ok(Expression::Aggregate(aggregate, false, None));
        }
        let distinct = self.take_word("distinct");
        let place = self.place();
        let of = self.expression()?;
        if of.aggregates() {
            return Err(Refused::outside(place, "an aggregate of an aggregate", "make the second one outside"));
        }
        self.demand_sign(")", "behind the value")?;
        Ok(Expression::Aggregate(aggregate, distinct, Some(Box::new(of))))
    }
}
