//! Reading the configuration in layers: the compiled-in defaults, `convoke.toml` in the data folder, in the working folder,
//! the file of `--config`, the environment, flags. What does not fit is told all at once: source, key, how to mend it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::{Table, Value};

use super::origins::{ConfigOrigins, Source};
use super::{Config, check, place};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// The complete commented defaults.
pub const DEFAULTS: &str = include_str!("../../config/convoke.toml");

/// The name of the file in the data folder and in the working folder.
pub const FILE: &str = "convoke.toml";

/// The key that names the data folder.
const DATA: &str = "store.data";

/// The keys that name files and folders.
const PATHS: &[&str] = &[
    DATA,
    "server.tls_certificate",
    "server.tls_key",
    "backup.folder",
    "embeddings.folder",
    "store.password_file",
    "store.tls_ca",
    "nats.tls_ca",
    "objects.tls_ca",
    "audit.keys",
    "audit.anchor_file",
];

/// The sections whose keys are names that an operator chooses, each with a table below it.
const OPEN: &[&str] = &["calendars"];

/// What the layers are read from. Everything of the machine is handed in, so that a test can hand in its own.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The working folder.
    pub working: PathBuf,
    /// The data folder that `--data` names.
    pub data: Option<PathBuf>,
    /// The file that `--config` names.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// What flags set: the flag, the key, the value as text.
    pub flags: Vec<(String, String, String)>,
}

impl Inputs {
    /// A value of a flag as it must be written to mean the same in any working folder.
    #[must_use]
    pub fn anywhere(&self, key: &str, value: &str) -> String {
        if !PATHS.contains(&key) || value.is_empty() {
            return value.to_owned();
        }
        self.absolute(Path::new(value)).display().to_string()
    }

    /// A path that the command line or the environment names.
    #[must_use]
    pub fn absolute(&self, path: &Path) -> PathBuf {
        match path.to_str() {
            Some(text) => place::absolute(text, &self.working, &self.environment),
            None => self.working.join(path),
        }
    }
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where each comes from, by `section.key`.
    pub origins: BTreeMap<String, Source>,
    /// The data folder.
    pub data: PathBuf,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
}

impl Loaded {
    /// Where each value comes from, in words.
    #[must_use]
    pub fn told_origins(&self) -> ConfigOrigins {
        ConfigOrigins(self.origins.iter().map(|(key, source)| (key.clone(), source.to_string())).collect())
    }
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Misfit {
    /// The key, or empty where a whole file cannot be read.
    pub key: String,
    /// Where the value comes from.
    pub source: Source,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, source, message } = self;
        match (source, key.as_str()) {
            (_, "") => write!(formatter, "{source}: {message}"),
            (Source::Default, _) => write!(formatter, "{key}: {message}"),
            (Source::File(_) | Source::Environment(_) | Source::Flag(_), _) => {
                write!(formatter, "{source}: {key}: {message}")
            }
        }
    }
}

/// The fault of values that cannot be used.
#[must_use]
pub fn fault(misfits: &[Misfit]) -> Fault {
    let lines: Vec<String> = misfits.iter().map(ToString::to_string).collect();
    Fault::new(&codes::BAD_CONFIGURATION, lines.join("\n")).with_detail(serde_json::json!({ "misfits": misfits }))
}

/// The compiled-in defaults.
///
/// # Errors
/// When the file of defaults and the types have fallen apart.
pub fn defaults() -> Result<Config, Fault> {
    table_of_defaults()?.try_into().map_err(|error| Fault::internal(format!("the defaults: {error}")))
}

/// Reads all layers and judges the values.
///
/// # Errors
/// `bad_configuration` with everything that does not fit.
pub fn load(inputs: &Inputs) -> Result<Loaded, Fault> {
    let mut layers = Layers::of_defaults(inputs)?;
    // The data folder can be named by any layer but its own file: so the others are read first, only for its name.
    let data = data_folder(inputs)?;
    layers.data_file = Some(data.join(FILE));
    layers.file(&data.join(FILE), Need::IfThere);
    if inputs.working != data {
        layers.file(&inputs.working.join(FILE), Need::IfThere);
    }
    layers.above_folders(inputs);
    let config = layers.config();
    if let Some(config) = &config {
        let Layers { misfits, origins, .. } = &mut layers;
        misfits.extend(check::check(config).into_iter().map(|(key, message)| Misfit {
            key: key.to_owned(),
            source: origins.get(key).cloned().unwrap_or(Source::Default),
            message,
        }));
        misfits.extend(config.calendars.check().into_iter().map(|(key, message)| Misfit {
            source: origins.get(&key).cloned().unwrap_or(Source::Default),
            key,
            message,
        }));
    }
    match config {
        Some(config) if layers.misfits.is_empty() => {
            Ok(Loaded { config, origins: layers.origins, data, files: layers.files })
        }
        Some(_) | None => Err(fault(&layers.misfits)),
    }
}

/// The JSON schema of the configuration file: every section and key may be left out.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Config).to_value();
    loosen(&mut schema);
    if let Some(members) = schema.as_object_mut() {
        members.insert("title".to_owned(), "Convoke's configuration".into());
    }
    schema
}

fn loosen(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(members) => {
            if members.get("required").is_some_and(serde_json::Value::is_array) {
                members.shift_remove("required");
            }
            members.values_mut().for_each(loosen);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(loosen),
        _ => {}
    }
}

fn table_of_defaults() -> Result<Table, Fault> {
    DEFAULTS.parse().map_err(|error| Fault::internal(format!("the defaults: {error}")))
}

/// The data folder, whatever else in the configuration cannot be used.
///
/// # Errors
/// When nothing names one and there is no home folder.
pub fn data_folder(inputs: &Inputs) -> Result<PathBuf, Fault> {
    let named = place::variable(&inputs.environment, "CONVOKE_DATA").map(Path::new);
    if let Some(data) = inputs.data.as_deref().or(named) {
        return Ok(inputs.absolute(data));
    }
    let mut layers = Layers::of_defaults(inputs)?;
    layers.file(&inputs.working.join(FILE), Need::IfThere);
    layers.above_folders(inputs);
    if let Some(data) = layers.text(DATA).filter(|data| !data.is_empty()) {
        return Ok(PathBuf::from(data));
    }
    place::user_data(&inputs.environment).ok_or_else(|| {
        Fault::new(
            &codes::BAD_CONFIGURATION,
            "there is no home folder to keep data in: name the data folder with --data or CONVOKE_DATA",
        )
    })
}

/// Whether a file must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    IfThere,
    Must,
}

/// The layers read so far.
#[derive(Default)]
struct Layers {
    working: PathBuf,
    environment: Vec<(String, String)>,
    table: Table,
    known: BTreeMap<String, Value>,
    origins: BTreeMap<String, Source>,
    files: Vec<PathBuf>,
    misfits: Vec<Misfit>,
    data_file: Option<PathBuf>,
}

impl Layers {
    fn of_defaults(inputs: &Inputs) -> Result<Self, Fault> {
        let Inputs { working, environment, .. } = inputs;
        let (working, environment) = (working.clone(), environment.clone());
        let mut layers = Self { table: table_of_defaults()?, working, environment, ..Self::default() };
        layers.known = layers.keys();
        layers.origins = layers.known.keys().map(|key| (key.clone(), Source::Default)).collect();
        Ok(layers)
    }

    fn keys(&self) -> BTreeMap<String, Value> {
        let sections = self.table.iter().filter_map(|(section, values)| Some((section, values.as_table()?)));
        sections
            .flat_map(|(section, values)| {
                values.iter().map(move |(name, value)| (format!("{section}.{name}"), value.clone()))
            })
            .collect()
    }

    fn above_folders(&mut self, inputs: &Inputs) {
        if let Some(file) = &inputs.file {
            self.file(&inputs.absolute(file), Need::Must);
        }
        self.environment(&inputs.environment);
        for (flag, key, text) in &inputs.flags {
            self.text_value(key, text, Source::Flag(flag.clone()));
        }
    }

    fn file(&mut self, path: &Path, need: Need) {
        let source = || Source::File(path.to_owned());
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && need == Need::IfThere => return,
            Err(error) => return self.misfit("", source(), format!("cannot be read: {error}")),
        };
        let table: Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return self.misfit("", source(), format!("is not TOML: {}", error.to_string().trim_end())),
        };
        self.files.push(path.to_owned());
        for (section, values) in table {
            match values {
                Value::Table(values) if self.table.contains_key(&section) => {
                    for (name, value) in values {
                        self.value(&format!("{section}.{name}"), value, source());
                    }
                }
                _ if self.table.contains_key(&section) => {
                    self.misfit(&section, source(), format!("is a section: write [{section}] and its keys below"));
                }
                Value::Table(_) => {
                    let near = nearest(&section, self.table.keys());
                    self.misfit(&section, source(), format!("there is no section [{section}]; {near}"));
                }
                _ => {
                    let near = nearest(&section, self.known.keys());
                    self.misfit(&section, source(), format!("stands outside of any section; {near}"));
                }
            }
        }
    }

    fn environment(&mut self, environment: &[(String, String)]) {
        for (name, text) in environment {
            let Some(rest) = name.strip_prefix("CONVOKE_") else { continue };
            if let Some((section, key)) = rest.split_once("__") {
                let key = format!("{}.{}", section.to_lowercase(), key.to_lowercase());
                self.text_value(&key, text, Source::Environment(name.clone()));
            } else if let Some(key) = self.known.keys().find(|key| key.replace('.', "_") == rest.to_lowercase()) {
                // One underscore too few would otherwise be a setting that silently does nothing.
                let meant = key.replacen('.', "__", 1).to_uppercase();
                self.misfit("", Source::Environment(name.clone()), format!("is written CONVOKE_{meant}"));
            }
        }
    }

    fn text_value(&mut self, key: &str, text: &str, source: Source) {
        let value = match self.known.get(key) {
            None => Value::String(text.to_owned()),
            Some(default) => match typed(text, default) {
                Ok(value) => value,
                Err(wanted) => return self.misfit(key, source, format!("must be {wanted}, not '{text}'")),
            },
        };
        self.value(key, value, source);
    }

    /// Takes a value, if the key is known and the whole still fits the types.
    fn value(&mut self, key: &str, value: Value, source: Source) {
        let empty = Value::Table(Table::new());
        let open = key.split_once('.').is_some_and(|(section, _)| OPEN.contains(&section));
        let Some(default) = self.known.get(key).or_else(|| open.then_some(&empty)) else {
            let near = nearest(key, self.known.keys());
            return self.misfit(key, source, format!("is not known; {near}"));
        };
        if key == DATA && matches!(&source, Source::File(file) if self.data_file.as_ref() == Some(file)) {
            return self.misfit(key, source, "cannot be set in the data folder's own file".to_owned());
        }
        if std::mem::discriminant(default) != std::mem::discriminant(&value) {
            let message = format!("must be {}, not {}", kind_of(default), kind_of(&value));
            return self.misfit(key, source, message);
        }
        let value = match value {
            Value::String(path) if PATHS.contains(&key) && !path.is_empty() => self.path(&path, &source),
            other => other,
        };
        let Some((section, name)) = key.split_once('.') else { return };
        let mut tried = self.table.clone();
        if let Some(values) = tried.get_mut(section).and_then(Value::as_table_mut) {
            values.insert(name.to_owned(), value);
        }
        match tried.clone().try_into::<Config>() {
            Ok(_) => {
                self.table = tried;
                self.origins.insert(key.to_owned(), source);
            }
            Err(error) => self.misfit(key, source, error.message().to_owned()),
        }
    }

    /// A path in a file means one beside that file, wherever the program is started; others are the working folder's.
    fn path(&self, path: &str, source: &Source) -> Value {
        let base = match source {
            Source::File(file) => file.parent().unwrap_or(&self.working),
            Source::Default | Source::Environment(_) | Source::Flag(_) => &self.working,
        };
        Value::String(place::absolute(path, base, &self.environment).display().to_string())
    }

    fn config(&self) -> Option<Config> {
        self.table.clone().try_into().ok()
    }

    fn text(&self, key: &str) -> Option<String> {
        let (section, name) = key.split_once('.')?;
        self.table.get(section)?.get(name)?.as_str().map(str::to_owned)
    }

    fn misfit(&mut self, key: &str, source: Source, message: String) {
        self.misfits.push(Misfit { key: key.to_owned(), source, message });
    }
}

/// A text as a value of the default's type.
fn typed(text: &str, default: &Value) -> Result<Value, &'static str> {
    let wanted = kind_of(default);
    let text = text.trim();
    match default {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Integer(_) => text.replace('_', "").parse().map(Value::Integer).map_err(|_| wanted),
        Value::Float(_) => text.parse().map(Value::Float).map_err(|_| wanted),
        Value::Boolean(_) => match text.to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::Boolean(true)),
            "false" | "0" | "no" | "off" => Ok(Value::Boolean(false)),
            _ => Err(wanted),
        },
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        Value::Datetime(_) | Value::Table(_) => Err(wanted),
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

/// What the writer may have meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    // A key that was put into the wrong section is told as well as a misspelt one.
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let distance = |key: &str| {
        let whole = strsim::normalized_damerau_levenshtein(name, key);
        let part = strsim::normalized_damerau_levenshtein(&last(name), &last(key));
        if part >= 0.999 { whole.max(0.9) } else { whole }
    };
    let near = known.map(|key| (distance(key), key)).max_by(|one, other| one.0.total_cmp(&other.0));
    near.map_or_else(String::new, |(_, key)| format!("the nearest is '{key}'"))
}
