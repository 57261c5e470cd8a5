//! A clock for tests, set by hand.

use std::sync::Arc;

use napi::bindgen_prelude::{Error, Result};
use napi_derive::napi;
use workflow_core::time::Timestamp;
use workflow_engine::clock::Clock as _;

/// Both clocks of an engine: durable timers look at the wall clock, timeouts of attempts at the other.
#[napi(js_name = "Clock")]
#[derive(Debug)]
pub struct Clock {
    clock: workflow_engine::clock::SimulatedClock,
}

#[napi]
impl Clock {
    #[napi(constructor)]
    pub fn new(wall: Option<f64>) -> Result<Clock> {
        let clock = workflow_engine::clock::SimulatedClock::default();
        if let Some(wall) = wall {
            clock.set_wall(timestamp(wall)?);
        }
        Ok(Clock { clock })
    }

    /// Goes on by milliseconds, or by a duration such as `3d`.
    #[napi(catch_unwind)]
    pub fn advance(&self, span: String) -> Result<()> {
        let span = workflow_core::duration::parse(&span).map_err(|error| Error::from_reason(error.to_string()))?;
        self.clock.advance(span.to_std());
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn set_wall(&self, wall: f64) -> Result<()> {
        self.clock.set_wall(timestamp(wall)?);
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn now(&self) -> f64 {
        self.clock.now().wall.millis() as f64
    }
}

impl Clock {
    pub fn share(&self) -> Arc<dyn workflow_engine::clock::Clock> {
        Arc::new(self.clock.clone())
    }
}

/// The length of a duration such as `1h 30m`.
#[napi(catch_unwind)]
pub fn milliseconds(span: String) -> Result<f64> {
    let span = workflow_core::duration::parse(&span).map_err(|error| Error::from_reason(error.to_string()))?;
    Ok(span.to_std().as_millis() as f64)
}

/// JavaScript's own bounds of a date.
fn timestamp(millis: f64) -> Result<Timestamp> {
    if millis.is_finite() && millis.abs() <= 8.64e15 {
        Ok(Timestamp::from_millis(millis as i64))
    } else {
        Err(Error::from_reason(format!("{millis} is no instant; epoch milliseconds were expected")))
    }
}
