//! The turn: whoever changes what depends on what, or takes a flow out of use, writes it anew. So two of them that look at the same flows at
//! the same time cannot both be right: the second one looks again.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;
use crate::port::records::{Document, Kind, Visibility};
use crate::port::store::{Expect, Put, Step};

/// The kind of the turn.
pub(in crate::domain::flows) static FLOW_TURN: Kind = Kind::new("flow_turn");

/// How often it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Turn {
    number: u64,
}

impl Document for Turn {
    const KIND: &'static Kind = &FLOW_TURN;
}

/// Takes the turn: what is read of flows afterwards holds when the call commits.
pub(in crate::domain::flows) async fn take(cx: &Cx) -> Result<(), Fault> {
    let id: Uuid = super::id_of("flow_turn");
    let found = cx.get::<Turn>(id).await?;
    let expect = found.as_ref().map_or(Expect::Absent, |stored| Expect::Revision(stored.revision));
    let number = found.map_or(0, |stored| stored.value.number) + 1;
    let body = serde_json::to_value(Turn { number }).map_err(Fault::internal)?;
    let (owner, workspace, visibility) = (None, None, Visibility::Private);
    cx.steps(vec![Step::Put(Put { kind: &FLOW_TURN, id, expect, owner, workspace, visibility, body })]);
    Ok(())
}
