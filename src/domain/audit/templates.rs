//! The templates of compliance reports: which controls a framework has that the log can speak of, what it says of each, and
//! how that reads as Markdown and HTML. What the log cannot show is said to be so.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::engine::verify::Verified;
use super::erasure::{Erasure, State};
use super::policy::Policy;
use super::report::{Deed, Material};
use crate::kernel::id::CallId;
use crate::kernel::time::Timestamp;

/// A framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Template {
    /// The General Data Protection Regulation.
    Gdpr,
    /// The Trust Services Criteria of SOC 2.
    Soc2,
    /// The Security Rule of HIPAA.
    Hipaa,
}

/// How the document is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// There is none.
    #[default]
    Json,
    /// Markdown.
    Markdown,
    /// HTML, a whole page.
    Html,
}

/// A report.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The framework.
    template: Template,
    /// Its name in full.
    title: String,
    /// The beginning of the period.
    from: Timestamp,
    /// Its end.
    to: Timestamp,
    /// When the report was made.
    generated_at: Timestamp,
    /// Entries of the period, those that are there as summaries only included.
    entries: u64,
    /// Of these, such as are there as summaries only.
    summarised: u64,
    /// People who did something.
    actors: u64,
    /// Controls that fit of those that the log can judge, in percent.
    score: u8,
    /// Control by control.
    controls: Vec<Control>,
    /// The most frequent actions.
    actions: Vec<ActionCount>,
    /// Requests for erasure that were made or carried out in the period.
    erasures: Vec<Erasure>,
    /// The newest signed checkpoint of the log, to verify the report's evidence against.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
}

/// A control.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Control {
    /// Its number in the framework.
    #[serde(rename = "control")]
    number: &'static str,
    /// What it demands.
    title: &'static str,
    /// How it stands.
    status: Status,
    /// What the log says.
    finding: String,
    /// Entries that show it, newest first: `audit_query` and `audit_verify` find them by the request id.
    evidence: Vec<Evidence>,
}

/// How a control stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// The log shows that it is kept.
    Fits,
    /// The log shows something that must be looked at.
    Look,
    /// The figures are here; whether they are as they should be is for a person to judge.
    Judge,
}

/// An entry that shows something.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Evidence {
    /// When.
    timestamp: Timestamp,
    /// What.
    action: String,
    /// The call.
    request_id: CallId,
}

/// How often something was done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ActionCount {
    /// What.
    action: String,
    /// How often.
    entries: u64,
}

/// What a report is filled from.
pub(super) struct Facts<'a> {
    pub(super) template: Template,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) now: Timestamp,
    pub(super) material: &'a Material,
    pub(super) policy: &'a Policy,
    pub(super) verified: &'a Verified,
    pub(super) checkpoint: Option<String>,
}

/// What a control is judged by.
#[derive(Debug, Clone, Copy)]
enum Topic {
    Records,
    Integrity,
    Erasure,
    Retention,
    Sealing,
    Accounts,
    Rights,
    Keys,
    Removals,
    Installation,
    Unknown,
}

/// The controls of a framework that the log can speak of.
const fn controls(template: Template) -> &'static [(&'static str, &'static str, Topic)] {
    match template {
        Template::Gdpr => &[
            ("Art. 5(1)(e)", "Storage limitation", Topic::Retention),
            ("Art. 5(1)(f)", "Integrity of processing records", Topic::Integrity),
            ("Art. 5(2)", "Accountability: what was done is recorded", Topic::Records),
            ("Art. 17", "Right to erasure", Topic::Erasure),
            ("Art. 25", "Data protection by design: personal data in the log lies encrypted", Topic::Sealing),
            ("Art. 32(1)(b)", "Confidentiality: who was given or lost rights", Topic::Rights),
            ("Art. 32(1)(c)", "Availability: care of the installation", Topic::Installation),
            ("Art. 33", "Incidents: calls whose outcome is not known", Topic::Unknown),
        ],
        Template::Soc2 => &[
            ("CC6.1", "Logical access: keys", Topic::Keys),
            ("CC6.2", "Registration and removal of users", Topic::Accounts),
            ("CC6.3", "Access is given, changed and taken by role", Topic::Rights),
            ("CC6.5", "Disposal of data", Topic::Removals),
            ("CC7.2", "Monitoring: what was done is recorded", Topic::Records),
            ("CC7.3", "Events are evaluated: calls whose outcome is not known", Topic::Unknown),
            ("CC8.1", "Changes of the installation", Topic::Installation),
            ("PI1.5", "Records are kept whole and unaltered", Topic::Integrity),
            ("C1.2", "Confidential information is disposed of in time", Topic::Retention),
        ],
        Template::Hipaa => &[
            ("164.308(a)(1)(ii)(D)", "Review of activity in the information system", Topic::Records),
            ("164.308(a)(3)", "Workforce security: accounts", Topic::Accounts),
            ("164.308(a)(4)", "Management of access to information", Topic::Rights),
            ("164.308(a)(6)", "Incidents: calls whose outcome is not known", Topic::Unknown),
            ("164.308(a)(7)", "Contingency: backups and care of the installation", Topic::Installation),
            ("164.312(a)(2)(iv)", "Encryption of what the log says of people", Topic::Sealing),
            ("164.312(b)", "Audit controls are kept whole and unaltered", Topic::Integrity),
            ("164.312(d)", "Authentication: keys", Topic::Keys),
            ("164.316(b)(2)(i)", "Records are kept for six years", Topic::Retention),
        ],
    }
}

const fn title(template: Template) -> &'static str {
    match template {
        Template::Gdpr => "GDPR report",
        Template::Soc2 => "SOC 2 report (Trust Services Criteria)",
        Template::Hipaa => "HIPAA report (Security Rule)",
    }
}

/// Fills a template.
pub(super) fn fill(facts: Facts<'_>) -> Report {
    let controls: Vec<Control> = controls(facts.template)
        .iter()
        .map(|(number, title, topic)| {
            let (status, finding, deed) = judge(*topic, &facts);
            let named = deed.map(|deed| facts.material.of(deed).named).unwrap_or_default();
            let evidence =
                named.into_iter().map(|(timestamp, action, request_id)| Evidence { timestamp, action, request_id });
            Control { number, title, status, finding, evidence: evidence.collect() }
        })
        .collect();
    let judged = controls.iter().filter(|control| control.status != Status::Judge).count();
    let fits = controls.iter().filter(|control| control.status == Status::Fits).count();
    let score = (fits * 100).checked_div(judged).unwrap_or(100);
    let mut actions: Vec<ActionCount> = facts
        .material
        .actions
        .iter()
        .map(|(action, entries)| ActionCount { action: action.clone(), entries: *entries })
        .collect();
    actions.sort_by(|one, other| other.entries.cmp(&one.entries).then_with(|| one.action.cmp(&other.action)));
    actions.truncate(20);
    Report {
        template: facts.template,
        title: title(facts.template).to_owned(),
        from: facts.from,
        to: facts.to,
        generated_at: facts.now,
        entries: facts.material.entries + facts.material.summarised,
        summarised: facts.material.summarised,
        actors: u64::try_from(facts.material.actors.len()).unwrap_or(u64::MAX),
        score: u8::try_from(score).unwrap_or(100),
        controls,
        actions,
        erasures: facts.material.erasures.clone(),
        checkpoint: facts.checkpoint,
    }
}

/// How a control stands, what the log says of it, and the deeds that show it.
fn judge(topic: Topic, facts: &Facts<'_>) -> (Status, String, Option<Deed>) {
    let material = facts.material;
    let told = |deed: Deed, what: &str| {
        let count = material.of(deed);
        let finding = format!("{} {what} by {}.", count.entries, people(count.actors.len()));
        (Status::Judge, finding, Some(deed))
    };
    match topic {
        Topic::Records => {
            let finding = format!(
                "{} entries by {}, {} of them kept as evidence of compliance; {} are there as summaries only. Every \
                 write of the platform leaves an entry in the same commit.",
                material.entries + material.summarised,
                people(material.actors.len()),
                material.evidence,
                material.summarised
            );
            (Status::Fits, finding, None)
        }
        Topic::Integrity => integrity(facts.verified),
        Topic::Erasure => erasure(material, facts.now),
        Topic::Retention => retention(facts),
        Topic::Sealing => {
            let finding = format!(
                "{} of {} entries of the period hold personal data, encrypted under a key for each person; the others hold \
                 none but ids.",
                material.sealed, material.entries
            );
            (Status::Fits, finding, None)
        }
        Topic::Accounts => told(Deed::Accounts, "changes of accounts"),
        Topic::Rights => told(Deed::Rights, "changes of roles and of who holds them"),
        Topic::Keys => told(Deed::Keys, "keys made, revoked or reset"),
        Topic::Removals => told(Deed::Removals, "removals"),
        Topic::Installation => told(Deed::Installation, "acts of care of the installation"),
        Topic::Unknown => {
            let count = material.of(Deed::Unknown);
            if count.entries == 0 {
                return (Status::Fits, "Of every call it is known how it ended.".to_owned(), None);
            }
            let finding = format!("Of {} calls it is not known how they ended: look at each.", count.entries);
            (Status::Look, finding, Some(Deed::Unknown))
        }
    }
}

fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

fn integrity(verified: &Verified) -> (Status, String, Option<Deed>) {
    match (&verified.broken, &verified.fork) {
        (None, None) => {
            let finding = format!(
                "The chain was verified when this report was made: {} entries are as they were written, {} were removed by \
                 retention, {} checkpoints fit.",
                verified.entries, verified.removed, verified.checkpoints
            );
            (Status::Fits, finding, None)
        }
        (Some(broken), _) => {
            let finding = format!("The log is not as it was written: {} (entry {}).", broken.why, broken.number);
            (Status::Look, finding, None)
        }
        (None, Some(fork)) => (Status::Look, format!("The log is not as it was written: {}.", fork.say), None),
    }
}

fn erasure(material: &Material, now: Timestamp) -> (Status, String, Option<Deed>) {
    let count = |state: State| material.erasures.iter().filter(|one| one.state == state).count();
    let late = material.erasures.iter().filter(|one| match one.state {
        State::Waiting => one.due_at < now,
        State::Done => one.erased_at.is_some_and(|at| at.since(one.due_at) > std::time::Duration::from_hours(24)),
        State::Withdrawn => false,
    });
    let late = late.count();
    let finding = format!(
        "{} requests for erasure: {} carried out, {} within their notice period, {} withdrawn, {late} late.",
        material.erasures.len(),
        count(State::Done),
        count(State::Waiting),
        count(State::Withdrawn),
    );
    (if late == 0 { Status::Fits } else { Status::Look }, finding, None)
}

/// Records that HIPAA demands for six years.
const SIX_YEARS: u32 = 2190;

fn retention(facts: &Facts<'_>) -> (Status, String, Option<Deed>) {
    let policy = facts.policy;
    let finding = format!(
        "Details are kept for {} days, summaries for {}, evidence of compliance for {}. {} entries were removed by the policy \
         so far, each removal declared in the log.",
        policy.detailed_days, policy.summary_days, policy.compliance_days, facts.verified.removed
    );
    let is_short = facts.template == Template::Hipaa && policy.compliance_days < SIX_YEARS;
    (if is_short { Status::Look } else { Status::Fits }, finding, Some(Deed::Log))
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Fits => "fits",
        Status::Look => "look at it",
        Status::Judge => "for you to judge",
    }
}

/// The report as a document.
pub(super) fn document(report: &Report, format: Format) -> Option<String> {
    match format {
        Format::Json => None,
        Format::Markdown => Some(markdown(report)),
        Format::Html => Some(html(report)),
    }
}

/// Writing to a text does not fail.
fn markdown(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n", report.title);
    let _ = writeln!(out, "Period: {} to {}. Made: {}.\n", report.from, report.to, report.generated_at);
    let _ = writeln!(out, "{} entries, {} people. Score: {} %.\n", report.entries, report.actors, report.score);
    let _ = writeln!(out, "| control | demands | status | finding |\n|---|---|---|---|");
    for control in &report.controls {
        let (number, title, finding) = (control.number, control.title, control.finding.replace('|', "\\|"));
        let _ = writeln!(out, "| {number} | {title} | {} | {finding} |", word(control.status));
    }
    for control in report.controls.iter().filter(|control| !control.evidence.is_empty()) {
        let _ = writeln!(out, "\n## Evidence for {}\n", control.number);
        for one in &control.evidence {
            let _ = writeln!(out, "- {} `{}` (request {})", one.timestamp, one.action, one.request_id);
        }
    }
    let _ = writeln!(out, "\n## Actions\n\n| action | entries |\n|---|---|");
    for one in &report.actions {
        let _ = writeln!(out, "| `{}` | {} |", one.action, one.entries);
    }
    if !report.erasures.is_empty() {
        let _ = writeln!(out, "\n## Erasures\n\n| subject | asked for | due | carried out |\n|---|---|---|---|");
        for one in &report.erasures {
            let done = one.erased_at.map_or_else(|| one.state.name().to_owned(), |at| at.to_string());
            let _ = writeln!(out, "| {} | {} | {} | {done} |", one.subject, one.requested_at, one.due_at);
        }
    }
    if let Some(checkpoint) = &report.checkpoint {
        let _ = writeln!(out, "\n## Checkpoint\n\n```\n{checkpoint}```");
    }
    out
}

fn html(report: &Report) -> String {
    let mut out = String::new();
    let title = escaped(&report.title);
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>body{{font-family:\
         system-ui,sans-serif;margin:2rem;max-width:60rem}}table{{border-collapse:collapse}}td,th{{border:1px solid #999;\
         padding:.3rem .5rem;text-align:left;vertical-align:top}}</style></head><body><h1>{title}</h1><p>Period: {} to {}. \
         Made: {}.</p><p>{} entries, {} people. Score: {} %.</p><table><tr><th>control</th><th>demands</th><th>status</th>\
         <th>finding</th></tr>",
        report.from, report.to, report.generated_at, report.entries, report.actors, report.score
    );
    for control in &report.controls {
        let (number, title, finding) = (escaped(control.number), escaped(control.title), escaped(&control.finding));
        let _ = write!(
            out,
            "<tr><td>{number}</td><td>{title}</td><td>{}</td><td>{finding}</td></tr>",
            word(control.status)
        );
    }
    out.push_str("</table>");
    for control in report.controls.iter().filter(|control| !control.evidence.is_empty()) {
        let _ = write!(out, "<h2>Evidence for {}</h2><ul>", escaped(control.number));
        for one in &control.evidence {
            let action = escaped(&one.action);
            let _ = write!(out, "<li>{} <code>{action}</code> (request {})</li>", one.timestamp, one.request_id);
        }
        out.push_str("</ul>");
    }
    out.push_str("<h2>Actions</h2><table><tr><th>action</th><th>entries</th></tr>");
    for one in &report.actions {
        let _ = write!(out, "<tr><td><code>{}</code></td><td>{}</td></tr>", escaped(&one.action), one.entries);
    }
    out.push_str("</table>");
    if !report.erasures.is_empty() {
        out.push_str(
            "<h2>Erasures</h2><table><tr><th>subject</th><th>asked for</th><th>due</th><th>carried out</th></tr>",
        );
        for one in &report.erasures {
            let done = one.erased_at.map_or_else(|| one.state.name().to_owned(), |at| at.to_string());
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{done}</td></tr>",
                one.subject, one.requested_at, one.due_at
            );
        }
        out.push_str("</table>");
    }
    if let Some(checkpoint) = &report.checkpoint {
        let _ = write!(out, "<h2>Checkpoint</h2><pre>{}</pre>", escaped(checkpoint));
    }
    out.push_str("</body></html>\n");
    out
}

/// What comes from entries stands as text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
