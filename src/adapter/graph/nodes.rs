//! What a query has read: nodes and relations, each once, and how they are told.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::between::ends;
use super::reading::Reading;
use super::value::weight;
use crate::port::graph::{Direction, GraphFault, Link};
use crate::port::records::Record;

/// A node that was read.
pub(super) struct Node {
    pub(super) of: String,
    key: Option<String>,
    body: Option<Value>,
}

/// Around which node, in which direction, along which types relations were read.
type Around = (Uuid, u8, Vec<String>);

/// A relation by its number among those read.
pub(super) type LinkNumber = u32;

/// What was read.
pub(super) struct Shelf<'a> {
    pub(super) reading: Reading<'a>,
    /// None for those that the view does not have.
    nodes: HashMap<Uuid, Option<Node>>,
    links: Vec<(Link, Option<Value>)>,
    numbers: HashMap<Uuid, LinkNumber>,
    around: HashMap<Around, Vec<(LinkNumber, Uuid)>>,
    held: usize,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(reading: Reading<'a>) -> Self {
        Self {
            reading,
            nodes: HashMap::new(),
            links: Vec::new(),
            numbers: HashMap::new(),
            around: HashMap::new(),
            held: 0,
        }
    }

    /// Bytes more are held.
    fn hold(&mut self, bytes: usize) -> Result<(), GraphFault> {
        self.held += bytes;
        if self.held > self.reading.limits.memory { Err(GraphFault::TooMuchMemory) } else { Ok(()) }
    }

    /// Fails where so many bytes besides what was read are too many.
    pub(super) fn room_for(&self, bytes: usize) -> Result<(), GraphFault> {
        if self.held.saturating_add(bytes) > self.reading.limits.memory {
            return Err(GraphFault::TooMuchMemory);
        }
        Ok(())
    }

    /// Reads nodes that are not read yet, with their documents where those are needed.
    pub(super) async fn need(&mut self, ids: &[Uuid], documents: bool) -> Result<(), GraphFault> {
        let lacking = |id: &&Uuid| match self.nodes.get(*id) {
            None => true,
            Some(None) => false,
            Some(Some(node)) => documents && node.body.is_none(),
        };
        let mut wanted: Vec<Uuid> = ids.iter().filter(lacking).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        if documents {
            for record in self.reading.documents(true, &wanted).await? {
                self.keep(record)?;
            }
        } else {
            for light in self.reading.nodes(&wanted).await? {
                self.hold(150)?;
                self.nodes.insert(light.id, Some(Node { of: light.of, key: light.key, body: None }));
            }
        }
        for id in wanted {
            self.nodes.entry(id).or_insert(None);
        }
        Ok(())
    }

    /// Keeps a node that was read whole.
    pub(super) fn keep(&mut self, record: Record) -> Result<(), GraphFault> {
        let text = |name: &str| record.body.get(name).and_then(Value::as_str).map(str::to_owned);
        let (of, key) = (text("type").unwrap_or_default(), text("key"));
        let mut body = record.body;
        if let Some(body) = body.as_object_mut() {
            body.insert("createdAt".to_owned(), json!(record.created_at));
            body.insert("updatedAt".to_owned(), json!(record.updated_at));
        }
        self.hold(150 + weight(&body))?;
        self.nodes.insert(record.id, Some(Node { of, key, body: Some(body) }));
        Ok(())
    }

    /// A node that was read and that the view has.
    pub(super) fn node(&self, id: Uuid) -> Option<&Node> {
        self.nodes.get(&id)?.as_ref()
    }

    /// The relations around nodes with the nodes that they lead to, read where they are not read yet.
    pub(super) async fn need_around(
        &mut self,
        ids: &[Uuid],
        direction: Direction,
        types: &[String],
    ) -> Result<(), GraphFault> {
        let mut wanted: Vec<Uuid> =
            ids.iter().filter(|id| !self.around.contains_key(&place(**id, direction, types))).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let links = self.reading.links(&wanted, direction, types).await?;
        let at: HashSet<Uuid> = wanted.iter().copied().collect();
        for id in wanted {
            self.hold(100)?;
            self.around.insert(place(id, direction, types), Vec::new());
        }
        for link in links {
            let number = self.number(&link)?;
            for (near, far) in ends(&link, direction) {
                if at.contains(&near) {
                    self.around.entry(place(near, direction, types)).or_default().push((number, far));
                }
            }
        }
        Ok(())
    }

    /// The number of a relation, which is new where it was not read yet.
    pub(super) fn number(&mut self, link: &Link) -> Result<LinkNumber, GraphFault> {
        if let Some(number) = self.numbers.get(&link.id) {
            return Ok(*number);
        }
        self.hold(200)?;
        let number = LinkNumber::try_from(self.links.len()).map_err(|_| GraphFault::TooManySteps)?;
        self.links.push((link.clone(), None));
        self.numbers.insert(link.id, number);
        Ok(number)
    }

    /// The relation of a number.
    pub(super) fn link(&self, number: LinkNumber) -> Option<&Link> {
        self.links.get(number as usize).map(|(link, _)| link)
    }

    /// The relations around a node, where they were read.
    pub(super) fn around(&self, id: Uuid, direction: Direction, types: &[String]) -> &[(LinkNumber, Uuid)] {
        self.around.get(&place(id, direction, types)).map_or(&[], Vec::as_slice)
    }

    /// Reads the documents of relations.
    pub(super) async fn need_links(&mut self, numbers: &[LinkNumber]) -> Result<(), GraphFault> {
        let mut wanted: Vec<Uuid> = Vec::new();
        for number in numbers {
            if let Some((link, None)) = self.links.get(*number as usize) {
                wanted.push(link.id);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        for record in self.reading.documents(false, &wanted).await? {
            self.hold(weight(&record.body))?;
            let number = self.numbers.get(&record.id).copied().unwrap_or(LinkNumber::MAX);
            if let Some((_, body)) = self.links.get_mut(number as usize) {
                *body = Some(record.body);
            }
        }
        Ok(())
    }

    /// A property of a node: what every node has by its own name, else one of its properties.
    pub(super) fn of_node(&self, id: Uuid, name: &str) -> Value {
        let Some(node) = self.node(id) else { return Value::Null };
        match (name, &node.body) {
            ("id", _) => json!(id),
            ("type", _) => Value::String(node.of.clone()),
            ("key", _) => node.key.clone().map_or(Value::Null, Value::String),
            ("name" | "aliases" | "validFrom" | "validTo" | "createdAt" | "updatedAt", Some(body)) => {
                body[name].clone()
            }
            (name, Some(body)) => body["properties"][name].clone(),
            (_, None) => Value::Null,
        }
    }

    /// A property of a relation.
    pub(super) fn of_link(&self, number: LinkNumber, name: &str) -> Value {
        let Some((link, body)) = self.links.get(number as usize) else { return Value::Null };
        match (name, body) {
            ("id", _) => json!(link.id),
            ("type", _) => Value::String(link.of.clone()),
            ("from", _) => json!(link.from),
            ("to", _) => json!(link.to),
            ("weight" | "confidence" | "validFrom" | "validTo", Some(body)) => body[name].clone(),
            (name, Some(body)) => body["properties"][name].clone(),
            (_, None) => Value::Null,
        }
    }

    /// A node as it is told.
    pub(super) fn told_node(&self, id: Uuid) -> Value {
        let Some(node) = self.node(id) else { return Value::Null };
        let mut told = Map::new();
        told.insert("id".to_owned(), json!(id));
        told.insert("type".to_owned(), json!(node.of));
        if let Some(body) = &node.body {
            add(&mut told, body, &["key", "name", "aliases", "validFrom", "validTo"]);
            told.insert("properties".to_owned(), object(&body["properties"]));
        }
        Value::Object(told)
    }

    /// A relation as it is told.
    pub(super) fn told_link(&self, number: LinkNumber) -> Value {
        let Some((link, body)) = self.links.get(number as usize) else { return Value::Null };
        let mut told = Map::new();
        told.insert("id".to_owned(), json!(link.id));
        told.insert("type".to_owned(), json!(link.of));
        told.insert("from".to_owned(), json!(link.from));
        told.insert("to".to_owned(), json!(link.to));
        if let Some(body) = body {
            add(&mut told, body, &["weight", "confidence", "validFrom", "validTo"]);
            told.insert("properties".to_owned(), object(&body["properties"]));
        }
        Value::Object(told)
    }
}

fn place(id: Uuid, direction: Direction, types: &[String]) -> Around {
    let direction = match direction {
        Direction::Out => 0,
        Direction::In => 1,
        Direction::Both => 2,
    };
    (id, direction, types.to_vec())
}

fn add(told: &mut Map<String, Value>, body: &Value, names: &[&str]) {
    for name in names {
        let value = &body[*name];
        if !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) {
            told.insert((*name).to_owned(), value.clone());
        }
    }
}

/// The properties: none is an empty object.
pub(super) fn object(properties: &Value) -> Value {
    if properties.is_object() { properties.clone() } else { json!({}) }
}
