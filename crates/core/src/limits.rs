//! Every bound of the core in one place, each with its reason. Those that an operator may change are in [`Limits`].

use serde::Deserialize;

/// Nesting of a JSON value: what serde_json reads into a tree without running out of stack.
pub const JSON_DEPTH_MAX: usize = 120;

/// Source of one expression: `oxc_parser` recurses, and about 4 KB of nested brackets overflow a 2 MiB stack.
pub const EXPRESSION_SOURCE_BYTES_MAX: usize = 1_024;
/// Nesting of one expression, for the same reason; the evaluator recurses too.
pub const EXPRESSION_DEPTH_MAX: usize = 64;
/// Nesting of a stored expression: it was checked against the bound of its day, so this may rise, never fall.
pub const EXPRESSION_STORED_DEPTH_MAX: usize = 64;
/// Work of one evaluation: a condition is evaluated on the ring, and others wait for it.
pub const EXPRESSION_STEPS_MAX: u64 = 100_000;
/// What one evaluation may give, and hold at any moment.
pub const EXPRESSION_RESULT_BYTES_MAX: usize = 1 << 20;
/// A receipt is for a person; a value longer than this is cut.
pub const RECEIPT_VALUE_BYTES_MAX: usize = 256;
/// Values in one receipt; those read after them are left out.
pub const RECEIPT_VALUES_MAX: usize = 64;

pub const STEP_ID_CHARS_MAX: usize = 128;
pub const WORKFLOW_ID_CHARS_MAX: usize = 128;
pub const ACTION_CHARS_MAX: usize = 128;
pub const EVENT_CHARS_MAX: usize = 256;
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// It is in every entry that somebody caused: the name of a token or an address, and no story.
pub const CALLER_BYTES_MAX: usize = 128;
/// Durations and instants stay far from the end of `i64` milliseconds: 1,000 years.
pub const DURATION_MS_MAX: i64 = 1_000 * 366 * 24 * 60 * 60 * 1_000;

/// An action that takes its worker down this often in a row is not given another.
pub const INTERRUPTIONS_IN_A_ROW_MAX: u32 = 10;
/// Control keys that an execution remembers.
pub const CONTROL_KEYS_REMEMBERED: usize = 16;
/// Further attempts that a definition may ask for.
pub const MAX_RETRIES_MAX: u32 = 1_000_000;
/// A `Retry-After` that is longer counts as this.
pub const RETRY_AFTER_MS_MAX: i64 = 24 * 60 * 60 * 1_000;
/// The message of a failure that is kept; the rest is cut.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 8 * 1_024;
/// The stack of a failure that is kept; the rest is cut.
pub const ERROR_STACK_BYTES_MAX: usize = 32 * 1_024;

/// What a handler's input holds besides the input of the execution that failed: ids, and the failure's message and code.
pub const HANDLER_WRAPPING_BYTES_MAX: usize = 64 * 1_024;
/// Errors below an error that are kept; the rest is cut.
pub const ERROR_CAUSES_MAX: usize = 8;

/// Conditions and `${}` of one definition: each is parsed when it is registered and held in memory for as long as it is used.
pub const EXPRESSIONS_MAX: usize = 10_000;
/// Steps of a definition in which reads of missing outputs are looked for: that takes the square of their number in bytes.
pub const COURSES_STEPS_MAX: usize = 2_000;
/// Findings about one definition that are listed; nobody reads more, and hostile ones would have a million.
pub const DIAGNOSTICS_MAX: usize = 1_000;
/// All of them together: a message quotes what it is about, and that may be large.
pub const DIAGNOSTICS_BYTES_MAX: usize = 1 << 20;
/// Findings that may say what was meant. Each compares a name with those of all steps, and a definition may have thousands of
/// names that are none, each as long as names may be.
pub const SUGGESTIONS_MAX: usize = 32;
/// Params of one attempt once values are put in: a template may name one large output many times.
pub const RESOLVED_PARAMS_BYTES_MAX: usize = 8 << 20;

/// Bounds that an operator may change. Those that are not given have their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// One input, output or event data.
    pub payload_bytes_max: usize,
    pub steps_max: usize,
    /// Entries of one history; see [`Limits::history_reserve`].
    pub history_entries_max: u64,
    /// Input, context and outputs of one execution together.
    pub execution_bytes_max: usize,
}

impl Limits {
    /// What has to be left of a history for its orderly end: an execution with fewer entries left is failed with `history_full`.
    pub fn history_reserve(steps: usize) -> u64 {
        200 + 2 * steps as u64
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { payload_bytes_max: 1 << 20, steps_max: 1_000, history_entries_max: 50_000, execution_bytes_max: 32 << 20 }
    }
}

/// A number of bytes as people say it: `1.4 MiB`.
pub fn size(bytes: usize) -> String {
    const KIB: f64 = 1024.0;
    let tenths = |value: f64| {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    match bytes as f64 {
        few if few < KIB => format!("{bytes} bytes"),
        some if some < KIB * KIB => format!("{} KiB", tenths(some / KIB)),
        many => format!("{} MiB", tenths(many / KIB / KIB)),
    }
}
