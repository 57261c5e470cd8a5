//! The only place that asks what time it is. Everything else is told.

use std::fmt;
use std::ops::Add;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use workflow_core::time::{Millis, Timestamp};

/// An instant on both clocks: durable timers compare with the wall clock, timeouts of attempts with the monotonic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub wall: Timestamp,
    pub mono: Mono,
}

/// An instant on a clock that never goes back: the time since the clock was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(Duration);

impl Mono {
    pub const ZERO: Mono = Mono(Duration::ZERO);

    pub fn since(self, earlier: Mono) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;
    fn add(self, span: Duration) -> Mono {
        Mono(self.0.saturating_add(span))
    }
}

impl fmt::Debug for Mono {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}us", self.0.as_micros())
    }
}

pub trait Clock: Send + Sync + fmt::Debug + 'static {
    fn now(&self) -> Now;

    /// Whether time passes by itself. Of a clock that is set by hand nobody waits for a time: `advanced` is called instead.
    fn passes(&self) -> bool {
        true
    }

    /// Calls `advanced` whenever the clock was set.
    fn subscribe(&self, advanced: Box<dyn Fn() + Send + Sync>) {
        let _ = advanced;
    }
}

/// The clocks of the machine.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            // A machine whose clock was never set.
            Err(_) => 0,
        };
        Now { wall: Timestamp::from_millis(wall), mono: Mono(self.origin.elapsed()) }
    }
}

/// Called when a clock was set.
type Advanced = Box<dyn Fn() + Send + Sync>;

/// A clock that is set by hand, for tests. Begins at a fixed instant; clones are the same clock.
#[derive(Clone)]
pub struct SimulatedClock {
    state: Arc<Mutex<Now>>,
    advanced: Arc<Mutex<Vec<Advanced>>>,
}

impl Default for SimulatedClock {
    fn default() -> SimulatedClock {
        let start = Now { wall: SimulatedClock::START, mono: Mono::ZERO };
        SimulatedClock { state: Arc::new(Mutex::new(start)), advanced: Arc::default() }
    }
}

impl SimulatedClock {
    /// 2027-01-15T08:00:00Z.
    pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    /// Both clocks go on.
    pub fn advance(&self, span: Duration) {
        {
            let mut now = self.state.lock().expect("no holder of this lock panics");
            now.mono = now.mono + span;
            now.wall = now.wall + Millis::new(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        }
        self.tell();
    }

    /// Somebody set the wall clock, forward or back.
    pub fn set_wall(&self, wall: Timestamp) {
        self.state.lock().expect("no holder of this lock panics").wall = wall;
        self.tell();
    }

    fn tell(&self) {
        for advanced in self.advanced.lock().expect("no holder of this lock panics").iter() {
            advanced();
        }
    }
}

impl fmt::Debug for SimulatedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimulatedClock").field(&self.now()).finish()
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Now {
        *self.state.lock().expect("no holder of this lock panics")
    }

    fn passes(&self) -> bool {
        false
    }

    fn subscribe(&self, advanced: Box<dyn Fn() + Send + Sync>) {
        self.advanced.lock().expect("no holder of this lock panics").push(advanced);
    }
}
