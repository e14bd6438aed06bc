//! A corpus of two hundred documents and three hundred questions in other words: how often the passage that answers is among the first ten, by words,
//! by meaning, by both.

mod making;
mod recorded;

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use convoke::app::Settings;
use convoke::domain::documents::model::chunk::DOCUMENT_CHUNK;
use convoke::domain::memory::retrieval::working::Worker;
use convoke::port::embedder::{Embedder as _, Of};
use convoke::port::records::{Filter, Query, Scope};
use convoke::port::vectors::{Corner, Index, Search, Space};
use futures::StreamExt as _;
use serde_json::{Value, json};

use self::making::{Made, Question, corpus};
use self::recorded::Recorded;
use crate::support::app::TestApp;
use crate::support::servers::named;

/// How often the passage was among the first ten: of the questions that name what the document is about, and of all.
#[derive(Debug, Clone, Copy)]
struct Recall {
    named: f64,
    all: f64,
}

/// Asks all questions, and adds to the table how often the answer was found and which question missed it.
async fn ask(app: &TestApp, questions: &[Question], method: &str, table: &mut Table) -> Recall {
    let begun = Instant::now();
    let asked = questions.iter().map(async |question: &Question| {
        let answer = app.call(&app.member, "document_search", json!({ "query": question.text })).await.unwrap();
        let is_answer =
            |hit: &Value| question.is_answered_by(hit["name"].as_str().unwrap(), hit["text"].as_str().unwrap());
        answer["hits"].as_array().unwrap().iter().any(is_answer)
    });
    let found: Vec<bool> = futures::stream::iter(asked).buffered(4).collect().await;
    table.add(method, questions, &found, begun.elapsed())
}

/// The same by meaning alone: what the index has nearest.
async fn nearest(app: &TestApp, recorded: &Recorded, questions: &[Question], table: &mut Table) -> Recall {
    let begun = Instant::now();
    let platform = app.app.platform();
    let index = platform.service::<Index>().unwrap();
    let everything = Query::newest(Filter::All, 100_000);
    let chunks = platform.store.find(Scope::Tenant(app.admin.tenant), &DOCUMENT_CHUNK, everything).await.unwrap();
    let mut found = Vec::new();
    for question in questions {
        let vector = recorded.embed(&[question.text.as_str()], Of::Question).await.unwrap().remove(0);
        let space = Space { embedder: "test/vectors".into(), size: vector.len() };
        let part = format!("user:{}", app.member.user.uuid()).into();
        let corners = vec![Corner { tenant: app.admin.tenant, of: DOCUMENT_CHUNK.name.into(), part }];
        let near = index.0.search(Search { space, corners, vector, limit: 10, among: None }).await.unwrap();
        assert_eq!(near.len(), 10);
        found.push(chunks.iter().filter(|chunk| near.iter().any(|one| one.id == chunk.id)).any(|chunk| {
            question.is_answered_by(chunk.body["documentName"].as_str().unwrap(), chunk.body["text"].as_str().unwrap())
        }));
    }
    table.add("meaning", questions, &found, begun.elapsed())
}

/// What is told of a run.
#[derive(Default)]
struct Table {
    told: String,
    missed: String,
}

impl Table {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred questions")]
    fn add(&mut self, method: &str, questions: &[Question], found: &[bool], spent: Duration) -> Recall {
        let share = |of: &dyn Fn(&Question) -> bool| {
            let some: Vec<bool> =
                questions.iter().zip(found).filter(|(one, _)| of(one)).map(|(_, found)| *found).collect();
            some.iter().filter(|found| **found).count() as f64 / some.len() as f64
        };
        let (named, others, all) = (share(&|one| one.names), share(&|one| !one.names), share(&|_| true));
        writeln!(self.told, "{method:8} {all:.3}  {named:.3}  {others:.3}  ({spent:.1?})").unwrap();
        for (question, _) in questions.iter().zip(found).filter(|(_, found)| !**found) {
            writeln!(self.missed, "{method}: {} ({}: {})", question.text, question.document, question.answer).unwrap();
        }
        Recall { named, all }
    }
}

/// Opens with a limit that is not met by accident, and an embedder.
fn settle(settings: &mut Settings) {
    settings.config.limits.reads_per_minute = 1_000_000;
    settings.config.limits.writes_per_minute = 1_000_000;
    "test/vectors".clone_into(&mut settings.config.embeddings.model);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passages_are_found_by_questions_in_other_words() {
    let model = named("MINILM_FOLDER", "minilm");
    let (documents, questions) = corpus();
    assert!(documents.len() >= 200 && questions.len() >= 300, "{} {}", documents.len(), questions.len());
    let recorded = Recorded::open(model.as_deref());
    let app = TestApp::start_with(settle).await;
    app.vendor.embeds_by(recorded.clone());
    let begun = Instant::now();
    let uploaded = documents.iter().map(async |Made { name, text }: &Made| {
        app.call(&app.member, "document_upload", json!({ "name": name, "text": text })).await.unwrap();
    });
    futures::stream::iter(uploaded).buffered(4).collect::<()>().await;
    let mut table = Table::default();
    let (many, spent) = (documents.len(), begun.elapsed());
    writeln!(table.told, "recall@10 of {} questions, {many} documents ({spent:.1?})", questions.len()).unwrap();
    writeln!(table.told, "method   all    naming others").unwrap();
    // Nothing is embedded yet: there are words alone.
    let by_words = ask(&app, &questions, "words", &mut table).await;
    let worker = Worker::new(app.app.platform().clone());
    while worker.round().await.unwrap() > 0 {}
    let by_both = ask(&app, &questions, "both", &mut table).await;
    let by_meaning = nearest(&app, &recorded, &questions, &mut table).await;
    let Table { told, missed } = table;
    // Also where nothing fails: docs/performance.md is written from it.
    let _ = writeln!(std::io::stderr(), "{told}in {:.1?}", begun.elapsed());
    recorded.keep();
    if let Some(folder) = model {
        recorded.agree(&folder).await;
    }
    assert!(by_both.all >= 0.95 && by_both.named >= 0.99, "{told}{missed}");
    assert!(by_words.all >= 0.75 && by_meaning.all >= 0.92, "{told}{missed}");
}
