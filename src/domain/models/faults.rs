//! What can go wrong between a call and a model.

use crate::kernel::codes::{Blame, Code, CodeRow, Retry};

/// No provider has a key.
pub static NO_MODEL: CodeRow = CodeRow {
    name: "no_model_configured",
    status: 501,
    blame: Blame::Operator,
    retry: Retry::Never,
    mend: "No model can be asked yet. There are three ways to one: set the environment variable of a provider's key, such as \
           OPENAI_API_KEY, and start the server again; store a key in the vault with secret_put under the name that model_list \
           tells; or put a file of a provider that needs none, such as a local Ollama, into the folder providers/ of the data folder.",
};

/// There is no such model or route.
pub(super) static UNKNOWN_MODEL: CodeRow = CodeRow::of_caller(
    "unknown_model",
    404,
    "There is no model or route of that name that can be asked. model_list has the models, as 'provider/model'; model_route_list \
     has the routes.",
);

/// The provider refused the key.
pub(super) static KEY_REFUSED: CodeRow = CodeRow {
    name: "provider_key_refused",
    status: 502,
    blame: Blame::Operator,
    retry: Retry::Never,
    mend: "The provider does not take the key that is configured for it. Put a good one where the detail says and ask again.",
};

/// The request does not fit into the model's context.
pub(super) static TOO_LONG: CodeRow = CodeRow::of_caller(
    "context_too_long",
    422,
    "The conversation and the most tokens of the answer are more than the model reads in one call. Shorten it, ask for fewer tokens, or \
     choose a model with a longer context from model_list. Nothing was sent.",
);

/// A budget has nothing left.
pub(super) static BUDGET_SPENT: CodeRow = CodeRow {
    name: "budget_spent",
    status: 402,
    blame: Blame::Caller,
    retry: Retry::Later,
    mend: "A budget that holds this call has nothing left. The detail says which, and when it is whole again; model_budget_get shows \
           all. An administrator can raise it with model_budget_set.",
};

/// A budget counts money and the model has no price.
pub(super) static PRICE_UNKNOWN: CodeRow = CodeRow::of_caller(
    "price_unknown",
    422,
    "A budget counts money, and what the model costs is not known, so it cannot be held. Choose a model with a price; or let an \
     administrator give the budget a limit of tokens or a ceiling for such models ('unpricedPerMillion') with model_budget_set.",
);

/// Nobody answers.
pub(super) static DOWN: CodeRow = CodeRow {
    name: "provider_down",
    status: 503,
    blame: Blame::Operator,
    retry: Retry::Later,
    mend: "No provider that could answer can be reached or works. The detail tells how each one failed. Try again later, or give the route \
           another candidate with model_route_set.",
};

/// Too many calls for the account at the provider.
pub(super) static BUSY: CodeRow = CodeRow {
    name: "provider_busy",
    status: 503,
    blame: Blame::Operator,
    retry: Retry::Later,
    mend: "The provider takes no more calls for now, or the account there is used up. Wait as long as Retry-After says, or give the \
           route another candidate with model_route_set.",
};

/// Nothing came in time.
pub(super) static SLOW: CodeRow = CodeRow {
    name: "provider_timeout",
    status: 504,
    blame: Blame::Operator,
    retry: Retry::Later,
    mend: "The model did not answer in its time. Try again, or give the route more time with model_route_set.",
};

/// The answer broke off.
pub(super) static BROKEN: CodeRow = CodeRow {
    name: "answer_broken",
    status: 502,
    blame: Blame::Operator,
    retry: Retry::Later,
    mend: "The model's answer broke off or cannot be read. What came before is not the whole answer. Ask again.",
};

/// The content was refused.
pub(super) static REFUSED: CodeRow = CodeRow::of_caller(
    "content_refused",
    422,
    "The provider's filter refused the content. Change what is asked; asking the same again will not help.",
);

/// The provider finds the request wrong.
pub(super) static BAD_REQUEST: CodeRow = CodeRow::of_caller(
    "model_refused_request",
    422,
    "The provider finds the request wrong. The detail has its words. Change what it names.",
);

/// The model cannot do what is asked.
pub(super) static UNSUPPORTED: CodeRow = CodeRow::of_caller(
    "unsupported_by_model",
    422,
    "The model or its provider cannot do what is asked. The detail says what. model_list tells what each model can do.",
);

/// The client's own model is asked for elsewhere than in a call of such a client.
pub(super) static NO_CLIENT: CodeRow = CodeRow::of_caller(
    "client_model_unavailable",
    422,
    "The models 'client/…' are those of the MCP client that makes the call, and this call came from none that has declared the ability \
     'sampling'. Name another model: model_list has them.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[
    &NO_MODEL,
    &UNKNOWN_MODEL,
    &KEY_REFUSED,
    &TOO_LONG,
    &BUDGET_SPENT,
    &PRICE_UNKNOWN,
    &DOWN,
    &BUSY,
    &SLOW,
    &BROKEN,
    &REFUSED,
    &BAD_REQUEST,
    &UNSUPPORTED,
    &NO_CLIENT,
];
