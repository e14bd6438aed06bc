//! A clause of a query as a statement of Neo4j. Its text is made of our own words, of names checked at the start and of numbers: whatever a caller
//! or a document says is a parameter. The tenant, who may see it and when it is valid stand at every node and every relation, also at those in
//! the middle of a way, so that nothing hidden is stepped over.

use std::fmt::Write as _;

use neo4rs::{BoltList, BoltMap, BoltNull, BoltType};
use serde_json::Value;
use uuid::Uuid;

use super::super::finding::{Ask, Bound, Parts};
use super::super::matching::conjuncts;
use super::super::scan::said;
use super::held::{LONGEST_TEXT, property_name};
use crate::port::graph::{Direction, View, name_key};
use crate::port::graph_query::{Comparing, Expression, NodePattern, RelationPattern};
use crate::port::records::{Comparison, Filter, Scalar};

/// Whole numbers beyond this are not told apart by a number with a point.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What nodes, relations and the mark of one installation are called.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) node: String,
    pub(super) link: String,
    pub(super) mark: String,
}

impl Names {
    /// The names of a space; `None` where that is no plain name: it stands in the text of statements.
    pub(super) fn of(space: &str) -> Option<Self> {
        let mut letters = space.chars();
        let fits = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && space.len() <= 60;
        fits.then(|| Self {
            node: format!("{space}Node"),
            link: format!("{}_LINK", space.to_ascii_uppercase()),
            mark: format!("{space}Mark"),
        })
    }
}

/// A statement with its parameters.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: BoltMap,
}

impl Statement {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), parameters: BoltMap::new() }
    }

    /// With a parameter.
    pub(super) fn with(mut self, name: &str, value: impl Into<BoltType>) -> Self {
        self.parameters.put(name.into(), value.into());
        self
    }
}

/// A list of values.
pub(super) fn list(values: impl IntoIterator<Item = BoltType>) -> BoltType {
    BoltType::List(BoltList { value: values.into_iter().collect() })
}

pub(super) fn id(id: Uuid) -> BoltType {
    id.to_string().into()
}

/// A value that a property can be held as and compared with; `None` for others.
pub(super) fn plain(value: &Value) -> Option<BoltType> {
    match value {
        Value::Bool(holds) => Some((*holds).into()),
        Value::String(text) => (text.len() <= LONGEST_TEXT).then(|| text.as_str().into()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(whole.into()),
            None => number.as_f64().map(Into::into),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Writes the text of a statement.
struct Writer<'v> {
    names: &'v Names,
    statement: Statement,
    /// What must be seen, with `@` where the variable stands.
    seen: String,
    count: usize,
}

impl<'v> Writer<'v> {
    fn new(names: &'v Names, view: &View) -> Self {
        let mut writer = Self { names, statement: Statement::new(""), seen: String::new(), count: 0 };
        let tenant = writer.parameter(id(view.tenant.uuid()));
        let visible = writer.filter(&view.visible);
        let valid = view.at.map_or_else(String::new, |at| {
            let at = writer.parameter(at.as_millis().into());
            format!(" AND (@.validFrom IS NULL OR @.validFrom <= {at}) AND (@.validTo IS NULL OR @.validTo > {at})")
        });
        writer.seen = format!("@.tenant = {tenant} AND {visible}{valid}");
        writer
    }

    fn parameter(&mut self, value: BoltType) -> String {
        let name = format!("p{}", self.count);
        self.count += 1;
        self.statement.parameters.put(name.as_str().into(), value);
        format!("${name}")
    }

    /// The filter over the envelope. What it says otherwise fits nothing, as in a walk.
    fn filter(&mut self, filter: &Filter) -> String {
        let known = |name: &str| ["owner", "workspace", "visibility"].contains(&name);
        match filter {
            Filter::All => "true".to_owned(),
            Filter::And(all) => self.joined(all, " AND ", "true"),
            Filter::Or(any) => self.joined(any, " OR ", "false"),
            Filter::Compare(name, Comparison::Equal, value) if known(name) => match scalar(value) {
                Some(value) => {
                    let value = self.parameter(value);
                    format!("@.{name} = {value}")
                }
                None => "false".to_owned(),
            },
            Filter::In(name, values) if known(name) => {
                let values = self.parameter(list(values.iter().filter_map(scalar)));
                format!("@.{name} IN {values}")
            }
            _ => "false".to_owned(),
        }
    }

    fn joined(&mut self, filters: &[Filter], with: &str, none: &str) -> String {
        let parts: Vec<String> = filters.iter().map(|one| self.filter(one)).collect();
        if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(with)) }
    }

    fn sees(&self, variable: &str) -> String {
        self.seen.replace('@', variable)
    }

    fn sees_node(&self, variable: &str) -> String {
        format!("{} AND {variable}.there", self.sees(variable))
    }

    /// `variable.type` is one of these.
    fn of_type(&mut self, variable: &str, types: &[String]) -> Option<String> {
        match types {
            [] => None,
            [one] => {
                let one = self.parameter(one.as_str().into());
                Some(format!("{variable}.type = {one}"))
            }
            many => {
                let many = self.parameter(list(many.iter().map(|one| one.as_str().into())));
                Some(format!("{variable}.type IN {many}"))
            }
        }
    }

    /// That a property is one of some values, as far as that can be asked of what is held. What it lets through is looked at again.
    fn is_among(&mut self, variable: &str, is_node: bool, name: &str, values: &[&Value]) -> Option<String> {
        let texts = || values.iter().filter_map(|value| value.as_str());
        let (held, values) = match (name, is_node) {
            // What is no text, or no id, is the id of none.
            ("id", _) | ("from" | "to", false) => {
                (Some(name), texts().filter_map(|text| Uuid::parse_str(text).ok()).map(id).collect())
            }
            ("type", _) | ("key", true) => (Some(name), texts().map(Into::into).collect()),
            ("name", true) => (Some("nameKey"), texts().map(|text| name_key(text).into()).collect()),
            ("aliases" | "createdAt" | "updatedAt", true)
            | ("weight" | "confidence", false)
            | ("validFrom" | "validTo", _) => return None,
            _ => (None, values.iter().map(|value| plain(value)).collect::<Option<Vec<BoltType>>>()?),
        };
        let of = if let Some(held) = held {
            format!("{variable}.{held}")
        } else {
            let name = self.parameter(property_name(name).into());
            format!("{variable}[{name}]")
        };
        if let [_] = values.as_slice() {
            let value = self.parameter(values.into_iter().next()?);
            return Some(format!("{of} = {value}"));
        }
        let values = self.parameter(list(values));
        Some(format!("{of} IN {values}"))
    }

    fn has_properties(&mut self, variable: &str, is_node: bool, properties: &[(String, Value)], all: &mut Vec<String>) {
        for (name, value) in properties {
            all.extend(self.is_among(variable, is_node, name, &[value]));
        }
    }

    /// What a condition says of a variable alone, as far as that can be asked of what is held.
    fn said(&mut self, number: usize, variable: &str, is_node: bool, condition: &Expression) -> Option<String> {
        if let Some((name, values)) = said(number, condition) {
            return self.is_among(variable, is_node, name, &values);
        }
        let Expression::Compare(one, how, other) = condition else { return None };
        let (name, how, value) = match (&**one, &**other) {
            (Expression::Property(of, name), Expression::Literal(value)) if *of == number => (name, *how, value),
            (Expression::Literal(value), Expression::Property(of, name)) if *of == number => {
                (name, turned(*how), value)
            }
            _ => return None,
        };
        let sign = match how {
            Comparing::Less => "<",
            Comparing::AtMost => "<=",
            Comparing::Greater => ">",
            Comparing::AtLeast => ">=",
            Comparing::Equal | Comparing::Unequal => return None,
        };
        // Only numbers are compared by both in the same way, and only those that are told apart.
        if !value.as_f64().is_some_and(|number| number.abs() < EXACT) || is_of_all(name, is_node) {
            return None;
        }
        let (name, value) = (self.parameter(property_name(name).into()), self.parameter(plain(value)?));
        Some(format!("{variable}[{name}] {sign} {value}"))
    }
}

/// Whether a name is one of what every node or relation has, and no property.
fn is_of_all(name: &str, is_node: bool) -> bool {
    let of_both = ["id", "type", "validFrom", "validTo"].contains(&name);
    let own: &[&str] = if is_node {
        &["key", "name", "aliases", "createdAt", "updatedAt"]
    } else {
        &["from", "to", "weight", "confidence"]
    };
    of_both || own.contains(&name)
}

const fn turned(how: Comparing) -> Comparing {
    match how {
        Comparing::Less => Comparing::Greater,
        Comparing::AtMost => Comparing::AtLeast,
        Comparing::Greater => Comparing::Less,
        Comparing::AtLeast => Comparing::AtMost,
        same => same,
    }
}

fn scalar(value: &Scalar) -> Option<BoltType> {
    match value {
        Scalar::Id(one) => Some(id(*one)),
        Scalar::Text(text) => Some(text.as_str().into()),
        _ => None,
    }
}

const fn arrows(direction: Direction) -> (&'static str, &'static str) {
    match direction {
        Direction::Out => ("-", "->"),
        Direction::In => ("<-", "-"),
        Direction::Both => ("-", "-"),
    }
}

/// The relations at nodes, with the nodes behind them.
pub(super) fn links(
    names: &Names,
    view: &View,
    at: &[Uuid],
    direction: Direction,
    types: &[String],
    most: usize,
) -> Statement {
    let mut writer = Writer::new(names, view);
    let at = writer.parameter(list(at.iter().copied().map(id)));
    let tenant = writer.parameter(id(view.tenant.uuid()));
    let mut all = vec![writer.sees("r"), writer.sees_node("b")];
    all.extend(writer.of_type("r", types));
    let most = writer.parameter(i64::try_from(most).unwrap_or(i64::MAX).into());
    let (left, right) = arrows(direction);
    let Names { node, link, .. } = names;
    writer.statement.text = format!(
        "UNWIND {at} AS at MATCH (a:{node} {{tenant: {tenant}, id: at}}){left}[r:{link}]{right}(b:{node}) WHERE {} \
         RETURN DISTINCT [r.id, r.from, r.to, r.type] AS link LIMIT {most}",
        all.join(" AND ")
    );
    writer.statement
}

/// What fits a clause. A row tells `at`, the row that it goes on from, and `nodes`, `links` and `ways` in the order of the parts.
pub(super) fn fits(names: &Names, view: &View, ask: &Ask<'_>) -> Statement {
    let Ask { clause, parts, rows } = ask;
    let mut writer = Writer::new(names, view);
    let mut all: Vec<String> = Vec::new();
    let mut patterns = Vec::new();
    let conditions = conjuncts(clause.condition.as_ref());
    let mut seen: Vec<usize> = Vec::new();
    for pattern in &clause.patterns {
        let mut text = node(&mut writer, &pattern.start, &conditions, &mut seen, &mut all);
        for (relation, far) in &pattern.steps {
            text += &step(&mut writer, relation, &conditions, &mut all);
            text += &node(&mut writer, far, &conditions, &mut seen, &mut all);
        }
        patterns.push(text);
    }
    let mut text = String::new();
    let at = bound(&mut writer, parts, rows, &mut all, &mut text);
    let names = |list: &[usize], of: &dyn Fn(usize) -> String| {
        list.iter().map(|variable| of(*variable)).collect::<Vec<_>>().join(", ")
    };
    let _ = write!(
        text,
        "MATCH {} WHERE {} RETURN {at} AS at, [{}] AS nodes, [{}] AS links, [{}] AS ways",
        patterns.join(", "),
        all.join(" AND "),
        names(&parts.nodes, &|one| format!("v{one}.id")),
        names(&parts.links, &|one| format!("[v{one}.id, v{one}.from, v{one}.to, v{one}.type]")),
        names(&parts.ways, &|one| format!("[x IN v{one} | [x.id, x.from, x.to, x.type]]")),
    );
    writer.statement.text = text;
    writer.statement
}

fn node(
    writer: &mut Writer<'_>,
    pattern: &NodePattern,
    conditions: &[&Expression],
    seen: &mut Vec<usize>,
    all: &mut Vec<String>,
) -> String {
    let name = format!("v{}", pattern.variable);
    if !seen.contains(&pattern.variable) {
        seen.push(pattern.variable);
        all.push(writer.sees_node(&name));
        for condition in conditions {
            all.extend(writer.said(pattern.variable, &name, true, condition));
        }
    }
    all.extend(writer.of_type(&name, &pattern.types));
    writer.has_properties(&name, true, &pattern.properties, all);
    format!("({name}:{})", writer.names.node)
}

fn step(
    writer: &mut Writer<'_>,
    pattern: &RelationPattern,
    conditions: &[&Expression],
    all: &mut Vec<String>,
) -> String {
    let name = format!("v{}", pattern.variable);
    let (left, right) = arrows(pattern.direction);
    let mut of_each = vec![writer.sees(&name)];
    of_each.extend(writer.of_type(&name, &pattern.types));
    writer.has_properties(&name, false, &pattern.properties, &mut of_each);
    let link = writer.names.link.clone();
    match pattern.hops {
        None => {
            all.append(&mut of_each);
            for condition in conditions {
                all.extend(writer.said(pattern.variable, &name, false, condition));
            }
            format!("{left}[{name}:{link}]{right}")
        }
        Some((least, most)) => {
            let (near, far) = (format!("a{}", pattern.variable), format!("b{}", pattern.variable));
            of_each.push(writer.sees_node(&far));
            let node = &writer.names.node;
            format!(
                " (({near}:{node}){left}[{name}:{link}]{right}({far}:{node}) WHERE {}){{{least},{most}}} ",
                of_each.join(" AND ")
            )
        }
    }
}

/// What is bound already; answers what a row's number is called.
fn bound(
    writer: &mut Writer<'_>,
    parts: &Parts,
    rows: &[Bound],
    all: &mut Vec<String>,
    text: &mut String,
) -> &'static str {
    let is = |of: &dyn Fn(&Bound) -> bool| rows.iter().all(of);
    let of_nodes: Vec<usize> = (0..parts.nodes.len()).filter(|at| is(&|row| row.nodes[*at].is_some())).collect();
    let of_links: Vec<usize> = (0..parts.links.len()).filter(|at| is(&|row| row.links[*at].is_some())).collect();
    let of_ways: Vec<usize> = (0..parts.ways.len()).filter(|at| is(&|row| row.ways[*at].is_some())).collect();
    if of_nodes.is_empty() && of_links.is_empty() && of_ways.is_empty() && rows.len() == 1 {
        return "0";
    }
    all.extend(of_nodes.iter().map(|at| format!("v{0}.id = row.v{0}", parts.nodes[*at])));
    all.extend(of_links.iter().map(|at| format!("v{0}.id = row.v{0}", parts.links[*at])));
    all.extend(of_ways.iter().map(|at| format!("[x IN v{0} | x.id] = row.v{0}", parts.ways[*at])));
    let value = |id_of: Option<Uuid>| id_of.map_or(BoltType::Null(BoltNull), id);
    let rows = rows.iter().enumerate().map(|(number, row)| {
        let mut map = BoltMap::new();
        map.put("at".into(), i64::try_from(number).unwrap_or(i64::MAX).into());
        for at in &of_nodes {
            map.put(format!("v{}", parts.nodes[*at]).as_str().into(), value(row.nodes[*at]));
        }
        for at in &of_links {
            map.put(format!("v{}", parts.links[*at]).as_str().into(), value(row.links[*at]));
        }
        for at in &of_ways {
            let way = row.ways[*at].iter().flatten().copied().map(id);
            map.put(format!("v{}", parts.ways[*at]).as_str().into(), list(way));
        }
        BoltType::Map(map)
    });
    let rows = writer.parameter(list(rows));
    let _ = write!(text, "UNWIND {rows} AS row ");
    "row.at"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kernel::id::TenantId;
    use crate::kernel::time::Timestamp;
    use crate::port::graph_query::{Match, Pattern};

    const EVIL: &str = "x'}) OR true //` DETACH DELETE n";

    fn view() -> View {
        let visible = Filter::Or(vec![
            Filter::is("owner", Scalar::Id(Uuid::from_u128(7))),
            Filter::is("visibility", Scalar::Text(EVIL.to_owned())),
        ]);
        View { tenant: TenantId::from_uuid(Uuid::from_u128(1)), visible, at: Some(Timestamp::from_millis(5)) }
    }

    #[test]
    fn a_name_that_is_not_plain_names_nothing() {
        assert!(Names::of("Convoke").is_some() && Names::of("a_1").is_some());
        for name in ["", "1a", "a b", "a`b", "a:b", "ä", &"x".repeat(61)] {
            assert!(Names::of(name).is_none(), "{name}");
        }
    }

    #[test]
    fn nothing_that_is_said_stands_in_the_text_and_every_part_is_guarded() {
        let names = Names::of("Convoke").unwrap();
        let properties = vec![(EVIL.to_owned(), json!(EVIL)), ("name".to_owned(), json!(EVIL))];
        let node = |variable| NodePattern { variable, types: vec![EVIL.to_owned()], properties: properties.clone() };
        let relation = |variable, hops| RelationPattern {
            variable,
            types: vec![EVIL.to_owned(), "b".to_owned()],
            direction: Direction::Out,
            hops,
            properties: properties.clone(),
        };
        let of = |name: &str| Expression::Property(0, name.to_owned());
        let literal = |value: Value| Box::new(Expression::Literal(value));
        let condition = Expression::And(vec![
            Expression::Compare(Box::new(of(EVIL)), Comparing::Equal, literal(json!(EVIL))),
            Expression::Compare(Box::new(of(EVIL)), Comparing::Less, literal(json!(3))),
            Expression::In(Box::new(of("id")), literal(json!([EVIL]))),
        ]);
        let pattern =
            Pattern { start: node(0), steps: vec![(relation(1, None), node(2)), (relation(3, Some((1, 4))), node(4))] };
        let clause = Match { optional: false, patterns: vec![pattern], condition: Some(condition) };
        let parts = Parts::of(&clause);
        let rows = vec![Bound { nodes: vec![Some(Uuid::nil()), None, None], links: vec![None], ways: vec![None] }];
        let view = view();
        let statement = fits(&names, &view, &Ask { clause: &clause, parts, rows });
        let text = &statement.text;
        assert!(!text.contains("DELETE") && !text.contains('\'') && !text.contains('`'), "{text}");
        assert!(text.is_ascii() && text.contains("v0.id = row.v0"), "{text}");
        // Three nodes, one relation, and both of each step of the way.
        for guarded in ["v0", "v2", "v4", "v1", "v3", "b3"] {
            assert!(text.contains(&format!("{guarded}.tenant = $p0 AND ({guarded}.owner = ")), "{guarded}: {text}");
            assert!(text.contains(&format!("{guarded}.validTo > ")), "{guarded}: {text}");
        }
        let said = format!("{:?}", statement.parameters);
        assert!(said.contains("DETACH DELETE"), "{said}");
    }

    #[test]
    fn a_filter_that_is_not_understood_shows_nothing() {
        let names = Names::of("Convoke").unwrap();
        for filter in [
            Filter::Not(Box::new(Filter::All)),
            Filter::is("owner", Scalar::Null),
            Filter::is("name", Scalar::Text("x".to_owned())),
            Filter::IsNull("workspace"),
            Filter::Or(Vec::new()),
        ] {
            let view = View { visible: filter.clone(), ..view() };
            let mut writer = Writer::new(&names, &view);
            assert_eq!(writer.filter(&filter), "false", "{filter:?}");
        }
    }

    #[test]
    fn only_what_both_compare_alike_is_asked_of_what_is_held() {
        let (names, view) = (Names::of("Convoke").unwrap(), view());
        let mut writer = Writer::new(&names, &view);
        let less = |value: Value| {
            let property = Expression::Property(0, "born".to_owned());
            Expression::Compare(Box::new(property), Comparing::Less, Box::new(Expression::Literal(value)))
        };
        assert!(writer.said(0, "v0", true, &less(json!(1900))).is_some_and(|text| text.contains(" < ")));
        for value in [json!("a"), json!(null), json!([1]), json!(9_007_199_254_740_993_i64), json!(true)] {
            assert_eq!(writer.said(0, "v0", true, &less(value.clone())), None, "{value}");
        }
        assert_eq!(writer.said(1, "v1", true, &less(json!(1))), None);
        assert_eq!(writer.is_among("v0", true, "p", &[&json!("x".repeat(LONGEST_TEXT + 1))]), None);
        assert_eq!(writer.is_among("v0", true, "p", &[&json!({})]), None);
        assert_eq!(writer.is_among("v0", true, "validTo", &[&json!("x")]), None);
    }
}
