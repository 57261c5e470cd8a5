//! Options of `workflow serve`. None has a default here: what is absent may come from the configuration file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

#[derive(Debug, Clone, Default, Args)]
pub struct Serve {
    /// The database: a file, or postgres://USER:PASSWORD@HOST/DATABASE; `:memory:` forgets everything at the end [default: that of
    /// DATABASE_URL, where it is PostgreSQL's, else workflow.db]
    #[arg(long, env = "WORKFLOW_DB", value_name = "FILE|URL", hide_env_values = true)]
    pub db: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:4747]
    #[arg(long, env = "WORKFLOW_LISTEN", value_name = "HOST:PORT", hide_env_values = true)]
    pub listen: Option<String>,
    /// Where workers reach this engine when another one of its database has named it [default: where it listens, unless that is any
    /// address]
    #[arg(long, env = "WORKFLOW_ADVERTISE", value_name = "URL", hide_env_values = true)]
    pub advertise: Option<String>,
    /// The configuration file [default: workflow.toml, when it is there]
    #[arg(long, env = "WORKFLOW_CONFIG", value_name = "FILE", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// What to log: error, warn, info, debug, or a filter such as `info,workflow_engine=debug` [default: info]
    #[arg(long, env = "WORKFLOW_LOG", value_name = "FILTER", hide_env_values = true)]
    pub log: Option<String>,
    /// How to log [default: text]
    #[arg(long, env = "WORKFLOW_LOG_FORMAT", value_enum, value_name = "FORMAT", hide_env_values = true)]
    pub log_format: Option<LogFormat>,
    /// A host that endpoints may be on, besides this machine: a name (for its public addresses), an address, a range
    /// such as `10.0.0.0/8`; `*` is any public host [default: none]
    #[arg(long = "endpoint-host", env = "WORKFLOW_ENDPOINT_HOSTS", value_delimiter = ',', value_name = "HOST")]
    #[arg(hide_env_values = true)]
    pub endpoint_hosts: Option<Vec<String>>,
    /// A name under which the server may be called, besides localhost; `*` is any [default: none]
    #[arg(long = "allowed-host", env = "WORKFLOW_ALLOWED_HOSTS", value_delimiter = ',', value_name = "HOST")]
    #[arg(hide_env_values = true)]
    pub allowed_hosts: Option<Vec<String>>,
    /// The server's certificate, with those that lead to its root after it (PEM): speak TLS, and nothing else [default: none]
    #[arg(long, env = "WORKFLOW_TLS_CERT", value_name = "FILE", hide_env_values = true)]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM) [default: none]
    #[arg(long, env = "WORKFLOW_TLS_KEY", value_name = "FILE", hide_env_values = true)]
    pub tls_key: Option<PathBuf>,
    /// Listen to other machines although there is no token: whoever reaches the server may do everything
    #[arg(long)]
    pub insecure: bool,
    /// What steps that run get to finish when the server is stopped [default: 10s]
    #[arg(long, env = "WORKFLOW_STOP_WITHIN", value_name = "DURATION", hide_env_values = true)]
    pub stop_within: Option<String>,
    /// How long a worker may be away before what it runs is given to another [default: 10s]
    #[arg(long, env = "WORKFLOW_WORKER_GRACE", value_name = "DURATION", hide_env_values = true)]
    pub worker_grace: Option<String>,
    /// How long executions are kept once they have completed [default: for ever]
    #[arg(long, env = "WORKFLOW_KEEP_COMPLETED", value_name = "DURATION", hide_env_values = true)]
    pub keep_completed: Option<String>,
    /// How long executions are kept once they have failed [default: for ever]
    #[arg(long, env = "WORKFLOW_KEEP_FAILED", value_name = "DURATION", hide_env_values = true)]
    pub keep_failed: Option<String>,
    /// How long executions are kept once they were cancelled [default: for ever]
    #[arg(long, env = "WORKFLOW_KEEP_CANCELLED", value_name = "DURATION", hide_env_values = true)]
    pub keep_cancelled: Option<String>,
    /// The file with the keys that payloads are encrypted with, when they are not in WORKFLOW_ENCRYPTION_KEY
    #[arg(long, env = "WORKFLOW_ENCRYPTION_KEY_FILE", value_name = "FILE", hide_env_values = true)]
    pub encryption_key_file: Option<PathBuf>,
    /// Commits do not wait for the disk. For the test that must notice it: a crash of the machine loses what was acknowledged
    #[arg(long, hide = true)]
    pub unsafe_no_sync: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people, on standard error
    Text,
    /// One object a line, for programs
    Json,
}
