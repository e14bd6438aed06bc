//! What can be said on the command line.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

/// Said below the help of every command.
const EXITS: &str = "Exit codes:
  0  done
  1  the call ended by a fault, told as problem JSON on standard error
  2  the command line was not understood
  3  the server cannot be reached
  4  the configuration or the data folder cannot be used
  5  another process owns the data folder and cannot be gone through";

/// The back office for AI agents: an MCP server and agent runtime in one binary.
#[derive(Debug, Parser)]
#[command(name = "convoke", version, after_help = EXITS, propagate_version = true, max_term_width = 120)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub options: Options,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Reads the arguments of the process.
///
/// # Errors
/// When they ask for help or cannot be meant.
pub(super) fn read() -> Result<Arguments, clap::Error> {
    let mut command = Arguments::command();
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    if has_idle_key(&matches) {
        let say = "--key is the key for another server: name it with --server";
        return Err(command.error(ErrorKind::MissingRequiredArgument, say));
    }
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Whether a key was given for a server that was not. One that the environment holds for other calls is no mistake.
fn has_idle_key(matches: &ArgMatches) -> bool {
    let mut asked = matches;
    while let Some((_, below)) = asked.subcommand() {
        asked = below;
    }
    asked.ids().any(|id| id == "key")
        && asked.value_source("key") == Some(ValueSource::CommandLine)
        && asked.value_source("server").is_none()
}

/// What holds for every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
#[expect(clippy::doc_markdown, reason = "people read this on a terminal")]
pub struct Options {
    /// The data folder [default: $CONVOKE_DATA, or the platform's own place for user data]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Another configuration file, above those in the data folder and the working folder
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A value of the configuration, above files and environment; may be repeated
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE", value_parser = set)]
    pub set: Vec<(String, String)>,
    /// What is logged: error, warn, info, debug or trace, also by module
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve MCP, REST and WebSocket over HTTP
    #[command(after_help = EXITS)]
    Serve(Serve),
    /// Speak MCP on standard input and output, for a client that starts its servers itself
    #[command(after_help = EXITS)]
    Stdio(Stdio),
    /// Call a tool
    #[command(after_help = EXITS)]
    Call(Call),
    /// List the tools, or find the one that fits a need
    #[command(after_help = EXITS)]
    Tools(Tools),
    /// Check the configuration and the cards of the tools, built in and in the data folder
    #[command(after_help = EXITS)]
    Check,
    /// Show the configuration in force
    #[command(after_help = EXITS)]
    Config(Config),
    /// Print or write the configuration by which an MCP client finds this program
    #[command(after_help = EXITS)]
    Connect(Connect),
    /// List, create, revoke keys; replace a lost administrator key
    #[command(after_help = EXITS)]
    Keys(Keys),
    /// Look after the keys under which stored secrets are encrypted
    #[command(after_help = EXITS)]
    Vault(Vault),
    /// Make a backup of everything
    #[command(after_help = EXITS)]
    Backup(Backup),
    /// Restore a backup into an empty installation
    #[command(after_help = EXITS)]
    Restore(Restore),
    /// Fill the index of vectors anew from the store, while it is searched
    #[command(after_help = EXITS)]
    Reindex(Reindex),
    /// Tell the store's schema and run what is pending
    #[command(after_help = EXITS)]
    Migrate(Migrate),
    /// Write the audit log as a file, or verify such a file
    #[command(after_help = EXITS)]
    Audit(Audit),
    /// Read a document: the program starts itself so, to read what others wrote apart from everything else
    #[command(hide = true)]
    ReadDocument,
    /// Print the completions for a shell
    Completions(Completions),
    /// Print the manual page, or write one for every command
    Man(Man),
}

/// Which installation is asked.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Another server")]
pub struct Server {
    /// Ask the server at this address in place of the data folder's installation
    #[arg(long, value_name = "URL", env = "CONVOKE_SERVER")]
    pub server: Option<String>,
    /// The key for that server
    #[arg(long, value_name = "KEY", env = "CONVOKE_KEY", hide_env_values = true)]
    pub key: Option<String>,
}

/// `serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port [default: the configured server.listen]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

/// `stdio`
#[derive(Debug, Args)]
pub struct Stdio {
    /// The toolsets shown: compact, all, or names of domains, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub toolsets: Option<Vec<String>>,
    /// Show and run only tools that read
    #[arg(long)]
    pub read_only: bool,
}

/// `call`
#[derive(Debug, Args)]
pub struct Call {
    /// The tool's name
    pub tool: String,
    /// Its input: JSON, @FILE, or - for standard input
    #[arg(default_value = "{}", hide_default_value = true, value_name = "JSON|@FILE|-")]
    pub input: String,
    /// The same call made again with the same key happens once
    #[arg(long, value_name = "TEXT")]
    pub idempotency_key: Option<String>,
    /// Which installation.
    #[command(flatten)]
    pub server: Server,
}

/// `tools`
#[derive(Debug, Args)]
pub struct Tools {
    /// What you want to do, in plain words: the tools that fit best come first
    pub query: Option<String>,
    /// Every tool with everything about it
    #[arg(long, conflicts_with = "query")]
    pub all: bool,
    /// JSON in place of a table
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub server: Server,
}

/// `config`
#[derive(Debug, Args)]
pub struct Config {
    /// What about it.
    #[command(subcommand)]
    pub what: ConfigWhat,
}

/// What about the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigWhat {
    /// Every value in force with where it comes from, secrets masked
    Show {
        /// JSON in place of a table
        #[arg(long)]
        json: bool,
    },
    /// The complete commented defaults, to begin a file with
    Defaults,
    /// The JSON schema of the file
    Schema,
}

/// `connect`
#[derive(Debug, Args)]
pub struct Connect {
    /// The client
    #[arg(value_enum)]
    pub client: super::connect::clients::Client,
    /// Write it into the client's own file, which is kept as a backup, in place of printing it
    #[arg(long)]
    pub write: bool,
    /// The file [default: the client's own place]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The name under which the client lists the server
    #[arg(long, default_value = "convoke")]
    pub name: String,
    /// The toolsets shown: compact, all, or names of domains, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub toolsets: Option<Vec<String>>,
    /// Show and run only tools that read
    #[arg(long)]
    pub read_only: bool,
    /// Which installation.
    #[command(flatten)]
    pub server: Server,
}

/// `keys`
#[derive(Debug, Args)]
pub struct Keys {
    /// What about them.
    #[command(subcommand)]
    pub what: KeysWhat,
}

/// What about keys.
#[derive(Debug, Subcommand)]
pub enum KeysWhat {
    /// Your keys, never their secret
    List {
        /// Which installation.
        #[command(flatten)]
        server: Server,
    },
    /// A new key, shown once
    Create {
        /// What it is for
        name: String,
        /// Whose it is [default: yours]
        #[arg(long, value_name = "USER-ID")]
        user: Option<String>,
        /// What it may do, such as users:read; may be repeated [default: everything that its user may]
        #[arg(long = "scope", value_name = "PERMISSION")]
        scopes: Vec<String>,
        /// The toolsets that it may call, separated by commas [default: all]
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        toolsets: Vec<String>,
        /// Only tools that read
        #[arg(long)]
        read_only: bool,
        /// After how many days it is refused [default: never]
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
        /// How many calls it may make in all [default: any number]
        #[arg(long, value_name = "CALLS")]
        usage_limit: Option<u64>,
        /// How much it may spend on models each month, in dollars [default: what its user may]
        #[arg(long, value_name = "DOLLARS")]
        budget: Option<String>,
        /// Which installation.
        #[command(flatten)]
        server: Server,
    },
    /// Refuse a key from now on
    Revoke {
        /// Its id, as the list shows it
        id: String,
        /// Which installation.
        #[command(flatten)]
        server: Server,
    },
    /// Replace a lost administrator key: all keys of the administrator are revoked and a new one is shown. Only on the
    /// machine itself
    Reset,
}

/// `backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// List the backups that there are
    #[arg(long)]
    pub list: bool,
    /// Which installation.
    #[command(flatten)]
    pub server: Server,
}

/// `reindex`
#[derive(Debug, Args)]
pub struct Reindex {
    /// Which installation.
    #[command(flatten)]
    pub server: Server,
}

/// `restore`
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup: its folder, or its name in the folder of backups
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,
    /// Only check whether it could be restored
    #[arg(long)]
    pub dry_run: bool,
    /// Which installation.
    #[command(flatten)]
    pub server: Server,
}

/// `vault`
#[derive(Debug, Args)]
pub struct Vault {
    /// What about it.
    #[command(subcommand)]
    pub what: VaultWhat,
}

/// What about the vault.
#[derive(Debug, Subcommand)]
pub enum VaultWhat {
    /// Where the master key comes from, and how many data keys it opens
    Status,
    /// Read the master key anew, after it was put back or another was put beside it
    Reload,
    /// New keys in place of the old ones, while everything runs: data keys, or the master key
    Rotate {
        /// The master key in place of the data keys; one that the program did not make is changed at its place before
        #[arg(long)]
        master: bool,
        /// Forget former master keys afterwards: backups made before then hold secrets that cannot be read any more
        #[arg(long, requires = "master")]
        forget_former: bool,
    },
}

/// `migrate`
#[derive(Debug, Args)]
pub struct Migrate {
    /// Only tell what would be run
    #[arg(long)]
    pub dry_run: bool,
    /// Put this copy, from before a change of the schema, in place of the store, for the version of the program that wrote it.
    /// Only on the machine itself, while nothing else uses the data folder
    #[arg(long, value_name = "COPY", conflicts_with_all = ["dry_run", "server"])]
    pub roll_back: Option<String>,
    /// Move everything from this kind of store, of which there is one, into the one of --to, which must be empty; store.url
    /// names the database. What was moved is checked by counts and digests. Only on the machine itself, while nothing else uses
    /// either store
    #[arg(long, value_enum, requires = "to", conflicts_with_all = ["dry_run", "server", "roll_back"])]
    pub from: Option<Backend>,
    /// The kind of store to move into
    #[arg(long, value_enum, requires = "from")]
    pub to: Option<Backend>,
    /// Which installation.
    #[command(flatten)]
    pub server: Server,
}

/// `audit`
#[derive(Debug, Args)]
pub struct Audit {
    /// What about it.
    #[command(subcommand)]
    pub what: AuditWhat,
}

/// What about the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditWhat {
    /// Everything of the tenant's under the newest checkpoint, one line an entry, with what it is verified by
    Export {
        /// The file [default: standard output]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// A checkpoint that was kept elsewhere, so that the file can be verified against it too
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Which installation.
        #[command(flatten)]
        server: Server,
    },
    /// Check such a file against a checkpoint that was kept elsewhere. Needs no installation
    Verify {
        /// The file
        #[arg(long, value_name = "FILE")]
        export: PathBuf,
        /// The public key, or a file with it: keys/checkpoints.pub of the installation
        #[arg(long, value_name = "KEY")]
        pubkey: String,
        /// The checkpoint: a signed note, or what an anchor keeps, of which the last counts
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
    },
}

/// What a store is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// A file in the data folder
    Sqlite,
    /// A PostgreSQL database
    Postgres,
}

/// `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `man`
#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for every command into this folder
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

fn set(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write SECTION.KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}
