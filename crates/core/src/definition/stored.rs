//! The stored form of a definition: its source, and everything that was read from it, so that nothing has to be read again.
//!
//! A newer version may check more and read sources differently; what was once registered stays what it was. So expressions,
//! templates, durations and names are stored as they were understood then, and only what follows from the edges is found again.
//! **Stored for ever**: fields may be added, never renamed or given another meaning; `testdata/definitions/stored` has to load.

use serde::{Deserialize, Serialize};

use super::link::link;
use super::params::Params;
use super::tree::{Kind, Node};
use super::{Backoff, Definition, ErrorBranch, EventPattern, OnError, Sensitive, Step, StepIndex, StepSet, Trigger};
use crate::expression::Expression;
use crate::id::{ActionName, StepId, WorkflowId};
use crate::json::Json;
use crate::time::Millis;

/// Fields that the engine adds to a definition that it gives back; ignored in one that is registered.
pub(super) const ENGINE_FIELDS: &[&str] = &["version", "createdAt", "updatedAt", "diagnostics"];

const CODEC: u32 = 1;

/// A stored definition that makes no sense. Definitions that were registered once are never refused for what they say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorruptDefinition {
    #[error("the stored definition cannot be read: {0}")]
    Unreadable(String),
    #[error(
        "the definition was stored by a newer version (form {found}, this one reads up to {CODEC}): use that version or a later one"
    )]
    Newer { found: u32 },
}

impl Definition {
    pub fn to_stored(&self) -> Json {
        let stored = Stored {
            codec: CODEC,
            id: self.id.as_str().to_owned(),
            source: self.source.clone(),
            timeout: self.timeout,
            sensitive: self.sensitive.clone(),
            steps: self.steps.iter().map(StoredStep::of).collect(),
            triggers: self.triggers.iter().map(StoredTrigger::of).collect(),
        };
        Json::from_serialize(&stored).expect("what was read from JSON can be written as JSON")
    }

    /// Reads what [`Definition::to_stored`] wrote, in this version or an older one.
    pub fn from_stored(stored: &Json) -> Result<Definition, CorruptDefinition> {
        let unreadable = |error: serde_json::Error| CorruptDefinition::Unreadable(error.to_string());
        let Form { codec } = stored.to().map_err(unreadable)?;
        if codec > CODEC {
            return Err(CorruptDefinition::Newer { found: codec });
        }
        let stored: Stored = stored.to().map_err(unreadable)?;
        let count = stored.steps.len();
        let mut steps =
            stored.steps.into_iter().map(|step| step.into_step(count)).collect::<Result<Vec<Step>, CorruptDefinition>>()?;
        let index = link(&mut steps);
        let source = Node::of(&stored.source);
        let text = |field: &str| match source.get(field).map(|node| &node.kind) {
            Some(Kind::Text(text)) => Some(text.clone()),
            _ => None,
        };
        Ok(Definition {
            id: WorkflowId::stored(&stored.id),
            name: text("name"),
            description: text("description"),
            steps,
            triggers: stored.triggers.into_iter().map(StoredTrigger::into_trigger).collect(),
            context: source.get("context").map_or_else(Json::empty_object, Node::to_json),
            timeout: stored.timeout,
            sensitive: stored.sensitive,
            source: stored.source,
            index,
        })
    }

    /// Whether registering one when the other is the newest version changes nothing: equal as JSON values.
    pub fn same_as(&self, other: &Definition) -> bool {
        self.source.same_value(&other.source)
    }
}

/// An object as it was, without the fields that the engine adds.
pub(super) fn without_engine_fields(source: &Json) -> Json {
    let node = Node::of(source);
    let Kind::Object(fields) = &node.kind else {
        return source.clone();
    };
    if !fields.iter().any(|(name, _)| ENGINE_FIELDS.contains(&name.as_str())) {
        return source.clone();
    }
    let own = fields.iter().filter(|(name, _)| !ENGINE_FIELDS.contains(&name.as_str()));
    let own: Vec<String> =
        own.map(|(name, value)| format!("{}:{}", Json::from_serialize(name).expect("a string is JSON"), value.text)).collect();
    Json::parse(format!("{{{}}}", own.join(","))).expect("an object without some of its fields is one")
}

/// What every form, also a newer one, begins with.
#[derive(Deserialize)]
struct Form {
    codec: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    codec: u32,
    id: String,
    source: Json,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sensitive: Option<Sensitive>,
    steps: Vec<StoredStep>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    triggers: Vec<StoredTrigger>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredStep {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    params: Option<Params>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    condition: Option<Expression>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait: Option<Millis>,
    #[serde(default, skip_serializing_if = "StoredOnError::is_fail")]
    on_error: StoredOnError,
    #[serde(default, skip_serializing_if = "is_zero")]
    max_retries: u32,
    retry_delay: Millis,
    /// Only of an exponential backoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_delay_max: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sensitive: Option<Sensitive>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
enum StoredOnError {
    #[default]
    Fail,
    Continue,
    BranchToStep(u16),
    BranchToWorkflow(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredTrigger {
    event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    condition: Option<Expression>,
}

impl StoredStep {
    fn of(step: &Step) -> StoredStep {
        let (retry_delay, retry_delay_max) = match step.backoff {
            Backoff::Fixed { delay } => (delay, None),
            Backoff::Exponential { delay, delay_max } => (delay, Some(delay_max)),
        };
        StoredStep {
            id: step.id.as_str().to_owned(),
            name: step.name.clone(),
            action: step.action.as_str().to_owned(),
            params: step.params.clone(),
            depends_on: step.depends_on.iter().map(|&step| number(step)).collect(),
            condition: step.condition.clone(),
            wait: step.wait,
            on_error: match &step.on_error {
                OnError::Fail => StoredOnError::Fail,
                OnError::Continue => StoredOnError::Continue,
                OnError::Branch(ErrorBranch::Step(target)) => StoredOnError::BranchToStep(number(*target)),
                OnError::Branch(ErrorBranch::Workflow(id)) => StoredOnError::BranchToWorkflow(id.as_str().to_owned()),
            },
            max_retries: step.max_retries,
            retry_delay,
            retry_delay_max,
            timeout: step.timeout,
            sensitive: step.sensitive.clone(),
        }
    }

    /// The step without what [`link`] puts in.
    fn into_step(self, count: usize) -> Result<Step, CorruptDefinition> {
        let index = |number: u16| {
            let found = || CorruptDefinition::Unreadable(format!("step `{}` names step {number} of {count}", self.id));
            if usize::from(number) < count { Ok(StepIndex::new(usize::from(number))) } else { Err(found()) }
        };
        Ok(Step {
            depends_on: self.depends_on.iter().map(|&number| index(number)).collect::<Result<_, _>>()?,
            on_error: match &self.on_error {
                StoredOnError::Fail => OnError::Fail,
                StoredOnError::Continue => OnError::Continue,
                StoredOnError::BranchToStep(number) => OnError::Branch(ErrorBranch::Step(index(*number)?)),
                StoredOnError::BranchToWorkflow(id) => OnError::Branch(ErrorBranch::Workflow(WorkflowId::stored(id))),
            },
            id: StepId::stored(&self.id),
            name: self.name,
            action: ActionName::stored(&self.action),
            params: self.params,
            condition: self.condition,
            wait: self.wait,
            max_retries: self.max_retries,
            backoff: match self.retry_delay_max {
                None => Backoff::Fixed { delay: self.retry_delay },
                Some(delay_max) => Backoff::Exponential { delay: self.retry_delay, delay_max },
            },
            timeout: self.timeout,
            sensitive: self.sensitive,
            dependents: Vec::new(),
            ancestors: StepSet::default(),
            named_by: Vec::new(),
            visible: StepSet::default(),
            reads: StepSet::default(),
        })
    }
}

impl StoredOnError {
    fn is_fail(&self) -> bool {
        matches!(self, StoredOnError::Fail)
    }
}

impl StoredTrigger {
    fn of(trigger: &Trigger) -> StoredTrigger {
        StoredTrigger { event: trigger.event.as_str().to_owned(), condition: trigger.condition.clone() }
    }

    fn into_trigger(self) -> Trigger {
        Trigger { event: EventPattern(self.event), condition: self.condition }
    }
}

fn number(step: StepIndex) -> u16 {
    u16::try_from(step.get()).expect("a step's number has 16 bits")
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
