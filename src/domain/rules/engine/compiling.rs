//! Compiling a rule set: every expression, what each decision reads, and whether that can be put into an order. Everything that is
//! wrong is told at once, each with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::prepared::{
    Compiled, CompiledFunction, CompiledInput, CompiledLogic, CompiledOutput, CompiledTable, Prepared, Requirements,
};
use crate::domain::rules::content::{Entry, HitPolicy, Invocation, Logic, Rules, Table, TableOutput};
use crate::kernel::fault::Violation;
use crate::port::expressions::{Expression, Expressions, Form, Kind, Names};

/// So many faults are told of one rule set.
const MOST_TOLD: usize = 50;
/// So many expressions a rule set may have: compiling one takes some 100 microseconds.
const MOST_EXPRESSIONS: usize = 30_000;

/// Compiles a rule set.
///
/// # Errors
/// Everything that is wrong with it.
pub fn prepared(rules: Arc<Rules>, language: &Arc<dyn Expressions>) -> Result<Prepared, Vec<Violation>> {
    let mut compiling = Compiling::new(&rules, &**language);
    let made = compiling.whole();
    let mut wrong = compiling.wrong;
    match made {
        Some((kinds, allowed, decisions, functions)) if wrong.is_empty() => match order(&rules, &decisions) {
            Ok(order) => {
                let language = language.clone();
                Ok(Prepared { rules, language, kinds, allowed, decisions, order, functions, looked: OnceLock::new() })
            }
            Err(cycle) => Err(vec![cycle]),
        },
        _ => {
            wrong.truncate(MOST_TOLD);
            Err(wrong)
        }
    }
}

/// The decisions so that each comes after those that it reads.
fn order(rules: &Rules, decisions: &[Compiled]) -> Result<Vec<usize>, Violation> {
    let mut order = Vec::with_capacity(decisions.len());
    let mut done = vec![false; decisions.len()];
    while order.len() < decisions.len() {
        let ready =
            (0..decisions.len()).find(|at| !done[*at] && decisions[*at].reads.decisions.iter().all(|read| done[*read]));
        let Some(at) = ready else { return Err(cycle(rules, decisions, &done)) };
        done[at] = true;
        order.push(at);
    }
    Ok(order)
}

fn cycle(rules: &Rules, decisions: &[Compiled], done: &[bool]) -> Violation {
    // Each that is left reads one that is left: whoever follows comes by again.
    let mut way: Vec<usize> = Vec::new();
    let mut at = done.iter().position(|done| !done).unwrap_or(0);
    while !way.contains(&at) {
        way.push(at);
        at = decisions[at].reads.decisions.iter().copied().find(|read| !done[*read]).unwrap_or(at);
    }
    let from = way.iter().position(|one| *one == at).unwrap_or(0);
    let names: Vec<&str> = way[from..].iter().chain([&at]).map(|at| rules.decisions[*at].name.as_str()).collect();
    Violation {
        pointer: format!("/decisions/{at}"),
        message: format!("decisions read each other in a circle: {}", names.join(" reads ")),
    }
}

type Made = (Vec<Kind>, Vec<Option<Arc<dyn Expression>>>, Vec<Compiled>, Vec<CompiledFunction>);

struct Compiling<'a> {
    rules: &'a Rules,
    language: &'a dyn Expressions,
    inputs: BTreeMap<&'a str, usize>,
    decisions: BTreeMap<&'a str, usize>,
    functions: BTreeMap<&'a str, usize>,
    wrong: Vec<Violation>,
    expressions: usize,
    reads: Requirements,
    /// What may be read besides the rule set's own: parameters, entries of a context.
    besides: Vec<String>,
    /// The parameters of the function that is compiled, which reads no inputs and decisions.
    in_function: bool,
    /// What the decision that is compiled says that it requires: then it reads nothing else.
    required: Option<&'a [String]>,
}

impl<'a> Compiling<'a> {
    fn new(rules: &'a Rules, language: &'a dyn Expressions) -> Self {
        let places = |names: Vec<&'a str>| names.into_iter().enumerate().map(|(at, name)| (name, at)).collect();
        Self {
            rules,
            language,
            inputs: places(rules.inputs.iter().map(|one| one.name.as_str()).collect()),
            decisions: places(rules.decisions.iter().map(|one| one.name.as_str()).collect()),
            functions: places(rules.functions.iter().map(|one| one.name.as_str()).collect()),
            wrong: Vec::new(),
            expressions: 0,
            reads: Requirements::default(),
            besides: Vec::new(),
            in_function: false,
            required: None,
        }
    }

    fn wrong(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        if self.wrong.len() < MOST_TOLD {
            self.wrong.push(Violation { pointer: pointer.into(), message: message.into() });
        }
    }

    fn whole(&mut self) -> Option<Made> {
        self.names();
        let rules = self.rules;
        if rules.decisions.is_empty() {
            self.wrong("/decisions", "there is nothing to decide: a rule set has a decision at least");
        }
        let mut kinds = Vec::new();
        let mut allowed = Vec::new();
        for (at, input) in rules.inputs.iter().enumerate() {
            kinds.push(self.kind(&format!("/inputs/{at}/type"), input.of.as_deref()));
            let tests = input.allowed.as_deref();
            allowed.push(tests.and_then(|tests| self.alone(&format!("/inputs/{at}/allowed"), tests, Form::UnaryTests)));
        }
        let mut functions = Vec::new();
        for (at, function) in rules.functions.iter().enumerate() {
            let pointer = format!("/functions/{at}");
            let mut parameters = Vec::new();
            for (nth, parameter) in function.parameters.iter().enumerate() {
                let kind = self.kind(&format!("{pointer}/parameters/{nth}/type"), parameter.of.as_deref());
                parameters.push((parameter.name.clone(), kind));
            }
            self.besides = function.parameters.iter().map(|parameter| parameter.name.clone()).collect();
            self.in_function = true;
            let (logic, reads) = self.with_reads(|it| it.logic(&format!("{pointer}/logic"), &function.logic));
            self.in_function = false;
            self.besides.clear();
            functions.push(logic.map(|logic| CompiledFunction { parameters, reads, logic }));
        }
        let mut decisions = Vec::new();
        for (at, decision) in rules.decisions.iter().enumerate() {
            let pointer = format!("/decisions/{at}");
            self.required = decision.requires.as_deref();
            let (logic, reads) = self.with_reads(|it| it.logic(&format!("{pointer}/logic"), &decision.logic));
            self.required = None;
            self.requires(&pointer, at);
            decisions.push(logic.map(|logic| Compiled { reads, logic }));
        }
        self.services();
        self.tests();
        let functions = functions.into_iter().collect::<Option<Vec<_>>>()?;
        Some((kinds, allowed, decisions.into_iter().collect::<Option<Vec<_>>>()?, functions))
    }

    /// Names are known once.
    fn names(&mut self) {
        let rules = self.rules;
        let inputs = rules.inputs.iter().enumerate().map(|(at, one)| (format!("/inputs/{at}/name"), &one.name));
        let decisions =
            rules.decisions.iter().enumerate().map(|(at, one)| (format!("/decisions/{at}/name"), &one.name));
        let functions =
            rules.functions.iter().enumerate().map(|(at, one)| (format!("/functions/{at}/name"), &one.name));
        let services = rules.services.iter().enumerate().map(|(at, one)| (format!("/services/{at}/name"), &one.name));
        let mut seen = BTreeSet::new();
        for (pointer, name) in inputs.chain(decisions).chain(functions).chain(services) {
            if !seen.insert(name.as_str()) {
                self.wrong(&pointer, format!("there is another '{name}': names are known once in a rule set"));
            }
            self.name(&pointer, name);
        }
        for (at, function) in rules.functions.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for (nth, parameter) in function.parameters.iter().enumerate() {
                let pointer = format!("/functions/{at}/parameters/{nth}/name");
                self.name(&pointer, &parameter.name);
                if !seen.insert(parameter.name.as_str()) {
                    self.wrong(&pointer, format!("there is another parameter '{}'", parameter.name));
                }
            }
        }
    }

    fn name(&mut self, pointer: &str, name: &str) {
        let reads_itself = self
            .language
            .compile(name, Form::Expression, &Names::of([name]))
            .is_ok_and(|expression| matches!(expression.variables(), [one] if one.name == name && one.path.is_empty()));
        if !reads_itself {
            let say = "cannot be a name in FEEL: begin with a letter, then letters, digits, single spaces, _ - + * / . ', and no word of the \
                       language alone";
            self.wrong(pointer, format!("'{name}' {say}"));
        }
    }

    fn kind(&mut self, pointer: &str, name: Option<&str>) -> Kind {
        let Some(name) = name else { return Kind::Any };
        Kind::parse(name).unwrap_or_else(|| {
            self.wrong(
                pointer,
                format!(
                    "'{name}' is no type: number, string, boolean, date, time, date and time, days and time duration, years and months \
                     duration, list<…>, context, Any"
                ),
            );
            Kind::Any
        })
    }

    fn with_reads<T>(&mut self, compile: impl FnOnce(&mut Self) -> T) -> (T, Requirements) {
        self.reads = Requirements::default();
        let made = compile(self);
        let mut reads = std::mem::take(&mut self.reads);
        for list in [&mut reads.inputs, &mut reads.decisions, &mut reads.functions] {
            list.sort_unstable();
            list.dedup();
        }
        (made, reads)
    }

    fn may(&self, name: &str) -> bool {
        self.required.is_none_or(|required| required.iter().any(|one| one == name))
    }

    /// What can be read here.
    fn known(&self) -> Names {
        let besides = self.besides.iter().map(String::as_str);
        let functions = self.functions.keys().copied().filter(|name| self.may(name));
        if self.in_function {
            return Names::of(besides.chain(functions));
        }
        let data = self.inputs.keys().chain(self.decisions.keys()).copied().filter(|name| self.may(name));
        Names::of(besides.chain(functions).chain(data))
    }

    /// Compiles what reads nothing.
    fn alone(&mut self, pointer: &str, text: &str, form: Form) -> Option<Arc<dyn Expression>> {
        let before = std::mem::take(&mut self.reads);
        let made = self.compile(pointer, text, form);
        let reads = std::mem::replace(&mut self.reads, before);
        if reads != Requirements::default() {
            self.wrong(pointer, "reads inputs or decisions: here stand values only");
        }
        made
    }

    fn compile(&mut self, pointer: &str, text: &str, form: Form) -> Option<Arc<dyn Expression>> {
        self.expressions += 1;
        if self.expressions > MOST_EXPRESSIONS {
            if self.expressions == MOST_EXPRESSIONS + 1 {
                self.wrong(pointer, format!("a rule set has {MOST_EXPRESSIONS} expressions at most: make two of it"));
            }
            return None;
        }
        let compiled = match self.language.compile(text, form, &self.known()) {
            Ok(compiled) => compiled,
            Err(fault) => {
                self.wrong(pointer, fault.to_string());
                return None;
            }
        };
        for read in compiled.variables() {
            self.read(pointer, &read.name, read.in_filter);
        }
        Some(compiled)
    }

    fn read(&mut self, pointer: &str, name: &str, in_filter: bool) {
        if self.besides.iter().any(|one| one == name) {
            return;
        }
        let may = self.may(name);
        if let Some(at) = self.functions.get(name).filter(|_| may) {
            self.reads.functions.push(*at);
        } else if self.in_function {
            if !in_filter {
                let say =
                    format!("reads '{name}', which is no parameter and no function: a function reads nothing else");
                self.wrong(pointer, say);
            }
        } else if let Some(at) = self.inputs.get(name).filter(|_| may) {
            self.reads.inputs.push(*at);
        } else if let Some(at) = self.decisions.get(name).filter(|_| may) {
            self.reads.decisions.push(*at);
        } else if !in_filter && may {
            let known: Vec<&str> = self.inputs.keys().chain(self.decisions.keys()).copied().take(20).collect();
            let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
            self.wrong(
                pointer,
                format!("reads '{name}', which is no input, decision or function; inputs and decisions: {known}"),
            );
        } else if !in_filter {
            self.wrong(pointer, format!("reads '{name}', which is not among what the decision requires"));
        }
    }

    fn logic(&mut self, pointer: &str, logic: &Logic) -> Option<CompiledLogic> {
        let Logic { expression, table, context, invocation, list, relation } = logic;
        let said = [
            expression.is_some(),
            table.is_some(),
            context.is_some(),
            invocation.is_some(),
            list.is_some(),
            relation.is_some(),
        ];
        if said.iter().filter(|said| **said).count() != 1 {
            self.wrong(pointer, "must have exactly one of expression, table, context, invocation, list, relation");
            return None;
        }
        if let Some(entries) = context {
            return self.context(&format!("{pointer}/context"), entries);
        }
        if let Some(items) = list {
            let items = items.iter().enumerate();
            let compiled: Vec<_> =
                items.map(|(at, text)| self.compile(&format!("{pointer}/list/{at}"), text, Form::Expression)).collect();
            return compiled.into_iter().collect::<Option<Vec<_>>>().map(CompiledLogic::List);
        }
        if let Some(relation) = relation {
            let mut rows = Vec::new();
            for (at, row) in relation.rows.iter().enumerate() {
                let pointer = format!("{pointer}/relation/rows/{at}");
                if row.len() != relation.columns.len() {
                    self.wrong(&pointer, format!("has {} values for {} columns", row.len(), relation.columns.len()));
                }
                let row: Vec<_> = row
                    .iter()
                    .enumerate()
                    .map(|(nth, text)| self.compile(&format!("{pointer}/{nth}"), text, Form::Expression))
                    .collect();
                rows.push(row.into_iter().collect::<Option<Vec<_>>>());
            }
            let rows = rows.into_iter().collect::<Option<Vec<_>>>()?;
            return Some(CompiledLogic::Relation(relation.columns.clone(), rows));
        }
        self.simple(pointer, expression.as_deref(), table.as_ref(), invocation.as_ref())
    }

    fn context(&mut self, pointer: &str, entries: &[Entry]) -> Option<CompiledLogic> {
        let before = self.besides.len();
        let mut compiled = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let pointer = format!("{pointer}/{at}");
            let said = [entry.expression.is_some(), entry.table.is_some(), entry.invocation.is_some()];
            if said.iter().filter(|said| **said).count() != 1 {
                self.wrong(&pointer, "must have exactly one of expression, table, invocation");
                continue;
            }
            if entry.name.is_none() && at + 1 < entries.len() {
                self.wrong(&pointer, "must have a name: only the last entry may be the result");
            }
            let logic =
                self.simple(&pointer, entry.expression.as_deref(), entry.table.as_ref(), entry.invocation.as_ref());
            compiled.push(logic.map(|logic| (entry.name.clone(), logic)));
            if let Some(name) = &entry.name {
                self.name(&format!("{pointer}/name"), name);
                if self.besides[before..].contains(name) {
                    self.wrong(format!("{pointer}/name"), format!("there is another entry '{name}'"));
                }
                self.besides.push(name.clone());
            }
        }
        self.besides.truncate(before);
        compiled.into_iter().collect::<Option<Vec<_>>>().map(CompiledLogic::Context)
    }

    fn simple(
        &mut self,
        pointer: &str,
        expression: Option<&str>,
        table: Option<&Table>,
        invocation: Option<&Invocation>,
    ) -> Option<CompiledLogic> {
        if let Some(text) = expression {
            let compiled = self.compile(&format!("{pointer}/expression"), text, Form::Expression)?;
            return Some(CompiledLogic::Expression(compiled));
        }
        if let Some(table) = table {
            return self.table(&format!("{pointer}/table"), table);
        }
        self.invocation(&format!("{pointer}/invocation"), invocation?)
    }

    /// A call is an expression; each argument is compiled by itself too, so that a fault has its place.
    fn invocation(&mut self, pointer: &str, call: &Invocation) -> Option<CompiledLogic> {
        let Some(at) = self.functions.get(call.function.as_str()).copied() else {
            self.wrong(
                format!("{pointer}/function"),
                format!("there is no function '{}' in the rule set", call.function),
            );
            return None;
        };
        let rules = self.rules;
        let parameters: Vec<&str> = rules.functions[at].parameters.iter().map(|one| one.name.as_str()).collect();
        let mut arguments = Vec::new();
        for (nth, argument) in call.arguments.iter().enumerate() {
            let place = format!("{pointer}/arguments/{nth}");
            if !parameters.contains(&argument.name.as_str()) {
                let say =
                    format!("'{}' has no parameter '{}': {}", call.function, argument.name, parameters.join(", "));
                self.wrong(format!("{place}/name"), say);
            }
            self.compile(&format!("{place}/expression"), &argument.expression, Form::Expression)?;
            arguments.push(format!("{}: ({})", argument.name, argument.expression));
        }
        for lacking in parameters.iter().filter(|name| call.arguments.iter().all(|given| given.name != **name)) {
            arguments.push(format!("{lacking}: null"));
        }
        let text = format!("{}({})", call.function, arguments.join(", "));
        self.compile(pointer, &text, Form::Expression).map(CompiledLogic::Expression)
    }

    fn table(&mut self, pointer: &str, table: &Table) -> Option<CompiledLogic> {
        let several = table.outputs.len() > 1;
        if several && matches!(table.hit_policy, HitPolicy::Sum | HitPolicy::Min | HitPolicy::Max | HitPolicy::Count) {
            self.wrong(
                format!("{pointer}/hitPolicy"),
                "a sum, least, greatest or count is of one output: the table has several",
            );
        }
        let mut inputs = Vec::new();
        for (at, input) in table.inputs.iter().enumerate() {
            let pointer = format!("{pointer}/inputs/{at}");
            let expression = self.compile(&format!("{pointer}/expression"), &input.expression, Form::Expression);
            let kind = self.kind(&format!("{pointer}/type"), input.of.as_deref());
            let allowed = input.allowed.as_deref();
            let allowed = allowed.and_then(|text| self.compile(&format!("{pointer}/allowed"), text, Form::UnaryTests));
            let (kind, allowed) = self.as_declared(&input.expression, kind, allowed);
            let label = input.label.clone().unwrap_or_else(|| input.expression.clone());
            inputs.push(expression.map(|expression| CompiledInput { label, expression, kind, allowed }));
        }
        let mut outputs = Vec::new();
        let orders = matches!(table.hit_policy, HitPolicy::Priority | HitPolicy::OutputOrder);
        if orders && table.outputs.iter().all(|output| output.allowed.is_none()) {
            let say = "must list the values in 'allowed', the most important first: the hit policy orders by them";
            self.wrong(format!("{pointer}/outputs/0"), say);
        }
        for (at, output) in table.outputs.iter().enumerate() {
            let pointer = format!("{pointer}/outputs/{at}");
            outputs.push(self.output(&pointer, output, several, orders));
        }
        let (mut rows, mut then) = (Vec::new(), Vec::new());
        for (at, rule) in table.rules.iter().enumerate() {
            let pointer = format!("{pointer}/rules/{at}");
            if rule.when.len() != table.inputs.len() {
                let say =
                    format!("has {} tests for {} inputs: '-' stands for anything", rule.when.len(), table.inputs.len());
                self.wrong(format!("{pointer}/when"), say);
            }
            if rule.then.len() != table.outputs.len() {
                let say = format!("has {} values for {} outputs", rule.then.len(), table.outputs.len());
                self.wrong(format!("{pointer}/then"), say);
            }
            let tests: Vec<_> = rule
                .when
                .iter()
                .enumerate()
                .map(|(nth, text)| self.compile(&format!("{pointer}/when/{nth}"), text, Form::UnaryTests))
                .collect();
            rows.push(tests.into_iter().collect::<Option<Vec<_>>>());
            let values: Vec<_> = rule
                .then
                .iter()
                .enumerate()
                .map(|(nth, text)| self.compile(&format!("{pointer}/then/{nth}"), text, Form::Expression))
                .collect();
            then.push(values.into_iter().collect::<Option<Vec<_>>>());
        }
        Some(CompiledLogic::Table(Box::new(CompiledTable {
            policy: table.hit_policy,
            inputs: inputs.into_iter().collect::<Option<Vec<_>>>()?,
            outputs,
            rows: self.language.rows(rows.into_iter().collect::<Option<Vec<_>>>()?),
            then: then.into_iter().collect::<Option<Vec<_>>>()?,
            notes: table.rules.iter().map(|rule| rule.note.clone()).collect(),
            when: table.rules.iter().map(|rule| rule.when.clone()).collect(),
        })))
    }

    fn output(&mut self, pointer: &str, output: &TableOutput, several: bool, orders: bool) -> CompiledOutput {
        if several && output.name.is_none() {
            self.wrong(format!("{pointer}/name"), "must be there: the table has several outputs");
        }
        let allowed_place = format!("{pointer}/allowed");
        let text = output.allowed.as_deref();
        // What does not compile was told, and nothing is made of the rule set.
        let allowed = text.and_then(|text| self.alone(&allowed_place, text, Form::UnaryTests));
        let listed = text.filter(|_| orders).map(|text| format!("[{text}]"));
        let priority = listed.and_then(|text| self.alone(&allowed_place, &text, Form::Expression));
        let default = output.default.as_deref();
        let default = default.and_then(|text| self.compile(&format!("{pointer}/default"), text, Form::Expression));
        CompiledOutput { name: output.name.clone(), allowed, priority, default }
    }

    /// What the rule set says of an input, where the table tests it as it is and says nothing itself.
    fn as_declared(
        &mut self,
        expression: &str,
        kind: Kind,
        allowed: Option<Arc<dyn Expression>>,
    ) -> (Kind, Option<Arc<dyn Expression>>) {
        let Some(at) = self.inputs.get(expression.trim()).copied().filter(|_| !self.in_function) else {
            return (kind, allowed);
        };
        let declared = &self.rules.inputs[at];
        let kind = match kind {
            Kind::Any => declared.of.as_deref().and_then(Kind::parse).unwrap_or(Kind::Any),
            said => said,
        };
        let known = self.known();
        let of_input =
            declared.allowed.as_deref().and_then(|text| self.language.compile(text, Form::UnaryTests, &known).ok());
        (kind, allowed.or(of_input))
    }

    /// What a decision says that it requires must be there.
    fn requires(&mut self, pointer: &str, at: usize) {
        let rules = self.rules;
        for (nth, name) in rules.decisions[at].requires.iter().flatten().enumerate() {
            let name = name.as_str();
            let there = self.inputs.contains_key(name)
                || self.decisions.contains_key(name)
                || self.functions.contains_key(name);
            if !there {
                self.wrong(
                    format!("{pointer}/requires/{nth}"),
                    format!("there is no input, decision or function '{name}'"),
                );
            }
        }
    }

    fn services(&mut self) {
        let rules = self.rules;
        for (at, service) in rules.services.iter().enumerate() {
            for (list, names) in [("decisions", &service.decisions), ("given", &service.given)] {
                for (nth, name) in names.iter().enumerate() {
                    if !self.decisions.contains_key(name.as_str()) {
                        self.wrong(format!("/services/{at}/{list}/{nth}"), format!("there is no decision '{name}'"));
                    }
                }
            }
        }
    }

    fn tests(&mut self) {
        let rules = self.rules;
        for (at, test) in rules.tests.iter().enumerate() {
            if let Some(name) = &test.service
                && !rules.services.iter().any(|service| &service.name == name)
            {
                self.wrong(format!("/tests/{at}/service"), format!("there is no service '{name}'"));
            }
            if test.expect.is_empty() {
                self.wrong(format!("/tests/{at}/expect"), "must name a decision and its value");
            }
            for name in test.expect.keys().filter(|name| !self.decisions.contains_key(name.as_str())) {
                let pointer = format!("/tests/{at}/expect/{}", name.replace('~', "~0").replace('/', "~1"));
                self.wrong.push(Violation { pointer, message: format!("there is no decision '{name}'") });
            }
        }
    }
}
