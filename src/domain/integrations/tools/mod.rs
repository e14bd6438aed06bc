//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    secret_put: SecretPut,
    secret_list: SecretList,
    secret_delete: SecretDelete,
}
