//! What other domains take of documents: one that is kept as an upload is, the passages of one in their order, and that one goes.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::model::Document;
use super::model::chunk::Chunk;
use super::tools::document_delete::DocumentDelete;
use super::tools::document_upload::DocumentUpload;
use crate::capability::Capability as _;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::owned::{Verdict, judge};
use crate::capability::permit::{Action, Permit, Resource};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Place, Query, Scalar, Visibility};

/// Passages of one read.
const PAGE: u32 = 500;

/// A document in short.
#[derive(Debug, Clone)]
pub(crate) struct Handed {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its name.
    pub(crate) name: String,
    /// Who else sees it.
    pub(crate) visibility: Visibility,
    /// The workspace that it is seen in.
    pub(crate) workspace: Option<Uuid>,
    /// What could not be read of it.
    pub(crate) warnings: Vec<String>,
}

/// A document to be kept: with the properties of `document_upload`, whose rules hold.
pub(crate) type Upload = Value;

/// Keeps a document as `document_upload` does, and commits it. Answers its id, and whether it was there already.
///
/// # Errors
/// `forbidden` without `documents:create`; as an upload.
pub(crate) async fn keep(cx: &Cx, upload: Upload) -> Result<(Uuid, bool), Fault> {
    must(cx, Action::Create)?;
    let upload = serde_json::from_value(upload).map_err(Fault::internal)?;
    let kept = Box::pin(DocumentUpload::run(cx, upload)).await?;
    cx.checkpoint().await?;
    let told = serde_json::to_value(kept).map_err(Fault::internal)?;
    let id = told["documentId"].as_str().and_then(|id| Uuid::parse_str(id).ok());
    let id = id.ok_or_else(|| Fault::internal("an upload that tells no document"))?;
    Ok((id, told["duplicate"] == true))
}

/// A document that the caller may see.
///
/// # Errors
/// `not_found`, `forbidden`.
pub(crate) async fn document(cx: &Cx, id: Uuid) -> Result<Handed, Fault> {
    must(cx, Action::Read)?;
    let stored = cx.load::<Document>(id, Action::Read).await?;
    let Document { name, warnings, .. } = stored.value;
    Ok(Handed { id, name, visibility: stored.visibility, workspace: stored.workspace, warnings })
}

/// The passages of a document that the caller may see, in the order in which they stand in it.
///
/// # Errors
/// When the store fails.
pub(crate) async fn passages(cx: &Cx, document: Uuid) -> Result<Vec<Chunk>, Fault> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let filter = Filter::is("documentId", Scalar::Id(document));
        let query = Query { filter, order: "number", descending: false, after, limit: PAGE };
        let found = cx.find::<Chunk>(query).await?;
        let whole = found.len() < PAGE as usize;
        after = found.last().map(|last| Place { key: Scalar::Integer(last.value.number.into()), id: last.id });
        all.extend(found.into_iter().map(|chunk| chunk.value));
        if whole {
            return Ok(all);
        }
    }
}

/// Removes a document as `document_delete` does, where it is there and the caller may. Answers whether it does.
///
/// # Errors
/// When the store fails.
pub(crate) async fn remove(cx: &Cx, id: Uuid) -> Result<bool, Fault> {
    let Some(stored) = cx.get::<Document>(id).await? else { return Ok(false) };
    if judge(cx.caller(), &stored, Action::Remove) != Verdict::Allowed {
        return Ok(false);
    }
    let which = serde_json::from_value(json!({ "id": id })).map_err(Fault::internal)?;
    Box::pin(DocumentDelete::run(cx, which)).await?;
    Ok(true)
}

fn must(cx: &Cx, action: Action) -> Result<(), Fault> {
    let may = cx.caller().may(Resource::Documents, action);
    if may { Ok(()) } else { Err(forbidden(Permit::on(Resource::Documents, action))) }
}

/// When documents were kept.
///
/// # Errors
/// When the store fails.
pub(crate) async fn kept_at(cx: &Cx, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, Timestamp>, Fault> {
    let ids: HashSet<Uuid> = ids.collect();
    let most = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let filter = Filter::In("id", ids.into_iter().map(Scalar::Id).collect());
    let found = cx.find::<Document>(Query::newest(filter, most)).await?;
    Ok(found.into_iter().map(|one| (one.id, one.created_at)).collect())
}
