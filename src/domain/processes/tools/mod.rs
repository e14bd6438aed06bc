//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    process_create: ProcessCreate,
    process_get: ProcessGet,
    process_list: ProcessList,
    process_update: ProcessUpdate,
    process_publish: ProcessPublish,
    process_versions: ProcessVersions,
    process_validate: ProcessValidate,
    process_view: ProcessView,
    process_import: ProcessImport,
    process_sandbox: ProcessSandbox,
    process_diff: ProcessDiff,
    process_branch: ProcessBranch,
    process_merge: ProcessMerge,
    process_link: ProcessLink,
    process_links: ProcessLinks,
    process_templates: ProcessTemplates,
    process_analytics: ProcessAnalytics,
}
