//! What can be seen of a definition without playing it: ids, types, configs, edges, what stands where.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use regex::Regex;
use serde_json::Value;

use super::findings::{Findings, Place};
use crate::capability::schema::compiled;
use crate::domain::processes::engine::definition::{Definition, ID, MOST_EDGES, MOST_NODES, NAME, Node, expression_of};
use crate::domain::processes::engine::durations::read_duration;
use crate::domain::processes::engine::nodes::{Config, NODE_TYPES, NodeType, Role, node_type};
use crate::domain::tasks::form::checked;

/// The deepest schema of a variable or a form.
pub(super) const DEEPEST_SCHEMA: usize = 24;

/// Looks at everything; answers the configs as they were read, which are all only where there are no errors.
pub(super) fn structure(definition: &Definition, findings: &mut Findings) -> Vec<Config> {
    if definition.nodes.len() > MOST_NODES || definition.edges.len() > MOST_EDGES {
        findings.error(
            "too_large",
            Place::at("/nodes"),
            format!("a process has at most {MOST_NODES} nodes and {MOST_EDGES} edges"),
            "Draw a part of it as a process of its own and run that by a node of the type sub_process.",
        );
        return Vec::new();
    }
    let configs = nodes(definition, findings);
    lanes(definition, findings);
    variables(definition, findings);
    edges(definition, findings);
    if configs.len() == definition.nodes.len() && !findings.has_errors() {
        attachments(definition, &configs, findings);
    }
    configs
}

fn nodes(definition: &Definition, findings: &mut Findings) -> Vec<Config> {
    let mut ids = BTreeSet::new();
    let mut configs = Vec::new();
    let mut schemas: BTreeMap<&str, Option<Validator>> = BTreeMap::new();
    let pattern = pattern(ID);
    for (number, node) in definition.nodes.iter().enumerate() {
        let place = |within: &str| Place::node(&node.id, number, within);
        if !pattern.as_ref().is_some_and(|pattern| pattern.is_match(&node.id)) {
            findings.error(
                "bad_id",
                place("/id"),
                format!("'{}' is no id", node.id),
                "Begin with a letter; then letters, digits, '_' and '-', 64 at most.",
            );
        }
        if !ids.insert(&node.id) {
            findings.error(
                "duplicate_id",
                place("/id"),
                format!("there are two nodes '{}'", node.id),
                "Give one of them another id, and the edges that mean it.",
            );
        }
        if let Some(lane) = &node.lane
            && !definition.lanes.iter().any(|one| one.id == *lane)
        {
            findings.error(
                "unknown_lane",
                place("/lane"),
                format!("there is no lane '{lane}'"),
                "Add it to 'lanes', or leave it out here.",
            );
        }
        let Some(kind) = node_type(&node.kind) else {
            let known: Vec<_> = NODE_TYPES.iter().map(|one| one.name).collect();
            findings.error(
                "unknown_type",
                place("/type"),
                format!("there is no type '{}'", node.kind),
                format!("Take one of {}.", known.join(", ")),
            );
            continue;
        };
        let validator = schemas.entry(kind.name).or_insert_with(|| compiled(&(kind.schema)(), 64).ok());
        if let Some(config) = config(node, kind, validator.as_ref(), number, findings) {
            fields(node, kind, &config, number, findings);
            configs.push(config);
        }
    }
    configs
}

fn config(
    node: &Node,
    kind: &NodeType,
    validator: Option<&Validator>,
    number: usize,
    findings: &mut Findings,
) -> Option<Config> {
    let value = Value::Object(node.config.clone());
    let mut fits = true;
    for error in validator.iter().flat_map(|validator| validator.iter_errors(&value)).take(10) {
        fits = false;
        let place = Place::node(&node.id, number, &format!("/config{}", error.instance_path()));
        findings.error(
            "bad_config",
            place,
            error.to_string(),
            format!("A node of the type {} takes in 'config': {}.", kind.name, takes(kind)),
        );
    }
    if !fits {
        return None;
    }
    match kind.read(&node.config) {
        Ok(config) => {
            for (at, say) in config.amiss() {
                findings.error(
                    "bad_config",
                    Place::node(&node.id, number, &format!("/config{at}")),
                    format!("'{}' {say}", node.id),
                    format!("A node of the type {} takes in 'config': {}.", kind.name, takes(kind)),
                );
            }
            Some(config)
        }
        Err(why) => {
            findings.error(
                "bad_config",
                Place::node(&node.id, number, "/config"),
                why,
                format!("A node of the type {} takes in 'config': {}.", kind.name, takes(kind)),
            );
            None
        }
    }
}

/// The properties of a type's config, those that must be there first.
fn takes(kind: &NodeType) -> String {
    let schema = (kind.schema)();
    let required: BTreeSet<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut names: Vec<&String> = properties.into_iter().flat_map(|all| all.keys()).collect();
    names.sort_by_key(|name| (!required.contains(name.as_str()), *name));
    let named: Vec<String> = names
        .into_iter()
        .map(|name| if required.contains(name.as_str()) { format!("{name} (needed)") } else { name.clone() })
        .collect();
    if named.is_empty() { "nothing".to_owned() } else { named.join(", ") }
}

/// What only some types have.
fn fields(node: &Node, kind: &NodeType, config: &Config, number: usize, findings: &mut Findings) {
    let place = |within: &str| Place::node(&node.id, number, within);
    let works = kind.role == Role::Activity;
    // What only runs others is given nothing and begun once: those others are tried again.
    let does = works && !matches!(config, Config::ForEach(_) | Config::Compensate(_));
    let takes_time = (works && !matches!(config, Config::Compensate(_))) || matches!(config, Config::Wait(_));
    let has_result = works || matches!(kind.role, Role::Event | Role::Boundary);
    let given = [
        ("/input", !node.input.is_empty(), does),
        ("/output", !node.output.is_empty(), has_result),
        ("/retry", node.retry.is_some(), does),
        ("/timeout", node.timeout.is_some(), takes_time),
        ("/idempotencyKey", node.idempotency_key.is_some(), does),
        ("/permissions", node.permissions.is_some(), does),
    ];
    for (at, is_there, may_be) in given {
        if is_there && !may_be {
            let say = format!("a node of the type {} has no '{}'", kind.name, &at[1..]);
            findings.error(
                "field_not_of_type",
                place(at),
                say,
                "Leave it out, or put it on the activity that is meant.",
            );
        }
    }
    let mut span = |at: &str, text: &str| {
        // How long is waited before another time is the same whatever the variables are.
        let worked_out = expression_of(text).is_some() && !at.starts_with("/retry");
        if !worked_out && read_duration(text).is_none() {
            findings.error(
                "bad_duration",
                place(at),
                format!("'{text}' is no duration"),
                "Write an ISO 8601 duration such as PT30S, PT5M, PT2H or P3D; outside of 'retry' an expression that begins with '=' may give it.",
            );
        }
    };
    if let Some(retry) = &node.retry {
        for (at, text) in [("/retry/wait", &retry.wait), ("/retry/longest", &retry.longest)] {
            if let Some(text) = text {
                span(at, text);
            }
        }
    }
    if let Some(timeout) = &node.timeout {
        span("/timeout/after", &timeout.after);
    }
    match config {
        Config::Timer(timer) => timer.after.iter().for_each(|text| span("/config/after", text)),
        Config::BoundaryTimeout(timeout) => span("/config/after", &timeout.after),
        Config::HumanTask(task) => task.due.iter().for_each(|text| span("/config/due", text)),
        _ => {}
    }
    if let Config::Timer(timer) = config
        && let Some(until) = &timer.until
        && expression_of(until).is_none()
        && until.parse::<crate::kernel::time::Timestamp>().is_err()
    {
        findings.error(
            "bad_time",
            place("/config/until"),
            format!("'{until}' is no time"),
            "Write an RFC 3339 time such as 2026-12-01T09:00:00Z, or an expression that begins with '='.",
        );
    }
    if let Config::HumanTask(task) = config
        && !task.form.is_empty()
        && let Err(wrong) = checked(&task.form)
    {
        for one in wrong {
            let mend = "Write a JSON Schema of an object, each field of the form a property of it with its type.";
            let say = format!("the form is none: it {}", one.message);
            findings.error("bad_schema", place(&format!("/config{}", one.pointer)), say, mend);
        }
    }
    for (number, permission) in node.permissions.iter().flatten().enumerate() {
        if crate::capability::permit::Grants::parse(permission).is_none() {
            findings.error(
                "bad_permission",
                place(&format!("/permissions/{number}")),
                format!("'{permission}' is no permission"),
                "Write resource and action, such as memory:read or documents:*.",
            );
        }
    }
}

fn lanes(definition: &Definition, findings: &mut Findings) {
    let mut ids = BTreeSet::new();
    for (number, lane) in definition.lanes.iter().enumerate() {
        if !ids.insert(&lane.id) {
            findings.error(
                "duplicate_id",
                Place::at(format!("/lanes/{number}/id")),
                format!("there are two lanes '{}'", lane.id),
                "Give one of them another id.",
            );
        }
    }
}

fn variables(definition: &Definition, findings: &mut Findings) {
    let pattern = pattern(NAME);
    for (name, variable) in &definition.variables {
        let at = format!("/variables/{}", crate::domain::processes::engine::nodes::escaped(name));
        if !pattern.as_ref().is_some_and(|pattern| pattern.is_match(name))
            || RESERVED.split(' ').any(|word| word == name)
        {
            findings.error(
                "bad_name",
                Place::at(&at),
                format!("a variable cannot be called '{name}'"),
                format!(
                    "Begin with a letter or '_'; then letters, digits and '_', 64 at most; not {}.",
                    RESERVED.replace(' ', ", ")
                ),
            );
        }
        match compiled(&variable.schema, DEEPEST_SCHEMA) {
            Err(why) => findings.error(
                "bad_schema",
                Place::at(format!("{at}/schema")),
                format!("it is no JSON Schema: {why}"),
                "Write a JSON Schema such as { \"type\": \"number\" }.",
            ),
            Ok(validator) => {
                if let Some(default) = &variable.default
                    && let Err(error) = validator.validate(default)
                {
                    findings.error(
                        "default_unfit",
                        Place::at(format!("{at}/default")),
                        format!("the default does not fit the schema: {error}"),
                        "Change one of the two.",
                    );
                }
            }
        }
        if variable.required && variable.default.is_some() {
            findings.warning(
                "default_unused",
                Place::at(format!("{at}/default")),
                format!("'{name}' must be given, so its default is never used"),
                "Leave out 'required' or 'default'.",
            );
        }
    }
}

/// Names that expressions use for something else.
const RESERVED: &str = "result execution true false null if then else for in return some every satisfies and or not function between instance of";

#[expect(clippy::too_many_lines, reason = "a list of rules, each told where it is broken")]
fn edges(definition: &Definition, findings: &mut Findings) {
    let mut ids = BTreeSet::new();
    let known: BTreeMap<&str, Option<Role>> =
        definition.nodes.iter().map(|node| (node.id.as_str(), node_type(&node.kind).map(|kind| kind.role))).collect();
    let mut leaving: BTreeMap<&str, usize> = BTreeMap::new();
    for edge in &definition.edges {
        *leaving.entry(&edge.from).or_default() += 1;
    }
    for (number, edge) in definition.edges.iter().enumerate() {
        let place = |within: &str| Place::edge(&edge.id, number, within);
        if !edge.id.is_empty() && !ids.insert(&edge.id) {
            findings.error(
                "duplicate_id",
                place("/id"),
                format!("there are two edges '{}'", edge.id),
                "Give one of them another id, or none.",
            );
        }
        for (at, end) in [("/from", &edge.from), ("/to", &edge.to)] {
            if !known.contains_key(end.as_str()) {
                findings.error(
                    "unknown_node",
                    place(at),
                    format!("there is no node '{end}'"),
                    "Add the node, or lead the edge to one that is there.",
                );
            }
        }
        match known.get(edge.from.as_str()).copied().flatten() {
            Some(Role::End) => findings.error(
                "way_out_of_end",
                place("/from"),
                format!("'{}' is an end, and a way leaves it", edge.from),
                "Take the edge out, or make the node something else.",
            ),
            Some(Role::Compensation) => findings.error(
                "way_of_compensation",
                place("/from"),
                format!("a way leaves '{}', which only names what undoes an activity", edge.from),
                "Take the edge out; name the activity that undoes in 'config.by'.",
            ),
            Some(role) => {
                let parts = matches!(role, Role::Exclusive | Role::Inclusive)
                    && leaving.get(edge.from.as_str()).is_some_and(|count| *count > 1);
                if (edge.condition.is_some() || edge.default) && !parts {
                    findings.error(
                        "condition_misplaced",
                        place("/condition"),
                        format!("the edge leaves '{}', where no way is chosen", edge.from),
                        "Put an exclusive or inclusive gateway before it, or leave condition and default out.",
                    );
                }
                if parts && edge.condition.is_none() && !edge.default {
                    findings.error(
                        "condition_missing",
                        place(""),
                        format!("'{}' chooses between ways, and this one has no condition", edge.from),
                        "Give it a condition, or make it the default.",
                    );
                }
                if edge.default && edge.condition.is_some() {
                    findings.error(
                        "default_conditional",
                        place("/condition"),
                        "the default way has a condition",
                        "Leave one of the two out.",
                    );
                }
            }
            None => {}
        }
        match known.get(edge.to.as_str()).copied().flatten() {
            Some(Role::Start) => findings.error(
                "way_into_start",
                place("/to"),
                format!("a way leads to the start '{}'", edge.to),
                "Lead it to the node after the start.",
            ),
            Some(Role::Boundary | Role::Compensation) => findings.error(
                "way_into_boundary",
                place("/to"),
                format!("a way leads to '{}', which stands on an activity", edge.to),
                "Lead it to the activity.",
            ),
            Some(Role::End | Role::Activity | Role::Event | Role::Exclusive | Role::Parallel | Role::Inclusive)
            | None => {}
        }
    }
    for (number, node) in definition.nodes.iter().enumerate() {
        choices(definition, node, number, known.get(node.id.as_str()).copied().flatten(), findings);
    }
    let starts: Vec<usize> =
        (0..definition.nodes.len()).filter(|number| definition.nodes[*number].kind == "start").collect();
    match starts.as_slice() {
        [] => findings.error(
            "start_missing",
            Place::at("/nodes"),
            "no node is of the type start",
            "Add one, and an edge from it to what is done first.",
        ),
        [_] => {}
        [_, second, ..] => findings.error(
            "start_twice",
            Place::node(&definition.nodes[*second].id, *second, "/type"),
            "there are two starts",
            "Keep one; part the ways behind it with a gateway.",
        ),
    }
    if !definition.nodes.iter().any(|node| node.kind == "end") {
        findings.error("end_missing", Place::at("/nodes"), "no node is of the type end", "Add one, and edges to it.");
    }
}

/// How the ways that leave a node go together.
fn choices(definition: &Definition, node: &Node, number: usize, role: Option<Role>, findings: &mut Findings) {
    let leaving: Vec<_> = definition.edges.iter().filter(|edge| edge.from == node.id).collect();
    let place = |within: &str| Place::node(&node.id, number, within);
    match role {
        Some(Role::Start | Role::Activity | Role::Event | Role::Boundary) if leaving.len() > 1 => findings.error(
            "implicit_split",
            place(""),
            format!("{} ways leave '{}', which is no gateway", leaving.len(), node.id),
            "Put a gateway behind it: parallel for all ways, exclusive for one of them.",
        ),
        Some(Role::Boundary) if leaving.is_empty() => findings.error(
            "no_way_on",
            place(""),
            format!("no way leaves '{}'", node.id),
            "Add an edge to what is done then.",
        ),
        Some(Role::Exclusive | Role::Inclusive) if leaving.len() > 1 => {
            match leaving.iter().filter(|edge| edge.default).count() {
                0 => findings.warning(
                    "no_default",
                    place(""),
                    format!("where no condition holds, '{}' cannot go on and the execution fails", node.id),
                    "Make one of the edges the default.",
                ),
                1 => {}
                _ => findings.error(
                    "default_twice",
                    place(""),
                    format!("two edges of '{}' are the default", node.id),
                    "Keep one of them.",
                ),
            }
        }
        _ => {}
    }
}

/// What stands on what, and what is run by what.
#[expect(clippy::too_many_lines, reason = "a list of rules, each told where it is broken")]
fn attachments(definition: &Definition, configs: &[Config], findings: &mut Findings) {
    let number_of = |id: &str| definition.nodes.iter().position(|node| node.id == id);
    let has_edges = |id: &str| definition.edges.iter().any(|edge| edge.from == id || edge.to == id);
    let mut run_by: BTreeMap<usize, &str> = BTreeMap::new();
    let mut undone: BTreeMap<usize, &str> = BTreeMap::new();
    for (number, (node, config)) in definition.nodes.iter().zip(configs).enumerate() {
        let place = |within: &str| Place::node(&node.id, number, within);
        if let Some(on) = config.on() {
            match number_of(on) {
                None => findings.error(
                    "unknown_node",
                    place("/config/attachedTo"),
                    format!("there is no node '{on}'"),
                    "Name the activity that it stands on.",
                ),
                Some(on) if configs[on].kind().role != Role::Activity => findings.error(
                    "boundary_on",
                    place("/config/attachedTo"),
                    format!("'{}' is no activity", definition.nodes[on].id),
                    "It stands on what can take long or fail: a task, tool, agent and the like.",
                ),
                Some(on) if config.kind().role == Role::Compensation => {
                    if let Some(other) = undone.insert(on, &node.id) {
                        findings.error(
                            "undone_twice",
                            place("/config/attachedTo"),
                            format!("'{other}' names what undoes it already"),
                            "Keep one of the two.",
                        );
                    }
                }
                Some(_) => {}
            }
        }
        let run = match config {
            Config::ForEach(each) => Some(("/config/node", each.node.as_str())),
            Config::Compensation(one) => Some(("/config/by", one.by.as_str())),
            _ => None,
        };
        let Some((at, run)) = run else { continue };
        match number_of(run) {
            None => findings.error(
                "unknown_node",
                place(at),
                format!("there is no node '{run}'"),
                "Name an activity of this process.",
            ),
            Some(other) if configs[other].kind().role != Role::Activity || other == number => findings.error(
                "body_of_type",
                place(at),
                format!("'{run}' cannot be run by itself"),
                "Name an activity: a task, tool, agent, sub_process and the like.",
            ),
            Some(other) if matches!(configs[other], Config::ForEach(_) | Config::Compensate(_)) => findings.error(
                "body_of_type",
                place(at),
                format!("'{run}' is a {}", definition.nodes[other].kind),
                "Draw it as a process of its own and name a node of the type sub_process here.",
            ),
            Some(_) if has_edges(run) => findings.error(
                "body_wired",
                place(at),
                format!("'{run}' is run by '{}', and edges lead to it or leave it", node.id),
                "Take the edges out, or name another node.",
            ),
            Some(other) => {
                if let Some(by) = run_by.insert(other, &node.id) {
                    findings.error(
                        "body_twice",
                        place(at),
                        format!("'{run}' is run by '{by}' already"),
                        "Make a second node of it.",
                    );
                }
            }
        }
    }
    for (number, (node, config)) in definition.nodes.iter().zip(configs).enumerate() {
        if let (Some(by), Some(on)) =
            (run_by.get(&number), configs.iter().find_map(|one| one.on().filter(|on| *on == node.id)))
        {
            findings.error(
                "boundary_on",
                Place::node(&node.id, number, ""),
                format!("something stands on '{on}', which is run by '{by}'"),
                "Attach it to that node instead.",
            );
        }
        let role = config.kind().role;
        let ends = matches!(role, Role::End | Role::Compensation) || run_by.contains_key(&number);
        if !ends && role != Role::Boundary && !definition.edges.iter().any(|edge| edge.from == node.id) {
            findings.error(
                "no_way_on",
                Place::node(&node.id, number, ""),
                format!("no way leaves '{}'", node.id),
                "Add an edge to what follows, or to an end.",
            );
        }
        if let Config::Compensate(one) = config {
            for (at, id) in one
                .only
                .iter()
                .enumerate()
                .filter(|(_, id)| !undone.keys().any(|number| definition.nodes[*number].id == **id))
            {
                findings.error(
                    "nothing_undoes",
                    Place::node(&node.id, number, &format!("/config/only/{at}")),
                    format!("nothing undoes '{id}'"),
                    "Add a node of the type compensation for it.",
                );
            }
        }
    }
}

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}
