//! order-5, fan-out and a sleeper; inputs and outputs as in `driver/order.mjs`.

use std::time::Duration;

use duroxide::runtime::registry::ActivityRegistry;
use duroxide::{ActivityContext, OrchestrationContext, OrchestrationRegistry};
use serde_json::json;

const ORDER_STEPS: [&str; 5] = ["validate", "reserve", "charge", "fulfill", "notify"];
const PARTS: usize = 10;
const SLEEP: Duration = Duration::from_secs(3_600);

pub fn activities() -> ActivityRegistry {
    ActivityRegistry::builder().register("step", |_: ActivityContext, step: String| async move { Ok(output(&step)) }).build()
}

pub fn orchestrations() -> OrchestrationRegistry {
    OrchestrationRegistry::builder().register("order-5", order).register("fan-out", fan_out).register("sleepers", sleeper).build()
}

pub fn input(id: &str) -> String {
    json!({ "orderId": format!("ord_{id}"), "customerId": "cus_0123456789abcdef", "total": 4200, "currency": "EUR" }).to_string()
}

/// What the output of a completed workflow holds.
pub fn expected(workload: &str) -> String {
    reference(if workload == "fan-out" { "join" } else { "notify" })
}

async fn order(context: OrchestrationContext, _order: String) -> Result<String, String> {
    let mut last = String::new();
    for step in ORDER_STEPS {
        last = context.schedule_activity("step", step).await?;
    }
    Ok(last)
}

async fn fan_out(context: OrchestrationContext, _order: String) -> Result<String, String> {
    context.schedule_activity("step", "split").await?;
    let parts = (0..PARTS).map(|part| context.schedule_activity("step", format!("part{part}"))).collect();
    for part in context.join(parts).await {
        part?;
    }
    context.schedule_activity("step", "join").await
}

async fn sleeper(context: OrchestrationContext, _order: String) -> Result<String, String> {
    context.schedule_timer(SLEEP).await;
    Ok(output("woke"))
}

fn output(step: &str) -> String {
    json!({ "status": "ok", "reference": reference(step), "amount": 4200, "currency": "EUR" }).to_string()
}

fn reference(step: &str) -> String {
    format!("ref_{step}_{}", &"0123456789abcdef0123456789abcdef"[step.len() + 1..])
}
