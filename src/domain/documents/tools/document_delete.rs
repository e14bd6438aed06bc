//! `document_delete`: a document goes, with its text, its passages, and its file when nobody else has the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document_upload::COUNTER;
use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::model::Document;
use crate::domain::documents::model::chunk::{Chunk, DOCUMENT_CHUNK};
use crate::domain::documents::reading::{Reader, remove_once_gone};
use crate::domain::documents::topics::DELETED;
use crate::domain::knowledge::withdraw_document;
use crate::domain::memory::retrieval::gone;
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
    /// Whether its file goes, too, at once after this: it stays where another document has the same.
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
        // What the knowledge graph has of it alone goes first: a call that ends in between leaves a document that can be taken in again.
        cx.about::<Document>(stored.id);
        withdraw_document(cx, stored.id).await?;
        let mut chunks = 0;
        let mut after = None;
        loop {
            let filter = Filter::is("documentId", Scalar::Id(stored.id));
            let found = cx.find::<Chunk>(Query { filter, order: "id", descending: false, after, limit: PAGE }).await?;
            for one in &found {
                cx.remove_derived::<Chunk>(one.id);
                gone(cx, &DOCUMENT_CHUNK, one.id).await?;
                chunks += 1;
            }
            match found.last() {
                Some(last) if found.len() == PAGE as usize => {
                    after = Some(Place { key: Scalar::Id(last.id), id: last.id });
                }
                _ => break,
            }
        }
        cx.remove(&stored)?;
        cx.count(COUNTER, String::new(), -1, None);
        cx.emit(DELETED, stored.id, &serde_json::json!({ "documentId": stored.id, "name": stored.value.name }))?;
        let filter = Filter::is("digest", Scalar::Text(stored.value.digest.clone()));
        let store = &cx.platform().store;
        let users = store.count(Scope::Tenant(cx.tenant()), Document::KIND, filter).await.map_err(store_fault)?;
        remove_once_gone(cx, reader, &stored);
        let file_removed = users <= 1;
        Ok(Output { document_id: input.id, chunks, file_removed })
    }
}
