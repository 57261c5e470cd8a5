//! What a name leads to, looked up once: the addresses that are checked are those that are connected to, so that a name that
//! changes between the two (DNS rebinding) gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Allowed;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who knows what names lead to.
pub trait Lookup: Send + Sync + 'static {
    fn addresses(&self, name: &str) -> Found;
}

/// The machine's own.
#[derive(Debug)]
pub struct System;

impl Lookup for System {
    fn addresses(&self, name: &str) -> Found {
        let host = (name.to_owned(), 0);
        Box::pin(async move { Ok(tokio::net::lookup_host(host).await?.map(|found| found.ip()).collect()) })
    }
}

/// Gives the addresses of a name that may be connected to.
#[derive(Debug)]
pub struct Guarded<L> {
    pub allowed: Allowed,
    pub lookup: L,
}

/// A name leads where the engine does not go.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{name}` leads to {address}, which is no public address; where that is meant, allow the address or its range for endpoints too"
)]
struct Elsewhere {
    name: String,
    address: IpAddr,
}

impl<L: Lookup> Resolve for Guarded<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, allowed) = (name.as_str().to_owned(), self.allowed.clone());
        let found = self.lookup.addresses(&name);
        Box::pin(async move {
            let found = found.await?;
            let first = found.first().copied();
            // The port is that of the url.
            let open = found.into_iter().filter(|address| allowed.leads_to(&name, *address));
            let open: Vec<SocketAddr> = open.map(|address| SocketAddr::new(address, 0)).collect();
            match first {
                Some(address) if open.is_empty() => Err(Elsewhere { name, address }.into()),
                _ => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests;
