//! Random definitions: everything that the semantics say of steps, in small.

use std::fmt::Write as _;

use crate::random::Random;

/// Actions: in this process, at remote workers, at either, and the one that is built in.
pub const HERE: &str = "here";
pub const THERE: &str = "there";
pub const EITHER: &str = "either";

/// A workflow that no other fails into, to see at the end whether all slots have come back.
pub fn probe() -> String {
    format!(r#"{{"id":"probe","steps":[{{"id":"a","action":"{HERE}"}},{{"id":"b","action":"{THERE}"}}]}}"#)
}

/// One version of a workflow.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub id: String,
    pub steps: Vec<Step>,
    pub timeout_ms: Option<u64>,
    pub trigger: Option<&'static str>,
    /// Whether the definition lists its steps backwards.
    pub backwards: bool,
}

#[derive(Debug, Clone)]
pub struct Step {
    /// Its own number; the steps before it have lower ones.
    pub number: usize,
    pub action: &'static str,
    pub depends_on: Vec<usize>,
    pub condition: Option<String>,
    pub params: Option<String>,
    pub wait_ms: Option<u64>,
    pub timeout_ms: Option<u64>,
    pub max_retries: u32,
    pub retry_delay_ms: u64,
    /// With its `maxRetryDelay`.
    pub exponential: Option<u64>,
    pub on_error: OnError,
}

#[derive(Debug, Clone)]
pub enum OnError {
    Fail,
    Continue,
    Step(usize),
    Workflow(String),
}

/// Events that workflows are triggered by.
pub const EVENTS: [&str; 2] = ["order.placed", "order.lost"];

impl Workflow {
    pub fn random(id: &str, random: &mut Random) -> Workflow {
        let count = 1 + random.below(6);
        let wide = random.percent(25);
        let steps = (0..count).map(|number| Step::random(number, count, wide, random)).collect();
        Workflow {
            id: id.to_owned(),
            steps,
            timeout_ms: random.percent(15).then(|| random.pick(&[0, 700, 5_000, 60_000])),
            trigger: random.percent(40).then(|| random.pick(&["order.*", "order.placed", "**"])),
            backwards: random.percent(20),
        }
    }

    pub fn json(&self) -> String {
        let mut steps: Vec<String> = self.steps.iter().map(Step::json).collect();
        if self.backwards {
            steps.reverse();
        }
        let mut json = format!(r#"{{"id":"{}","context":{{"c":1}}"#, self.id);
        if let Some(ms) = self.timeout_ms {
            write!(json, r#","timeout":"{ms}ms""#).expect("a String takes everything");
        }
        if let Some(pattern) = self.trigger {
            write!(json, r#","triggers":[{{"event":"{pattern}","condition":"x !== 7"}}]"#).expect("a String takes everything");
        }
        write!(json, r#","steps":[{}]}}"#, steps.join(",")).expect("a String takes everything");
        json
    }
}

impl Step {
    fn random(number: usize, count: usize, wide: bool, random: &mut Random) -> Step {
        // Wide ones fan out from the first step.
        let chosen = |before: &usize, random: &mut Random| if wide { *before == 0 } else { random.percent(45) };
        let mut depends_on: Vec<usize> = (0..number).filter(|before| chosen(before, random)).collect();
        if wide && number > 1 && number + 1 == count {
            depends_on = (1..number).collect();
        }
        let read = (!depends_on.is_empty()).then(|| random.pick(&depends_on));
        let condition = match (random.below(14), read) {
            (0, _) => Some("false".to_owned()),
            (1, _) => Some("input.x > 1".to_owned()),
            (2, Some(read)) => Some(format!("s{read}?.n > 50")),
            (3 | 4, Some(read)) => Some(format!("s{read}.n >= 0")),
            (5, Some(read)) => Some(format!("steps.s{read}.status === 'completed'")),
            _ => None,
        };
        let params = match (random.below(10), read) {
            (0, Some(read)) => Some(format!("$.s{read}.n")),
            (1, Some(read)) => Some(format!("$.s{read}.n?")),
            (2, Some(read)) => Some(format!("n is ${{s{read}.n}}")),
            (3, _) => Some("$.input.x".to_owned()),
            _ => None,
        };
        let on_error = match random.below(9) {
            0 | 1 => OnError::Continue,
            2 | 3 if number + 1 < count => OnError::Step(number + 1 + random.below(count - number - 1)),
            4 => OnError::Workflow(random.pick(&["w0", "w1", "w2"]).to_owned()),
            _ => OnError::Fail,
        };
        let retry_delay_ms = random.pick(&[0, 100, 1_000, 3_000]);
        Step {
            number,
            action: random.pick(&[HERE, HERE, HERE, THERE, THERE, THERE, EITHER, EITHER, "noop"]),
            depends_on,
            condition,
            params,
            wait_ms: random.percent(20).then(|| random.pick(&[0, 200, 2_000, 4_000, 90_000, 3_600_000])),
            timeout_ms: random.percent(25).then(|| random.pick(&[100, 1_000, 8_000, 30_000])),
            max_retries: random.pick(&[0, 0, 0, 1, 2, 3]),
            retry_delay_ms,
            exponential: random.percent(30).then(|| retry_delay_ms.max(random.pick(&[150, 2_500, 600_000]))),
            on_error,
        }
    }

    fn json(&self) -> String {
        let before: Vec<String> = self.depends_on.iter().map(|number| format!(r#""s{number}""#)).collect();
        let mut json = format!(
            r#"{{"id":"s{}","action":"{}","dependsOn":[{}],"maxRetries":{},"retryDelay":"{}ms""#,
            self.number,
            self.action,
            before.join(","),
            self.max_retries,
            self.retry_delay_ms
        );
        let mut add = |text: String| json.push_str(&text);
        if let Some(condition) = &self.condition {
            add(format!(r#","condition":"{condition}""#));
        }
        if let Some(text) = &self.params {
            add(format!(r#","params":{{"p":["{text}"]}}"#));
        }
        if let Some(ms) = self.wait_ms {
            add(format!(r#","wait":"{ms}ms""#));
        }
        if let Some(ms) = self.timeout_ms {
            add(format!(r#","timeout":"{ms}ms""#));
        }
        if let Some(max) = self.exponential {
            add(format!(r#","backoff":"exponential","maxRetryDelay":"{max}ms""#));
        }
        match &self.on_error {
            OnError::Fail => {}
            OnError::Continue => add(r#","onError":"continue""#.to_owned()),
            OnError::Step(target) => add(format!(r#","onError":"branch","errorBranch":"s{target}""#)),
            OnError::Workflow(workflow) => add(format!(r#","onError":"branch","errorBranch":"{workflow}""#)),
        }
        json.push('}');
        json
    }

    /// The same step with one thing less that it asks for; for a shorter trace of a failure.
    pub fn simpler(&self) -> Vec<Step> {
        let plain = [
            Step { condition: None, ..self.clone() },
            Step { params: None, ..self.clone() },
            Step { wait_ms: None, ..self.clone() },
            Step { timeout_ms: None, ..self.clone() },
            Step { max_retries: 0, ..self.clone() },
            Step { exponential: None, ..self.clone() },
            Step { on_error: OnError::Fail, ..self.clone() },
        ];
        plain.into_iter().filter(|step| step.json() != self.json()).collect()
    }
}
