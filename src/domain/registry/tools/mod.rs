//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    search: Search,
    describe: Describe,
    read: Read,
    call: Call,
    categories: Categories,
    docs: Docs,
}
