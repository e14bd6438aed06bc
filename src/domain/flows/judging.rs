//! What is wrong with a flow among all that it names: other flows, credentials, the process that runs it here.

use std::collections::BTreeSet;

use super::engine::finding::{Finding, MOST};
use super::engine::kinds::FlowType;
use super::engine::structure::structure;
use super::model::definition::{Credential, Definition, DependencyType};
use super::model::execution::Runs;
use super::model::flow::Status;
use super::views::CredentialView;
use super::weaving::Woven;
use crate::capability::cx::Cx;
use crate::domain::executions::starting::hindrance;
use crate::domain::integrations::{Vault, is_name};
use crate::kernel::fault::Fault;
use crate::port::expressions::{Form, Language, Names};

/// What came of looking at a flow.
pub(super) struct Judged {
    /// What forbids keeping it.
    pub(super) errors: Vec<Finding>,
    /// What will stand in the way of executing it.
    pub(super) warnings: Vec<Finding>,
    /// The circle that its dependencies would close.
    pub(super) cycle: Option<Vec<String>>,
    /// Its credentials, and whether the vault has them.
    pub(super) credentials: Vec<CredentialView>,
    /// Where it would run.
    pub(super) place: Place,
}

/// Where a flow would run.
pub(super) enum Place {
    /// Here, as this process in this version.
    Here(String, Option<String>),
    /// Elsewhere: why.
    Outside(String),
}

impl Place {
    /// The same in short.
    pub(super) const fn runs(&self) -> Runs {
        match self {
            Self::Here(..) => Runs::Here,
            Self::Outside(_) => Runs::Outside,
        }
    }

    /// Why it does not run here.
    pub(super) fn why(&self) -> Option<String> {
        match self {
            Self::Here(..) => None,
            Self::Outside(why) => Some(why.clone()),
        }
    }
}

/// Looks at a flow.
pub(super) async fn judged(cx: &Cx, flow_id: &str, kind: FlowType, definition: &Definition) -> Result<Judged, Fault> {
    let mut errors = structure(kind, definition);
    let woven = Woven::below(cx, &definition.dependencies).await?;
    dependencies(cx, flow_id, definition, &woven, &mut errors)?;
    let cycle = woven.cycle(flow_id, &definition.dependencies);
    if let Some(cycle) = cycle.as_ref().filter(|cycle| cycle.len() > 2) {
        let next = cycle.get(1);
        let number = definition.dependencies.iter().position(|one| Some(&one.depends_on_flow_id) == next).unwrap_or(0);
        let say = format!("it would depend on itself: {}", cycle.join(" -> "));
        errors.push(Finding::new("dependency_cycle", format!("/dependencies/{number}"), say));
    }
    errors.truncate(MOST);
    let credentials = credentials(cx, &definition.credentials).await?;
    let missing = credentials.iter().enumerate().filter(|(_, one)| one.required && !one.available);
    let mut warnings: Vec<Finding> = missing
        .map(|(number, one)| {
            let say =
                format!("the vault has no '{}': store it with secret_put before the flow is executed", one.secret);
            Finding::new("credential_missing", format!("/credentials/{number}"), say)
        })
        .collect();
    let place = place(cx, definition).await?;
    if let (Place::Outside(why), Some(_)) = (&place, definition.process()) {
        let at = if definition.process_id.is_some() { "/processId" } else { "/nodes" };
        warnings.push(Finding::new("process_missing", at, why.clone()));
    }
    Ok(Judged { errors, warnings, cycle, credentials, place })
}

fn dependencies(
    cx: &Cx,
    flow_id: &str,
    definition: &Definition,
    woven: &Woven,
    errors: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let language = cx.service::<Language>()?;
    let (mut seen, mut parameters) = (BTreeSet::new(), BTreeSet::new());
    for (number, one) in definition.dependencies.iter().enumerate() {
        let at = |field: &str| format!("/dependencies/{number}{field}");
        let other = one.depends_on_flow_id.as_str();
        if other == flow_id {
            errors.push(Finding::new("own_dependency", at("/dependsOnFlowId"), "a flow cannot depend on itself"));
        } else if !woven.flows.get(other).is_some_and(|flow| flow.status != Status::Archived) {
            let say = format!("there is no flow '{other}' in use: register it first");
            errors.push(Finding::new("unknown_dependency", at("/dependsOnFlowId"), say));
        }
        if !seen.insert(other) {
            let say = format!("it depends on '{other}' twice: make one of both");
            errors.push(Finding::new("duplicate_dependency", at("/dependsOnFlowId"), say));
        }
        match (&one.condition, one.dependency_type) {
            (None, DependencyType::Conditional) => {
                let say = "says when the dependency counts: a conditional one needs it";
                errors.push(Finding::new("dependency_condition", at("/condition"), say));
            }
            (Some(text), _) => {
                if let Err(fault) = language.0.compile(text, Form::Expression, &Names::default()) {
                    let say = format!("is no expression: {fault}");
                    errors.push(Finding::new("dependency_condition", at("/condition"), say));
                }
            }
            (None, _) => {}
        }
        if let Some(parameter) = &one.parameter {
            let say = if one.dependency_type != DependencyType::Data {
                "only a dependency of the type 'data' hands its result on"
            } else if parameters.insert(parameter.as_str()) {
                continue;
            } else {
                "another dependency gives the same parameter"
            };
            errors.push(Finding::new("dependency_parameter", at("/parameter"), say));
        }
    }
    Ok(())
}

/// Credentials, and whether the vault has them. None is opened.
pub(super) async fn credentials(cx: &Cx, named: &[Credential]) -> Result<Vec<CredentialView>, Fault> {
    let vault = cx.service::<Vault>()?;
    let mut told = Vec::new();
    for one in named {
        let secret = one.secret();
        let available = is_name(secret) && vault.holds(cx.platform(), cx.tenant(), secret).await?;
        told.push(CredentialView {
            key: one.key.clone(),
            kind: one.kind.clone(),
            required: one.required,
            secret: secret.to_owned(),
            description: one.description.clone(),
            available,
        });
    }
    Ok(told)
}

/// Where a flow would run for the caller.
pub(super) async fn place(cx: &Cx, definition: &Definition) -> Result<Place, Fault> {
    let Some((process, version)) = definition.process() else {
        return Ok(Place::Outside("it names no process, and its nodes are not one".to_owned()));
    };
    let hindrance = hindrance(cx, &process, version.as_deref()).await?;
    Ok(hindrance.map_or(Place::Here(process, version), Place::Outside))
}
