//! How the audit log is proved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the audit log is proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The folder for the keys of data subjects and the key that signs checkpoints; empty for `keys` in the data folder. No
    /// backup holds it.
    pub keys: String,
    /// A checkpoint is signed after so many entries.
    pub checkpoint_entries: u64,
    /// Or so many seconds after the last one, when there is a new entry.
    pub checkpoint_seconds: u64,
    /// Where checkpoints are kept outside the store: `file`, `webhook`, `objects`, several or none.
    pub anchors: Vec<String>,
    /// The file of the anchor `file`; empty for `anchors/checkpoints.jsonl` in the data folder.
    pub anchor_file: String,
    /// The address of the anchor `webhook`.
    pub anchor_webhook: String,
    /// The place of the anchor `objects`: the address of an object store, as `s3://BUCKET/PREFIX`.
    pub anchor_objects: String,
    /// For how many days S3 keeps each checkpoint from being removed or replaced, by anybody. The bucket must have object lock.
    /// 0 leaves that to the bucket.
    pub anchor_retain_days: u64,
}
