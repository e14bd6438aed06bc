//! The best ones put in order once more by a model that reads each beside the question, where one is configured. The order stays where it cannot be
//! asked, and the answer says so.

use std::sync::Arc;
use std::time::Duration;

use super::ranking::Why;
use crate::capability::cx::Cx;
use crate::capability::platform::Platform;
use crate::domain::models::{Asker, CacheUse, Router, Tags, Wish};
use crate::kernel::fault::Fault;
use crate::port::models::RerankRequest;

/// So many characters of a text are read.
const LONGEST: usize = 4_000;

/// How many are to be put in order beforehand, where so many are wanted.
pub(crate) fn before(platform: &Platform, limit: usize) -> usize {
    let config = &platform.config.retrieval;
    let shown = usize::try_from(config.reranked).unwrap_or(usize::MAX);
    config.reranker().map_or(limit, |_| limit.max(shown))
}

/// Puts the best ones in order once more, and leaves so many as are wanted. Answers why the order stayed, where it was to be another.
pub(crate) async fn reranked<T>(
    cx: &Cx,
    question: &str,
    mut ordered: Vec<(T, f64, Why)>,
    limit: usize,
    text: impl Fn(&T) -> String,
) -> (Vec<(T, f64, Why)>, Option<String>) {
    let partial = match cx.platform().config.retrieval.reranker().filter(|_| ordered.len() > 1) {
        None => None,
        Some(reranker) => {
            let documents = ordered.iter().map(|(item, ..)| text(item).chars().take(LONGEST).collect()).collect();
            match order(cx, reranker, question, documents).await {
                Ok(order) => {
                    ordered = by(ordered, &order);
                    None
                }
                Err(why) => Some(format!("not put in order by the reranker: {why}")),
            }
        }
    };
    ordered.truncate(limit);
    (ordered, partial)
}

/// Two reasons as one.
pub(crate) fn joined(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}; {other}")),
        (one, other) => one.or(other),
    }
}

async fn order(cx: &Cx, reranker: &str, question: &str, documents: Vec<String>) -> Result<Vec<(usize, f64)>, String> {
    let seconds = cx.platform().config.retrieval.reranker_seconds.max(1);
    let request = Arc::new(RerankRequest { query: question.to_owned(), top: documents.len(), documents });
    let wish = Wish { model: Some(reranker.to_owned()), cache: CacheUse::Skip, tags: Tags::default() };
    let asking = async {
        let router = cx.service::<Router>()?;
        Box::pin(router.rerank(&Asker::of(cx), &wish, request)).await
    };
    let told = |fault: Fault| {
        tracing::debug!(?fault, "a search keeps its order");
        format!("{}: {}", fault.code().name, fault.say())
    };
    match tokio::time::timeout(Duration::from_secs(seconds), asking).await {
        Ok(Ok(reranking)) => Ok(reranking.order),
        Ok(Err(fault)) => Err(told(fault)),
        Err(_) => Err(format!("it did not answer within {seconds} s")),
    }
}

/// Those that were put in order first, with what they are worth to the reranker; the others behind them as they were.
fn by<T>(ordered: Vec<(T, f64, Why)>, order: &[(usize, f64)]) -> Vec<(T, f64, Why)> {
    let mut left: Vec<Option<(T, f64, Why)>> = ordered.into_iter().map(Some).collect();
    let mut again = Vec::with_capacity(left.len());
    let mut least = 1.0_f64;
    for (place, relevance) in order {
        if let Some((item, _, why)) = left.get_mut(*place).and_then(Option::take) {
            let (score, why) = why.reranked(*relevance);
            least = least.min(score);
            again.push((item, score, why));
        }
    }
    // What it says nothing of is worth no more than the last of which it does.
    again.extend(left.into_iter().flatten().map(|(item, score, why)| (item, score.min(least), why)));
    again
}
