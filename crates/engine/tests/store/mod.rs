//! A store in memory that does something before it commits, and in place of resting.

#[path = "../../../store/tests/delegate/mod.rs"]
mod delegate;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use delegate::delegate_to;
use workflow_store::{Batch, Committed, Fault, Lease, Memory, Store};

pub struct Hooked<C, R> {
    pub store: Memory,
    pub before_commit: C,
    pub rest: R,
    /// Another engine may have taken over.
    pub uncertain: Arc<AtomicBool>,
}

impl<C, R> Store for Hooked<C, R>
where
    C: Fn() + Send + Sync + 'static,
    R: Fn() -> Result<(), Fault> + Send + Sync + 'static,
{
    fn commit(&self, batch: &Batch) -> Result<Committed, Fault> {
        (self.before_commit)();
        self.store.commit(batch)
    }
    fn rest(&self) -> Result<(), Fault> {
        (self.rest)()
    }
    fn lease(&self) -> Lease {
        let uncertain = self.uncertain.clone();
        Lease::new(move || !uncertain.load(Ordering::SeqCst))
    }
    delegate_to!(store);
}
