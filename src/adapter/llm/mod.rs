//! Models of vendors, a dialect each. A dialect is what is written and what is read, without a connection: `Language` has it as plain
//! functions, and `Speaking` does all that waits, so that limits of time, bounds, faults and the care for keys are one for all.
//!
//! What a vendor wants back unread with thoughts and tool calls travels as `opaque`: an object whose one property has the name of
//! the dialect, such as `{"anthropic": {"signature": "…"}}`. A dialect sends back its own; thoughts of another it leaves out, since no
//! vendor takes another's, so that a conversation can go on elsewhere.

mod anthropic;
mod azure;
mod chat;
mod cohere;
mod fault;
mod gemini;
mod language;
mod openai;
mod schema;
mod speaking;
mod sse;
mod tuning;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kernel::network::Network;
use crate::port::models::{Dialects, Models, TenantDialects};
use crate::port::tuning::{Tuners, Tuning};

use self::speaking::Speaking;
use self::wire::Wire;

/// The vendors, over connections that all their dialects share.
pub struct Vendors {
    /// To the providers that the operator names: they may lie anywhere.
    own: Arc<Wire>,
    /// To those that tenants name: on the public internet, and in networks that the operator allows.
    of_tenants: Arc<Wire>,
}

impl Vendors {
    /// The vendors; tenants' own in these networks, too.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self { own: Arc::new(Wire::default()), of_tenants: Arc::new(Wire::guarded(networks)) }
    }

    /// Every dialect, towards the providers that the operator names.
    #[must_use]
    pub fn dialects(&self) -> Dialects {
        of(&self.own)
    }

    /// The same, towards those that tenants name.
    #[must_use]
    pub fn tenant_dialects(&self) -> TenantDialects {
        TenantDialects(of(&self.of_tenants))
    }

    /// The dialects that tune models.
    #[must_use]
    pub fn tuners(&self) -> Tuners {
        let over = |wire: &Arc<Wire>| -> BTreeMap<&'static str, Arc<dyn Tuning>> {
            let openai: Arc<dyn Tuning> = Arc::new(tuning::OpenAiTuning(wire.clone()));
            BTreeMap::from([(openai::NAME, openai)])
        };
        Tuners { own: over(&self.own), of_tenants: over(&self.of_tenants) }
    }
}

fn of(wire: &Arc<Wire>) -> Dialects {
    let of = |name: &'static str, language: Speaking| -> (&'static str, Arc<dyn Models>) { (name, Arc::new(language)) };
    Dialects(BTreeMap::from([
        of(openai::NAME, Speaking::new(openai::NAME, openai::OpenAi, wire.clone())),
        // The same language at other addresses.
        of(azure::NAME, Speaking::new(openai::NAME, azure::Azure, wire.clone())),
        of(anthropic::NAME, Speaking::new(anthropic::NAME, anthropic::Anthropic, wire.clone())),
        of(cohere::NAME, Speaking::new(cohere::NAME, cohere::Cohere, wire.clone())),
        of(gemini::NAME, Speaking::new(gemini::NAME, gemini::Gemini, wire.clone())),
    ]))
}
