//! What part of the registry a request is shown: toolsets and read-only mode. Both come with the request (path, header), the
//! key or the configuration, never from the state of a connection.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::capability::caller::{Caller, Origin};
use crate::capability::spec::Domain;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;

/// The tools that find and call all others: in the compact list whatever else is in it.
const FINDERS: [&str; 4] = ["tool_call", "tool_describe", "tool_read", "tool_search"];

/// The toolsets shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Shown {
    /// Everything.
    All,
    /// What is named.
    Some {
        /// The tools that find others, and those needed every day.
        compact: bool,
        /// These domains.
        sets: BTreeSet<Domain>,
    },
}

/// What a request is shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct View {
    pub(super) shown: Shown,
    pub(super) read_only: bool,
}

/// One request's caller and circumstances.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) caller: Arc<Caller>,
    pub(super) view: View,
    pub(super) origin: Origin,
    pub(super) tenant: Option<TenantId>,
}

impl Shown {
    /// Reads names as in a path, a header or the configuration.
    pub(super) fn parse<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, Fault> {
        let mut sets = BTreeSet::new();
        let (mut all, mut compact) = (false, false);
        for name in names.map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "all" => all = true,
                "compact" => compact = true,
                name => {
                    let domain = Domain::parse(name).ok_or_else(|| unknown(name))?;
                    sets.insert(domain);
                }
            }
        }
        if all || Domain::ALL.iter().all(|domain| sets.contains(domain)) {
            return Ok(Self::All);
        }
        Ok(Self::Some { compact: compact || sets.is_empty(), sets })
    }

    /// The list for models that have little room.
    pub(super) fn is_compact(&self) -> bool {
        matches!(self, Self::Some { compact: true, sets } if sets.is_empty())
    }

    /// Whether many are shown the same: the lists of such are worth keeping. What a client mixes by itself is not.
    pub(super) fn is_common(&self) -> bool {
        match self {
            Self::All => true,
            Self::Some { compact, sets } => sets.len() + usize::from(*compact) <= 1,
        }
    }

    /// Whether a tool is in it.
    pub(super) fn holds(&self, tool: &Tool) -> bool {
        match self {
            Self::All => true,
            Self::Some { compact, sets } => {
                (*compact && (tool.everyday || FINDERS.contains(&&*tool.name))) || sets.contains(&tool.domain)
            }
        }
    }
}

impl View {
    /// The view of a request that asks for these toolsets, by a caller whose key may be limited to some.
    pub(super) fn of(asked: Option<Shown>, caller: &Caller, usual: &Shown, read_only: bool) -> Self {
        let shown = asked
            .or_else(|| {
                let sets = caller.toolsets.clone().filter(|sets| !sets.is_empty())?;
                Some(Shown::Some { compact: false, sets })
            })
            .unwrap_or_else(|| usual.clone());
        Self { shown, read_only: read_only || caller.read_only }
    }

    /// Whether a tool that the caller may call is shown.
    pub(super) fn holds(&self, tool: &Tool) -> bool {
        (!self.read_only || tool.effect.reads()) && self.shown.holds(tool)
    }
}

fn unknown(name: &str) -> Fault {
    let known: Vec<&str> = Domain::ALL.iter().map(|domain| domain.name()).collect();
    let name: String = name.chars().take(64).collect();
    let say = format!("there is no toolset '{name}'; there are all, compact, {}", known.join(", "));
    Fault::new(&codes::BAD_INPUT, say)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Shown, Fault> {
        Shown::parse(text.split(','))
    }

    #[test]
    fn reads_toolsets() {
        let some = |compact, sets: &[Domain]| Shown::Some { compact, sets: sets.iter().copied().collect() };
        assert_eq!(parse("all").unwrap(), Shown::All);
        assert_eq!(parse("all,identity").unwrap(), Shown::All);
        assert_eq!(parse("").unwrap(), some(true, &[]));
        assert_eq!(parse("compact").unwrap(), some(true, &[]));
        assert_eq!(parse("compact,identity").unwrap(), some(true, &[Domain::Identity]));
        assert_eq!(parse("system, identity").unwrap(), some(false, &[Domain::Identity, Domain::System]));
        let every: Vec<&str> = Domain::ALL.iter().map(|domain| domain.name()).collect();
        assert_eq!(parse(&every.join(",")).unwrap(), Shown::All);
        for typo in ["identity,nothing", "all,nothing", "nothing,all"] {
            assert!(parse(typo).unwrap_err().is(&codes::BAD_INPUT), "{typo}");
        }
    }
}
