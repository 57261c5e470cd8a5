//! Actions over HTTP (SPEC §9): so that any language can serve them without an SDK.

mod address;
mod allowed;
mod call;
mod discover;
mod resolve;
mod sign;

pub use address::{Address, check, shown};
pub use allowed::Allowed;
pub use call::Caller;
pub use discover::discover;

use std::sync::Arc;
use std::time::Duration;

use address::called;
use resolve::{Guarded, Lookup, System};

use crate::Error;

const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Servers drop connections that idle, Node after 5 s; one that is dropped while a call is sent would fail the attempt.
const IDLE_MAX: Duration = Duration::from_secs(3);

/// One client for all endpoints. Made when there is the first one: it reads the machine's certificates.
pub fn client(allowed: &Allowed) -> Result<reqwest::Client, Error> {
    client_with(allowed, System)
}

/// No redirects and no proxies: both would connect to what nobody has checked.
fn client_with(allowed: &Allowed, lookup: impl Lookup) -> Result<reqwest::Client, Error> {
    // Whoever has this engine in its process may have chosen one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("workflow.do/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .dns_resolver(Arc::new(Guarded { allowed: allowed.clone(), lookup }))
        .connect_timeout(CONNECT_MAX)
        .pool_idle_timeout(IDLE_MAX);
    builder.build().map_err(|error| Error::System(format!("no HTTP client could be made: {error}")))
}

/// What is wrong with a connection, in its own words: the outermost message says only that there was an error.
pub fn innermost(error: &reqwest::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
