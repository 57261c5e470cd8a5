//! What a step can see: context, input, and the outputs of its ancestors (SPEC §3). So it is the same at every attempt, and no
//! race can be written.

use std::cell::OnceCell;

use indexmap::IndexMap;
use serde::Serialize;

use crate::decide::Error;
use crate::decide::consider::has_branched;
use crate::definition::{Definition, StepIndex, StepSet};
use crate::execution::{Execution, StepState};
use crate::expression::Scope;
use crate::id::{ExecutionId, Version, WorkflowId};
use crate::json::Json;
use crate::outstanding::step_status;
use crate::status::StepStatus;
use crate::time::Timestamp;

/// The step whose failure branched to `step`; of several the first.
pub(crate) fn branched_to(definition: &Definition, execution: &Execution, step: StepIndex) -> Option<StepIndex> {
    let failed_at = |namer: StepIndex| match execution.step(namer).state {
        StepState::Failed { seq, .. } => seq,
        _ => u64::MAX,
    };
    let named_by = definition.step(step).named_by.iter().copied();
    named_by.filter(|&namer| has_branched(execution, namer)).min_by_key(|&namer| failed_at(namer))
}

/// The steps whose outputs `step` can see: its ancestors and, for a target, the step that branched to it and that step's.
pub(crate) fn visible(definition: &Definition, execution: &Execution, step: StepIndex) -> StepSet {
    let mut visible = definition.step(step).ancestors.clone();
    if let Some(namer) = branched_to(definition, execution, step) {
        visible.insert(namer);
        visible.extend(&definition.step(namer).ancestors);
    }
    visible
}

/// The step whose failure `step` sees as `error`: the one that branched to the nearest target at or before it, of several
/// equally near the one that failed first.
pub(crate) fn visible_failure(definition: &Definition, execution: &Execution, step: StepIndex) -> Option<StepIndex> {
    // Nearly always nobody has.
    if !definition.indices().any(|namer| has_branched(execution, namer)) {
        return None;
    }
    let failed_at = |namer: &StepIndex| match execution.step(*namer).state {
        StepState::Failed { seq, .. } => seq,
        _ => u64::MAX,
    };
    let mut seen = StepSet::default();
    let mut level = vec![step];
    while !level.is_empty() {
        let namers = level.iter().filter_map(|&step| branched_to(definition, execution, step));
        if let Some(first) = namers.min_by_key(failed_at) {
            return Some(first);
        }
        let mut next = Vec::new();
        for before in level.iter().flat_map(|&step| &definition.step(step).depends_on) {
            if !seen.contains(*before) {
                seen.insert(*before);
                next.push(*before);
            }
        }
        level = next;
    }
    None
}

/// What a step sees as `error`.
pub(crate) fn error(definition: &Definition, execution: &Execution, step: StepIndex) -> Option<Json> {
    let failed = visible_failure(definition, execution, step)?;
    let record = execution.step(failed);
    let failure = record.failure.as_ref()?;
    Json::from_serialize(&Error::new(definition.step(failed).id.as_str(), failure, record.failed_attempts)).ok()
}

/// `{...context, ...input, ...outputs}`: a name that is a step's id always means the step, also while it has no output.
pub(crate) fn state(
    definition: &Definition,
    input: &Json,
    outputs: impl IntoIterator<Item = (StepIndex, Json)>,
    error: Option<Json>,
) -> IndexMap<String, Json> {
    let is_step = |name: &str| definition.index_of(name).is_some();
    let outputs = outputs.into_iter().map(|(step, output)| (definition.step(step).id.to_string(), output));
    merge(&definition.context, input, is_step, outputs, error)
}

/// The layers of [`state`], for whoever has no definition at hand.
pub(crate) fn merge(
    context: &Json,
    input: &Json,
    is_step: impl Fn(&str) -> bool,
    outputs: impl IntoIterator<Item = (String, Json)>,
    error: Option<Json>,
) -> IndexMap<String, Json> {
    let mut state = context.fields().unwrap_or_default();
    state.extend(input.fields().unwrap_or_default());
    state.retain(|name, _| !is_step(name));
    state.extend(outputs);
    if let Some(error) = error {
        state.insert("error".to_owned(), error);
    }
    state
}

/// The outputs of these steps, in the order of the definition.
pub(crate) fn outputs<'a>(execution: &'a Execution, steps: &'a StepSet) -> impl Iterator<Item = (StepIndex, Json)> + 'a {
    steps.iter().filter_map(|step| Some((step, execution.step(step).output()?.json().clone())))
}

/// The names in the condition and the params of one step.
pub(crate) struct StepScope<'a> {
    definition: &'a Definition,
    execution: &'a Execution,
    step: StepIndex,
    visible: StepSet,
    error: OnceCell<Option<Json>>,
    input: OnceCell<IndexMap<String, Json>>,
    context: OnceCell<IndexMap<String, Json>>,
    state: OnceCell<IndexMap<String, Json>>,
}

/// `steps.charge`
#[derive(Serialize)]
struct StepEntry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StepStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// `execution`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionEntry<'a> {
    id: ExecutionId,
    workflow_id: &'a WorkflowId,
    workflow_version: Version,
    started_at: Timestamp,
    triggered_by: crate::view::TriggeredByView,
}

impl<'a> StepScope<'a> {
    pub(crate) fn new(definition: &'a Definition, execution: &'a Execution, step: StepIndex) -> StepScope<'a> {
        StepScope {
            definition,
            execution,
            step,
            visible: visible(definition, execution, step),
            error: OnceCell::new(),
            input: OnceCell::new(),
            context: OnceCell::new(),
            state: OnceCell::new(),
        }
    }

    fn error(&self) -> Option<&Json> {
        self.error.get_or_init(|| error(self.definition, self.execution, self.step)).as_ref()
    }

    fn input(&self) -> &IndexMap<String, Json> {
        self.input.get_or_init(|| self.execution.input.json().fields().unwrap_or_default())
    }

    fn context(&self) -> &IndexMap<String, Json> {
        self.context.get_or_init(|| self.definition.context.fields().unwrap_or_default())
    }

    fn state(&self) -> &IndexMap<String, Json> {
        self.state.get_or_init(|| {
            let outputs = outputs(self.execution, &self.visible);
            state(self.definition, self.execution.input.json(), outputs, self.error().cloned())
        })
    }

    fn step_entry(&self, step: StepIndex) -> StepEntry<'_> {
        let record = self.execution.step(step);
        StepEntry {
            status: step_status(self.definition, self.execution, step),
            output: record.output().map(|output| output.json()),
            error: record.failure.as_ref().map(|failure| failure.message.as_str()),
        }
    }

    /// Of a name that is no root: the step of that id, a field of the input, a field of the context.
    fn free_name(&self, name: &str) -> Option<Json> {
        if let Some(step) = self.definition.index_of(name) {
            return if self.visible.contains(step) {
                self.execution.step(step).output().map(|output| output.json().clone())
            } else {
                None
            };
        }
        self.input().get(name).or_else(|| self.context().get(name)).cloned()
    }
}

impl Scope for StepScope<'_> {
    fn name(&self, name: &str) -> Option<Json> {
        match name {
            "input" => Some(self.execution.input.json().clone()),
            "context" => Some(self.definition.context.clone()),
            "state" => Json::from_serialize(self.state()).ok(),
            "steps" => {
                let steps = self.visible.iter().map(|step| (self.definition.step(step).id.as_str(), self.step_entry(step)));
                Json::from_serialize(&steps.collect::<IndexMap<_, _>>()).ok()
            }
            "execution" => Json::from_serialize(&ExecutionEntry {
                id: self.execution.id,
                workflow_id: &self.execution.workflow,
                workflow_version: self.execution.version,
                started_at: self.execution.started_at,
                triggered_by: crate::view::TriggeredByView::new(&self.execution.triggered_by),
            })
            .ok(),
            "error" if self.error().is_some() => self.error().cloned(),
            name => self.free_name(name),
        }
    }

    fn field(&self, root: &str, key: &str) -> Option<Option<Json>> {
        match root {
            "state" if key == "error" && self.error().is_some() => Some(self.error().cloned()),
            "state" => Some(self.free_name(key)),
            "input" => Some(self.input().get(key).cloned()),
            "context" => Some(self.context().get(key).cloned()),
            "steps" => {
                let step = self.definition.index_of(key).filter(|&step| self.visible.contains(step));
                Some(step.and_then(|step| Json::from_serialize(&self.step_entry(step)).ok()))
            }
            _ => None,
        }
    }

    fn knows(&self, name: &str) -> bool {
        matches!(name, "input" | "context" | "state" | "steps" | "execution" | "error")
            || self.definition.index_of(name).is_some()
            || self.input().contains_key(name)
            || self.context().contains_key(name)
    }
}
