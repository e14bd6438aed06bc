//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    persona_create: PersonaCreate,
    persona_get: PersonaGet,
    persona_update: PersonaUpdate,
    persona_search: PersonaSearch,
    persona_analytics: PersonaAnalytics,
}
