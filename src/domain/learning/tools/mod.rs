//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    feedback_submit: FeedbackSubmit,
    feedback_query: FeedbackQuery,
    dataset_create: DatasetCreate,
    dataset_export: DatasetExport as of_bytes,
    retraining_schedule: RetrainingSchedule,
    retraining_get: RetrainingGet,
    drift_get: DriftGet,
}
