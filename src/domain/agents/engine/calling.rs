//! Calling the tools that a model wants to be called: through the gate, several at once, each fault told to the model so that it
//! can mend its call; and the same call again and again kept from going on for ever.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::asking::Source;
use super::telling::{Item, Teller};
use crate::capability::gate::operation::digest;
use crate::capability::within::Within;
use crate::domain::agents::model::run::CallRecord;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::models::Part;

/// More of an answer is not read to a model.
const MOST_RESULT: usize = 64 << 10;

/// The code of a call that was made too often.
const REPEATED: &str = "repeated_call";
/// The code of a call beyond those that one answer may want.
const TOO_MANY: &str = "too_many_calls";
/// So many calls one answer may want.
const MOST_CALLS: usize = 64;

/// A call that a model wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) tool: String,
    pub(super) input: Value,
}

impl Wanted {
    /// The calls in an answer, in its order.
    pub(super) fn of(parts: &[Part]) -> Vec<Self> {
        let of = |part: &Part| match part {
            Part::ToolCall { id, name, arguments, .. } => {
                Some(Self { id: id.clone(), tool: name.clone(), input: arguments.clone() })
            }
            _ => None,
        };
        parts.iter().filter_map(of).collect()
    }

    fn record(&self, result: String, code: Option<&str>) -> CallRecord {
        CallRecord {
            id: self.id.clone(),
            tool: self.tool.clone(),
            result,
            failed: code.is_some(),
            code: code.map(str::to_owned),
            request_id: None,
            duration_ms: 0,
        }
    }

    /// The record of a call that is not made because it was made too often.
    fn repeated(&self, times: u32) -> CallRecord {
        let say = format!(
            "this was called with the same input {times} times and is not called again: use what it answered, call it otherwise, or answer"
        );
        self.record(json!({ "code": REPEATED, "detail": say }).to_string(), Some(REPEATED))
    }

    /// The record of a call that is not made because the answer wants too many.
    fn beyond(&self) -> CallRecord {
        let say =
            format!("an answer calls {MOST_CALLS} tools at most, and this is one more: call it in the next answer");
        self.record(json!({ "code": TOO_MANY, "detail": say }).to_string(), Some(TOO_MANY))
    }

    /// The record of a call that has not ended.
    pub(super) fn open(&self) -> CallRecord {
        self.record(String::new(), Some(codes::DEADLINE.name))
    }

    /// Makes the call.
    async fn make(&self, within: &Within, teller: &Teller, clock: &dyn Clock) -> CallRecord {
        let (id, tool) = (self.id.clone(), self.tool.clone());
        teller.tell(Item::ToolStarted { id, tool, input: self.input.clone() }).await;
        let began = clock.elapsed();
        let mut record = if self.input.is_object() {
            let called = within.call(&self.tool, self.input.clone()).await;
            let request_id = called.id.to_string();
            let record = match called.result {
                Ok(value) => self.record(cut(value.to_string()), None),
                Err(fault) => self.refused(&fault, &request_id),
            };
            CallRecord { request_id: Some(request_id), ..record }
        } else {
            self.refused(&Fault::bad_input("", "the arguments must be a JSON object"), "")
        };
        let took = clock.elapsed().saturating_sub(began);
        record.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        teller
            .tell(Item::ToolEnded {
                id: self.id.clone(),
                tool: self.tool.clone(),
                failed: record.failed,
                code: record.code.clone(),
                duration_ms: record.duration_ms,
            })
            .await;
        record
    }

    fn refused(&self, fault: &Fault, request_id: &str) -> CallRecord {
        let problem = serde_json::to_string(&fault.problem(request_id)).unwrap_or_else(|_| fault.to_string());
        self.record(cut(problem), Some(fault.code().name))
    }
}

/// What calls are made with.
pub(super) struct Calling<'a> {
    pub(super) source: &'a Source,
    pub(super) within: &'a Within,
    pub(super) teller: &'a Teller,
    pub(super) clock: &'a dyn Clock,
    /// How often the same one is made.
    pub(super) repeats: u32,
}

impl Calling<'_> {
    /// Does with a call what is to become of it; `at` is its place in the answer.
    pub(super) async fn call(&self, at: usize, wanted: &Wanted, verdict: Verdict) -> Result<CallRecord, Fault> {
        match verdict {
            Verdict::Told | Verdict::Ends => Ok(wanted.repeated(self.repeats)),
            Verdict::Beyond => Ok(wanted.beyond()),
            Verdict::Made => match self.source.recorded(at, &wanted.tool) {
                Some(recorded) => recorded,
                None => Ok(wanted.make(self.within, self.teller, self.clock).await),
            },
        }
    }
}

/// Whoever called lost their credential meanwhile: everything that is still to come would be refused.
pub(super) fn is_locked_out(call: &CallRecord) -> bool {
    call.code.as_deref() == Some(codes::KEY_REFUSED.name)
}

/// What is to become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is made.
    Made,
    /// It is not made, and the model is told.
    Told,
    /// It was told before: the run ends.
    Ends,
    /// It is not made, since the answer wants too many; the model is told.
    Beyond,
}

/// Counts equal calls.
pub(super) struct Repeats {
    most: u32,
    seen: HashMap<String, u32>,
}

impl Repeats {
    pub(super) fn new(most: u32) -> Self {
        Self { most, seen: HashMap::new() }
    }

    /// What becomes of the calls of one answer.
    pub(super) fn judge_all(&mut self, wanted: &[Wanted]) -> Vec<Verdict> {
        (0..).zip(wanted).map(|(at, one)| if at < MOST_CALLS { self.judge(one) } else { Verdict::Beyond }).collect()
    }

    fn judge(&mut self, wanted: &Wanted) -> Verdict {
        let times = self.seen.entry(format!("{}\n{}", wanted.tool, digest(&wanted.input))).or_default();
        *times += 1;
        match *times {
            times if times <= self.most => Verdict::Made,
            times if times == self.most + 1 => Verdict::Told,
            _ => Verdict::Ends,
        }
    }
}

/// A text as far as a model reads it.
fn cut(mut text: String) -> String {
    if text.len() <= MOST_RESULT {
        return text;
    }
    let all = text.len();
    text.truncate(text.floor_char_boundary(MOST_RESULT));
    text + &format!("\n… (cut after {MOST_RESULT} of {all} bytes: ask for less)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_call_is_told_once_and_then_ends_the_run() {
        let wanted = |input| Wanted { id: "1".to_owned(), tool: "look".to_owned(), input };
        let mut repeats = Repeats::new(2);
        let same = || wanted(json!({ "a": 1, "b": 2 }));
        let verdicts: Vec<Verdict> = (0..4).map(|_| repeats.judge(&same())).collect();
        assert_eq!(verdicts, [Verdict::Made, Verdict::Made, Verdict::Told, Verdict::Ends]);
        // The order of properties makes no other call, another value does.
        assert_eq!(repeats.judge(&wanted(json!({ "b": 2, "a": 1 }))), Verdict::Ends);
        assert_eq!(repeats.judge(&wanted(json!({ "a": 2 }))), Verdict::Made);
    }

    #[test]
    fn a_long_answer_is_cut_and_says_so() {
        let told = cut("é".repeat(MOST_RESULT));
        assert!(told.len() < MOST_RESULT + 100 && told.ends_with("ask for less)"));
        assert_eq!(cut("short".to_owned()), "short");
    }
}
