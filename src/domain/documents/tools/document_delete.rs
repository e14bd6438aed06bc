//! `document_delete`: a document goes, with its text, its passages, and its file when nobody else has the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document_upload::COUNTER;
use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::model::Document;
use crate::domain::documents::model::chunk::Chunk;
use crate::domain::documents::reading::Reader;
use crate::domain::documents::topics::DELETED;
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;
use crate::port::records::{Document as _, Filter, Place, Query, Scalar, Scope};

/// Passages that are read at once.
const PAGE: u32 = 1000;

/// Deletes a document.
pub(in crate::domain::documents) struct DocumentDelete;

/// Which document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Input {
    /// The document.
    id: DocumentId,
}

/// What went.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Output {
    /// The document.
    document_id: DocumentId,
    /// How many passages went with it.
    chunks: u32,
    /// Whether its file went, too: it stays where another document has the same.
    file_removed: bool,
}

impl Capability for DocumentDelete {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "document_delete",
        Domain::Documents,
        Route::delete("/documents/{id}"),
        Permit::on(Resource::Documents, Action::Remove),
        "Deletes an uploaded document for good: its record, its text, its passages in every index, and its file unless another document \
         has the same content.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Document>(input.id.uuid(), Action::Remove).await?;
        let reader = cx.service::<Reader>()?;
        let _alone = reader.alone(&stored.value.digest).await;
        let mut chunks = 0;
        let mut after = None;
        loop {
            let filter = Filter::is("documentId", Scalar::Id(stored.id));
            let found = cx.find::<Chunk>(Query { filter, order: "id", descending: false, after, limit: PAGE }).await?;
            for one in &found {
                cx.remove_derived::<Chunk>(one.id);
                chunks += 1;
            }
            match found.last() {
                Some(last) if found.len() == PAGE as usize => {
                    after = Some(Place { key: Scalar::Id(last.id), id: last.id })
                }
                _ => break,
            }
        }
        cx.remove(&stored)?;
        cx.count(COUNTER, String::new(), -1, None);
        cx.emit(DELETED, stored.id, &serde_json::json!({ "documentId": stored.id, "name": stored.value.name }))?;
        // Files go once nothing names them any more: what is lost in between is a file too many, and never one too few.
        cx.checkpoint().await?;
        let file_removed = removed(cx, "digest", &stored.value.digest).await?;
        removed(cx, "textDigest", &stored.value.text_digest).await?;
        Ok(Output { document_id: input.id, chunks, file_removed })
    }
}

/// Removes a blob that no document names.
async fn removed(cx: &Cx, field: &'static str, digest: &str) -> Result<bool, Fault> {
    let platform = cx.platform();
    let filter = Filter::is(field, Scalar::Text(digest.to_owned()));
    let users = platform.store.count(Scope::Tenant(cx.tenant()), Document::KIND, filter).await.map_err(store_fault)?;
    if users > 0 {
        return Ok(false);
    }
    platform.blobs.remove(cx.tenant(), digest).await.map_err(store_fault)
}
