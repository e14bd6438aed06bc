//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    query: Query,
}
