//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    execution_start: ExecutionStart,
    execution_run: ExecutionRun,
    execution_get: ExecutionGet,
    execution_list: ExecutionList,
    execution_pause: ExecutionPause,
    execution_resume: ExecutionResume,
    execution_cancel: ExecutionCancel,
    execution_compensate: ExecutionCompensate,
    execution_recover: ExecutionRecover,
    execution_migrate: ExecutionMigrate,
    execution_history: ExecutionHistory,
    execution_signal: ExecutionSignal,
    execution_logs: ExecutionLogs,
    execution_step: ExecutionStep,
    execution_dependencies: ExecutionDependencies,
    execution_batch: ExecutionBatch,
    execution_schedule: ExecutionSchedule,
    execution_resources: ExecutionResources,
    execution_pipeline: ExecutionPipeline,
    execution_optimize: ExecutionOptimize,
}
