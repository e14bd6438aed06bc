//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    flow_register: FlowRegister,
    flow_list: FlowList,
    flow_get: FlowGet,
    flow_update: FlowUpdate,
    flow_archive: FlowArchive,
    flow_execute: FlowExecute,
    flow_executions: FlowExecutions,
    flow_execution_status: FlowExecutionStatus,
    flow_dependencies: FlowDependencies,
    flow_dependency_add: FlowDependencyAdd,
    flow_validate: FlowValidate,
    flow_statistics: FlowStatistics,
    flow_statistics_global: FlowStatisticsGlobal,
    flow_health: FlowHealth,
    flow_types: FlowTypes,
}
