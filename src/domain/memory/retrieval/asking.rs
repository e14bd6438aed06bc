//! What means alike: the question is embedded, and the index tells what lies near.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::following::{Following, Standing, index_fault};
use super::making::Maker;
use crate::capability::cx::Cx;
use crate::domain::models::Asker;
use crate::kernel::fault::Fault;
use crate::port::embedder::Of;
use crate::port::records::{Kind, Record, Visibility};
use crate::port::vectors::{Corner, Index, Search};

/// What lies near a question.
pub(crate) enum Near {
    /// Nothing embeds here: there are only words.
    NoEmbedder,
    /// It could not be asked: why, for whoever reads the answer.
    Unasked(String),
    /// The nearest first, with how near each is; and whether the index has everything.
    Found(Vec<(Uuid, f64)>, bool),
}

impl Near {
    /// What was found, how it was looked for, and what was not looked at.
    pub(crate) fn told(self) -> (Vec<(Uuid, f64)>, &'static str, Option<String>) {
        match self {
            Self::NoEmbedder => (Vec::new(), "lexical", None),
            Self::Unasked(why) => (Vec::new(), "lexical", Some(format!("not looked for by meaning: {why}"))),
            Self::Found(near, whole) => {
                let behind = "what was stored last is not yet found by meaning, only by words".to_owned();
                (near, "hybrid", (!whole).then_some(behind))
            }
        }
    }
}

/// The parts that a caller looks into who names none: what is everybody's, the user's own, and their workspaces'.
pub(crate) fn parts_of(cx: &Cx) -> Vec<String> {
    let caller = cx.caller();
    let mut parts = vec!["tenant".to_owned(), format!("user:{}", caller.user.uuid())];
    parts.extend(caller.workspaces.iter().map(|workspace| format!("workspace:{workspace}")));
    parts
}

/// The part that a document lies in, by who may see it; none where it is nobody's.
pub(crate) fn part_of(record: &Record) -> Option<String> {
    match record.visibility {
        Visibility::Tenant => Some("tenant".to_owned()),
        Visibility::Workspace => record.workspace.map(|workspace| format!("workspace:{workspace}")),
        Visibility::Private => record.owner.map(|owner| format!("user:{owner}")),
    }
}

/// The documents of a kind that mean most like a question, in these parts. What cannot be asked does not fail a search: words are there.
pub(crate) async fn near(cx: &Cx, kind: &'static Kind, parts: &[String], question: &str, limit: usize) -> Near {
    near_among(cx, kind, parts, question, limit, None).await
}

/// The same among some documents alone, where any are given: the nearest of all may be others.
pub(crate) async fn near_among(
    cx: &Cx,
    kind: &'static Kind,
    parts: &[String],
    question: &str,
    limit: usize,
    among: Option<HashSet<Uuid>>,
) -> Near {
    let Some(maker) = Maker::of(cx.platform()) else { return Near::NoEmbedder };
    match Box::pin(found(cx, &maker, kind, parts, question, limit, among)).await {
        Ok((found, whole)) => Near::Found(found, whole),
        Err(fault) => {
            tracing::debug!(?fault, "a search goes by words alone");
            Near::Unasked(format!("{}: {}", fault.code().name, fault.say()))
        }
    }
}

async fn found(
    cx: &Cx,
    maker: &Maker,
    kind: &'static Kind,
    parts: &[String],
    question: &str,
    limit: usize,
    among: Option<HashSet<Uuid>>,
) -> Result<(Vec<(Uuid, f64)>, bool), Fault> {
    let standing = cx.service::<Following>()?.for_search(cx.platform()).await?;
    let (space, vectors) = maker.vectors(&Asker::of(cx), vec![question.to_owned()], Of::Question).await?;
    let Some(vector) = vectors.into_iter().next() else { return Ok((Vec::new(), true)) };
    let corner = |part: &String| Corner { tenant: cx.tenant(), of: kind.name.into(), part: Arc::from(part.as_str()) };
    let corners = parts.iter().map(corner).collect();
    let index = cx.service::<Index>()?;
    let search = Search { space, corners, vector, limit, among: among.map(Arc::new) };
    let near = index.0.search(search).await.map_err(index_fault)?;
    let near = near.into_iter().map(|one| (one.id, f64::from(one.likeness))).collect();
    Ok((near, standing == Standing::Whole))
}
