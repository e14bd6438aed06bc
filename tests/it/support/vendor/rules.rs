//! What a vendor demands of a request. Whoever breaks a rule is refused in the vendor's own words and form, so that a dialect which
//! drops a result, invents a property or forgets its key fails as it would at the vendor.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Came, KEY};

/// Properties that OpenAI takes (`types/chat/completion_create_params`).
const OPENAI: &[&str] = &[
    "messages",
    "model",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
    "stream",
];
/// Those that Anthropic takes (`types/message_create_params`).
const ANTHROPIC: &[&str] = &[
    "max_tokens",
    "messages",
    "model",
    "cache_control",
    "container",
    "diagnostics",
    "inference_geo",
    "metadata",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];
/// Those that Cohere takes (`v2/raw_client`).
const COHERE: &[&str] = &[
    "model",
    "messages",
    "tools",
    "strict_tools",
    "documents",
    "citation_options",
    "response_format",
    "safety_mode",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "logprobs",
    "tool_choice",
    "thinking",
    "priority",
    "stream",
];
/// Those that Gemini takes (`models._GenerateContentParameters_to_mldev`).
const GEMINI: &[&str] = &[
    "contents",
    "tools",
    "toolConfig",
    "safetySettings",
    "systemInstruction",
    "generationConfig",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
];
/// Those of Gemini's `generationConfig`.
const GEMINI_CONFIG: &[&str] = &[
    "candidateCount",
    "stopSequences",
    "responseMimeType",
    "responseModalities",
    "thinkingConfig",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "responseSchema",
    "responseJsonSchema",
    "mediaResolution",
    "speechConfig",
    "imageConfig",
];

/// Whether a stream is asked for.
pub(super) fn streams(came: &Came) -> bool {
    came.body["stream"] == true || came.path.contains(":streamGenerateContent?alt=sse")
}

/// The rule that a request breaks: the status, the kind and the words of the refusal.
pub(super) fn broken(came: &Came) -> Option<(u16, &'static str, String)> {
    let header = |name: &str| came.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (key, kind) = match came.dialect {
        "azure" => (header("api-key"), "invalid_api_key"),
        "anthropic" => (header("x-api-key"), "authentication_error"),
        "gemini" => (header("x-goog-api-key"), "UNAUTHENTICATED"),
        _ => (header("authorization").strip_prefix("Bearer ").unwrap_or_default(), "invalid_api_key"),
    };
    if key != KEY {
        return Some((401, kind, format!("Incorrect API key provided: {key}.")));
    }
    let wrong = match came.dialect {
        "openai" | "azure" => openai(came),
        "anthropic" => anthropic(came, header("anthropic-version")),
        "cohere" => cohere(came),
        _ => gemini(came),
    };
    let kind = match came.dialect {
        "gemini" => "INVALID_ARGUMENT",
        "cohere" => "invalid_request",
        _ => "invalid_request_error",
    };
    wrong.err().map(|say| (400, kind, say))
}

fn openai(came: &Came) -> Result<(), String> {
    if came.path.contains("/embeddings") {
        return only(&came.body, &["model", "input", "encoding_format", "dimensions", "user"]);
    }
    let expected = match came.dialect {
        "azure" => came.path.contains("/openai/deployments/") && came.path.contains("/chat/completions?api-version="),
        _ => came.path == "/openai/v1/chat/completions",
    };
    hold(expected, "Invalid URL")?;
    only(&came.body, OPENAI)?;
    names_model(&came.body)?;
    hold(came.body["stream"] == true || came.body.get("stream_options").is_none(), "stream_options without stream")?;
    let read = |message: &Value| {
        let result = (message["role"] == "tool").then(|| text(&message["tool_call_id"]));
        let calls = list(&message["tool_calls"]).map(|call| {
            // Arguments are a text with JSON in it, whatever the model wrote.
            assert!(call["function"]["arguments"].is_string());
            text(&call["id"])
        });
        (calls.collect(), result.into_iter().collect())
    };
    calls_have_results(list(&came.body["messages"]), read)
}

fn anthropic(came: &Came, version: &str) -> Result<(), String> {
    hold(came.path == "/anthropic/v1/messages", "not found")?;
    hold(version == "2023-06-01", "anthropic-version: header is required")?;
    only(&came.body, ANTHROPIC)?;
    names_model(&came.body)?;
    hold(came.body["max_tokens"].is_u64(), "max_tokens: Field required")?;
    let roles: Vec<String> = list(&came.body["messages"]).map(|message| text(&message["role"])).collect();
    hold(roles.first().is_some_and(|role| role == "user"), "messages: first message must use the \"user\" role")?;
    hold(roles.windows(2).all(|two| two[0] != two[1]), "messages: roles must alternate")?;
    for message in list(&came.body["messages"]) {
        for block in list(&message["content"]) {
            hold(block["type"] != "text" || block["text"] != "", "text content blocks must be non-empty")?;
            hold(block["type"] != "tool_use" || block["input"].is_object(), "tool_use.input: should be an object")?;
            let signed = block["signature"].as_str().is_some_and(|signature| !signature.is_empty());
            hold(block["type"] != "thinking" || signed, "thinking.signature: Field required")?;
        }
        let kinds: Vec<bool> = list(&message["content"]).map(|block| block["type"] == "tool_result").collect();
        hold(kinds.is_sorted_by(|one, two| one >= two), "tool_result blocks must come first")?;
    }
    let read = |message: &Value| {
        let of = |kind: &str, id: &str| -> BTreeSet<String> {
            list(&message["content"]).filter(|block| block["type"] == kind).map(|block| text(&block[id])).collect()
        };
        (of("tool_use", "id"), of("tool_result", "tool_use_id"))
    };
    calls_have_results(list(&came.body["messages"]), read)
}

fn cohere(came: &Came) -> Result<(), String> {
    if came.path == "/cohere/v2/rerank" {
        only(&came.body, &["model", "query", "documents", "top_n", "max_tokens_per_doc"])?;
        names_model(&came.body)?;
        hold(came.body["query"].as_str().is_some_and(|query| !query.is_empty()), "query is required")?;
        let texts = came.body["documents"].as_array().filter(|texts| !texts.is_empty());
        return hold(texts.is_some_and(|texts| texts.iter().all(Value::is_string)), "documents is required");
    }
    if came.path == "/cohere/v2/embed" {
        only(&came.body, &["model", "texts", "input_type", "embedding_types", "output_dimension", "truncate"])?;
        return hold(came.body["input_type"].is_string(), "input_type is required");
    }
    hold(came.path == "/cohere/v2/chat", "not found")?;
    only(&came.body, COHERE)?;
    names_model(&came.body)?;
    let read = |message: &Value| {
        let result = (message["role"] == "tool").then(|| text(&message["tool_call_id"]));
        (list(&message["tool_calls"]).map(|call| text(&call["id"])).collect(), result.into_iter().collect())
    };
    calls_have_results(list(&came.body["messages"]), read)
}

fn gemini(came: &Came) -> Result<(), String> {
    if came.path.contains(":batchEmbedContents") {
        return list(&came.body["requests"])
            .try_for_each(|one| only(one, &["model", "content", "taskType", "outputDimensionality", "title"]));
    }
    hold(came.path.starts_with("/gemini/v1beta/models/"), "not found")?;
    only(&came.body, GEMINI)?;
    if let Some(config) = came.body.get("generationConfig") {
        only(config, GEMINI_CONFIG)?;
    }
    let roles: Vec<String> = list(&came.body["contents"]).map(|content| text(&content["role"])).collect();
    hold(roles.iter().all(|role| role == "user" || role == "model"), "Please use a valid role: user, model.")?;
    hold(roles.windows(2).all(|two| two[0] != two[1]), "turns must alternate")?;
    // A call is told by its function's name, a result as well, and there are as many of these as of those.
    let mut open: Vec<String> = Vec::new();
    for content in list(&came.body["contents"]) {
        let named = |kind: &str| -> Vec<String> {
            list(&content["parts"]).filter_map(|part| part.get(kind)).map(|part| text(&part["name"])).collect()
        };
        hold(
            named("functionResponse") == open,
            "the number of function response parts must equal the number of calls",
        )?;
        open = named("functionCall");
        for response in list(&content["parts"]).filter_map(|part| part.get("functionResponse")) {
            hold(response["response"].is_object(), "function_response.response: should be an object")?;
        }
    }
    Ok(())
}

/// Every result has its call in the turn before, and every call its result before anybody speaks again.
fn calls_have_results<'a>(
    messages: impl Iterator<Item = &'a Value>,
    read: impl Fn(&Value) -> (BTreeSet<String>, BTreeSet<String>),
) -> Result<(), String> {
    let mut open: BTreeSet<String> = BTreeSet::new();
    for message in messages {
        let (calls, results) = read(message);
        for result in &results {
            hold(open.remove(result), &format!("the result of '{result}' has no call before it"))?;
        }
        if results.is_empty() {
            hold(open.is_empty(), &format!("the calls {open:?} have no results"))?;
        }
        open.extend(calls);
    }
    Ok(())
}

fn names_model(body: &Value) -> Result<(), String> {
    hold(body["model"].as_str().is_some_and(|model| !model.is_empty()), "you must provide a model parameter")
}

fn only(body: &Value, known: &[&str]) -> Result<(), String> {
    let body = body.as_object().ok_or("the body is no object")?;
    match body.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("Unrecognized request argument supplied: {name}")),
        None => Ok(()),
    }
}

fn hold(fits: bool, say: &str) -> Result<(), String> {
    if fits { Ok(()) } else { Err(say.to_owned()) }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
