//! A stream on its way to whoever asked: each piece is noted, the last one settles the call. One that ends without its last
//! piece was cut off and ends by a fault, never clean.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::Stream;

use super::ticket::{Ticket, Used};
use crate::domain::models::engine::failure::Failed;
use crate::kernel::fault::Fault;
use crate::port::models::{ModelFault, ModelFaultKind, Piece, Pieces};

/// The stream.
pub(super) struct Metered {
    /// Nothing when it has ended: the connection goes with it.
    pieces: Option<Pieces>,
    ticket: Option<Ticket>,
    keeping: Option<super::ticket::Keeping>,
    /// Where what it used is told when it is whole.
    told: Arc<OnceLock<Used>>,
}

impl Metered {
    pub(super) fn new(pieces: Pieces, ticket: Ticket, told: Arc<OnceLock<Used>>) -> Self {
        let keeping = ticket.keeping();
        Self { pieces: Some(pieces), ticket: Some(ticket), keeping, told }
    }

    fn take(&mut self, piece: Piece) -> Piece {
        if let Some(ticket) = &mut self.ticket {
            ticket.note(&piece);
        }
        let whole = self.keeping.as_mut().and_then(|keeping| keeping.collector.add(&piece));
        let Piece::End { tokens, stop } = &piece else { return piece };
        self.pieces = None;
        if let Some(ticket) = self.ticket.take() {
            let model = ticket.model().to_owned();
            let used = ticket.answered(*tokens, Some(stop));
            let _ = self.told.set(used);
            if let (Some(keeping), Some(whole)) = (self.keeping.take(), whole) {
                keeping.keep(whole, model, used);
            }
        }
        piece
    }

    fn broken(&mut self, fault: &ModelFault) -> Fault {
        self.pieces = None;
        let Some(ticket) = self.ticket.take() else { return super::strange() };
        let failed = Failed::said(ticket.model(), fault.clone());
        ticket.broke();
        ticket.failed(fault);
        failed.fault(std::slice::from_ref(&failed))
    }
}

impl Stream for Metered {
    type Item = Result<Piece, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(pieces) = &mut self.pieces else { return Poll::Ready(None) };
        let next = match pieces.as_mut().poll_next(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        Poll::Ready(Some(match next {
            Some(Ok(piece)) => Ok(self.take(piece)),
            Some(Err(fault)) => Err(self.broken(&fault)),
            None => Err(self.broken(&ModelFault::new(ModelFaultKind::Broken, "the answer was cut off"))),
        }))
    }
}
