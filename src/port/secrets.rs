//! Where secrets come from that no store of the program holds: the operator's master keys, and the environment.

use std::fmt;

use async_trait::async_trait;

use crate::kernel::cipher::CipherKey;
use crate::kernel::secret::Secret;

/// Why the master keys cannot be had. The text names the place, never a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFault {
    /// There are none at their place yet.
    Missing(String),
    /// There is something at their place that cannot be used.
    Unusable(String),
}

impl fmt::Display for KeyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(why) | Self::Unusable(why) => formatter.write_str(why),
        }
    }
}

impl std::error::Error for KeyFault {}

/// Where the master keys come from. The first of them seals; the others, which were first before or will be, only open.
#[async_trait]
pub trait MasterKeys: Send + Sync {
    /// The keys, at least one.
    async fn read(&self) -> Result<Vec<CipherKey>, KeyFault>;

    /// Makes a new first key and keeps the others behind it. False where the keys are the operator's to change.
    async fn renew(&self) -> Result<bool, KeyFault>;

    /// Forgets all keys but the first. False where the keys are the operator's to change.
    async fn forget_former(&self) -> Result<bool, KeyFault>;

    /// The place, for people.
    fn place(&self) -> String;
}

/// The environment of the process.
pub trait Environment: Send + Sync {
    /// The value of a variable; `None` when it is not set or empty.
    fn value(&self, variable: &str) -> Option<Secret>;
}
