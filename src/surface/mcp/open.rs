//! The requests of one connection that are not answered yet, and the bound on their number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{ClientJsonRpcMessage, ClientNotification, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use tokio::sync::watch;

/// So many requests of one connection are open at once; the next is read when one is answered.
pub(super) const MOST_OPEN: usize = 128;

/// The open requests. An id that is used twice counts twice.
#[derive(Clone)]
pub(super) struct Open {
    ids: Arc<Mutex<HashMap<RequestId, usize>>>,
    count: watch::Sender<usize>,
}

impl Default for Open {
    fn default() -> Self {
        Self { ids: Arc::default(), count: watch::Sender::new(0) }
    }
}

impl Open {
    /// Looks at what the client says: a request opens, a cancellation closes.
    pub(super) fn hear(&self, message: &ClientJsonRpcMessage) {
        match message {
            JsonRpcMessage::Request(request) => {
                let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
                *ids.entry(request.id.clone()).or_default() += 1;
                self.count.send_modify(|count| *count += 1);
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.close(id);
                }
            }
            _ => {}
        }
    }

    /// The id of the request that a message answers.
    pub(super) fn answered(message: &ServerJsonRpcMessage) -> Option<RequestId> {
        match message {
            JsonRpcMessage::Response(response) => Some(response.id.clone()),
            JsonRpcMessage::Error(error) => error.id.clone(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        }
    }

    /// A request is open no more.
    pub(super) fn close(&self, id: &RequestId) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(uses) = ids.get_mut(id) else { return };
        *uses -= 1;
        if *uses == 0 {
            ids.remove(id);
        }
        self.count.send_modify(|count| *count -= 1);
    }

    /// Returns when there is room for another.
    pub(super) async fn room(&self) {
        self.below(MOST_OPEN).await;
    }

    /// Returns when none is open.
    pub(super) async fn emptied(&self) {
        self.below(1).await;
    }

    async fn below(&self, bound: usize) {
        // The sender is at hand, so that this cannot fail.
        let _ = self.count.subscribe().wait_for(|count| *count < bound).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn said(message: serde_json::Value) -> ClientJsonRpcMessage {
        serde_json::from_value(message).unwrap()
    }

    #[test]
    fn an_id_that_is_used_again_counts_again() {
        let open = Open::default();
        let request = said(json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
        for _ in 0..MOST_OPEN {
            open.hear(&request);
        }
        assert!(open.room().now_or_never().is_none());
        let id = RequestId::Number(1);
        open.close(&id);
        assert!(open.room().now_or_never().is_some());
        for _ in 0..MOST_OPEN {
            open.close(&id);
        }
        assert!(open.emptied().now_or_never().is_some());
        open.hear(&request);
        open.hear(&said(
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }),
        ));
        assert!(open.emptied().now_or_never().is_some());
    }
}
