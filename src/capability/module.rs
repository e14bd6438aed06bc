//! What a domain brings to the program: its rows, kinds, logs, fault codes and sources of resources. `app` lists the modules, and nothing else
//! lists what they hold.

use std::sync::Arc;

use super::row::Row;
use super::source::ResourceSource;
use super::spec::Domain;
use crate::kernel::codes::Code;
use crate::port::logs::Log;
use crate::port::records::Kind;

/// A domain's lists.
pub struct Module {
    /// The domain.
    pub domain: Domain,
    /// Its capabilities.
    pub rows: &'static [Row],
    /// The kinds of its documents.
    pub kinds: &'static [&'static Kind],
    /// Its logs.
    pub logs: &'static [&'static Log],
    /// Its fault codes.
    pub faults: &'static [Code],
    /// Its sources of resources, as they are made.
    pub sources: &'static [fn() -> Arc<dyn ResourceSource>],
}
