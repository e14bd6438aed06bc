//! The log: lines on standard error as text or JSON, and the recent ones in a ring for `system_logs`. Standard output stays
//! untouched: it belongs to the protocol. Every line is redacted before it goes anywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, Registry};

use crate::config::logging::Logging;
use crate::domain::system::{LogLevel, LogLine, LogRing};
use crate::kernel::clock::{Clock, SystemClock};
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::redact::{MASK, is_secret_name, redact};

/// The library of the protocol, as its lines name it.
const PROTOCOL: &str = "rmcp";

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// Not at all: only the ring has them.
    Quiet,
}

/// Starts logging for the whole program; once, at its start.
///
/// # Errors
/// `bad_input` for a level or a form that does not exist; when logging was started before.
pub fn init(logging: &Logging) -> Result<Arc<LogRing>, Fault> {
    let form = form_of(logging)?;
    let ring = Arc::new(LogRing::new(logging.recent_lines));
    let subscriber = subscriber(logging, form, ring.clone(), Arc::new(SystemClock))?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Fault::internal("logging was started before"))?;
    Ok(ring)
}

/// What `init` installs, for those who install it for a part of the program only.
///
/// # Errors
/// `bad_input` for a level that does not exist.
pub fn subscriber(
    logging: &Logging,
    form: Form,
    ring: Arc<LogRing>,
    clock: Arc<dyn Clock>,
) -> Result<impl Subscriber + Send + Sync + use<>, Fault> {
    let asked = EnvFilter::builder()
        .parse(format!("{PROTOCOL}=error,{}", logging.level))
        .map_err(|error| Fault::bad_input("/logging/level", format!("is not a level: {error}")))?;
    let lines = Lines { form, ring, clock };
    Ok(Registry::default().with(lines.with_filter(asked.and(filter_fn(may_be_logged)))))
}

/// The protocol's library logs whole requests below warnings, and requests hold what is nobody's business: that is never
/// logged, whatever level is asked for.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN || !metadata.target().starts_with(PROTOCOL)
}

fn form_of(logging: &Logging) -> Result<Form, Fault> {
    match logging.format.as_str() {
        "text" => Ok(Form::Text),
        "json" => Ok(Form::Json),
        other => Err(Fault::bad_input("/logging/format", format!("'{other}' is neither text nor json"))),
    }
}

/// Makes a line of every event.
struct Lines {
    form: Form,
    ring: Arc<LogRing>,
    clock: Arc<dyn Clock>,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut collected = Collected::default();
        event.record(&mut collected);
        let call = Current::get();
        if let Some(trace) = call.and_then(|call| call.trace) {
            collected.fields.insert("trace_id".to_owned(), trace.trace_id());
        }
        let line = Arc::new(LogLine {
            at: self.clock.now(),
            level: level_of(*event.metadata().level()),
            target: event.metadata().target().to_owned(),
            message: collected.message,
            request_id: collected
                .request_id
                .or_else(|| call.and_then(|call| call.request).map(|request| request.to_string())),
            fields: collected.fields,
        });
        self.write(&line);
        self.ring.push(line);
    }
}

impl Lines {
    fn write(&self, line: &LogLine) {
        let text = match self.form {
            Form::Quiet => return,
            Form::Json => serde_json::to_string(line).unwrap_or_default(),
            Form::Text => text_of(line),
        };
        // Where nobody reads standard error any more, the program goes on without it.
        let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
    }
}

fn text_of(line: &LogLine) -> String {
    use fmt::Write as _;
    let mut text = format!("{} {:5} {}: {}", line.at, line.level.name(), line.target, line.message);
    let request = line.request_id.iter().map(|id| ("request_id", id.as_str()));
    for (name, value) in line.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(request) {
        let _ = write!(text, " {name}={value}");
    }
    // One event is one line, whatever it says.
    text.replace('\n', "\\n").replace('\r', "\\r")
}

const fn level_of(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// The fields of an event or a span, redacted.
#[derive(Default)]
struct Collected {
    message: String,
    request_id: Option<String>,
    fields: BTreeMap<String, String>,
}

impl Collected {
    fn take(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = redact(value).into_owned(),
            "request_id" => self.request_id = Some(redact(value).into_owned()),
            name => {
                let shown = if is_secret_name(name) { MASK.to_owned() } else { redact(value).into_owned() };
                self.fields.insert(name.to_owned(), shown);
            }
        }
    }
}

impl Visit for Collected {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::system::LineFilter;
    use futures::FutureExt as _;

    use crate::kernel::clock::ManualClock;
    use crate::kernel::id::CallId;
    use crate::kernel::time::Timestamp;
    use crate::kernel::trace::TraceContext;

    fn logging(level: &str) -> Logging {
        Logging { level: level.to_owned(), format: "text".to_owned(), recent_lines: 3 }
    }

    fn lines_of(level: &str, log: impl FnOnce()) -> Vec<LogLine> {
        let ring = Arc::new(LogRing::new(3));
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_763_640_000_000)));
        let subscriber = subscriber(&logging(level), Form::Quiet, ring.clone(), clock).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        ring.read(&LineFilter::default(), 10).into_iter().map(|(_, line)| (*line).clone()).collect()
    }

    #[test]
    fn keeps_the_recent_lines_newest_first() {
        let lines = lines_of("info", || {
            for number in 0..5 {
                tracing::info!(number, "line");
            }
            tracing::debug!("not asked for");
        });
        let numbers: Vec<_> = lines.iter().map(|line| line.fields["number"].as_str()).collect();
        assert_eq!(numbers, ["4", "3", "2"]);
    }

    #[test]
    fn redacts_messages_and_fields_and_knows_the_request() {
        let lines = lines_of("info", || {
            tracing::warn!(request_id = "r-1", password = "hunter2", url = "http://a:b@c/", "key cvk_abcdefgh refused");
            tracing::error!(request_id = %"r-2", "second\nline");
        });
        let [second, first] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(first.message, "key cvk_*** refused");
        assert_eq!((first.fields["password"].as_str(), first.fields["url"].as_str()), ("***", "http://a:***@c/"));
        assert_eq!((first.request_id.as_deref(), second.request_id.as_deref()), (Some("r-1"), Some("r-2")));
        assert_eq!(
            text_of(second),
            "2025-11-20T12:00:00.000Z ERROR convoke::runtime::logging::tests: second\\nline request_id=r-2"
        );
    }

    #[test]
    fn what_a_call_logs_has_its_request_and_trace() {
        let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let request = CallId::new(Timestamp::from_millis(1_763_640_000_000));
        let within = async || tracing::warn!("within");
        let lines = lines_of("info", || {
            Current { request: Some(request), trace }.over(within()).now_or_never().unwrap();
            tracing::warn!("outside");
        });
        let [outside, within] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(within.request_id, Some(request.to_string()));
        assert_eq!(within.fields["trace_id"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((&outside.request_id, outside.fields.len()), (&None, 0));
    }

    #[test]
    fn never_shows_what_the_library_of_the_protocol_says_of_requests() {
        let log = || {
            tracing::debug!(target: "rmcp::service", "a whole request");
            tracing::warn!(target: "rmcp::service", "a warning");
            tracing::error!(target: "rmcp::service", "a fault");
        };
        let messages = |level| lines_of(level, log).into_iter().map(|line| line.message).collect::<Vec<_>>();
        assert_eq!(messages("info"), ["a fault"]);
        assert_eq!(messages("debug,rmcp=trace"), ["a fault", "a warning"]);
    }

    #[test]
    fn refuses_levels_and_forms_that_do_not_exist() {
        let ring = Arc::new(LogRing::new(1));
        assert!(subscriber(&logging("a=b=c"), Form::Quiet, ring, Arc::new(SystemClock)).is_err());
        assert!(form_of(&Logging { format: "xml".to_owned(), ..logging("info") }).is_err());
    }
}
