//! What can go wrong with learning.

use crate::kernel::codes::{Code, CodeRow};

/// The feedback says nothing, or of nothing.
pub(super) static FEEDBACK_EMPTY: CodeRow = CodeRow::of_caller(
    "feedback_empty",
    422,
    "The feedback is of no answer, or says nothing of it. Name an execution, an agent or a prompt, and give a rating (accuracy or \
     userSatisfaction), an expectedOutput, a correction or notes.",
);

/// Nothing can be made a training set of.
pub(super) static DATASET_EMPTY: CodeRow = CodeRow::of_caller(
    "dataset_empty",
    422,
    "There are not enough rows for a training set: the detail says what was left out and why. Widen the filter, lower goodFrom, or collect \
     feedback that says what was asked (input or variables) and what the answer should have been.",
);

/// It is too large.
pub(super) static DATASET_TOO_LARGE: CodeRow = CodeRow::of_caller(
    "dataset_too_large",
    422,
    "The rows are more bytes than a training set may have. Take fewer with maxRows, or narrow the filter.",
);

/// The job has made all the calls that it may.
pub(super) static TOO_MANY_CALLS: CodeRow = CodeRow::of_caller(
    "retraining_too_many_calls",
    422,
    "The job needs more calls of models than it may make. Schedule it with more 'maxCalls', fewer 'cases' or fewer candidates.",
);

/// The provider does not tune.
pub(super) static NO_TUNING: CodeRow = CodeRow::of_caller(
    "tuning_unsupported",
    422,
    "The provider of the model has no fine-tuning that can be driven from here. Choose a model of a provider that speaks OpenAI's dialect, or \
     optimise a prompt instead.",
);

/// The provider's job failed.
pub(super) static TUNING_FAILED: CodeRow = CodeRow::of_caller(
    "tuning_failed",
    422,
    "The provider did not tune the model; the detail has its words. Mend what they name, such as the training set, and schedule another job.",
);

/// Tuning would be paid by the operator.
pub(super) static TUNING_NOT_OWN: CodeRow = CodeRow::of_caller(
    "tuning_spends_for_all",
    403,
    "The provider is the operator's, and no budget holds what it wants for fine-tuning: this needs the permission spending:manage. Let somebody \
     who has it schedule the job, or tune a model of a provider that the tenant names itself with model_provider_set.",
);

/// There are too many training sets.
pub(super) static TOO_MANY_DATASETS: CodeRow = CodeRow::of_caller(
    "too_many_datasets",
    422,
    "The tenant has as many training sets as it may. Learn from one that is there; a set is made again only where there is new feedback.",
);

/// There are too many jobs.
pub(super) static TOO_MANY_JOBS: CodeRow = CodeRow::of_caller(
    "too_many_retraining_jobs",
    422,
    "The tenant has as many retraining jobs as it may, those that are over included. Look at one that is there with retraining_get.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[
    &FEEDBACK_EMPTY,
    &DATASET_EMPTY,
    &DATASET_TOO_LARGE,
    &TOO_MANY_CALLS,
    &NO_TUNING,
    &TUNING_FAILED,
    &TUNING_NOT_OWN,
    &TOO_MANY_DATASETS,
    &TOO_MANY_JOBS,
];
