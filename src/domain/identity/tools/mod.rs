//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    user_create: UserCreate,
    user_get: UserGet,
    user_list: UserList,
    user_update: UserUpdate,
    user_me: UserMe,
    role_create: RoleCreate,
    role_list: RoleList,
    role_set_permissions: RoleSetPermissions,
    role_assign: RoleAssign,
    role_revoke: RoleRevoke,
    api_key_create: ApiKeyCreate,
    api_key_list: ApiKeyList,
    api_key_revoke: ApiKeyRevoke,
    auth_validate: AuthValidate,
    auth_permissions: AuthPermissions,
}
