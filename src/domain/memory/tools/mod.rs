//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    memory_store: MemoryStore,
    memory_search: MemorySearch,
    memory_get: MemoryGet,
    memory_update: MemoryUpdate,
    memory_forget: MemoryForget,
    memory_consolidate: MemoryConsolidate,
    memory_policy_set: MemoryPolicySet,
    memory_stats: MemoryStats,
}
