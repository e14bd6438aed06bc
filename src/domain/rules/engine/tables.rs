//! Decision tables: which rules fire, and what comes of it by the hit policy.

use std::cmp::Ordering;
use std::sync::Arc;

use super::prepared::CompiledTable;
use super::running::{Looked, Running, Stopped, Told, stopped};
use crate::domain::rules::content::HitPolicy;
use crate::port::expressions::{Datum, Expression, ExpressionFault, Form, Limits, Names, Scope};

/// So many rules that did not fire are told of in a trace.
const MOST_PASSED_OVER: usize = 200;

/// A rule that fired.
pub struct Fired {
    /// Its place from 1.
    pub rule: usize,
    /// What it says: a value an output.
    pub outputs: Vec<Datum>,
}

/// How a rule's tests ended: an input's place each, and whether it held.
pub type Tested = Vec<Option<bool>>;

/// Looks into a table.
pub(super) fn table(
    running: &Running<'_>,
    scope: &mut dyn Scope,
    table: &CompiledTable,
    looked: &mut Looked,
) -> Result<Told, Stopped> {
    let fault = |fault: ExpressionFault| stopped(running.name, &fault);
    let language = &running.prepared.language;
    let mut inputs = Vec::with_capacity(table.inputs.len());
    for input in &table.inputs {
        let value = scope.evaluate(&*input.expression).map_err(fault)?.value;
        looked.inputs.push((input.label.clone(), value.clone()));
        if let Some(allowed) = &input.allowed
            && language.kind_of(&value) != "null"
            && scope.holds(&**allowed, &value).map_err(fault)? != Some(true)
        {
            let why = format!("'{}' is not among what it may be: {}", input.label, allowed.text());
            return Ok(null(running, why));
        }
        inputs.push(value);
    }
    // Those after it are passed over, whatever their tests say.
    let only_first = table.policy == HitPolicy::First;
    let matching = table.rows.matching(&*scope, &inputs, only_first).map_err(fault)?;
    for rule in &matching {
        let outputs = outputs(running, scope, table, *rule)?;
        looked.fired.push(Fired { rule: rule + 1, outputs });
    }
    if running.trace {
        for rule in (0..table.then.len()).filter(|rule| !matching.contains(rule)).take(MOST_PASSED_OVER) {
            let tested = table.rows.tests(&*scope, rule, &inputs).map_err(fault)?;
            looked.passed_over.push((rule + 1, tested));
        }
    }
    if looked.fired.is_empty() {
        return default(running, scope, table);
    }
    by_policy(running, scope, table, &looked.fired)
}

fn null(running: &Running<'_>, why: String) -> Told {
    Told { value: running.prepared.language.null(), why_null: Some(why) }
}

fn outputs(
    running: &Running<'_>,
    scope: &mut dyn Scope,
    table: &CompiledTable,
    rule: usize,
) -> Result<Vec<Datum>, Stopped> {
    let fault = |fault: ExpressionFault| stopped(running.name, &fault);
    let mut values = Vec::with_capacity(table.outputs.len());
    for (output, expression) in table.outputs.iter().zip(&table.then[rule]) {
        let value = scope.evaluate(&**expression).map_err(fault)?.value;
        if let Some(allowed) = &output.allowed
            && running.prepared.language.kind_of(&value) != "null"
            && scope.holds(&**allowed, &value).map_err(fault)? != Some(true)
        {
            let told = running.prepared.language.tell(&value);
            let why =
                format!("rule {} says {told}, which is not among what the output may be: {}", rule + 1, allowed.text());
            return Err(Stopped::Broken(running.name.to_owned(), why));
        }
        values.push(value);
    }
    Ok(values)
}

/// One value, or an object of several by their names.
fn result(running: &Running<'_>, table: &CompiledTable, outputs: &[Datum]) -> Datum {
    match outputs {
        [one] if table.outputs.len() == 1 => one.clone(),
        several => {
            let names = table.outputs.iter().map(|output| output.name.clone().unwrap_or_default());
            running.prepared.language.context(names.zip(several.iter().cloned()).collect())
        }
    }
}

fn default(running: &Running<'_>, scope: &mut dyn Scope, table: &CompiledTable) -> Result<Told, Stopped> {
    if table.outputs.iter().all(|output| output.default.is_none()) {
        return Ok(null(running, "no rule fires, and there is no default".to_owned()));
    }
    let mut values = Vec::new();
    for output in &table.outputs {
        values.push(match &output.default {
            Some(default) => scope.evaluate(&**default).map_err(|fault| stopped(running.name, &fault))?.value,
            None => running.prepared.language.null(),
        });
    }
    Ok(Told { value: result(running, table, &values), why_null: None })
}

fn by_policy(
    running: &Running<'_>,
    scope: &mut dyn Scope,
    table: &CompiledTable,
    fired: &[Fired],
) -> Result<Told, Stopped> {
    let language = &running.prepared.language;
    let said = |value: Datum| Ok(Told { value, why_null: None });
    let rules = || fired.iter().map(|one| one.rule).collect::<Vec<_>>();
    let one = |fired: &Fired| result(running, table, &fired.outputs);
    let Some(first) = fired.first() else { return Ok(null(running, "no rule fires".to_owned())) };
    match table.policy {
        HitPolicy::Unique if fired.len() > 1 => {
            let why = format!("rules {} fire together, and the hit policy U allows one", listed(&rules()));
            Err(Stopped::Conflict(running.name.to_owned(), rules(), why))
        }
        HitPolicy::Any => {
            let value = one(first);
            if fired.iter().any(|other| !language.same(&value, &one(other))) {
                let why =
                    format!("rules {} fire and do not say the same, as the hit policy A demands", listed(&rules()));
                return Err(Stopped::Conflict(running.name.to_owned(), rules(), why));
            }
            said(value)
        }
        HitPolicy::Unique | HitPolicy::First => said(one(first)),
        HitPolicy::Priority => match by_priority(running, scope, table, fired)?.first() {
            Some(first) => said(one(first)),
            None => Ok(null(running, "no rule fires".to_owned())),
        },
        HitPolicy::OutputOrder => {
            let ordered = by_priority(running, scope, table, fired)?;
            said(language.list(ordered.into_iter().map(one).collect()))
        }
        HitPolicy::RuleOrder | HitPolicy::Collect => said(language.list(fired.iter().map(one).collect())),
        HitPolicy::Count => collected(running, "count(values)", fired, one),
        HitPolicy::Sum => collected(running, "sum(values)", fired, one),
        HitPolicy::Min => collected(running, "min(values)", fired, one),
        HitPolicy::Max => collected(running, "max(values)", fired, one),
    }
}

fn listed(rules: &[usize]) -> String {
    let all: Vec<String> = rules.iter().take(10).map(ToString::to_string).collect();
    all.join(", ")
}

/// FEEL's own function over what fired.
fn collected(
    running: &Running<'_>,
    function: &str,
    fired: &[Fired],
    one: impl Fn(&Fired) -> Datum,
) -> Result<Told, Stopped> {
    let language = &running.prepared.language;
    let fault = |fault: ExpressionFault| stopped(running.name, &fault);
    let expression: Arc<dyn Expression> =
        language.compile(function, Form::Expression, &Names::of(["values"])).map_err(fault)?;
    let mut scope = language.scope(Limits::default());
    scope.set("values", &language.list(fired.iter().map(one).collect()));
    scope.evaluate(&*expression).map(Told::from).map_err(fault)
}

/// What fired, the most important first; what is of the same importance stays in its order.
fn by_priority<'a>(
    running: &Running<'_>,
    scope: &mut dyn Scope,
    table: &CompiledTable,
    fired: &'a [Fired],
) -> Result<Vec<&'a Fired>, Stopped> {
    let language = &running.prepared.language;
    let mut orders = Vec::new();
    for output in &table.outputs {
        let values = match &output.priority {
            Some(list) => scope.evaluate(&**list).map_err(|fault| stopped(running.name, &fault))?.value,
            None => language.list(Vec::new()),
        };
        orders.push(language.items(&values).unwrap_or_default());
    }
    let place =
        |value: &Datum, order: &[Datum]| order.iter().position(|one| language.same(one, value)).unwrap_or(usize::MAX);
    let mut ordered: Vec<&Fired> = fired.iter().collect();
    ordered.sort_by(|one, other| {
        for ((one, other), order) in one.outputs.iter().zip(&other.outputs).zip(&orders) {
            let by = place(one, order).cmp(&place(other, order));
            if by != Ordering::Equal {
                return by;
            }
        }
        Ordering::Equal
    });
    Ok(ordered)
}
