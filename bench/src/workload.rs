//! The workflows that are run, their inputs and outputs: the same ones in every way of running them, here and in
//! `bench/node/workloads.mjs`, and as near as their words allow in `bench/peers`.

use std::sync::LazyLock;

use serde_json::{Value, json};
use workflow_do::{ActionError, Context, Step, Workflow};

/// What a closed loop runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// Five steps in a row
    #[value(name = "order-5")]
    Order,
    /// The same, one at a time
    Latency,
    /// One step, ten at the same time, one that joins them
    FanOut,
    /// Five steps in a row, 100 KB out of each
    Payload,
}

/// Every action there is.
pub const ACTIONS: [&str; 9] =
    ["validatePayment", "reserveInventory", "chargeCard", "fulfillOrder", "sendConfirmation", "split", "part", "join", BULKY];

/// The one whose output is long.
const BULKY: &str = "bulky";
/// Parallel steps of the fan-out.
const PARTS: usize = 10;
/// Stands in an input where each one has its own id; the load generator knows it too.
const MARK: &str = "@ID@";

/// About 100 bytes.
static OUTPUT: LazyLock<Value> = LazyLock::new(
    || json!({ "status": "ok", "reference": "ref_0123456789abcdef0123456789abcdef", "amount": 4200, "currency": "EUR" }),
);
/// 100 KB, of which nothing can be left out by whoever finds repetitions.
static LONG_OUTPUT: LazyLock<Value> = LazyLock::new(|| {
    let (mut text, mut state) = (String::with_capacity(100_000), 0x9e37_79b9_7f4a_7c15_u64);
    while text.len() < 100_000 {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{state:016x}"));
    }
    json!({ "text": text })
});

impl Workload {
    pub fn name(self) -> &'static str {
        match self {
            Workload::Order => "order-5",
            Workload::Latency => "latency",
            Workload::FanOut => "fan-out",
            Workload::Payload => "payload",
        }
    }

    /// The id of its workflow.
    pub fn workflow(self) -> &'static str {
        match self {
            Workload::Order | Workload::Latency => "order-processing",
            Workload::FanOut => "fan-out",
            Workload::Payload => "payload",
        }
    }

    pub fn definition(self) -> Workflow {
        let id = self.workflow();
        match self {
            Workload::Order | Workload::Latency => Workflow::new(id)
                .step(Step::new("validate", "validatePayment"))
                .step(Step::new("reserve", "reserveInventory").after("validate"))
                .step(Step::new("charge", "chargeCard").after("reserve").max_retries(3))
                .step(Step::new("fulfill", "fulfillOrder").after("charge"))
                .step(Step::new("notify", "sendConfirmation").after("fulfill")),
            Workload::FanOut => {
                let mut join = Step::new("join", "join");
                let mut workflow = Workflow::new(id).step(Step::new("split", "split"));
                for part in 0..PARTS {
                    let name = format!("part{part}");
                    join = join.after(name.as_str());
                    workflow = workflow.step(Step::new(name, "part").after("split"));
                }
                workflow.step(join)
            }
            Workload::Payload => {
                ["a", "b", "c", "d", "e"].windows(2).fold(Workflow::new(id).step(Step::new("a", BULKY)), |workflow, pair| {
                    workflow.step(Step::new(pair[1], BULKY).after(pair[0]))
                })
            }
        }
    }
}

/// About 100 bytes; with [`MARK`] where the id goes.
pub fn input_text() -> String {
    format!(r#"{{"orderId":"ord_{MARK}","customerId":"cus_0123456789abcdef","total":4200,"currency":"EUR"}}"#)
}

/// The same with a number for the id.
pub fn input(number: u64) -> Value {
    json!({ "orderId": format!("ord_{number:024}"), "customerId": "cus_0123456789abcdef", "total": 4200, "currency": "EUR" })
}

/// What an action of this name gives.
pub fn output(action: &str) -> &'static Value {
    if action == BULKY { &LONG_OUTPUT } else { &OUTPUT }
}

/// Every action: its name, and what runs it. Generic over what they are given to.
pub fn actions() -> impl Iterator<Item = (&'static str, impl Fn(Value, Context) -> Instant + Clone + Send + Sync + 'static)> {
    ACTIONS.into_iter().map(|action| (action, move |_: Value, _: Context| std::future::ready(Ok(output(action)))))
}

/// An action that has ended when it is called.
type Instant = std::future::Ready<Result<&'static Value, ActionError>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_outputs_have_the_sizes_that_are_claimed() {
        assert!((90..=130).contains(&input(7).to_string().len()));
        assert!((90..=130).contains(&output("chargeCard").to_string().len()));
        assert!((100_000..100_050).contains(&output(BULKY).to_string().len()));
        let text = input_text().replace(MARK, &format!("{:024}", 7));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), input(7));
    }
}
