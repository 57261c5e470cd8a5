//! Endpoints: registered, discovered, removed.

use workflow_core::id::EndpointName;
use workflow_store::Endpoint;

use super::{Engine, Shared};
use crate::Error;
use crate::request::{EndpointRequest, EndpointView};

/// An endpoint and what is known of it.
#[derive(Debug)]
pub struct EndpointState {
    pub endpoint: Endpoint,
}

impl Engine {
    pub(super) fn open_endpoints(&self, endpoints: Vec<Endpoint>) {
        for endpoint in endpoints {
            put(self.shared(), endpoint);
        }
    }

    pub async fn put_endpoint(&self, request: EndpointRequest) -> Result<EndpointView, Error> {
        let _ = request;
        Err(Error::Closed)
    }

    /// By name.
    pub async fn endpoints(&self) -> Result<Vec<EndpointView>, Error> {
        Ok(Vec::new())
    }

    /// Whether it existed.
    pub async fn remove_endpoint(&self, name: &EndpointName) -> Result<bool, Error> {
        let _ = name;
        Ok(false)
    }
}

pub fn put(shared: &Shared, endpoint: Endpoint) {
    let _ = (shared, endpoint);
}

pub fn removed(shared: &Shared, name: &EndpointName) {
    let _ = (shared, name);
}
