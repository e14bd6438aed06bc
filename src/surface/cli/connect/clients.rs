//! The clients: where each keeps its configuration and how it writes a server.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Claude Desktop
    ClaudeDesktop,
    /// Claude Code
    ClaudeCode,
    /// Cursor
    Cursor,
    /// Visual Studio Code
    Vscode,
    /// GitHub Copilot CLI
    CopilotCli,
    /// Zed
    Zed,
    /// Windsurf
    Windsurf,
    /// Codex
    Codex,
    /// Gemini CLI
    GeminiCli,
    /// Any other client that reads `mcpServers`
    Generic,
}

/// How a client reaches the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// It starts the program.
    Start {
        /// The program.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// It calls a server.
    Http {
        /// The address.
        url: String,
        /// The key.
        key: Option<String>,
        /// Only tools that read.
        read_only: bool,
    },
}

/// How a client writes servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON object of servers under a name.
    Json {
        /// The name.
        section: &'static str,
        /// The words of this client.
        words: Words,
    },
    /// TOML tables of servers under a name.
    Toml {
        /// The name.
        section: &'static str,
    },
}

/// The words of a client for the same things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    /// Said of a server that is started.
    start: &'static [(&'static str, &'static str)],
    /// Said of a server that is called.
    http: &'static [(&'static str, &'static str)],
    /// What the address is called; `None` where such servers cannot be written into the file.
    url: Option<&'static str>,
    /// Whether the tools that may be used must be listed.
    tools: bool,
}

const PLAIN: Words = Words { start: &[], http: &[], url: Some("url"), tools: false };

impl Client {
    /// How the client writes servers.
    pub(super) const fn form(self) -> Form {
        let (section, words) = match self {
            Self::Codex => return Form::Toml { section: "mcp_servers" },
            Self::ClaudeDesktop => ("mcpServers", Words { url: None, ..PLAIN }),
            Self::ClaudeCode => {
                ("mcpServers", Words { start: &[("type", "stdio")], http: &[("type", "http")], ..PLAIN })
            }
            Self::Vscode => ("servers", Words { start: &[("type", "stdio")], http: &[("type", "http")], ..PLAIN }),
            Self::CopilotCli => {
                ("mcpServers", Words { start: &[("type", "local")], http: &[("type", "http")], tools: true, ..PLAIN })
            }
            Self::Zed => ("context_servers", Words { start: &[("source", "custom")], ..PLAIN }),
            Self::Windsurf => ("mcpServers", Words { url: Some("serverUrl"), ..PLAIN }),
            Self::GeminiCli => ("mcpServers", Words { url: Some("httpUrl"), ..PLAIN }),
            Self::Cursor | Self::Generic => ("mcpServers", PLAIN),
        };
        Form::Json { section, words }
    }

    /// Where the client keeps its configuration, for the whole account.
    pub(super) fn file(self, environment: &[(String, String)]) -> Option<PathBuf> {
        let variable = |name: &str| {
            environment
                .iter()
                .find(|(one, value)| one == name && !value.is_empty())
                .map(|(_, value)| PathBuf::from(value))
        };
        let home = variable("HOME").or_else(|| variable("USERPROFILE"))?;
        let settings = if cfg!(target_os = "macos") {
            home.join("Library/Application Support")
        } else if cfg!(windows) {
            variable("APPDATA")?
        } else {
            variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"))
        };
        Some(match self {
            Self::ClaudeDesktop => settings.join("Claude/claude_desktop_config.json"),
            Self::ClaudeCode => home.join(".claude.json"),
            Self::Cursor => home.join(".cursor/mcp.json"),
            Self::Vscode => settings.join("Code/User/mcp.json"),
            Self::CopilotCli => home.join(".copilot/mcp-config.json"),
            Self::Zed if cfg!(windows) => settings.join("Zed/settings.json"),
            Self::Zed => variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("zed/settings.json"),
            Self::Windsurf => home.join(".codeium/windsurf/mcp_config.json"),
            Self::Codex => variable("CODEX_HOME").unwrap_or_else(|| home.join(".codex")).join("config.toml"),
            Self::GeminiCli => home.join(".gemini/settings.json"),
            Self::Generic => return None,
        })
    }
}

impl Form {
    /// The entry of a server.
    pub(super) fn entry(&self, reach: &Reach) -> Result<Map<String, Value>, String> {
        let mut entry = Map::new();
        match (self, reach) {
            (Self::Json { words, .. }, Reach::Start { program, arguments }) => {
                say(&mut entry, words.start);
                entry.insert("command".to_owned(), json!(program));
                entry.insert("args".to_owned(), json!(arguments));
                entry.insert("env".to_owned(), json!({}));
            }
            (Self::Json { words, .. }, Reach::Http { url, key, read_only }) => {
                let Some(name) = words.url else {
                    return Err("this client takes only programs that it starts itself: leave --server out".to_owned());
                };
                say(&mut entry, words.http);
                entry.insert(name.to_owned(), json!(url));
                let headers = headers(key.as_deref(), *read_only);
                if !headers.is_empty() {
                    entry.insert("headers".to_owned(), Value::Object(headers));
                }
            }
            (Self::Toml { .. }, Reach::Start { program, arguments }) => {
                entry.insert("command".to_owned(), json!(program));
                entry.insert("args".to_owned(), json!(arguments));
            }
            (Self::Toml { .. }, Reach::Http { url, read_only, .. }) => {
                entry.insert("url".to_owned(), json!(url));
                // Read from the environment of the client: it refuses keys in its file.
                entry.insert("bearer_token_env_var".to_owned(), json!("CONVOKE_KEY"));
                let headers = headers(None, *read_only);
                if !headers.is_empty() {
                    entry.insert("http_headers".to_owned(), Value::Object(headers));
                }
            }
        }
        if let Self::Json { words: Words { tools: true, .. }, .. } = self {
            entry.insert("tools".to_owned(), json!(["*"]));
        }
        Ok(entry)
    }
}

fn say(entry: &mut Map<String, Value>, words: &[(&str, &str)]) {
    for (name, value) in words {
        entry.insert((*name).to_owned(), json!(value));
    }
}

fn headers(key: Option<&str>, read_only: bool) -> Map<String, Value> {
    let mut headers = Map::new();
    if let Some(key) = key {
        headers.insert("Authorization".to_owned(), json!(format!("Bearer {key}")));
    }
    if read_only {
        headers.insert("Convoke-Read-Only".to_owned(), json!("true"));
    }
    headers
}

/// A TOML table of one server.
pub(super) fn toml_section(section: &str, name: &str, entry: &Map<String, Value>) -> String {
    let mut server = toml::Table::new();
    for (key, value) in entry {
        if let Ok(value) = toml::Value::try_from(value) {
            server.insert(key.clone(), value);
        }
    }
    let servers = toml::Table::from_iter([(name.to_owned(), toml::Value::Table(server))]);
    let whole = toml::Table::from_iter([(section.to_owned(), toml::Value::Table(servers))]);
    whole.to_string()
}
