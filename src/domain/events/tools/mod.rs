//! The domain's capabilities: one file each, one line each.

use crate::capability::module::capabilities;

capabilities! {
    publish: Publish,
    subscribe: Subscribe,
    subscriptions: Subscriptions,
    unsubscribe: Unsubscribe,
    pull: Pull,
    replay: Replay,
    dead_letters: DeadLetters,
    redrive: Redrive,
    schema_set: SchemaSet,
    topics: Topics,
}

pub(super) use subscribe::TargetInput;
