//! One attempt, handed to a worker. Made after its `StepStarted` is durable; never stored.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::definition::{Definition, StepIndex, StepsById};
use crate::execution::Execution;
use crate::id::{ActionName, ExecutionId, StepId, Version, WorkflowId};
use crate::json::Json;
use crate::scope::{self, StepScope};
use crate::time::Millis;

/// What a worker needs. The JSON texts are put together when they are asked for, on the worker's side.
#[derive(Debug, Clone)]
pub struct Task {
    pub execution: ExecutionId,
    pub workflow: WorkflowId,
    pub version: Version,
    pub step: StepIndex,
    pub step_id: StepId,
    pub action: ActionName,
    /// 1, 2, 3 ...
    pub attempt: u32,
    /// How often `retry` was called.
    pub retry_count: u32,
    /// Of this attempt.
    pub timeout: Option<Millis>,
    input: Json,
    context: Json,
    /// The step's own params, resolved; none when it has none.
    params: Option<Json>,
    outputs: Vec<(StepId, Json)>,
    error: Option<Json>,
    /// Ids of steps hide fields of input and context that have the same name.
    steps: StepsById,
}

/// The name of a field, in the text that it stands in unless something in it is escaped.
#[derive(PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// [`Json::fields`] without copies.
fn borrowed(json: &Json) -> IndexMap<Name<'_>, &RawValue> {
    if json.is_object() { serde_json::from_str(json.text()).unwrap_or_default() } else { IndexMap::new() }
}

/// The third argument of an action, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskContext {
    pub execution_id: ExecutionId,
    pub workflow_id: WorkflowId,
    pub workflow_version: Version,
    pub step_id: StepId,
    pub attempt: u32,
    pub idempotency_key: String,
    pub retry_count: u32,
}

/// The task of an attempt that has begun.
///
/// # Panics
/// When a payload that [`task_needs`](crate::outstanding::task_needs) names has not been fetched.
pub fn task(definition: &Definition, execution: &Execution, step: StepIndex, attempt: u32) -> Task {
    let step_definition = definition.step(step);
    let visible = scope::visible(definition, execution, step);
    let params = step_definition.params.as_ref().map(|params| {
        // It was resolved when the attempt began, from the same values: what an attempt sees never changes.
        params.resolve(&StepScope::new(definition, execution, step)).expect("params were resolved when the attempt began")
    });
    let outputs = scope::outputs(execution, &visible).map(|(step, output)| (definition.step(step).id.clone(), output));
    Task {
        execution: execution.id,
        workflow: execution.workflow.clone(),
        version: execution.version,
        step,
        step_id: step_definition.id.clone(),
        action: step_definition.action.clone(),
        attempt,
        retry_count: execution.retry_count,
        timeout: step_definition.timeout,
        input: execution.input.json().clone(),
        context: definition.context.clone(),
        params,
        outputs: outputs.collect(),
        error: scope::error(definition, execution, step),
        steps: definition.steps_by_id().clone(),
    }
}

impl Task {
    /// The first argument: `{...input, ...params}`.
    pub fn params(&self) -> Json {
        let Some(params) = self.params.as_ref().and_then(Json::fields) else { return self.input.clone() };
        let mut merged = self.input.fields().unwrap_or_default();
        merged.extend(params);
        Json::from_serialize(&merged).expect("an object of JSON values is JSON")
    }

    /// The second argument: context, input and the outputs of the step's ancestors, and `error` where it has one.
    pub fn state(&self) -> Json {
        Json::from_serialize(&self.as_state()).expect("an object of JSON values is JSON")
    }

    /// The same for whoever writes it somewhere: nothing of it is copied before.
    pub fn as_state(&self) -> impl Serialize {
        self.as_state_without(&|_, _| false)
    }

    /// The same with `null` in place of the outputs that `leave_out` names: whoever reads it gets those in another way. What is
    /// there keeps its order.
    pub fn as_state_without<'a>(&'a self, leave_out: &dyn Fn(&StepId, &Json) -> bool) -> impl Serialize + use<'a> {
        let mut fields = borrowed(&self.context);
        fields.extend(borrowed(&self.input));
        // A name that is a step's id always means the step, also while it has no output.
        fields.retain(|Name(name), _| !self.steps.contains_key(&**name));
        fields.extend(self.outputs.iter().map(|(id, output)| {
            let text = if leave_out(id, output) { RawValue::NULL } else { output.raw() };
            (Name(id.as_str().into()), text)
        }));
        fields.extend(self.error.iter().map(|error| (Name("error".into()), error.raw())));
        fields
    }

    /// The outputs that this step can see, in the order of the definition.
    pub fn outputs(&self) -> &[(StepId, Json)] {
        &self.outputs
    }

    /// The output of one step that this one can see.
    pub fn output(&self, step: &str) -> Option<&Json> {
        self.outputs.iter().find(|(id, _)| id.as_str() == step).map(|(_, output)| output)
    }

    /// The third argument, without its signal.
    pub fn context(&self) -> TaskContext {
        TaskContext {
            execution_id: self.execution,
            workflow_id: self.workflow.clone(),
            workflow_version: self.version,
            step_id: self.step_id.clone(),
            attempt: self.attempt,
            idempotency_key: self.idempotency_key(),
            retry_count: self.retry_count,
        }
    }

    /// Stable over attempts, crashes and `retry`: what to hand to a payment API.
    pub fn idempotency_key(&self) -> String {
        format!("{}:{}", self.execution, self.step_id)
    }
}
