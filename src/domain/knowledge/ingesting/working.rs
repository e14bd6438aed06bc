//! One document taken in, step by step: which of its passages are to be read, reading them, writing them, and what goes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::asking::{self, Answered};
use super::reading::{self, digest, typed};
use super::records::{Ingestion, Method, Passage, Support, Wishes};
use super::telling::{Borne, How, Outcome, Passages, Taken, Why};
use super::withdrawing::{Over, Withdrawn, passages as records, refresh, supports, withdraw};
use super::writing::{MOST_NAMES, Ready, Writer, Written, put};
use crate::capability::cx::{Belongs, Cx};
use crate::capability::owned::Stored;
use crate::domain::documents::handing::{self, Handed};
use crate::domain::documents::model::chunk::Chunk;
use crate::domain::knowledge::engine::naming::METHOD;
use crate::domain::knowledge::model::room;
use crate::domain::knowledge::topics::INGESTED;
use crate::domain::memory::recalling::Trust;
use crate::domain::models::NO_MODEL;
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;
use crate::port::records::Visibility;

/// With less time than this left nothing more is begun: what was done is told, and the next call goes on.
const LEAST_TIME: Duration = Duration::from_secs(5);
/// Passages that are written at once, at most.
const MOST_AT_ONCE: usize = 50;

/// How documents are taken in.
pub(in crate::domain::knowledge) struct Options {
    /// How passages are read; none where a model is asked if there is one.
    pub(in crate::domain::knowledge) method: Option<Method>,
    pub(in crate::domain::knowledge) model: Option<String>,
    pub(in crate::domain::knowledge) entity_types: Vec<String>,
    pub(in crate::domain::knowledge) relation_types: Vec<String>,
    pub(in crate::domain::knowledge) trust: Trust,
    pub(in crate::domain::knowledge) similar: bool,
    pub(in crate::domain::knowledge) most_calls: u32,
}

/// One call that takes documents in.
pub(in crate::domain::knowledge) struct Work<'a> {
    pub(in crate::domain::knowledge) cx: &'a Cx,
    pub(in crate::domain::knowledge) options: Options,
    /// Whether there is a model that may be asked.
    pub(in crate::domain::knowledge) has_model: bool,
    /// How often a model was asked.
    pub(in crate::domain::knowledge) calls: u32,
    /// Why no more is begun.
    pub(in crate::domain::knowledge) stopped: Option<Why>,
    wishes: Wishes,
}

/// The document as it stands in this call.
struct Place<'a> {
    document: &'a Handed,
    belongs: Belongs,
    id: Uuid,
    method: Method,
    model: Option<String>,
}

/// What became of it so far.
#[derive(Default)]
struct Done {
    methods: BTreeMap<(Method, String), usize>,
    skipped: BTreeMap<&'static str, usize>,
    read: usize,
    waiting: usize,
    written: Written,
    withdrawn: Withdrawn,
}

impl<'a> Work<'a> {
    pub(in crate::domain::knowledge) fn new(cx: &'a Cx, options: Options, has_model: bool) -> Self {
        let Options { entity_types, relation_types, trust, .. } = &options;
        let (entity_types, relation_types) = (entity_types.clone(), relation_types.clone());
        let wishes = Wishes { entity_types, relation_types, trust: *trust };
        Self { cx, options, has_model, calls: 0, stopped: None, wishes }
    }

    /// Takes one document in.
    ///
    /// # Errors
    /// As the router, where nothing was read before; as `graph_upsert`; when the store fails.
    pub(in crate::domain::knowledge) async fn take(
        &mut self,
        document: Handed,
        source: Option<String>,
        kept_here: bool,
    ) -> Result<Taken, Fault> {
        let cx = self.cx;
        let owner = Some(cx.caller().user.uuid());
        let belongs = Belongs { owner, workspace: document.workspace, visibility: document.visibility };
        let room = room(belongs.visibility, belongs.workspace, belongs.owner);
        let id = Ingestion::id(&room, source.as_deref().unwrap_or(&document.id.to_string()));
        let known = cx.get::<Ingestion>(id).await?;
        let same = known.as_ref().filter(|known| known.value.document_id == document.id);
        if let Some(known) = same.filter(|known| known.value.complete && self.accepts(&known.value)) {
            return Ok(unchanged(document, &known.value));
        }
        let (method, model) = self.method(known.as_ref().map(|known| &known.value));
        let begun = begun(known.as_ref(), &document, source, kept_here, cx);
        let begun = Ingestion { method, model: model.clone(), wishes: self.wishes.clone(), ..begun };
        match &known {
            Some(known) => cx.change(known, &begun)?,
            None => cx.create(id, belongs, &begun)?,
        }
        cx.checkpoint().await?;
        let outcome = match &known {
            None => Outcome::New,
            Some(known) if !known.value.complete => Outcome::Resumed,
            Some(_) => Outcome::Changed,
        };
        let place = Place { document: &document, belongs, id, method, model };
        self.run(&place, outcome).await
    }

    async fn run(&mut self, place: &Place<'_>, outcome: Outcome) -> Result<Taken, Fault> {
        let cx = self.cx;
        let chunks = handing::passages(cx, place.document.id).await?;
        // What stands in it twice is read once, where it stands first.
        let mut seen = HashSet::new();
        let present: Vec<(String, &Chunk)> = chunks
            .iter()
            .map(|chunk| (digest(chunk), chunk))
            .filter(|(digest, _)| seen.insert(digest.clone()))
            .collect();
        let mut recorded: HashMap<String, Passage> =
            records(cx, place.id).await?.into_iter().map(|one| (one.digest.clone(), one)).collect();
        let borne_out = supports(cx, place.id).await?;
        let mut done = Done::default();
        let mut writer = Writer {
            cx,
            document: place.document,
            belongs: place.belongs,
            similar: self.options.similar,
            supported: borne_out.iter().map(|one| one.item_id).collect(),
            written: Written::default(),
            places: HashMap::new(),
        };
        match place.method {
            Method::None => self.again(place, &present, &mut recorded, &mut writer, &mut done, &HashSet::new()).await?,
            Method::Statistical => self.statistical(place, &present, &mut recorded, &mut writer, &mut done).await?,
            Method::Model => self.by_model(place, &present, &mut recorded, &mut writer, &mut done).await?,
        }
        done.written = writer.written;
        let complete = done.waiting == 0 && self.stopped.is_none();
        let stored = cx.get::<Ingestion>(place.id).await?;
        let stored = stored.ok_or_else(|| Fault::internal("what was begun is gone"))?;
        let replaces = stored.value.earlier.last().map(|(earlier, _)| DocumentId::from_uuid(*earlier));
        let (mut nodes, mut relations) = (0, 0);
        if complete {
            (nodes, relations) = self.settle(place, &stored.value, &present, recorded, &mut done).await?;
        }
        if complete {
            self.end(place, &stored, present.len(), (nodes, relations), &done).await?;
        } else {
            let borne = supports(cx, place.id).await?;
            relations = borne.iter().filter(|one| one.relation).count();
            nodes = borne.len() - relations;
        }
        Ok(told(place, outcome, complete, replaces, present.len(), (nodes, relations), done))
    }

    /// Reads all passages by statistics, and writes those of which other things are told than before.
    async fn statistical(
        &mut self,
        place: &Place<'_>,
        present: &[(String, &Chunk)],
        recorded: &mut HashMap<String, Passage>,
        writer: &mut Writer<'_>,
        done: &mut Done,
    ) -> Result<(), Fault> {
        let chunks: Vec<&Chunk> = present.iter().map(|(_, chunk)| *chunk).collect();
        let (finds, beyond) = reading::read(&chunks).await?;
        if beyond > 0 {
            done.skipped.insert("beyond", beyond);
        }
        let mut ready = Vec::new();
        for ((digest, chunk), finds) in present.iter().zip(finds) {
            let passage = Passage {
                ingestion_id: place.id,
                digest: digest.clone(),
                method: Method::Statistical,
                model: None,
                wished: None,
                wishes: self.wishes.clone(),
                finds: typed(finds, &self.wishes, &mut done.skipped),
                items: None,
            };
            let known = recorded.get(digest);
            let same = known.is_some_and(|known| {
                let written = known.items.as_ref().is_some_and(|items| items.document == place.document.id);
                written && Passage { items: None, ..known.clone() } == passage
            });
            if !same {
                let is_new = known.is_none_or(|known| known.method != passage.method || known.wishes != passage.wishes);
                ready.push((Ready { passage, chunk, recorded: known.is_some() }, is_new));
            }
        }
        done.read = ready.iter().filter(|(_, is_new)| *is_new).count();
        done.methods.insert((Method::Statistical, METHOD.to_owned()), done.read);
        let ready = ready.into_iter().map(|(ready, _)| ready).collect();
        self.write(place, ready, present.len(), recorded, writer, done).await
    }

    /// Has a model read the passages that it has not read, some at a time, and writes what is not written.
    async fn by_model(
        &mut self,
        place: &Place<'_>,
        present: &[(String, &Chunk)],
        recorded: &mut HashMap<String, Passage>,
        writer: &mut Writer<'_>,
        done: &mut Done,
    ) -> Result<(), Fault> {
        let is_read = |known: &Passage| {
            let asked = known.method == Method::Model && known.wished == place.model;
            (asked || (known.method == Method::Statistical && self.options.method.is_none()))
                && known.wishes == self.wishes
        };
        let unread: Vec<&(String, &Chunk)> =
            present.iter().filter(|(digest, _)| !recorded.get(digest).is_some_and(is_read)).collect();
        let left: HashSet<&str> = unread.iter().map(|(digest, _)| digest.as_str()).collect();
        self.again(place, present, recorded, writer, done, &left).await?;
        let mut at = 0;
        while at < unread.len() && self.goes_on() {
            let chunks: Vec<&Chunk> = unread[at..].iter().map(|(_, chunk)| *chunk).collect();
            let some = &unread[at..at + asking::fits(&chunks)];
            let chunks = &chunks[..some.len()];
            let Some(answered) = self.ask(place, chunks).await? else { break };
            let (method, by) = match &answered {
                Some(answered) if answered.finds.is_some() => (Method::Model, answered.model.clone()),
                _ => (Method::Statistical, METHOD.to_owned()),
            };
            let model = (method == Method::Model).then(|| by.clone());
            let finds = match answered {
                Some(Answered { finds: Some(finds), dropped, .. }) => {
                    for (why, count) in dropped {
                        *done.skipped.entry(why).or_default() += count;
                    }
                    finds
                }
                unfit => {
                    if unfit.is_some() {
                        *done.skipped.entry("unusable").or_default() += some.len();
                    }
                    if self.options.method == Some(Method::Model) {
                        // Whoever demands a model is not told what none said: the next call asks again.
                        done.waiting += some.len();
                        at += some.len();
                        continue;
                    }
                    let (finds, _) = reading::read(chunks).await?;
                    finds.into_iter().map(|finds| typed(finds, &self.wishes, &mut done.skipped)).collect()
                }
            };
            let mut ready = Vec::with_capacity(some.len());
            for ((digest, chunk), finds) in some.iter().zip(finds) {
                let passage = Passage {
                    ingestion_id: place.id,
                    digest: digest.clone(),
                    method,
                    model: model.clone(),
                    wished: place.model.clone(),
                    wishes: self.wishes.clone(),
                    finds,
                    items: None,
                };
                put(self.cx, place.belongs, &passage, recorded.contains_key(digest))?;
                ready.push(Ready { passage, chunk, recorded: true });
            }
            // What was paid for is kept before anything else can fail.
            self.cx.checkpoint().await?;
            *done.methods.entry((method, by)).or_default() += some.len();
            done.read += some.len();
            at += some.len();
            self.write(place, ready, present.len(), recorded, writer, done).await?;
        }
        done.waiting += unread.len() - at;
        Ok(())
    }

    /// Writes what was read and not written, or is of another document now: nobody is asked for that. Not those that are read anew.
    async fn again(
        &mut self,
        place: &Place<'_>,
        present: &[(String, &Chunk)],
        recorded: &mut HashMap<String, Passage>,
        writer: &mut Writer<'_>,
        done: &mut Done,
        but: &HashSet<&str>,
    ) -> Result<(), Fault> {
        let unwritten =
            |passage: &Passage| passage.items.as_ref().is_none_or(|items| items.document != place.document.id);
        let mut ready = Vec::new();
        for (digest, chunk) in present.iter().filter(|(digest, _)| !but.contains(digest.as_str())) {
            if let Some(passage) = recorded.get(digest).filter(|passage| unwritten(passage)) {
                ready.push(Ready { passage: passage.clone(), chunk, recorded: true });
            }
        }
        self.write(place, ready, present.len(), recorded, writer, done).await
    }

    /// Asks for some passages. `Some(None)` where there is no model and none is demanded, `None` where no more is begun.
    async fn ask(&mut self, place: &Place<'_>, chunks: &[&Chunk]) -> Result<Option<Option<Answered>>, Fault> {
        if self.calls >= self.options.most_calls {
            let say = format!("a model was asked {} times, as often as this call may: call again to go on", self.calls);
            self.stopped = Some(Why::limit(say));
            return Ok(None);
        }
        match Box::pin(asking::ask(self.cx, place.model.clone(), &self.wishes, chunks)).await {
            Ok(answered) => {
                self.calls += 1;
                Ok(Some(Some(answered)))
            }
            Err(fault) if fault.is(&NO_MODEL) && self.options.method.is_none() => Ok(Some(None)),
            // What was read before is told all the same.
            Err(fault) if self.calls > 0 => {
                self.stopped = Some(Why::of(&fault));
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Writes passages some at a time, telling how far it has come.
    async fn write(
        &mut self,
        place: &Place<'_>,
        ready: Vec<Ready<'_>>,
        total: usize,
        recorded: &mut HashMap<String, Passage>,
        writer: &mut Writer<'_>,
        done: &mut Done,
    ) -> Result<(), Fault> {
        let mut ready = ready.into_iter().peekable();
        while ready.peek().is_some() {
            if !self.goes_on() {
                done.waiting += ready.count();
                return Ok(());
            }
            let (mut batch, mut names) = (Vec::new(), 0);
            while let Some(next) = ready.next_if(|next| {
                batch.is_empty() || (batch.len() < MOST_AT_ONCE && names + next.passage.finds.names.len() <= MOST_NAMES)
            }) {
                names += next.passage.finds.names.len();
                batch.push(next);
            }
            for passage in writer.write(batch).await? {
                recorded.insert(passage.digest.clone(), passage);
            }
            let of_document = recorded.values().filter(|passage| passage.items.is_some()).count().min(total);
            let message = format!("{}: {of_document} of {total} passages are in the graph", place.document.name);
            #[expect(clippy::cast_precision_loss, reason = "passages are few")]
            self.cx.progress(of_document as f64, Some(total as f64), message);
        }
        Ok(())
    }

    /// What is borne out no longer goes. Answers how many nodes and relations are.
    async fn settle(
        &self,
        place: &Place<'_>,
        ingestion: &Ingestion,
        present: &[(String, &Chunk)],
        mut recorded: HashMap<String, Passage>,
        done: &mut Done,
    ) -> Result<(usize, usize), Fault> {
        let cx = self.cx;
        let kept: Vec<Passage> = present.iter().filter_map(|(digest, _)| recorded.remove(digest)).collect();
        let borne: HashSet<Uuid> = kept
            .iter()
            .filter_map(|passage| passage.items.as_ref())
            .flat_map(|items| items.nodes.iter().chain(&items.relations))
            .copied()
            .collect();
        let (kept_out, surplus): (Vec<Support>, Vec<Support>) =
            supports(cx, place.id).await?.into_iter().partition(|one| borne.contains(&one.item_id));
        let mut documents: Vec<Uuid> = ingestion.earlier.iter().map(|(earlier, _)| *earlier).collect();
        documents.push(place.document.id);
        let methods: HashSet<&'static str> = kept.iter().map(|passage| passage.method.name()).collect();
        done.withdrawn = withdraw(cx, place.id, &Over { documents: &documents, but: None }, surplus).await?;
        let over = Over { documents: &documents, but: Some((place.document.id, &methods)) };
        if documents.len() > 1 || !recorded.is_empty() || done.read > 0 {
            refresh(cx, &over, &kept_out).await?;
        }
        for gone in recorded.values() {
            cx.remove_derived::<Passage>(gone.id());
        }
        let relations = kept_out.iter().filter(|one| one.relation).count();
        Ok((kept_out.len() - relations, relations))
    }

    /// Writes that all of it is done, and has what it was before go where it was kept only for this.
    async fn end(
        &self,
        place: &Place<'_>,
        stored: &Stored<Ingestion>,
        passages: usize,
        (nodes, relations): (usize, usize),
        done: &Done,
    ) -> Result<(), Fault> {
        let cx = self.cx;
        let at = cx.now();
        let earlier = Vec::new();
        let ended = Ingestion { complete: true, earlier, passages, nodes, relations, at, ..stored.value.clone() };
        cx.change(stored, &ended)?;
        if place.document.visibility == Visibility::Tenant {
            let about = json!({
                "documentId": place.document.id, "entities": nodes, "relations": relations,
                "removed": done.withdrawn.nodes + done.withdrawn.relations,
            });
            cx.emit(INGESTED, place.document.id, &about)?;
        }
        cx.checkpoint().await?;
        for (earlier, goes) in &stored.value.earlier {
            if *goes && handing::remove(cx, *earlier).await? {
                cx.checkpoint().await?;
            }
        }
        Ok(())
    }

    /// Whether what was taken in before is what is asked for now.
    fn accepts(&self, known: &Ingestion) -> bool {
        let method = match self.options.method {
            // Nothing is to be looked for; what was found stays.
            Some(Method::None) => return true,
            None => known.method != Method::None && (self.options.model.is_none() || known.model == self.options.model),
            Some(method) => known.method == method && (method != Method::Model || known.model == self.options.model),
        };
        method && known.wishes == self.wishes
    }

    /// How passages are read: as is asked for, else as they were before, else by a model where there is one.
    fn method(&self, known: Option<&Ingestion>) -> (Method, Option<String>) {
        let model = self.options.model.clone();
        match self.options.method {
            Some(Method::Model) => (Method::Model, model),
            Some(method) => (method, None),
            None if model.is_some() => (Method::Model, model),
            None => match known.filter(|known| known.method != Method::None) {
                Some(known) => (known.method, known.model.clone()),
                None if self.has_model => (Method::Model, None),
                None => (Method::Statistical, None),
            },
        }
    }

    /// Whether there is time to begin something more.
    fn goes_on(&mut self) -> bool {
        if self.stopped.is_none() && self.cx.time_left() < LEAST_TIME {
            self.stopped = Some(Why::limit("the time of this call is over: call again to go on".to_owned()));
        }
        self.stopped.is_none()
    }
}

/// The record of a document that is being taken in.
fn begun(
    known: Option<&Stored<Ingestion>>,
    document: &Handed,
    source: Option<String>,
    kept_here: bool,
    cx: &Cx,
) -> Ingestion {
    let mut earlier = known.map(|known| known.value.earlier.clone()).unwrap_or_default();
    let before = known.filter(|known| known.value.document_id != document.id).map(|known| &known.value);
    earlier.extend(before.map(|before| (before.document_id, before.kept_here)));
    // It may be an earlier content again.
    earlier.retain(|(id, _)| *id != document.id);
    let same = known.filter(|known| known.value.document_id == document.id);
    Ingestion {
        source,
        document_id: document.id,
        kept_here: same.map_or(kept_here, |same| same.value.kept_here || kept_here),
        earlier,
        method: Method::None,
        model: None,
        wishes: Wishes { entity_types: Vec::new(), relation_types: Vec::new(), trust: Trust::Untrusted },
        complete: false,
        passages: 0,
        nodes: 0,
        relations: 0,
        at: cx.now(),
    }
}

fn unchanged(document: Handed, known: &Ingestion) -> Taken {
    Taken {
        document_id: DocumentId::from_uuid(document.id),
        name: document.name,
        outcome: Outcome::Unchanged,
        complete: true,
        replaces: None,
        passages: Passages { total: known.passages, unchanged: known.passages, read: 0, waiting: 0 },
        entities: Borne { total: known.nodes, ..Borne::default() },
        relations: Borne { total: known.relations, ..Borne::default() },
        methods: Vec::new(),
        skipped: BTreeMap::new(),
        warnings: document.warnings,
    }
}

fn told(
    place: &Place<'_>,
    outcome: Outcome,
    complete: bool,
    replaces: Option<DocumentId>,
    total: usize,
    (nodes, relations): (usize, usize),
    done: Done,
) -> Taken {
    let Done { methods, skipped, read, waiting, written, withdrawn } = done;
    let looked = place.method != Method::None;
    let methods = methods.into_iter().filter(|(_, passages)| *passages > 0);
    Taken {
        document_id: DocumentId::from_uuid(place.document.id),
        name: place.document.name.clone(),
        outcome,
        complete,
        replaces,
        passages: Passages {
            total,
            unchanged: if looked { total.saturating_sub(read + waiting) } else { 0 },
            read,
            waiting,
        },
        entities: Borne { total: nodes, created: written.created_nodes, removed: withdrawn.nodes },
        relations: Borne { total: relations, created: written.created_relations, removed: withdrawn.relations },
        methods: methods.map(|((method, by), passages)| How { method, by, passages }).collect(),
        skipped,
        warnings: place.document.warnings.clone(),
    }
}
