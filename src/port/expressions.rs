//! Expressions: FEEL, the language of conditions, mappings and decision tables. Whatever the text is, compiling and evaluating it end
//! within their limits.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

/// What a text is to be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// An expression: `amount * 2`.
    Expression,
    /// Unary tests, as in a cell of a decision table: `> 100, [1..5], -`. What is tested is `?`.
    UnaryTests,
}

/// The names that an expression may read, and those within them. Names with spaces or signs are known by this alone; words are also
/// read as names where nobody lists them, and then told as variables that nobody knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Names(pub BTreeMap<String, Names>);

impl Names {
    /// Names with nothing known within them.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(|name| (name.to_owned(), Self::default())).collect())
    }

    /// These and one more.
    #[must_use]
    pub fn with(mut self, name: &str, within: Self) -> Self {
        self.0.insert(name.to_owned(), within);
        self
    }
}

/// What JSON is to be read as, where its text alone does not say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kind {
    /// As it is: texts stay texts.
    #[default]
    Any,
    /// A boolean.
    Boolean,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A date: `2026-11-26`.
    Date,
    /// A time of day: `10:30:00`, with an offset or a zone after `@` where it has one.
    Time,
    /// A date and a time: `2026-11-26T10:30:00Z`.
    DateTime,
    /// Days and time: `P1DT2H`.
    DaysAndTime,
    /// Years and months: `P1Y2M`.
    YearsAndMonths,
    /// A list of these.
    List(Box<Kind>),
    /// An object with these fields; others stay as they are.
    Context(BTreeMap<String, Kind>),
}

impl Kind {
    /// The kind of a name of DMN: `number`, `string`, `boolean`, `date`, `time`, `date and time`, the two durations, `list`, `context`,
    /// `list<…>` of one of these, `Any`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        let name = name.strip_prefix("feel:").unwrap_or(name);
        if let Some(inner) = name.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
            return Self::parse(inner).map(|kind| Self::List(Box::new(kind)));
        }
        Some(match name {
            "Any" | "any" => Self::Any,
            "boolean" => Self::Boolean,
            "number" => Self::Number,
            "string" => Self::Text,
            "date" => Self::Date,
            "time" => Self::Time,
            "date and time" | "dateTime" => Self::DateTime,
            "days and time duration" | "dayTimeDuration" => Self::DaysAndTime,
            "years and months duration" | "yearMonthDuration" => Self::YearsAndMonths,
            "list" => Self::List(Box::new(Self::Any)),
            "context" => Self::Context(BTreeMap::new()),
            _ => return None,
        })
    }

    /// Its name, as `parse` reads it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Any => "Any".to_owned(),
            Self::Boolean => "boolean".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Text => "string".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Time => "time".to_owned(),
            Self::DateTime => "date and time".to_owned(),
            Self::DaysAndTime => "days and time duration".to_owned(),
            Self::YearsAndMonths => "years and months duration".to_owned(),
            Self::List(inner) => format!("list<{}>", inner.name()),
            Self::Context(_) => "context".to_owned(),
        }
    }
}

/// What evaluating may take. A `Scope` takes it once for everything that is evaluated in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps: parts of expressions evaluated, passes of loops, and four for each item of a list that is made.
    pub steps: u64,
    /// Parts of one value: items, fields, sixteen bytes of a text.
    pub value: u64,
    /// Time.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 5_000_000, value: 100_000, time: Duration::from_secs(2) }
    }
}

/// A text may be so long, in bytes.
pub const LONGEST_TEXT: usize = 8 * 1024;
/// Expressions may nest so deep.
pub const DEEPEST: usize = 100;

/// Why an expression does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpressionFault {
    /// The text is none: why, and where it shows, in characters from 0.
    Invalid {
        /// Why.
        say: String,
        /// Where.
        at: usize,
    },
    /// It takes more than it may: of what.
    Exceeded(&'static str),
    /// It cannot be evaluated: the evaluator broke down on it.
    Broken(String),
}

impl fmt::Display for ExpressionFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { say, at } => write!(out, "{say} at character {}", at + 1),
            Self::Exceeded(what) => write!(out, "it takes more {what} than an expression may"),
            Self::Broken(why) => write!(out, "it cannot be evaluated: {why}"),
        }
    }
}

/// A value between expressions. Dates, ranges and functions are more than JSON can say, so values stay what they are until they are
/// told.
#[derive(Clone)]
pub struct Datum(Arc<dyn Any + Send + Sync>);

impl Datum {
    /// Of whatever the evaluator has as values.
    pub fn of<T: Any + Send + Sync>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// The evaluator's value.
    #[must_use]
    pub fn value<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Datum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Datum")
    }
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The value.
    pub value: Datum,
    /// Why it is null, where the evaluator says so.
    pub why_null: Option<String>,
}

/// A variable that an expression reads: its name, and the names after it, as in `order.customer.name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reads {
    /// The variable.
    pub name: String,
    /// What is read of it.
    pub path: Vec<String>,
    /// Whether it may also be a field of the items that a filter looks at: `orders[total > 5]`.
    pub in_filter: bool,
}

/// A compiled text.
pub trait Expression: Send + Sync {
    /// The text.
    fn text(&self) -> &str;
    /// How it was read.
    fn form(&self) -> Form;
    /// The variables that it reads, in order of their names. Of unary tests, `?` is none.
    fn variables(&self) -> &[Reads];
    /// Whether it surely ends within moments, so that it needs no thread of its own: it has no loops, functions of its own, sorting or
    /// patterns.
    fn is_quick(&self) -> bool;
    /// The compiled text itself, for the evaluator.
    fn compiled(&self) -> &dyn Any;
}

/// What a function of the program's own does: given its arguments, a value, or why there is none.
pub type Body = Arc<dyn Fn(Vec<Datum>) -> Result<Datum, String> + Send + Sync>;

/// Variables, and expressions evaluated over them.
pub trait Scope: Send {
    /// Gives a variable its value.
    fn set(&mut self, name: &str, value: &Datum);
    /// Evaluates an expression.
    fn evaluate(&self, expression: &dyn Expression) -> Result<Answer, ExpressionFault>;
    /// Whether unary tests hold of a value. `None` where that is neither true nor false.
    fn holds(&self, tests: &dyn Expression, of: &Datum) -> Result<Option<bool>, ExpressionFault>;
}

/// Compiles and evaluates.
pub trait Expressions: Send + Sync {
    /// Compiles a text. What was compiled with the same names before is not read again.
    ///
    /// # Errors
    /// Where the text is no expression, or too large a one.
    fn compile(&self, text: &str, form: Form, names: &Names) -> Result<Arc<dyn Expression>, ExpressionFault>;

    /// Variables for expressions.
    fn scope(&self, limits: Limits) -> Box<dyn Scope>;

    /// Reads JSON.
    ///
    /// # Errors
    /// Where it is not of the kind: the place as a JSON pointer, and why.
    fn read(&self, json: &Value, kind: &Kind) -> Result<Datum, (String, String)>;

    /// Tells a value as JSON. Numbers are exact to what a double holds (integers of 64 bits wholly); dates, times, durations and ranges
    /// are told as FEEL writes them (`2026-11-26`, `10:30:00Z`, `P1DT2H`, `[1..5)`), functions as a text that names their parameters.
    fn tell(&self, value: &Datum) -> Value;

    /// What kind of value it is, as FEEL names it.
    fn kind_of(&self, value: &Datum) -> String;

    /// Whether a value is of a kind. Null is of every kind.
    fn is_of(&self, value: &Datum, kind: &Kind) -> bool;

    /// Whether two values are the same.
    fn same(&self, one: &Datum, other: &Datum) -> bool;

    /// Nothing.
    fn null(&self) -> Datum;

    /// A list of values.
    fn list(&self, values: Vec<Datum>) -> Datum;

    /// A context of values.
    fn context(&self, fields: Vec<(String, Datum)>) -> Datum;

    /// The items of a list; `None` where it is none.
    fn items(&self, value: &Datum) -> Option<Vec<Datum>>;

    /// Rows of compiled unary tests, each as long as the first.
    fn rows(&self, rows: Vec<Vec<Arc<dyn Expression>>>) -> Arc<dyn Rows>;

    /// A function that expressions can call.
    fn function(&self, parameters: &[(String, Kind)], body: Body) -> Datum;

    /// Evaluates over JSON, and tells the answer: for a single expression.
    ///
    /// # Errors
    /// Where it cannot be evaluated.
    fn evaluate(
        &self,
        expression: &dyn Expression,
        variables: &Map<String, Value>,
        limits: Limits,
    ) -> Result<Value, ExpressionFault> {
        let scope = self.filled(variables, limits)?;
        scope.evaluate(expression).map(|answer| self.tell(&answer.value))
    }

    /// Whether unary tests hold of a JSON value.
    ///
    /// # Errors
    /// Where they cannot be evaluated.
    fn holds(
        &self,
        tests: &dyn Expression,
        of: &Value,
        variables: &Map<String, Value>,
        limits: Limits,
    ) -> Result<Option<bool>, ExpressionFault> {
        let of = self.read(of, &Kind::Any).map_err(|(at, why)| ExpressionFault::Broken(format!("{at}: {why}")))?;
        self.filled(variables, limits)?.holds(tests, &of)
    }

    /// A scope with these variables.
    ///
    /// # Errors
    /// Where a variable cannot be read.
    fn filled(&self, variables: &Map<String, Value>, limits: Limits) -> Result<Box<dyn Scope>, ExpressionFault> {
        let mut scope = self.scope(limits);
        for (name, value) in variables {
            let value = self
                .read(value, &Kind::Any)
                .map_err(|(at, why)| ExpressionFault::Broken(format!("{name}{at}: {why}")))?;
            scope.set(name, &value);
        }
        Ok(scope)
    }
}

/// The service that has the language.
pub struct Language(pub Arc<dyn Expressions>);

/// A decision table's rows of tests, which are held against inputs at once.
pub trait Rows: Send + Sync {
    /// The rows whose tests all hold of the inputs, in order; only the first where no more are asked for.
    ///
    /// # Errors
    /// Where a test cannot be evaluated.
    fn matching(&self, scope: &dyn Scope, inputs: &[Datum], only_first: bool) -> Result<Vec<usize>, ExpressionFault>;

    /// Whether each test of a row holds of its input.
    ///
    /// # Errors
    /// Where a test cannot be evaluated.
    fn tests(&self, scope: &dyn Scope, row: usize, inputs: &[Datum]) -> Result<Vec<Option<bool>>, ExpressionFault>;

    /// Which inputs more than one row takes, and which none, told by examples. `allowed` are tests of what an input may be.
    fn coverage(&self, columns: &[Column], most: usize) -> Coverage;
}

/// A column of a table, for looking at what it covers.
pub struct Column {
    /// What it holds.
    pub kind: Kind,
    /// What it may be.
    pub allowed: Option<Arc<dyn Expression>>,
}

/// What was found by looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// None: every input was looked at.
    None,
    /// Some.
    Some,
    /// That cannot be told: there are tests that cannot be decided without values, or too many cases.
    Unknown,
}

/// An example of inputs: a value a column; none where any value will do.
pub type Example = Vec<Option<Value>>;

/// What a table's rows cover.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// Whether inputs are taken by two rows.
    pub overlapping: Found,
    /// Two rows each that take the same inputs, and such inputs.
    pub overlaps: Vec<(usize, usize, Example)>,
    /// Whether inputs are taken by none.
    pub lacking: Found,
    /// Inputs that none takes.
    pub gaps: Vec<Example>,
}
