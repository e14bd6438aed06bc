//! `dataset_export`: the rows of a training set as a file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Downloading;
use crate::capability::cx::Cx;
use crate::capability::outcome::Download;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::files::bytes;
use crate::domain::learning::model::dataset::Dataset;
use crate::domain::prompts::engine::file::id_of;
use crate::kernel::fault::Fault;
use crate::kernel::id::DatasetId;

/// Sends a training set.
pub(in crate::domain::learning) struct DatasetExport;

/// Which set, and which rows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Input {
    /// The set.
    id: DatasetId,
    /// Which rows; those to train with when not said.
    #[serde(default)]
    part: Part,
}

/// Rows of a set.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// To train with, as conversations.
    #[default]
    Train,
    /// To test with, as conversations.
    Test,
    /// All, each with where it comes from, its variables and its score.
    All,
}

impl Downloading for DatasetExport {
    type Input = Input;
    const SPEC: Spec = Spec::read(
        "dataset_export",
        Domain::Learning,
        Route::get("/datasets/{id}/export"),
        Permit::on(Resource::Learning, Action::Read),
        "Downloads a training set as JSONL: the rows to train or to test with as conversations ('messages'), or all rows with what is known of \
         each. To make a set use dataset_create.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Download, Fault> {
        let dataset = cx.load::<Dataset>(input.id.uuid(), Action::Read).await?.value;
        let (file, part) = match input.part {
            Part::Train => (&dataset.train, "train"),
            Part::Test => (&dataset.test, "test"),
            Part::All => (&dataset.all, "all"),
        };
        let bytes = bytes(cx.platform(), cx.tenant(), file).await?;
        Ok(Download {
            media_type: "application/jsonl".to_owned(),
            name: format!("{}-{part}.jsonl", id_of(&dataset.name)),
            size_bytes: Some(file.size_bytes),
            chunks: Box::pin(futures::stream::once(std::future::ready(Ok(bytes)))),
        })
    }
}
