//! `rule_import`: a rule set from a DMN file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::rules::content::{Decision, Function, InputData, Service, TestCase};
use crate::domain::rules::dmn::{Outside, model};
use crate::domain::rules::engine::looking::Finding;
use crate::domain::rules::faults::DMN_UNREADABLE;
use crate::domain::rules::keeping::{create, free_id, proved};
use crate::domain::rules::views::{Node, graph};
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;
use crate::port::markup::{Limits, Xml};

/// Imports a rule set.
pub(in crate::domain::rules) struct RuleImport;

/// The file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Input {
    /// The text of the file: DMN 1.3, 1.4 or 1.5.
    #[schemars(length(min = 1, max = 4_000_000))]
    xml: String,
    /// What to call the rule set; the model's own name when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Tests to keep with it: DMN files have none. One that does not hold refuses it.
    #[serde(default)]
    #[schemars(length(max = 500))]
    tests: Vec<TestCase>,
    /// Whether to only tell what would be kept.
    #[serde(default)]
    dry_run: bool,
}

/// What was imported.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Output {
    /// The rule set's id.
    rule_set_id: String,
    /// Its name.
    name: String,
    /// The version; left out where nothing was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// What may be given.
    inputs: Vec<InputData>,
    /// What is decided.
    decisions: Vec<Decision>,
    /// What decisions call.
    functions: Vec<Function>,
    /// What is asked for by one name.
    services: Vec<Service>,
    /// What each decision reads.
    graph: Vec<Node>,
    /// Overlaps and gaps of the tables, by example.
    findings: Vec<Finding>,
    /// Parts of the file that have no place in a rule set and were left out, with their lines.
    outside: Vec<Outside>,
}

impl Capability for RuleImport {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "rule_import",
        Domain::Rules,
        Route::post("/rules/import"),
        Permit::on(Resource::Rules, Action::Create),
        "Makes a rule set of a DMN file (versions 1.3 to 1.5): inputs, decision tables, boxed expressions, functions, decision services. What \
         has no place in a rule set is named with its line; where a decision depends on it, nothing is kept. With dryRun it only tells. To \
         write one by hand use rule_create.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let Input { xml, name, tests, dry_run } = input;
        let reader = cx.service::<Xml>()?;
        let read = blocking(move || {
            let root = reader
                .0
                .read(&xml, Limits::default())
                .map_err(|fault| vec![Outside { element: String::new(), line: fault.line, say: fault.say }])?;
            model(&root)
        });
        let read =
            read.await.ok_or_else(|| Fault::internal("reading DMN broke down"))?.map_err(|wrong| unreadable(&wrong))?;
        let name = name.unwrap_or_else(|| read.name.chars().take(100).collect());
        let rule_set_id = free_id(cx, &name).await?;
        let description: String = read.description.chars().take(2000).collect();
        let mut rules = read.rules;
        rules.tests = tests;
        // What is wrong in the file has its place in what came out of it.
        let proved = proved(cx, &rules).await.map_err(|fault| {
            let places = fault.places().to_vec();
            if places.is_empty() {
                return fault;
            }
            let parts: Vec<_> = places.iter().map(|one| json!({ "place": one.pointer, "say": one.message })).collect();
            let say = format!("the model cannot be used: {} {}", places[0].pointer, places[0].message);
            Fault::new(&DMN_UNREADABLE, say).with_detail(json!({ "parts": parts }))
        })?;
        let (graph, findings) = (graph(&proved.prepared), proved.findings);
        let (inputs, decisions) = (rules.inputs.clone(), rules.decisions.clone());
        let (functions, services) = (rules.functions.clone(), rules.services.clone());
        let version = if dry_run {
            None
        } else {
            let message = Some("imported from DMN".to_owned());
            let (set, _) = create(cx, name.clone(), description, rules, proved.digest, message).await?;
            Some(set.version)
        };
        let outside = read.outside;
        Ok(Output { rule_set_id, name, version, inputs, decisions, functions, services, graph, findings, outside })
    }
}

fn unreadable(wrong: &[Outside]) -> Fault {
    let first = wrong.first().map(|one| format!("line {}: {}", one.line, one.say)).unwrap_or_default();
    let parts: Vec<_> =
        wrong.iter().map(|one| json!({ "element": one.element, "line": one.line, "say": one.say })).collect();
    Fault::new(&DMN_UNREADABLE, first).with_detail(json!({ "parts": parts }))
}
