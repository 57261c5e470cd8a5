//! The fields of one step.

use super::definition::expression;
use super::shape::{self, Fields, Known};
use crate::definition::Backoff;
use crate::definition::diagnostic::Code;
use crate::definition::params::Params;
use crate::definition::report::{Finding, Pointer, Report};
use crate::definition::sensitive::{Path, Sensitive};
use crate::definition::tree::{Kind, Node};
use crate::duration;
use crate::expression::Expression;
use crate::id::{ActionName, RESERVED_STEP_IDS, StepId};
use crate::limits;
use crate::time::Millis;

const FIELDS: &[&str] = &[
    "id",
    "name",
    "action",
    "params",
    "dependsOn",
    "condition",
    "wait",
    "onError",
    "maxRetries",
    "retryDelay",
    "backoff",
    "maxRetryDelay",
    "errorBranch",
    "timeout",
    "sensitive",
];

const RETRY_DELAY_DEFAULT: Millis = Millis::from_secs(1);
const RETRY_DELAY_MAX_DEFAULT: Millis = Millis::from_secs(5 * 60);
/// Under `onError: 'retry'`; else there are none.
const RETRIES_OF_RETRY: u32 = 3;

/// A step as far as it could be read; names of other steps are not yet looked up.
#[derive(Debug)]
pub(super) struct Draft<'n> {
    pub at: Pointer,
    /// As written, also when it is no valid id, so that whoever names it does not get an error too.
    pub called: Option<&'n str>,
    pub id: Option<StepId>,
    pub name: Option<String>,
    pub action: Option<ActionName>,
    pub params: Option<Params>,
    pub depends_on: Vec<(Pointer, &'n str)>,
    pub condition: Option<Expression>,
    pub wait: Option<Millis>,
    pub policy: Policy,
    pub error_branch: Option<&'n str>,
    pub max_retries: u32,
    pub backoff: Backoff,
    pub timeout: Option<Millis>,
    pub sensitive: Option<Sensitive>,
}

/// `onError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    Fail,
    Continue,
    Retry,
    Branch,
}

const POLICIES: &[(&str, Policy)] =
    &[("fail", Policy::Fail), ("continue", Policy::Continue), ("retry", Policy::Retry), ("branch", Policy::Branch)];

pub(super) fn read<'n>(node: &'n Node<'_>, at: &Pointer, report: &mut Report) -> Draft<'n> {
    let Some(fields) = Fields::read(node, at, "a step", &Known { fields: FIELDS, others: &[] }, report) else {
        return Draft::nothing(at);
    };
    let called = fields.required_text("id", "`\"id\": \"charge\"`", report);
    let policy = fields.word("onError", POLICIES, report);
    let error_branch = read_error_branch(&fields, policy, report);
    let policy = policy.unwrap_or(Policy::Fail);
    let default_retries = if policy == Policy::Retry { RETRIES_OF_RETRY } else { 0 };
    Draft {
        at: at.clone(),
        called,
        id: called.and_then(|id| read_id(id, &fields.at("id"), report)),
        name: fields.text("name", report).map(str::to_owned),
        action: read_action(&fields, report),
        params: read_params(&fields, report),
        depends_on: read_depends_on(&fields, report),
        condition: expression(&fields, "condition", report),
        wait: duration(&fields, "wait", report),
        policy,
        error_branch,
        max_retries: fields.count("maxRetries", limits::MAX_RETRIES_MAX, report).unwrap_or(default_retries),
        backoff: read_backoff(&fields, report),
        timeout: duration(&fields, "timeout", report),
        sensitive: sensitive(&fields, report),
    }
}

impl Draft<'_> {
    /// What is known of a step that is no object.
    fn nothing<'n>(at: &Pointer) -> Draft<'n> {
        Draft {
            at: at.clone(),
            called: None,
            id: None,
            name: None,
            action: None,
            params: None,
            depends_on: Vec::new(),
            condition: None,
            wait: None,
            policy: Policy::Fail,
            error_branch: None,
            max_retries: 0,
            backoff: Backoff::Fixed { delay: RETRY_DELAY_DEFAULT },
            timeout: None,
            sensitive: None,
        }
    }
}

fn read_id(id: &str, at: &Pointer, report: &mut Report) -> Option<StepId> {
    match StepId::new(id) {
        Ok(id) => return Some(id),
        Err(_) if RESERVED_STEP_IDS.contains(&id) => {
            let message = format!("`{id}` is reserved: in an expression it means something else");
            report.push(Finding::error(at, Code::ReservedStepId, message).help(format!("such as `{id}-step`")));
        }
        Err(error) => {
            let help = id.contains('.').then(|| "in `$.a.b` the dot leads to field `b` of step `a`; write `-` or `_`".to_owned());
            report.push(Finding::error(at, Code::InvalidStepId, error.to_string()).help(help));
        }
    }
    None
}

fn read_action(fields: &Fields<'_, '_>, report: &mut Report) -> Option<ActionName> {
    let action = fields.required_text("action", "`\"action\": \"chargeCard\"`", report)?;
    match ActionName::new(action) {
        Ok(action) => Some(action),
        Err(error) => {
            report.push(Finding::error(&fields.at("action"), Code::InvalidAction, error.to_string()));
            None
        }
    }
}

fn read_params(fields: &Fields<'_, '_>, report: &mut Report) -> Option<Params> {
    Some(Params::read(fields.get("params")?, &fields.at("params"), report))
}

fn read_depends_on<'n>(fields: &Fields<'n, '_>, report: &mut Report) -> Vec<(Pointer, &'n str)> {
    let at = fields.at("dependsOn");
    let mut depends_on = Vec::new();
    for (index, node) in fields.list("dependsOn", report).unwrap_or_default().iter().enumerate() {
        let at = at.index(index);
        if let Some(id) = shape::text(node, &at, "a dependency", report) {
            depends_on.push((at, id));
        }
    }
    depends_on
}

/// The name under `errorBranch`, when `onError` wants one.
fn read_error_branch<'n>(fields: &Fields<'n, '_>, policy: Option<Policy>, report: &mut Report) -> Option<&'n str> {
    let target = fields.text("errorBranch", report);
    match (policy, fields.get("errorBranch")) {
        (Some(Policy::Branch), None) => {
            let message = "`onError: \"branch\"` wants an `errorBranch`, found none";
            let help = "name the step that handles the failure, such as `\"errorBranch\": \"refund\"`".to_owned();
            report.push(Finding::error(&fields.at("onError"), Code::BranchWithoutErrorBranch, message).help(help));
            None
        }
        (Some(Policy::Branch), Some(_)) => target,
        (_, None) => None,
        // What `onError` was to be is not known.
        (None, Some(_)) if fields.get("onError").is_some() => None,
        (_, Some(_)) => {
            let message = "`errorBranch` is of use only with `onError: \"branch\"`";
            let help = "add `\"onError\": \"branch\"`, or take `errorBranch` out".to_owned();
            report.push(Finding::error(&fields.at("errorBranch"), Code::ErrorBranchWithoutBranch, message).help(help));
            None
        }
    }
}

fn read_backoff(fields: &Fields<'_, '_>, report: &mut Report) -> Backoff {
    let exponential = fields.word("backoff", &[("fixed", false), ("exponential", true)], report);
    let given = duration(fields, "retryDelay", report);
    let delay = given.unwrap_or(RETRY_DELAY_DEFAULT);
    let delay_max = duration(fields, "maxRetryDelay", report);
    let at = fields.at("maxRetryDelay");
    let backoff_is_known = exponential.is_some() || fields.get("backoff").is_none();
    if fields.get("maxRetryDelay").is_some() && backoff_is_known && exponential != Some(true) {
        let message = "`maxRetryDelay` is of use only with `backoff: \"exponential\"`: a fixed delay never grows";
        let help = "add `\"backoff\": \"exponential\"`, or take `maxRetryDelay` out".to_owned();
        report.push(Finding::error(&at, Code::MaxRetryDelayWithoutExponential, message).help(help));
    }
    let delay_is_known = given.is_some() || fields.get("retryDelay").is_none();
    if let Some(delay_max) = delay_max.filter(|&delay_max| delay_is_known && delay_max < delay) {
        let default = if given.is_none() { ", the default" } else { "" };
        let message = format!("`maxRetryDelay` is at least `retryDelay` ({delay}{default}), found {delay_max}");
        report.push(Finding::error(&at, Code::MaxRetryDelayTooShort, message));
    }
    if exponential == Some(true) {
        Backoff::Exponential { delay, delay_max: delay_max.unwrap_or(RETRY_DELAY_MAX_DEFAULT.max(delay)) }
    } else {
        Backoff::Fixed { delay }
    }
}

/// `sensitive`: `true`, or a list of paths.
pub(super) fn sensitive(fields: &Fields<'_, '_>, report: &mut Report) -> Option<Sensitive> {
    let (node, at) = (fields.get("sensitive")?, fields.at("sensitive"));
    match &node.kind {
        Kind::Bool if node.text == "true" => Some(Sensitive::Everything),
        Kind::Bool => None,
        Kind::Array(elements) => {
            let paths = elements.iter().enumerate().filter_map(|(index, node)| sensitive_path(node, &at.index(index), report));
            Some(paths.collect()).filter(|paths: &Vec<Path>| !paths.is_empty()).map(Sensitive::Paths)
        }
        Kind::Null | Kind::Number | Kind::Text(_) | Kind::Object(_) => {
            let message = format!("`sensitive` is `true` or a list of paths, found {}", node.what());
            let help = matches!(node.kind, Kind::Text(_)).then(|| format!("put it in brackets: `[{}]`", node.text));
            report.push(Finding::error(&at, Code::WrongType, message).help(help));
            None
        }
    }
}

fn sensitive_path(node: &Node<'_>, at: &Pointer, report: &mut Report) -> Option<Path> {
    let text = shape::text(node, at, "a path", report)?;
    let path = Path::parse(text).filter(|_| !text.starts_with('$'));
    if path.is_none() {
        let message = format!("a path is names and numbers joined by dots, found `{}`", text.escape_debug());
        let help = "it begins within the value: `card.number`; `items.*.token` is that of every item".to_owned();
        report.push(Finding::error(at, Code::InvalidPath, message).help(help));
    }
    path
}

/// The duration of an optional field.
pub(super) fn duration(fields: &Fields<'_, '_>, name: &str, report: &mut Report) -> Option<Millis> {
    let node = fields.get(name)?;
    let at = fields.at(name);
    if matches!(node.kind, Kind::Number) {
        let help = format!("write `\"{0}ms\"` or `\"{0}s\"`, whichever is meant", node.text);
        let message = format!("`{name}` is a duration with its unit, found the number {}", node.text);
        report.push(Finding::error(&at, Code::WrongType, message).help(help));
        return None;
    }
    match duration::parse(fields.text(name, report)?) {
        Ok(duration) => Some(duration),
        Err(error) => {
            report.push(Finding::error(&at, Code::InvalidDuration, error.to_string()));
            None
        }
    }
}
