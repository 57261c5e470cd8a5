//! Who makes a request, for the entries of histories that it causes.
//!
//! [`serve`](crate::serve) puts the address at the other end of the connection into each request's extensions; whatever knows a
//! better name puts that in its place. Without either, as in the process of the engine, nobody is named.
//!
//! What is *not* here: `X-Forwarded-For` and the like, which anybody can write.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use workflow_core::id::Caller;
use workflow_engine::Engine;

use crate::app::App;

/// Who calls from this address.
pub(crate) fn at(address: IpAddr) -> Caller {
    // A socket that takes both families shows IPv4 as IPv6.
    Caller::new(&address.to_canonical().to_string()).expect("an address is short and printable")
}

/// The engine, for what the caller of this request starts or moves.
pub(crate) struct OnBehalf(pub Engine);

impl FromRequestParts<App> for OnBehalf {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<OnBehalf, Infallible> {
        Ok(OnBehalf(match parts.extensions.get::<Caller>() {
            Some(caller) => app.engine.by(caller.clone()),
            None => app.engine.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_without_its_port_and_in_its_own_family() {
        for (address, name) in [("127.0.0.1", "127.0.0.1"), ("::ffff:10.0.0.7", "10.0.0.7"), ("2001:db8::1", "2001:db8::1")] {
            assert_eq!(at(address.parse().unwrap()).as_str(), name);
        }
    }
}
