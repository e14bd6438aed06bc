//! `dataset_create`: a training set of feedback and recorded cases.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::engine::rows::{Bounds, Collecting, TooLarge, conversation};
use crate::domain::learning::faults::DATASET_EMPTY;
use crate::domain::learning::files::{keep, lines, too_large};
use crate::domain::learning::model::dataset::{Dataset, File, From, LeftOut, Row, Side};
use crate::domain::learning::model::feedback::Feedback;
use crate::domain::learning::reading::Which;
use crate::domain::learning::room::room_for_dataset;
use crate::domain::learning::topics::MADE;
use crate::domain::prompts::snapshot::Snapshot;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::DatasetId;
use crate::kernel::tasks::blocking;

/// So much feedback is looked at, the newest first.
const MOST_LOOKED_AT: usize = 50_000;
/// Versions of prompts that are kept at hand.
const MOST_VERSIONS: usize = 50;
/// Rows when nothing else is said.
const USUAL_ROWS: usize = 5_000;
/// The most bytes of each file of a training set: OpenAI takes files of 512 MB, and this is held in memory.
const MOST_BYTES: usize = 64 << 20;
/// The share of rows that are tested with.
const USUAL_SHARE: f64 = 0.2;
/// From this score on an answer is good enough to be learned.
const USUAL_SCORE: f64 = 0.75;
/// What is said of personal data.
const NOTE: &str = "Rows hold what people wrote, and may tell of people in other ways than are looked for here (addresses of mail, long numbers, \
                    keys). Look before you give the set away; make it anew with 'redact' to have these taken out.";

/// Makes a training set.
pub(in crate::domain::learning) struct DatasetCreate;

/// Of what, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Input {
    /// What it is called.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// What rows are made of: all of it when not said. Cases are those of the prompt.
    #[serde(default)]
    #[schemars(length(max = 2))]
    sources: Vec<From>,
    /// Which feedback; a score is that of the answer that was given.
    #[serde(flatten)]
    which: Which,
    /// An answer that was given is learned from this score on; 0.75 when not said. Answers that somebody put right always are.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    good_from: Option<f64>,
    /// What stands before every conversation as the system's message.
    #[serde(default)]
    #[schemars(length(min = 1, max = 20_000))]
    system: Option<String>,
    /// The share of rows that are kept to test with; 0.2 when not said.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.9))]
    test_share: Option<f64>,
    /// Decides which rows those are; a question is on the same side in every set with the same seed and share. 0 when not said.
    #[serde(default)]
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    seed: u64,
    /// The most rows, the best ones; 5,000 when not said.
    #[serde(default)]
    #[schemars(range(min = 2, max = 10_000))]
    max_rows: Option<usize>,
    /// Takes out what looks like personal data: addresses of mail, long numbers, keys.
    #[serde(default)]
    redact: bool,
}

/// The set.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Output {
    /// Its id: `dataset_export` and `retraining_schedule` take it.
    dataset_id: DatasetId,
    /// Its name.
    name: String,
    /// Rows in it.
    rows: usize,
    /// The rows to train with: JSONL of conversations, as vendors take them.
    train: File,
    /// The rows to test with, in the same form.
    test: File,
    /// What was left out.
    left_out: LeftOut,
    /// Whether all feedback that fits was looked at: the newest 50,000 are.
    whole: bool,
    /// What is to be known of personal data in it.
    personal_data: Personal,
}

/// Personal data in a set.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Personal {
    /// Rows in which something looks like it.
    rows: usize,
    /// Whether that was taken out.
    redacted: bool,
    /// What to mind.
    note: &'static str,
}

impl Capability for DatasetCreate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "dataset_create",
        Domain::Learning,
        Route::post("/datasets"),
        Permit::on(Resource::Learning, Action::Create),
        "Makes a training set of feedback and of a prompt's recorded cases: each question once with its best answer, split into rows to train and \
         to test with, as JSONL of conversations. To download it use dataset_export; to learn from it retraining_schedule.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let wants = |from| input.sources.is_empty() || input.sources.contains(&from);
        let share = input.test_share.unwrap_or(USUAL_SHARE);
        room_for_dataset(cx).await?;
        let bounds = Bounds { rows: input.max_rows.unwrap_or(USUAL_ROWS), bytes: MOST_BYTES };
        let mut making = Making {
            cx,
            rows: Collecting::new(input.seed, share, input.redact, bounds),
            snapshots: HashMap::new(),
            good_from: input.good_from.unwrap_or(USUAL_SCORE),
        };
        if input.sources.contains(&From::Cases) && input.which.prompt_id.is_none() {
            return Err(Fault::bad_input("/promptId", "is missing: cases are those of a prompt"));
        }
        let prompt_id = match &input.which.prompt_id {
            Some(prompt) => Some(making.cases(prompt, input.which.version.as_deref(), wants(From::Cases)).await?),
            None => None,
        };
        let mut whole = true;
        if wants(From::Feedback) {
            let mut pages = input.which.pages(cx, MOST_LOOKED_AT)?;
            while let Some(page) = pages.next(cx).await? {
                for feedback in page {
                    making.feedback(feedback.value).await?;
                }
            }
            whole = pages.whole;
        }
        let collected = making.rows;
        let written = beside(move || Ok(collected.finish())).await?;
        let (rows, left_out) = (Arc::new(written.rows), written.left_out);
        if rows.len() < 2 {
            let say = format!("there is {} row that can be learned from", rows.len());
            return Err(Fault::new(&DATASET_EMPTY, say).with_detail(json!({ "leftOut": left_out })));
        }
        // One file after the other, so that no more than one is in memory.
        let (platform, tenant) = (cx.platform(), cx.tenant());
        let system: Option<Arc<str>> = input.system.map(Into::into);
        let train = conversations(&rows, Side::Train, system.as_ref()).await?;
        let train = keep(platform, tenant, train).await?;
        let test = conversations(&rows, Side::Test, system.as_ref()).await?;
        let test = keep(platform, tenant, test).await?;
        let all = beside(move || lines(rows.iter(), MOST_BYTES)).await?;
        let dataset = Dataset {
            name: input.name,
            prompt_id,
            agent_id: input.which.agent_id,
            all: keep(platform, tenant, all).await?,
            train,
            test,
            left_out,
            personal: written.personal,
            redacted: input.redact,
        };
        let id = cx.new_id();
        cx.create(id, cx.belongs_to_caller(), &dataset)?;
        cx.emit(MADE, id, &json!({ "datasetId": id, "name": dataset.name, "rows": dataset.all.rows }))?;
        Ok(Output {
            dataset_id: DatasetId::from_uuid(id),
            name: dataset.name,
            rows: dataset.all.rows,
            train: dataset.train,
            test: dataset.test,
            left_out: dataset.left_out,
            whole,
            personal_data: Personal { rows: dataset.personal, redacted: dataset.redacted, note: NOTE },
        })
    }
}

/// The rows of one side as conversations, with their number.
async fn conversations(rows: &Arc<Vec<Row>>, side: Side, system: Option<&Arc<str>>) -> Result<(usize, Bytes), Fault> {
    let (rows, system) = (rows.clone(), system.cloned());
    beside(move || {
        let rows = rows.iter().filter(|row| row.side == side);
        lines(rows.map(|row| conversation(row, system.as_deref())), MOST_BYTES)
    })
    .await
}

/// Does what takes long for many rows on a thread that nobody else waits for.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    blocking(work).await.unwrap_or_else(|| Err(Fault::internal("the rows of a training set could not be written")))
}

/// A set in the making.
struct Making<'a> {
    cx: &'a Cx,
    rows: Collecting,
    /// Versions of prompts by prompt and version; nothing where there is none any more.
    snapshots: HashMap<(String, String), Option<Snapshot>>,
    good_from: f64,
}

impl Making<'_> {
    /// Takes the cases of a version that have a recorded answer, where they are wanted; answers the prompt's id.
    async fn cases(&mut self, prompt: &str, version: Option<&str>, wanted: bool) -> Result<String, Fault> {
        let snapshot = Snapshot::take(self.cx, prompt, version, Action::Read).await?;
        for case in snapshot.content.cases.iter().filter(|_| wanted) {
            let Some(answer) = &case.answer else {
                self.rows.left_out.no_answer += 1;
                continue;
            };
            match snapshot.text(&case.variables) {
                Ok(question) => {
                    let variables = Some(case.variables.clone());
                    self.take(row(From::Cases, Some(&snapshot), variables, question, answer.clone(), 1.0))?;
                }
                Err(_) => self.rows.left_out.no_question += 1,
            }
        }
        Ok(snapshot.prompt_id)
    }

    /// Takes what somebody said of an answer: what it should have been, else what it was, where that is good enough.
    async fn feedback(&mut self, feedback: Feedback) -> Result<(), Fault> {
        let score = feedback.score();
        let good = feedback.actual_output.as_ref().filter(|_| score.is_some_and(|score| score >= self.good_from));
        let (answer, score) = match (feedback.better(), good) {
            (Some(better), _) => (better.to_owned(), 1.0),
            (None, Some(good)) => (good.clone(), score.unwrap_or_default()),
            (None, None) => {
                self.rows.left_out.no_answer += 1;
                return Ok(());
            }
        };
        let (prompt, version) = (feedback.prompt_id, feedback.version);
        if let (Some(prompt), Some(version), Some(variables)) = (prompt, version, feedback.variables) {
            let snapshot = self.snapshot(prompt, version).await?;
            if let Some((snapshot, Ok(question))) = snapshot.map(|found| (found, found.text(&variables))) {
                let row = row(From::Feedback, Some(snapshot), Some(variables), question, answer, score);
                return self.take(row);
            }
        }
        if let Some(question) = feedback.input {
            return self.take(row(From::Feedback, None, None, question, answer, score));
        }
        self.rows.left_out.no_question += 1;
        Ok(())
    }

    fn take(&mut self, row: Row) -> Result<(), Fault> {
        self.rows.take(row).map_err(|TooLarge { bytes }| too_large(bytes, MOST_BYTES))
    }

    async fn snapshot(&mut self, prompt: String, version: String) -> Result<Option<&Snapshot>, Fault> {
        let key = (prompt, version);
        if !self.snapshots.contains_key(&key) {
            let taken = match Snapshot::take(self.cx, &key.0, Some(&key.1), Action::Read).await {
                Ok(taken) => Some(taken),
                Err(fault) if fault.is(&codes::INTERNAL) || fault.is(&codes::UNAVAILABLE) => return Err(fault),
                // It is gone, or cannot be assembled any more.
                Err(_) => None,
            };
            if self.snapshots.len() == MOST_VERSIONS {
                self.snapshots.clear();
            }
            self.snapshots.insert(key.clone(), taken);
        }
        Ok(self.snapshots.get(&key).and_then(Option::as_ref))
    }
}

fn row(
    from: From,
    snapshot: Option<&Snapshot>,
    variables: Option<Map<String, Value>>,
    question: String,
    answer: String,
    score: f64,
) -> Row {
    let prompt_version = snapshot.map(|one| format!("{}@{}", one.prompt_id, one.version));
    Row { id: String::new(), side: Side::Train, from, prompt_version, variables, question, answer, score }
}
