//! The environment of the process: master keys in a variable, and credentials by name.

use std::sync::Arc;

use async_trait::async_trait;

use super::parse;
use crate::kernel::cipher::CipherKey;
use crate::kernel::secret::Secret;
use crate::port::secrets::{Environment, KeyFault, MasterKeys};

/// The process's own environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn value(&self, variable: &str) -> Option<Secret> {
        std::env::var(variable).ok().filter(|value| !value.is_empty()).map(Secret::new)
    }
}

/// Master keys in a variable.
pub struct KeyVariable {
    variable: String,
    environment: Arc<dyn Environment>,
}

impl KeyVariable {
    /// Those in a variable of an environment.
    #[must_use]
    pub fn new(variable: String, environment: Arc<dyn Environment>) -> Self {
        Self { variable, environment }
    }
}

#[async_trait]
impl MasterKeys for KeyVariable {
    async fn read(&self) -> Result<Vec<CipherKey>, KeyFault> {
        let Some(text) = self.environment.value(&self.variable) else {
            return Err(KeyFault::Missing(format!("{} is not set", self.place())));
        };
        parse(text.reveal(), &self.place())
    }

    async fn renew(&self) -> Result<bool, KeyFault> {
        Ok(false)
    }

    async fn forget_former(&self) -> Result<bool, KeyFault> {
        Ok(false)
    }

    fn place(&self) -> String {
        format!("the environment variable {}", self.variable)
    }
}
