//! The clauses of a query and the patterns in them.

use serde_json::{Number, Value};

use super::lexer::Token;
use super::{Parser, Refused};
use crate::port::graph::Direction;
use crate::port::graph_query::{Expression, GraphQuery, Item, Match, NodePattern, Pattern, RelationPattern, Stands};

/// The longest way of several relations.
const LONGEST_WAY: i64 = 8;

impl Parser<'_> {
    /// The whole query.
    pub(super) fn query(&mut self) -> Result<GraphQuery, Refused> {
        let mut matches = Vec::new();
        loop {
            if self.take_word("match") {
                matches.push(self.matching(false)?);
            } else if self.take_word("optional") {
                self.demand_word("MATCH", "behind OPTIONAL")?;
                matches.push(self.matching(true)?);
            } else {
                break;
            }
        }
        if matches.is_empty() && !self.is_word("return") {
            return Err(self.unexpected("MATCH"));
        }
        self.demand_word("RETURN", "behind the patterns")?;
        let distinct = self.take_word("distinct");
        let returns = self.items()?;
        let order = self.order(&returns, distinct)?;
        let skip = if self.take_word("skip") { self.count("SKIP")? } else { 0 };
        let limit = if self.take_word("limit") { Some(self.count("LIMIT")?) } else { None };
        if self.take_sign(";") && *self.token() != Token::End {
            return self.outside("a second statement", "make a call for each");
        }
        if *self.token() != Token::End {
            return Err(self.unexpected("ORDER BY, SKIP, LIMIT or the end"));
        }
        let variables = std::mem::take(&mut self.variables);
        Ok(GraphQuery { matches, variables, distinct, returns, order, skip, limit })
    }

    fn matching(&mut self, optional: bool) -> Result<Match, Refused> {
        let mut patterns = vec![self.pattern()?];
        while self.take_sign(",") {
            patterns.push(self.pattern()?);
        }
        let condition = if self.take_word("where") {
            let place = self.place();
            let condition = self.expression()?;
            if condition.aggregates() {
                return Err(Refused::outside(place, "an aggregate in WHERE", "return it and choose outside"));
            }
            Some(condition)
        } else {
            None
        };
        Ok(Match { optional, patterns, condition })
    }

    fn pattern(&mut self) -> Result<Pattern, Refused> {
        if matches!(self.ahead(1), Token::Sign("=")) && !self.is_sign("(") {
            return self.outside("a path with a name", "name the nodes and relations; paths are found by graph_path");
        }
        if let Some(refused) = self.left_out() {
            return Err(refused);
        }
        let start = self.node()?;
        let mut steps = Vec::new();
        while self.is_sign("-") || self.is_sign("<") {
            let relation = self.relation()?;
            steps.push((relation, self.node()?));
        }
        Ok(Pattern { start, steps })
    }

    fn node(&mut self) -> Result<NodePattern, Refused> {
        self.demand_sign("(", "of a node")?;
        let place = self.place();
        let name = if matches!(self.token(), Token::Sign(_)) || self.is_word("where") {
            None
        } else {
            Some(self.name("the node's name")?)
        };
        let types = self.types(true)?;
        let properties = self.properties()?;
        if self.is_word("where") {
            return self.outside("WHERE within a pattern", "write it behind the patterns");
        }
        self.demand_sign(")", "behind the node")?;
        let known = name.as_deref().and_then(|name| self.variable(name));
        let variable = match known {
            Some(variable) if self.variables[variable].of == Stands::Node => variable,
            Some(_) => {
                let say = format!("'{}' is a relation already", name.unwrap_or_default());
                return Err(Refused::syntax(place, say));
            }
            None => self.new_variable(name, Stands::Node)?,
        };
        Ok(NodePattern { variable, types, properties })
    }

    fn relation(&mut self) -> Result<RelationPattern, Refused> {
        let back = self.take_sign("<");
        self.demand_sign("-", "of a relation")?;
        let (mut name, mut types, mut hops, mut properties) = (None, Vec::new(), None, Vec::new());
        let mut place = self.place();
        if self.take_sign("[") {
            place = self.place();
            if !matches!(self.token(), Token::Sign(_)) && !self.is_word("where") {
                name = Some(self.name("the relation's name")?);
            }
            types = self.types(false)?;
            if self.is_sign("*") {
                hops = Some(self.hops()?);
            }
            properties = self.properties()?;
            if self.is_word("where") {
                return self.outside("WHERE within a pattern", "write it behind the patterns");
            }
            self.demand_sign("]", "behind the relation")?;
        }
        self.demand_sign("-", "behind the relation")?;
        let on = self.take_sign(">");
        if self.is_sign("+") || self.is_sign("*") || self.is_sign("{") {
            return self.outside("a quantified relation", "write -[:TYPE*1..4]->");
        }
        let direction = match (back, on) {
            (true, false) => Direction::In,
            (false, true) => Direction::Out,
            (true, true) | (false, false) => Direction::Both,
        };
        if let Some(name) = name.as_deref().filter(|name| self.variable(name).is_some()) {
            let say = format!("'{name}' stands for something already: give each relation a name of its own");
            return Err(Refused::syntax(place, say));
        }
        let variable = self.new_variable(name, if hops.is_some() { Stands::Way } else { Stands::Relation })?;
        Ok(RelationPattern { variable, types, direction, hops, properties })
    }

    /// `:A|B`.
    fn types(&mut self, of_node: bool) -> Result<Vec<String>, Refused> {
        let mut types = Vec::new();
        if !self.take_sign(":") {
            return Ok(types);
        }
        loop {
            if self.is_sign("!") || self.is_sign("%") || self.is_sign("(") {
                return self.outside("an expression of types", "name the types: A|B");
            }
            types.push(self.any_name("a type")?);
            if self.is_sign("&") || (of_node && self.is_sign(":")) {
                return self
                    .outside("a node of two types at once", "a node has one type: write (n:A|B) for one of several");
            }
            if !self.take_sign("|") {
                return Ok(types);
            }
            // The older form of Cypher has a colon here, too.
            self.take_sign(":");
        }
    }

    /// `*1..4`.
    fn hops(&mut self) -> Result<(u32, u32), Refused> {
        self.demand_sign("*", "of a way")?;
        let place = self.place();
        let number = |parser: &mut Self| match *parser.token() {
            Token::Whole(number) => {
                parser.next();
                Some(number)
            }
            _ => None,
        };
        let least = number(self);
        let (least, most) =
            if self.take_sign("..") { (least.unwrap_or(1), number(self)) } else { (least.unwrap_or(1), least) };
        let Some(most) = most else {
            return Err(Refused::outside(place, "a way without a longest length", "say how far: *1..4"));
        };
        if least < 1 || most < least || most > LONGEST_WAY {
            let name = format!("a way of {least} to {most} relations");
            return Err(Refused::outside(
                place,
                &name,
                &format!("write *1..{LONGEST_WAY} or less, the smaller number first"),
            ));
        }
        let short = |number: i64| u32::try_from(number).unwrap_or(1);
        Ok((short(least), short(most)))
    }

    /// `{name: 'a', age: $age}`.
    fn properties(&mut self) -> Result<Vec<(String, Value)>, Refused> {
        let mut properties = Vec::new();
        if matches!(self.token(), Token::Parameter(_)) {
            return self.outside("a parameter of all properties", "name each: {name: $name}");
        }
        if !self.take_sign("{") {
            return Ok(properties);
        }
        while !self.take_sign("}") {
            if !properties.is_empty() {
                self.demand_sign(",", "between properties")?;
            }
            let name = self.any_name("a property")?;
            self.demand_sign(":", "behind the property's name")?;
            properties.push((name, self.literal()?));
        }
        Ok(properties)
    }

    /// A value that is written or given as a parameter.
    fn literal(&mut self) -> Result<Value, Refused> {
        let place = self.place();
        match self.expression()? {
            Expression::Literal(value) => Ok(value),
            _ => Err(Refused::outside(
                place,
                "an expression within a pattern",
                "write a value or a parameter here, and the rest in WHERE",
            )),
        }
    }

    fn items(&mut self) -> Result<Vec<Item>, Refused> {
        if self.take_sign("*") {
            let named = self.variables.iter().enumerate().filter_map(|(at, one)| Some((at, one.name.clone()?)));
            let items: Vec<Item> =
                named.map(|(at, name)| Item { name, expression: Expression::Variable(at) }).collect();
            if items.is_empty() {
                return self.syntax("RETURN * tells what has a name, and nothing has");
            }
            return Ok(items);
        }
        let mut items: Vec<Item> = Vec::new();
        loop {
            let place = self.place();
            let from = self.tokens.get(self.at).map_or(0, |placed| placed.from);
            let expression = self.expression()?;
            let to = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(from, |placed| placed.to);
            let written = self.text.get(from..to).unwrap_or_default().to_owned();
            let name = if self.take_word("as") { self.name("the column's name")? } else { written };
            if items.iter().any(|item| item.name == name) {
                return Err(Refused::syntax(place, format!("two columns are called '{name}': name one with AS")));
            }
            if expression.aggregates() && !only_within_aggregates(&expression) {
                let instead = "return each as a column of its own";
                return Err(Refused::outside(place, "an aggregate together with something of one row", instead));
            }
            items.push(Item { name, expression });
            if !self.take_sign(",") {
                return Ok(items);
            }
        }
    }

    fn order(&mut self, returns: &[Item], distinct: bool) -> Result<Vec<(Expression, bool)>, Refused> {
        let mut order = Vec::new();
        if !self.take_word("order") {
            return Ok(order);
        }
        self.demand_word("BY", "behind ORDER")?;
        let of_many = distinct || returns.iter().any(|item| item.expression.aggregates());
        loop {
            let place = self.place();
            let column = match (self.token(), self.ahead(1)) {
                // A name that is a column's, and not the beginning of something longer.
                (Token::Word(name) | Token::Quoted(name), after) if !matches!(after, Token::Sign("." | "(" | ":")) => {
                    returns.iter().position(|item| item.name == *name)
                }
                _ => None,
            };
            let expression = if let Some(column) = column {
                self.next();
                Expression::Column(column)
            } else {
                let expression = self.expression()?;
                match returns.iter().position(|item| item.expression == expression) {
                    Some(column) => Expression::Column(column),
                    None if of_many || expression.aggregates() => {
                        let instead = "return it as a column and sort by that";
                        return Err(Refused::outside(place, "an order by what is not returned", instead));
                    }
                    None => expression,
                }
            };
            let descending = self.take_word("desc") || self.take_word("descending");
            if !descending && !self.take_word("asc") {
                self.take_word("ascending");
            }
            order.push((expression, descending));
            if !self.take_sign(",") {
                return Ok(order);
            }
        }
    }

    fn count(&mut self, of: &str) -> Result<usize, Refused> {
        let place = self.place();
        let value = match self.token().clone() {
            Token::Whole(number) => Value::Number(Number::from(number)),
            Token::Parameter(name) => self.parameter(&name)?,
            _ => return Err(self.unexpected(&format!("a whole number behind {of}"))),
        };
        self.next();
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| Refused::syntax(place, format!("behind {of} stands a whole number, from 0 on")))
    }
}

/// Whether variables stand only where something is made of many rows.
fn only_within_aggregates(expression: &Expression) -> bool {
    match expression {
        Expression::Aggregate(..) | Expression::Literal(_) | Expression::Column(_) => true,
        Expression::Variable(_) | Expression::Property(..) => false,
        Expression::List(all) | Expression::And(all) | Expression::Or(all) | Expression::Call(_, all) => {
            all.iter().all(only_within_aggregates)
        }
        Expression::Not(one) | Expression::IsNull(one) => only_within_aggregates(one),
        Expression::Compare(one, _, other) | Expression::Find(one, _, other) | Expression::In(one, other) => {
            only_within_aggregates(one) && only_within_aggregates(other)
        }
    }
}
