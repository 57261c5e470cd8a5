//! The command line. Long helps with examples are in `help`.

mod help;
mod many;
mod serve;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use many::Many;
pub use serve::{LogFormat, Serve};
pub use values::{Instant, JsonInput, TokenText};

use crate::program;

#[derive(Debug, Parser)]
#[command(name = "workflow", version, about = help::ABOUT, after_help = help::OVERVIEW, styles = help::STYLES, max_term_width = 100)]
#[command(disable_help_subcommand = true, subcommand_help_heading = "Commands")]
pub struct Cli {
    /// None: a person looks around.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub shared: Shared,
}

/// What was typed after the program's name. The error may be a help or the version that was asked for.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// The command line, with the name under which it runs in its usages and examples.
pub fn command() -> clap::Command {
    with_examples_as_typed(Cli::command()).no_binary_name(true).bin_name(program::name())
}

fn with_examples_as_typed(command: clap::Command) -> clap::Command {
    let (short, long) = (command.get_after_help().cloned(), command.get_after_long_help().cloned());
    let mut command = command.mut_subcommands(with_examples_as_typed);
    // Taken as text: none of them has styles.
    if let Some(text) = short {
        command = command.after_help(program::as_typed(&text.to_string()));
    }
    if let Some(text) = long {
        command = command.after_long_help(program::as_typed(&text.to_string()));
    }
    command
}

#[derive(Debug, Clone, Args)]
pub struct Shared {
    /// Where the server is
    #[arg(long, global = true, env = "WORKFLOW_URL", default_value = "http://127.0.0.1:4747", hide_env_values = true)]
    #[arg(value_name = "URL", help_heading = "Everywhere")]
    pub url: String,
    /// Who you are, where the server asks; better in WORKFLOW_TOKEN or workflow.toml, which others on this machine do not see
    #[arg(
        long,
        global = true,
        env = "WORKFLOW_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Everywhere"
    )]
    pub token: Option<TokenText>,
    /// A root certificate to trust besides the system's, for a server with https (PEM)
    #[arg(long, global = true, env = "WORKFLOW_CA_FILE", hide_env_values = true)]
    #[arg(value_name = "FILE", help_heading = "Everywhere")]
    pub ca_file: Option<PathBuf>,
    /// Print JSON for programs: one value on standard output
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Everywhere")]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the engine and the HTTP API
    #[command(after_long_help = help::SERVE)]
    Serve(Box<Serve>),
    /// Register definitions from JSON or YAML files
    #[command(after_long_help = help::REGISTER)]
    Register(Files),
    /// Check definitions without a server
    #[command(after_long_help = help::VALIDATE)]
    Validate(Files),
    /// List the registered definitions
    #[command(after_long_help = help::DEFINITIONS)]
    Definitions,
    /// Delete definitions; executions that run finish on their version
    #[command(after_long_help = help::DELETE)]
    Delete {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Start an execution
    #[command(after_long_help = help::START)]
    Start(Start),
    /// Show an execution: its steps, what it waits for, what failed
    #[command(after_long_help = help::STATUS)]
    Status { id: String },
    /// Show everything that happened to an execution
    #[command(after_long_help = help::HISTORY)]
    History(History),
    /// Follow an execution to its end: its graph, what it waits for, what happens
    #[command(after_long_help = help::WATCH)]
    Watch { id: String },
    /// Draw the steps of an execution or of a workflow
    #[command(after_long_help = help::GRAPH)]
    Graph(Graph),
    /// What goes on in the server, live: what needs somebody, what fails, how much is done
    #[command(after_long_help = help::TOP)]
    Top,
    /// List executions, newest first
    #[command(after_long_help = help::LIST)]
    List(List),
    /// Pause executions: nothing new starts, what runs may finish
    #[command(after_long_help = help::PAUSE)]
    Pause(Control),
    /// Let paused executions go on
    #[command(after_long_help = help::RESUME)]
    Resume(Control),
    /// Cancel executions; steps that run are told to stop
    #[command(after_long_help = help::CANCEL)]
    Cancel(Control),
    /// Delete executions that have ended, for good
    #[command(after_long_help = help::DELETE_EXECUTION)]
    DeleteExecution {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Go on with failed executions from the step that failed
    #[command(after_long_help = help::RETRY)]
    Retry(Control),
    /// Start a new execution with the input of an earlier one
    #[command(after_long_help = help::REPLAY)]
    Replay(Replay),
    /// Send an event: starts every workflow with a matching trigger
    #[command(after_long_help = help::EVENT)]
    Event(Event),
    /// Try out an expression, as in a condition
    #[command(after_long_help = help::EVAL)]
    Eval {
        expression: String,
        /// The names it may use: {"score": {"risk": 0.2}}
        #[arg(long, value_name = "JSON|@FILE|-")]
        scope: Option<JsonInput>,
    },
    /// Where actions are called over HTTP
    #[command(subcommand, after_long_help = help::ENDPOINT)]
    Endpoint(Endpoint),
    /// Who may do what
    #[command(subcommand, after_long_help = help::TOKEN)]
    Token(Token),
    /// List the engines that share a database, and how much each of them owns
    #[command(after_long_help = help::NODES)]
    Nodes,
    /// Copy a database file, also while a server has it open
    #[command(after_long_help = help::BACKUP)]
    Backup(Backup),
    /// Copy everything of one database to another: from a file to PostgreSQL, or back
    #[command(after_long_help = help::MOVE)]
    Move(Move),
    /// Check a database file that no server has open
    #[command(after_long_help = help::CHECK)]
    Check(Check),
    /// Encrypt everything in a database file with the first encryption key
    #[command(after_long_help = help::REENCRYPT)]
    Reencrypt(Reencrypt),
    /// Say what is stuck and why, and what to do about it
    #[command(after_long_help = help::DOCTOR)]
    Doctor {
        /// A database that no server has open, instead of a server
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
        #[command(flatten)]
        keys: KeyFile,
    },
    /// Print completions for a shell
    #[command(after_long_help = help::COMPLETIONS)]
    Completions { shell: clap_complete::Shell },
    /// Print the manual page, or write all of them into a folder
    #[command(after_long_help = help::MAN)]
    Man {
        /// A folder that `man` looks into: ~/.local/share/man/man1
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct History {
    pub id: String,
    /// Draw it: a row a step, a bar an attempt [default on a terminal]
    #[arg(long, conflicts_with = "list")]
    pub timeline: bool,
    /// Every entry on a line of its own [default elsewhere]
    #[arg(long)]
    pub list: bool,
}

#[derive(Debug, Args)]
pub struct Graph {
    /// An execution, or a workflow
    pub id: String,
    /// How
    #[arg(long, value_enum, default_value_t = GraphFormat::Terminal, value_name = "FORMAT")]
    pub format: GraphFormat,
    /// Another version than the newest, of a workflow
    #[arg(long, value_name = "N")]
    pub workflow_version: Option<u64>,
    /// Every step for itself, however many are alike
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Boxes and lines, or a line a step where those do not fit
    Terminal,
    /// A Mermaid flowchart, for documents
    Mermaid,
}

#[derive(Debug, Args)]
pub struct Files {
    /// JSON or YAML, with one definition or several; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Start {
    /// The workflow's id
    #[arg(value_name = "ID")]
    pub workflow: String,
    /// The input, a JSON object
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    pub input: Option<JsonInput>,
    /// Stay until it has ended, and show what happens; exit code 1 when it fails
    #[arg(long, short)]
    pub wait: bool,
    /// Makes a repeated start the same start
    #[arg(long, short = 'k', value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

#[derive(Debug, Args)]
pub struct List {
    /// Only executions of this workflow
    #[arg(long, short, value_name = "ID")]
    pub workflow: Option<String>,
    /// Only with this status; several with commas or repeated
    #[arg(long, short, value_delimiter = ',', value_name = "STATUS", value_parser = values::status())]
    pub status: Vec<String>,
    /// Only started after: an age (2h, 3d) or a time (2026-11-22T14:00)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Instant>,
    /// Only started before: an age or a time
    #[arg(long, value_name = "WHEN")]
    pub until: Option<Instant>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// All of them, however many
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct Control {
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub many: Many,
    /// Makes a repeated call the same call
    #[arg(long, short = 'k', value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

#[derive(Debug, Args)]
pub struct Replay {
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub many: Many,
    /// Another input than that of the earlier execution
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    pub input: Option<JsonInput>,
    /// Stay until it has ended, and show what happens
    #[arg(long, short)]
    pub wait: bool,
    /// Makes a repeated replay the same replay
    #[arg(long, short = 'k', value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

#[derive(Debug, Args)]
pub struct Event {
    /// Words joined by dots: Customer.created
    #[arg(value_name = "NAME")]
    pub event: String,
    /// What becomes the input of the executions
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    pub data: Option<JsonInput>,
    /// The event's own id: the same id again starts nothing
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

#[derive(Debug, Args)]
pub struct Backup {
    /// The database: workflow.db
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The copy, a name where nothing is
    #[arg(value_name = "DESTINATION")]
    pub destination: PathBuf,
}

#[derive(Debug, Args)]
pub struct Move {
    /// The database that everything is taken from, a file or postgres://...; no server may have it open
    pub from: PathBuf,
    /// An empty one, or a new file
    pub to: PathBuf,
    #[command(flatten)]
    pub keys: KeyFile,
}

#[derive(Debug, Args)]
pub struct Check {
    /// The database, or a backup of it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show at most this many findings
    #[arg(long, short = 'n', default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    #[command(flatten)]
    pub keys: KeyFile,
}

#[derive(Debug, Args)]
pub struct Reencrypt {
    /// The database; no server may have it open
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub keys: KeyFile,
}

#[derive(Debug, Args)]
pub struct KeyFile {
    /// The file with the encryption keys, when they are not in WORKFLOW_ENCRYPTION_KEY
    #[arg(long, env = "WORKFLOW_ENCRYPTION_KEY_FILE", value_name = "FILE", hide_env_values = true)]
    pub encryption_key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Endpoint {
    /// Add an endpoint, or change it
    #[command(after_long_help = help::ENDPOINT_ADD)]
    Add(EndpointAdd),
    /// List the endpoints and their actions
    #[command(after_long_help = help::ENDPOINT_LIST)]
    List,
    /// Remove endpoints; calls in flight may finish
    #[command(after_long_help = help::ENDPOINT_REMOVE)]
    Remove {
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub struct EndpointAdd {
    /// Names it: orders
    pub name: String,
    /// Actions are called as POST URL/ACTION
    #[arg(value_name = "ENDPOINT_URL")]
    pub endpoint_url: String,
    /// An action that it provides; several with commas or repeated; without any the endpoint is asked
    #[arg(long = "action", short, value_name = "ACTION", value_delimiter = ',')]
    pub actions: Vec<String>,
    /// The environment variable that holds the secret to sign calls with
    #[arg(long, value_name = "VARIABLE", conflicts_with = "secret_file")]
    pub secret_env: Option<String>,
    /// The file that holds the secret to sign calls with
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// How long a call may take when its step sets no timeout: 30s, 5m
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Calls at the same time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token; once there is one, every request needs one
    #[command(after_long_help = help::TOKEN_CREATE)]
    Create(TokenCreate),
    /// List the tokens, those that were revoked included
    #[command(after_long_help = help::TOKEN_LIST)]
    List,
    /// Revoke tokens, by name or id; what streams or works with them ends
    #[command(after_long_help = help::TOKEN_REVOKE)]
    Revoke {
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub struct TokenCreate {
    /// Names it: deploy
    pub name: String,
    /// What its holder may do: read, that and run workflows, everything, run actions only
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "operator", "admin", "worker"])]
    pub role: String,
    /// In this database, which no server has open, instead of asking a server: a file, or postgres://...
    #[arg(long, value_name = "DATABASE")]
    pub db: Option<PathBuf>,
}
