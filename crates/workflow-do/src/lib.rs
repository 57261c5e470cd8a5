//! Durable workflows that survive crashes, restarts and deployments: declare the steps, and every one of them is recorded.
//!
//! ```
//! use workflow_do::prelude::*;
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Order { order_id: String }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap(); std::env::set_current_dir(&folder).unwrap();
//! let engine = Engine::builder()
//!     .store("orders.db")
//!     .action("validatePayment", async |order: Order, _| Ok(json!({ "total": 4200, "card": order.order_id })))
//!     .action("reserveInventory", async |_: Order, _| Ok(json!({ "reserved": true })))
//!     .action("chargeCard", async |_: Order, context| {
//!         let total = context.output("validate")?["total"].clone();
//!         // An attempt may run more than once: hand this key to the payment API, and the card is charged once.
//!         Ok(json!({ "charged": total, "key": context.idempotency_key() }))
//!     })
//!     .action("fulfillOrder", async |_: Order, _| Ok(json!({ "parcel": 1 })))
//!     .action("sendConfirmation", async |order: Order, _| Ok(format!("thank you for {}", order.order_id)))
//!     .open()
//!     .await?;
//!
//! engine
//!     .register(
//!         Workflow::new("order-processing")
//!             .step(Step::new("validate", "validatePayment"))
//!             .step(Step::new("reserve", "reserveInventory").after("validate"))
//!             .step(Step::new("charge", "chargeCard").after("reserve").max_retries(3))
//!             .step(Step::new("fulfill", "fulfillOrder").after("charge"))
//!             .step(Step::new("notify", "sendConfirmation").after("fulfill")),
//!     )
//!     .await?;
//!
//! let execution = engine.start("order-processing", json!({ "orderId": "ord_123" })).await?;
//! let execution = engine.wait(execution.id).await?;
//! assert_eq!(execution.status, Status::Completed);
//! assert_eq!(execution.output.unwrap().text(), r#""thank you for ord_123""#);
//! # engine.close().await?;
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```
//!
//! # What is guaranteed
//!
//! - Once [`Engine::start`] has answered, the execution ends, whatever crashes: what it had recorded is on disk (synced), and an
//!   engine that opens the same file goes on exactly there.
//! - A step's result is recorded once and never lost, and once it is recorded the step does not run again, but by
//!   [`Engine::retry`] or [`Engine::replay`].
//! - An action runs **at least once**: a crash in the middle of an attempt means another attempt. [`Context::idempotency_key`]
//!   makes its outside effect happen once.
//!
//! # What it is not
//!
//! It is no queue for many machines: one process owns a file. Others reach it over HTTP ([`Engine::serve`], or `workflow serve`),
//! and may run its actions from there: a [`Worker`].
//!
//! # Limits
//!
//! 1 MiB an input or output, 1,000 steps a definition, 50,000 history entries and 32 MiB an execution; see [`Limits`].

mod action;
mod builder;
mod engine;
mod error;
mod worker;

pub use action::{ActionError, Context};
pub use builder::{Step, Trigger, Workflow};
pub use engine::{Builder, Engine};
pub use error::Error;
pub use serde_json::json;
pub use worker::{ReceivedState, ReceivedTask, Worker, WorkerBuilder, WorkerState};
pub use workflow_core::definition::{Diagnostic, Severity};
pub use workflow_core::id::{ExecutionId, Version};
pub use workflow_core::json::Json;
pub use workflow_core::limits::Limits;
pub use workflow_core::status::{Status, StepStatus};
pub use workflow_core::task::TaskContext;
pub use workflow_engine::{AbortReason, ExecutionView as Execution, HistoryEntry, ListRequest, Options, Signal, Watch};
pub use workflow_server::{AdminToken, Options as ServerOptions, Tls, TlsError};
pub use workflow_store::{Keys, KeysError};

/// What most programs need.
pub mod prelude {
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::json;

    pub use crate::{ActionError, Context, Engine, Error, Execution, Status, Step, Trigger, Worker, Workflow};
}
