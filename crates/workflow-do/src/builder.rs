//! Definitions written in Rust. They become the same JSON that a file would hold, and are checked when they are registered.

use serde::Serialize;
use serde_json::{Map, Value};

/// A workflow: a DAG of [`Step`]s.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workflow {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    steps: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    triggers: Vec<Trigger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
}

impl Workflow {
    pub fn new(id: impl Into<String>) -> Workflow {
        let (id, steps, triggers) = (id.into(), Vec::new(), Vec::new());
        Workflow { id, name: None, description: None, steps, triggers, context: None, timeout: None }
    }

    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Workflow {
        self.name = Some(name.into());
        self
    }

    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Workflow {
        self.description = Some(description.into());
        self
    }

    #[must_use]
    pub fn step(mut self, step: Step) -> Workflow {
        self.steps.push(step);
        self
    }

    #[must_use]
    pub fn trigger(mut self, trigger: Trigger) -> Workflow {
        self.triggers.push(trigger);
        self
    }

    /// The initial state: an object.
    #[must_use]
    pub fn context(mut self, context: Value) -> Workflow {
        self.context = Some(context);
        self
    }

    /// Of the whole execution, waits and pauses included: `"5m"`, `"30d"`.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<String>) -> Workflow {
        self.timeout = Some(timeout.into());
        self
    }
}

/// A node of the DAG. Durations are texts: `"500ms"`, `"30s"`, `"1h 30m"`, `"3d"`, `"PT1M"`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Step(Map<String, Value>);

impl Step {
    /// A step that runs `action`; `"noop"` does nothing.
    pub fn new(id: impl Into<String>, action: impl Into<String>) -> Step {
        Step(Map::new()).with("id", id.into()).with("action", action.into())
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Step {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Step {
        self.with("name", name.into())
    }

    /// Runs after that step; called again, after all of them.
    #[must_use]
    pub fn after(mut self, step: impl Into<String>) -> Step {
        let before = self.0.entry("dependsOn").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(before) = before {
            before.push(Value::String(step.into()));
        }
        self
    }

    /// What the action gets besides the input: `"$.validate.total"` and `"${expression}"` are replaced.
    #[must_use]
    pub fn params(self, params: Value) -> Step {
        self.with("params", params)
    }

    /// A JavaScript expression; when it is false, the step is skipped: `score.risk < 0.3`.
    #[must_use]
    pub fn condition(self, expression: impl Into<String>) -> Step {
        self.with("condition", expression.into())
    }

    /// Waits this long before it runs, durably: days, not milliseconds.
    #[must_use]
    pub fn wait(self, wait: impl Into<String>) -> Step {
        self.with("wait", wait.into())
    }

    /// Further attempts after the first.
    #[must_use]
    pub fn max_retries(self, retries: u32) -> Step {
        self.with("maxRetries", retries)
    }

    #[must_use]
    pub fn retry_delay(self, delay: impl Into<String>) -> Step {
        self.with("retryDelay", delay.into())
    }

    /// Doubles the delay with every retry, up to `max`, spread by a random-looking factor.
    #[must_use]
    pub fn exponential_backoff(self, max: impl Into<String>) -> Step {
        self.with("backoff", "exponential").with("maxRetryDelay", max.into())
    }

    /// Of one attempt.
    #[must_use]
    pub fn timeout(self, timeout: impl Into<String>) -> Step {
        self.with("timeout", timeout.into())
    }

    /// What of its output is masked wherever it is shown: paths such as `card.number`. Actions and expressions get the real values.
    #[must_use]
    pub fn sensitive<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Step {
        self.with("sensitive", paths.into_iter().map(Into::into).collect::<Vec<String>>())
    }

    /// When it fails for good, the steps after it go on.
    #[must_use]
    pub fn continue_on_error(self) -> Step {
        self.with("onError", "continue")
    }

    /// When it fails for good, that step runs, or a workflow of that id is started.
    #[must_use]
    pub fn error_branch(self, target: impl Into<String>) -> Step {
        self.with("onError", "branch").with("errorBranch", target.into())
    }
}

/// Starts an execution for every event that matches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trigger {
    event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
}

impl Trigger {
    /// `Customer.created`, `Customer.*` (one word), `Customer.**` (any number).
    pub fn event(pattern: impl Into<String>) -> Trigger {
        Trigger { event: pattern.into(), condition: None }
    }

    /// A JavaScript expression over the event's data: `plan === "enterprise"`.
    #[must_use]
    pub fn condition(mut self, expression: impl Into<String>) -> Trigger {
        self.condition = Some(expression.into());
        self
    }
}
