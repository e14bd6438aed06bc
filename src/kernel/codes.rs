//! The table of fault codes that every domain shares. A domain adds its own rows beside its faults; a code's wire name,
//! status and advice are said here or there once and read by every door.

/// One kind of fault, as the world sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// The name on the wire: `snake_case`, never changed once released.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Who can mend it.
    pub blame: Blame,
    /// Whether the same call may succeed later.
    pub retry: Retry,
    /// What it means and how to mend it, in one or two sentences.
    pub mend: &'static str,
}

/// A fault code: a row of the table.
pub type Code = &'static CodeRow;

/// Who can mend a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The caller, by another call.
    Caller,
    /// The operator, by configuration or room.
    Operator,
    /// The program itself.
    Program,
}

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// No: the call must change.
    Never,
    /// Yes, after a wait.
    Later,
    /// Yes, at once after reading the present state.
    AfterReading,
}

const fn caller(name: &'static str, status: u16, mend: &'static str) -> CodeRow {
    CodeRow { name, status, blame: Blame::Caller, retry: Retry::Never, mend }
}

impl CodeRow {
    /// A code for what the caller must mend by another call.
    #[must_use]
    pub const fn of_caller(name: &'static str, status: u16, mend: &'static str) -> Self {
        caller(name, status, mend)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $row:expr;)*) => {
        $($(#[$doc])* pub static $name: CodeRow = $row;)*
        /// Every code of this file, in the order of the table.
        pub static ALL: &[Code] = &[$(&$name),*];
    };
}

codes! {
    /// The bytes are not JSON or the envelope is not of the protocol.
    MALFORMED = caller("malformed", 400, "The request could not be read. Send valid JSON of the documented form.");
    /// The input does not fit the schema.
    BAD_INPUT = caller("bad_input", 400, "The input does not fit the tool's schema. Each violation names its place by JSON pointer and says how to mend it.");
    /// The page token was not made by this server for this list.
    BAD_PAGE_TOKEN = caller("bad_page_token", 400, "The page token is not one that this list gave out. Start again without a token.");
    /// The request state was altered, is of another call or is too old.
    BAD_REQUEST_STATE = caller("bad_request_state", 400, "The request state is not one that this server gave for this call, or it has expired. Call again without it.");
    /// The filter cannot be used.
    BAD_FILTER = caller("bad_filter", 400, "The filter names a field or a comparison that this list does not have.");
    /// A calendar does not open within the time that is looked through.
    CALENDAR_NEVER_OPEN = caller("calendar_never_open", 422, "The business calendar does not open soon enough for what is asked. Give it hours on some day of the week, and fewer holidays, or ask for less time.");
    /// What is asked for would be found only by looking through too much.
    TOO_BROAD = caller("too_broad", 422, "Too much would have to be looked through to answer. Narrow the call: name a shorter period with 'from' and 'to', or fewer or other filters.");
    /// No credential, or one that is not valid.
    UNAUTHENTICATED = caller("unauthenticated", 401, "Send a valid key as 'Authorization: Bearer cvk_…'. A lost administrator key is replaced by 'convoke keys reset' on the server's machine.");
    /// The credential is known and has run out or was revoked.
    KEY_REFUSED = caller("key_refused", 401, "The key has expired, was revoked or is used up. Ask an administrator for a new one.");
    /// The caller lacks the permission.
    FORBIDDEN = caller("forbidden", 403, "The caller's roles or key do not give the permission that the detail names. Ask an administrator for it.");
    /// The agent that acts for the caller is not allowed the tool.
    TOOL_NOT_ALLOWED = caller("tool_not_allowed", 403, "The agent that acts here may not use this tool: its allowance does not name it, or not what it does to the world; secrets and streams are for no agent. Use another tool, or let the agent's owner widen 'tools' with agent_update.");
    /// The caller named a tenant that is not theirs.
    WRONG_TENANT = caller("wrong_tenant", 403, "The tenant named is not the caller's. Leave the tenant header out or use a key of that tenant.");
    /// A wrong Host or Origin header.
    WRONG_ORIGIN = caller("wrong_origin", 403, "The Host or Origin header is not allowed. Add it to the server's allowed hosts or origins.");
    /// Nothing of that name or id that the caller may see.
    NOT_FOUND = caller("not_found", 404, "There is nothing of that id that the caller may see.");
    /// No tool of that name that the caller may see.
    UNKNOWN_TOOL = caller("unknown_tool", 404, "There is no tool of that name that the caller may use. Find the right name with tool_search.");
    /// The path exists with other methods.
    METHOD_NOT_ALLOWED = caller("method_not_allowed", 405, "The path does not take this method. The Allow header lists those that it takes.");
    /// None of the offered media types can be served.
    NOT_ACCEPTABLE = caller("not_acceptable", 406, "The Accept header leaves no form in which the answer could be given. Accept application/json.");
    /// The request did not come in within its time.
    SLOW_REQUEST = CodeRow { name: "slow_request", status: 408, blame: Blame::Caller, retry: Retry::Later, mend: "The request did not come in within its time. Send it again, faster." };
    /// The same idempotency key is running.
    IN_FLIGHT = CodeRow { name: "in_flight", status: 409, blame: Blame::Caller, retry: Retry::Later, mend: "A call with this idempotency key is still running. Ask again shortly." };
    /// The same idempotency key was used with another input.
    KEY_REUSED = caller("idempotency_key_reused", 422, "The idempotency key was used before with another input. Use a new key for a new call.");
    /// Something changed since it was read.
    CONFLICT = CodeRow { name: "conflict", status: 409, blame: Blame::Caller, retry: Retry::AfterReading, mend: "What the call builds on has changed meanwhile. Read it again and repeat the call." };
    /// Something of that unique name or key exists.
    ALREADY_EXISTS = caller("already_exists", 409, "Something with the same unique value exists already.");
    /// If-Match named another revision.
    PRECONDITION_FAILED = CodeRow { name: "precondition_failed", status: 412, blame: Blame::Caller, retry: Retry::AfterReading, mend: "The resource has another revision than If-Match names. Read it again and repeat the call." };
    /// The body is larger than allowed.
    TOO_LARGE = caller("too_large", 413, "The request is larger than the server takes. Send less, or ask the operator to raise the limit.");
    /// What is to be kept is larger than allowed.
    KEPT_TOO_LARGE = caller("kept_too_large", 422, "What this would be kept as is larger than it may be; the message says how large it may. Keep what is large elsewhere, such as in documents or memories, and hand on its id.");
    /// The path and query are longer than allowed.
    TARGET_TOO_LONG = caller("target_too_long", 414, "The path and query are longer than the server takes. Send long inputs in the body of a POST.");
    /// The headers are larger than allowed.
    HEAD_TOO_LARGE = caller("head_too_large", 431, "The headers are more or longer than the server takes. Leave out what this server does not need, such as cookies.");
    /// The body has a media type that cannot be read.
    UNSUPPORTED_MEDIA = caller("unsupported_media", 415, "Send the body as application/json.");
    /// The path speaks another protocol than was spoken to it.
    UPGRADE_REQUIRED = caller("upgrade_required", 426, "This path is a WebSocket. Connect by GET over HTTP/1.1 with 'Connection: upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13' and a key.");
    /// More is needed from the caller before the call can go on.
    INPUT_REQUIRED = caller("input_required", 422, "The call needs an answer before it can go on. Call again with the answers to the questions in the detail and the given request state.");
    /// The call runs only as a task, and the caller cannot follow one here.
    TASK_REQUIRED = caller("task_required", 422, "The call takes too long to be answered at once. Make it as a task: by an MCP client with the tasks extension, or over REST with 'Prefer: respond-async'.");
    /// A person must approve first.
    APPROVAL_REQUIRED = caller("approval_required", 403, "A person must approve this call before it runs.");
    /// Too many calls.
    RATE_LIMITED = CodeRow { name: "rate_limited", status: 429, blame: Blame::Caller, retry: Retry::Later, mend: "Too many calls. Wait as long as Retry-After says." };
    /// The caller went away or called it off.
    CANCELLED = caller("cancelled", 499, "The caller cancelled the call.");
    /// A fault of the program; the log has the cause under the request id.
    INTERNAL = CodeRow { name: "internal", status: 500, blame: Blame::Program, retry: Retry::Later, mend: "The server failed. The operator finds the cause in the log under the request id." };
    /// The ability is there and needs something that is not configured.
    NOT_CONFIGURED = CodeRow { name: "not_configured", status: 501, blame: Blame::Operator, retry: Retry::Never, mend: "The ability needs something that is not configured. The detail says what and how." };
    /// A backend cannot be reached.
    UNAVAILABLE = CodeRow { name: "unavailable", status: 503, blame: Blame::Operator, retry: Retry::Later, mend: "A backend cannot be reached or the server is stopping. Try again shortly." };
    /// The deadline passed.
    DEADLINE = CodeRow { name: "deadline_exceeded", status: 504, blame: Blame::Caller, retry: Retry::Later, mend: "The call did not end within its deadline. Ask for less, or run it as a task." };
    /// The call reached outside and its outcome was lost.
    OUTCOME_UNKNOWN = CodeRow { name: "outcome_unknown", status: 500, blame: Blame::Program, retry: Retry::Never, mend: "The server stopped while the call was reaching outside. Look at what it touched before calling again." };
    /// The disk is full.
    STORAGE_FULL = CodeRow { name: "storage_full", status: 507, blame: Blame::Operator, retry: Retry::Later, mend: "The store has no room left. Nothing of the call was kept. Try again when the operator has made room." };
    /// The configuration cannot be used.
    BAD_CONFIGURATION = CodeRow { name: "bad_configuration", status: 500, blame: Blame::Operator, retry: Retry::Never, mend: "The configuration cannot be used. The detail names each key, where its value comes from and how to mend it; 'convoke check' reads it again." };
    /// Another process owns the data folder and cannot be gone through.
    OWNED = CodeRow { name: "owned_elsewhere", status: 503, blame: Blame::Operator, retry: Retry::Later, mend: "Another process owns the data folder. Stop it, reach it over its own door, or name another folder with --data." };
}
