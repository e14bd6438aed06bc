//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    task_create: TaskCreate,
    task_get: TaskGet,
    task_list: TaskList,
    task_assign: TaskAssign,
    task_respond: TaskRespond,
    task_escalate: TaskEscalate,
    task_history: TaskHistory,
    task_comment: TaskComment,
    task_link: TaskLink,
    task_page: TaskPage,
    task_brief: TaskBrief,
    task_smart_form: TaskSmartForm,
    task_analyze: TaskAnalyze,
}
