//! What became of executions lately, without looking at their histories: counted in memory by the ring while it decides, written
//! once a second into a document for each version that had something to count, and read back hour by hour.
//!
//! Not the truth: a second of it is lost when the process dies, and a batch that a failing disk refused may be counted twice.

pub mod histogram;
pub mod hour;
mod tally;
mod view;

pub use tally::{Tallies, Tally};
pub use view::{
    ErrorDetail, ErrorExample, ErrorFilter, ErrorKind, ErrorPart, ErrorSample, ErrorStep, ErrorVersion, ErrorsPage,
    StepStatistics, Window, WorkflowPart, WorkflowStatistics, error, errors, of_workflow, p95s,
};
