//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    rule_create: RuleCreate,
    rule_get: RuleGet,
    rule_update: RuleUpdate,
    rule_evaluate: RuleEvaluate,
    rule_versions: RuleVersions,
    rule_import: RuleImport,
}
