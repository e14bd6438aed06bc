//! Being told to stop: SIGTERM and SIGINT. The first asks for a graceful end, the second ends at once.

use tokio_util::sync::CancellationToken;

/// What signals say.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals {
    /// It is time to end.
    pub(super) stop: CancellationToken,
    /// There is no more time.
    pub(super) at_once: CancellationToken,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> Self {
        let signals = Self::default();
        let told = signals.clone();
        tokio::spawn(async move {
            next().await;
            told.stop.cancel();
            next().await;
            told.at_once.cancel();
        });
        signals
    }
}

#[cfg(unix)]
async fn next() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("signals cannot be heard: the program ends without draining");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn next() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
