//! What telemetry is told of calls of models, by OpenTelemetry's conventions for generative AI: every name stands here. A span for each
//! call of a vendor; histograms of how long they took and of tokens. What was said is told only where the operator wants it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::models::model::call::Manner;
use crate::port::models::{ChatRequest, Message, Part, Role};

pub(crate) const OPERATION: &str = "gen_ai.operation.name";
pub(crate) const PROVIDER: &str = "gen_ai.provider.name";
pub(crate) const REQUEST_MODEL: &str = "gen_ai.request.model";
pub(crate) const REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
pub(crate) const REQUEST_TEMPERATURE: &str = "gen_ai.request.temperature";
pub(crate) const REQUEST_TOP_P: &str = "gen_ai.request.top_p";
pub(crate) const REQUEST_SEED: &str = "gen_ai.request.seed";
pub(crate) const REQUEST_STOP: &str = "gen_ai.request.stop_sequences";
pub(crate) const OUTPUT_TYPE: &str = "gen_ai.output.type";
pub(crate) const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub(crate) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(crate) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(crate) const CACHED_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(crate) const CACHE_WRITTEN_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
pub(crate) const AGENT: &str = "gen_ai.agent.name";
pub(crate) const CONVERSATION: &str = "gen_ai.conversation.id";
pub(crate) const INPUT_MESSAGES: &str = "gen_ai.input.messages";
pub(crate) const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
pub(crate) const SERVER: &str = "server.address";
pub(crate) const ERROR: &str = "error.type";
const TOKEN_TYPE: &str = "gen_ai.token.type";
const DURATION: &str = "gen_ai.client.operation.duration";
const FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";
const TOKENS: &str = "gen_ai.client.token.usage";

/// The bounds that the conventions name.
const SECONDS: [f64; 14] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const COUNTS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Series that are kept; what comes beyond is not told.
const MOST_SERIES: usize = 2_000;

/// The conventions' name of what was asked.
pub(crate) const fn operation(manner: Manner) -> &'static str {
    match manner {
        Manner::Complete | Manner::Stream => "chat",
        Manner::Embed => "embeddings",
        Manner::Rerank => "rerank",
    }
}

/// The conventions' name of a provider, where they have one; else its own.
pub(crate) fn provider(name: &str) -> &str {
    match name {
        "anthropic" | "cohere" | "groq" | "openai" | "deepseek" | "perplexity" => name,
        "azure-openai" => "azure.ai.openai",
        "gemini" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        other => other,
    }
}

/// The conventions' word for why a model stopped.
pub(crate) fn finish(stop: &str) -> &str {
    match stop {
        "end" | "stop_text" => "stop",
        "refused" => "content_filter",
        other => other,
    }
}

/// One call, as it is measured.
pub(crate) struct Measured<'a> {
    pub(crate) manner: Manner,
    pub(crate) provider: &'a str,
    /// The model, as the provider names it.
    pub(crate) model: &'a str,
    pub(crate) took: Duration,
    pub(crate) first: Option<Duration>,
    pub(crate) fault: Option<&'a str>,
    pub(crate) input: u64,
    pub(crate) output: u64,
}

/// A histogram as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What tells it from others of the name.
    pub attributes: Vec<(&'static str, String)>,
    /// The upper bounds.
    pub bounds: &'static [f64],
    /// How many fell below each, and above the last.
    pub buckets: Vec<u64>,
    /// All together.
    pub sum: f64,
}

/// What tells a series from others: its name and attributes.
type Series = (&'static str, Vec<(&'static str, String)>);

/// How many fell below each bound, and all together.
type Counted = (Vec<u64>, f64);

/// The histograms.
#[derive(Default)]
pub(crate) struct Measures(Mutex<BTreeMap<Series, Counted>>);

impl Measures {
    /// Measures a call.
    pub(crate) fn add(&self, call: &Measured<'_>) {
        let mut of = vec![
            (OPERATION, operation(call.manner).to_owned()),
            (PROVIDER, provider(call.provider).to_owned()),
            (REQUEST_MODEL, call.model.to_owned()),
        ];
        if let (None, Some(first), Manner::Stream) = (call.fault, call.first, call.manner) {
            self.count(FIRST_CHUNK, of.clone(), &SECONDS, first.as_secs_f64());
        }
        for (kind, tokens) in [("input", call.input), ("output", call.output)] {
            if tokens > 0 {
                let mut of = of.clone();
                of.push((TOKEN_TYPE, kind.to_owned()));
                #[expect(clippy::cast_precision_loss, reason = "tokens are far below 2^52")]
                self.count(TOKENS, of, &COUNTS, tokens as f64);
            }
        }
        of.extend(call.fault.map(|fault| (ERROR, fault.to_owned())));
        self.count(DURATION, of, &SECONDS, call.took.as_secs_f64());
    }

    fn count(&self, name: &'static str, of: Vec<(&'static str, String)>, bounds: &[f64], value: f64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name, of);
        if all.len() >= MOST_SERIES && !all.contains_key(&key) {
            return;
        }
        let (buckets, sum) = all.entry(key).or_insert_with(|| (vec![0; bounds.len() + 1], 0.0));
        if let Some(bucket) = buckets.get_mut(bounds.partition_point(|bound| *bound < value)) {
            *bucket += 1;
        }
        *sum += value;
    }

    /// All of them, as they stand.
    pub(crate) fn read(&self) -> Vec<Histogram> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |((name, attributes), (buckets, sum)): (&Series, &Counted)| Histogram {
            name,
            unit: if *name == TOKENS { "{token}" } else { "s" },
            attributes: attributes.clone(),
            bounds: if *name == TOKENS { &COUNTS } else { &SECONDS },
            buckets: buckets.clone(),
            sum: *sum,
        };
        all.iter().map(of).collect()
    }
}

/// What was said to a model, as the conventions write it.
pub(crate) fn input(request: &ChatRequest) -> String {
    request.messages.iter().map(message).collect::<Value>().to_string()
}

/// What a model wrote, as the conventions write it.
pub(crate) fn output(text: &str, stop: Option<&str>) -> String {
    let parts = json!([{ "type": "text", "content": text }]);
    json!([{ "role": "assistant", "parts": parts, "finish_reason": stop.map_or("error", finish) }]).to_string()
}

fn message(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let part = |part: &Part| match part {
        Part::Text { text } => json!({ "type": "text", "content": text }),
        Part::Image { url } if url.starts_with("data:") => json!({ "type": "blob", "modality": "image" }),
        Part::Image { url } => json!({ "type": "uri", "modality": "image", "uri": url }),
        Part::ToolCall { id, name, arguments, .. } => {
            json!({ "type": "tool_call", "id": id, "name": name, "arguments": arguments })
        }
        Part::ToolResult { id, text, .. } => json!({ "type": "tool_call_response", "id": id, "response": text }),
        Part::Reasoning { text, .. } => json!({ "type": "reasoning", "content": text }),
    };
    json!({ "role": role, "parts": message.parts.iter().map(part).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_measured_by_what_was_asked_of_whom_and_how_it_ended() {
        let measures = Measures::default();
        let mut call = Measured {
            manner: Manner::Stream,
            provider: "gemini",
            model: "flash",
            took: Duration::from_millis(30),
            first: Some(Duration::from_millis(15)),
            fault: None,
            input: 5,
            output: 300,
        };
        measures.add(&call);
        measures.add(&call);
        call = Measured { fault: Some("provider_down"), input: 0, output: 0, first: None, ..call };
        measures.add(&call);
        let read = measures.read();
        let find = |name: &str, of: (&'static str, &str)| {
            let has = |one: &&Histogram| one.attributes.iter().any(|(name, value)| (*name, &**value) == of);
            read.iter().filter(|one| one.name == name).find(has).unwrap()
        };
        assert_eq!(read.len(), 5);
        assert!(read.iter().all(|one| one.attributes.contains(&(PROVIDER, "gcp.gemini".to_owned()))));
        let tokens = find(TOKENS, (TOKEN_TYPE, "output"));
        assert_eq!((tokens.buckets[5], tokens.sum, tokens.unit), (2, 600.0, "{token}"));
        assert_eq!(find(FIRST_CHUNK, (OPERATION, "chat")).buckets[1], 2);
        assert_eq!(find(DURATION, (ERROR, "provider_down")).buckets[2], 1);
    }
}
