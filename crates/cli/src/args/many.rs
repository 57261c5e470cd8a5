//! Which executions a control call means: some by id, or all that filters match.

use clap::{Args, ValueEnum};

use super::{Instant, values};

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Many at once")]
pub struct Many {
    /// Executions of this workflow; several with commas or repeated
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub workflow: Vec<String>,
    /// Executions of this version, of one workflow
    #[arg(long, value_name = "N", requires = "workflow")]
    pub workflow_version: Option<u64>,
    /// Executions with this status; several with commas or repeated
    #[arg(long, value_delimiter = ',', value_name = "STATUS", value_parser = values::status())]
    pub status: Vec<String>,
    /// Executions that somebody should look at, for this reason
    #[arg(long, value_enum, value_name = "WHY")]
    pub attention: Option<Attention>,
    /// Executions that fail in this way: 16 hex digits, as `workflow top` shows them
    #[arg(long, value_name = "FINGERPRINT")]
    pub error: Option<String>,
    /// Executions that started after: an age (2h, 3d) or a time (2026-11-22T14:00)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Instant>,
    /// Executions that started before: an age or a time
    #[arg(long, value_name = "WHEN")]
    pub until: Option<Instant>,
    /// Every execution that this can be done to
    #[arg(long)]
    pub all: bool,
    /// Only say how many there are, and show some
    #[arg(long)]
    pub dry_run: bool,
    /// Do it to one of them first, and see what comes of it
    #[arg(long)]
    pub one_first: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attention {
    /// Failing, and tried again
    Retrying,
    /// Nobody provides an action
    NoWorker,
    /// A timer should have ended
    Overdue,
}

impl Attention {
    /// As the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Attention::Retrying => "retrying",
            Attention::NoWorker => "noWorker",
            Attention::Overdue => "overdue",
        }
    }
}

impl Many {
    /// Whether it says which executions are meant.
    pub fn is_given(&self) -> bool {
        let texts = !self.workflow.is_empty() || !self.status.is_empty() || self.error.is_some();
        texts || self.attention.is_some() || self.since.is_some() || self.until.is_some() || self.all
    }
}
