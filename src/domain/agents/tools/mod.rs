//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    agent_register: AgentRegister,
    agent_get: AgentGet,
    agent_list: AgentList,
    agent_update: AgentUpdate,
    agent_delete: AgentDelete,
    agent_invoke: AgentInvoke,
    agent_stream: AgentStream as of_stream,
    agent_tool_execute: AgentToolExecute,
    agent_knowledge: AgentKnowledge,
    agent_learn: AgentLearn,
    agent_metrics: AgentMetrics,
    agent_status: AgentStatus,
}
