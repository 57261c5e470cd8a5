//! Until when an engine may act.

use std::fmt;
use std::sync::Arc;

/// Whether an engine is certain that no other has taken over what it owns: asked immediately before an attempt is handed to whoever
/// runs it, also where the store is not at hand. Commits need not ask; they are refused.
#[derive(Clone)]
pub struct Lease(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Lease {
    /// One that lasts as long as `lasts` says so.
    pub fn new(lasts: impl Fn() -> bool + Send + Sync + 'static) -> Lease {
        Lease(Some(Arc::new(lasts)))
    }

    /// That of a store which nobody can take from who has it.
    pub fn for_ever() -> Lease {
        Lease(None)
    }

    pub fn lasts(&self) -> bool {
        self.0.as_ref().is_none_or(|lasts| lasts())
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease(lasts: {})", self.lasts())
    }
}
