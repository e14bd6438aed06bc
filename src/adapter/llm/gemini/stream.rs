//! Streams of Gemini: answers that each hold what is new. There is no last word: it was whole when a reason to stop was told.

use serde_json::Value;

use super::read::{self, Calls};
use crate::adapter::llm::fault::of_status;
use crate::adapter::llm::language::{Reader, cut_off, unreadable};
use crate::adapter::llm::sse::Event;
use crate::port::models::{Endpoint, ModelFault, ModelFaultKind, Part, Piece, Tokens};

/// Reads answers.
pub(super) struct Candidates {
    model: String,
    started: bool,
    calls: Calls,
    reason: Option<String>,
    tokens: Option<Tokens>,
}

impl Candidates {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self { model: endpoint.model.to_string(), started: false, calls: Calls::default(), reason: None, tokens: None }
    }

    fn tell(&mut self, part: Value, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        let mut parts = Vec::new();
        let number = self.calls.count;
        read::read(part, &mut self.calls, &mut parts)?;
        for part in parts {
            match part {
                Part::Text { text } => pieces.push(Piece::Text { text }),
                Part::Reasoning { text, opaque } => pieces.push(Piece::Reasoning { text, opaque }),
                Part::ToolCall { id, name, arguments, opaque } => {
                    pieces.push(Piece::ToolStart { index: number, id, name, opaque });
                    pieces.push(Piece::ToolArguments { index: number, text: arguments.to_string() });
                }
                Part::Image { .. } | Part::ToolResult { .. } => {}
            }
        }
        Ok(())
    }
}

impl Reader for Candidates {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        let mut body: Value = serde_json::from_str(&event.data).map_err(unreadable)?;
        if body.get("error").is_some() {
            let refusal = super::refusal(200, &body);
            let kind = refusal.kind.unwrap_or(ModelFaultKind::Unavailable);
            let mut fault = of_status(200, &http::HeaderMap::new(), body.to_string().as_bytes(), refusal);
            (fault.kind, fault.status) = (kind, None);
            return Err(fault);
        }
        read::blocked(&body)?;
        if !std::mem::replace(&mut self.started, true) {
            let model = read::text(&body, "modelVersion").unwrap_or_else(|| self.model.clone());
            let id = read::text(&body, "responseId");
            self.calls = Calls::of(id.clone());
            pieces.push(Piece::Start { model, id });
        }
        // Told with each answer as it grows: the last word counts.
        if let Some(tokens) = body.get("usageMetadata").and_then(read::tokens) {
            self.tokens = Some(tokens);
        }
        let Some(candidate) = body.pointer_mut("/candidates/0") else { return Ok(()) };
        if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
            self.reason = Some(reason.to_owned());
        }
        if let Some(Value::Array(parts)) = candidate.pointer_mut("/content/parts").map(Value::take) {
            for part in parts {
                self.tell(part, pieces)?;
            }
        }
        Ok(())
    }

    fn over(&mut self, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        let reason = self.reason.take().ok_or_else(cut_off)?;
        pieces.push(Piece::End { stop: read::stop(&reason, self.calls.count > 0), tokens: self.tokens });
        Ok(())
    }
}
