//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    query: Query,
    verify: Verify,
    export: Export,
    record: Record,
    retention_set: RetentionSet,
    retention_get: RetentionGet,
    gdpr_delete: GdprDelete,
    compliance_report: ComplianceReport,
}
