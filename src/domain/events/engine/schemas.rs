//! Compiled schemas of topics, kept by the version that they were made of.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::capability::caches::CountedCache;
use crate::capability::owned::Stored;
use crate::capability::schema::compiled;
use crate::domain::events::model::topic::CustomTopic;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::id::TenantId;

/// Compiled schemas kept at once.
const MOST: u64 = 2_000;
/// Places of an event that are told.
const MOST_VIOLATIONS: usize = 32;
/// The deepest that a schema may be.
const DEEPEST: usize = 32;

/// Compiled schemas.
pub struct Schemas(Arc<CountedCache<(TenantId, uuid::Uuid, i64), Arc<Validator>>>);

impl Default for Schemas {
    fn default() -> Self {
        Self(CountedCache::new(MOST))
    }
}

impl Schemas {
    /// Everything in an event's data that does not fit the topic's schema; `below` is where in the input the data lies.
    ///
    /// # Errors
    /// When a schema that was accepted cannot be compiled any more.
    pub fn misfits(
        &self,
        tenant: TenantId,
        topic: &Stored<CustomTopic>,
        data: &Value,
        below: &str,
    ) -> Result<Vec<Violation>, Fault> {
        let Some(schema) = &topic.value.schema else { return Ok(Vec::new()) };
        let key = (tenant, topic.id, topic.revision);
        let validator = if let Some(validator) = self.0.get(&key) {
            validator
        } else {
            let made = Arc::new(compile(schema).map_err(Fault::internal)?);
            self.0.insert(key, made.clone());
            made
        };
        let errors = validator.iter_errors(data).take(MOST_VIOLATIONS);
        let told = |error: jsonschema::ValidationError<'_>| Violation {
            pointer: format!("{below}{}", error.instance_path()),
            message: format!("does not fit the schema of '{}': {error}", topic.value.topic),
        };
        Ok(errors.map(told).collect())
    }
}

/// Compiles the schema of a topic.
///
/// # Errors
/// Why it is none.
pub fn compile(schema: &Map<String, Value>) -> Result<Validator, String> {
    compiled(schema, DEEPEST)
}
