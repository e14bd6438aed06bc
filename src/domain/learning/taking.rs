//! Taking what is said of an answer, for a domain that takes more than that in one call.

use serde_json::Value;

use super::tools::feedback_submit::FeedbackSubmit;
use crate::capability::Capability as _;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::kernel::fault::Fault;
use crate::kernel::id::FeedbackId;

/// Takes it as `feedback_submit` does, with the properties of that.
///
/// # Errors
/// `forbidden` without `feedback:create`; as `feedback_submit`.
pub(crate) async fn take(cx: &Cx, said: Value) -> Result<FeedbackId, Fault> {
    if !cx.caller().may(Resource::Feedback, Action::Create) {
        return Err(forbidden(Permit::on(Resource::Feedback, Action::Create)));
    }
    let said = serde_json::from_value(said).map_err(Fault::internal)?;
    let taken = serde_json::to_value(Box::pin(FeedbackSubmit::run(cx, said)).await?).map_err(Fault::internal)?;
    serde_json::from_value(taken["feedbackId"].clone()).map_err(Fault::internal)
}
