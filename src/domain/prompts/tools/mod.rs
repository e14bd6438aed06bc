//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    prompt_create: PromptCreate,
    prompt_get: PromptGet,
    prompt_list: PromptList,
    prompt_update: PromptUpdate,
    prompt_versions: PromptVersions,
    prompt_assemble: PromptAssemble,
    prompt_validate: PromptValidate,
    prompt_publish: PromptPublish,
    prompt_test: PromptTest,
    prompt_experiment: PromptExperiment,
}
