//! Endpoints: registered, discovered, removed. To the ring an endpoint is a provider of actions like any other.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use workflow_core::id::{ActionName, EndpointName};
use workflow_core::time::Millis;
use workflow_store::Endpoint;

use super::{Engine, Shared};
use crate::endpoint::{self, Address, Caller};
use crate::request::{EndpointRequest, EndpointView};
use crate::ring::message::Input;
use crate::ring::slots::{Provider, ProviderId, ProviderKind};
use crate::{Error, Handler};

const TIMEOUT: Millis = Millis::from_secs(5 * 60);
const CONCURRENCY: u32 = 64;
const CONCURRENCY_MAX: u32 = 10_000;
/// How often an endpoint whose actions are not known is asked, while something wants an action that nobody provides.
const ASK_AGAIN_EVERY: Duration = Duration::from_secs(30);

type Endpoints = std::collections::BTreeMap<EndpointName, EndpointState>;

/// An endpoint and what is known of it.
#[derive(Debug)]
pub struct EndpointState {
    endpoint: Endpoint,
    provider: ProviderId,
    /// None when it may not be called: its host is not allowed any more.
    address: Option<Address>,
    actions: Vec<ActionName>,
    unreachable: Option<String>,
}

impl Engine {
    /// Takes what is stored. Whose actions are not known is asked; opening does not wait for that.
    pub(super) fn open_endpoints(&self, endpoints: Vec<Endpoint>) {
        for endpoint in endpoints {
            self.shared().endpoint_put(endpoint);
        }
        let shared = Arc::downgrade(self.shared());
        let discovered: Vec<EndpointName> = unknown(self.shared(), true);
        Handle::current().spawn(async move {
            ask_all(&shared, discovered).await;
            keep_asking(shared).await;
        });
    }

    pub async fn put_endpoint(&self, request: EndpointRequest) -> Result<EndpointView, Error> {
        let EndpointRequest { name, url, actions, secret, timeout, concurrency } = request;
        let shared = self.shared();
        let address = endpoint::check(&url, &shared.endpoint_hosts)?;
        let concurrency = concurrency.unwrap_or(CONCURRENCY);
        if !(1..=CONCURRENCY_MAX).contains(&concurrency) {
            return Err(Error::InvalidRequest(format!("concurrency is {concurrency}, expected 1 to {CONCURRENCY_MAX}")));
        }
        let timeout = timeout.unwrap_or(TIMEOUT);
        if timeout == Millis::ZERO {
            return Err(Error::InvalidRequest("timeout is 0, expected a duration such as `30s`".to_owned()));
        }
        if let Some(noop) = actions.iter().flatten().find(|action| action.is_noop()) {
            return Err(Error::InvalidRequest(format!("`{noop}` is built in and cannot be provided")));
        }
        let found = match &actions {
            None => Some(endpoint::discover(&shared.client()?, &address).await),
            Some(_) => None,
        };
        let endpoint = Box::new(Endpoint { name: name.clone(), url, actions, secret, timeout, concurrency });
        let put = || {
            let endpoint = endpoint.clone();
            self.ask(move |reply| Input::PutEndpoint { endpoint, reply })
        };
        self.unless_changed(put).await?;
        if let Some(found) = found {
            take(shared, &name, found);
        }
        let endpoints = lock(shared);
        endpoints.get(&name).map(view).ok_or_else(|| Error::InvalidRequest(format!("endpoint `{name}` was removed meanwhile")))
    }

    /// By name.
    pub async fn endpoints(&self) -> Result<Vec<EndpointView>, Error> {
        Ok(lock(self.shared()).values().map(view).collect())
    }

    /// Whether it existed.
    pub async fn remove_endpoint(&self, name: &EndpointName) -> Result<bool, Error> {
        if !lock(self.shared()).contains_key(name) {
            return Ok(false);
        }
        let name = name.clone();
        self.ask(|reply| Input::RemoveEndpoint { name, reply }).await?;
        Ok(true)
    }
}

impl Shared {
    /// An endpoint is durable.
    pub fn endpoint_put(&self, endpoint: Endpoint) {
        let mut endpoints = lock(self);
        let before = endpoints.remove(&endpoint.name);
        let (address, unreachable) = match endpoint::check(&endpoint.url, &self.endpoint_hosts) {
            Ok(address) => (Some(address), None),
            Err(error) => (None, Some(error.to_string())),
        };
        // Known until it is asked again: whatever runs of it goes on.
        let known = before.as_ref().filter(|before| before.endpoint.url == endpoint.url).map(|before| before.actions.clone());
        let actions = endpoint.actions.clone().or(known).unwrap_or_default();
        let provider = before.map_or_else(|| self.new_provider_id(), |before| before.provider);
        let state = EndpointState { endpoint, provider, address, actions, unreachable };
        provide(self, &state);
        endpoints.insert(state.endpoint.name.clone(), state);
    }

    /// All there are, as another engine has left them. Those that are as they were go on as they are.
    pub fn endpoints_are(&self, all: Vec<Endpoint>) {
        let (gone, changed) = {
            let known = lock(self);
            let gone: Vec<EndpointName> =
                known.keys().filter(|name| all.iter().all(|endpoint| endpoint.name != **name)).cloned().collect();
            let is_known = |endpoint: &Endpoint| known.get(&endpoint.name).is_some_and(|state| state.endpoint == *endpoint);
            (gone, all.into_iter().filter(|endpoint| !is_known(endpoint)).collect::<Vec<_>>())
        };
        gone.iter().for_each(|name| self.endpoint_removed(name));
        changed.into_iter().for_each(|endpoint| self.endpoint_put(endpoint));
    }

    pub fn endpoint_removed(&self, name: &EndpointName) {
        if let Some(state) = lock(self).remove(name) {
            self.withdraw(state.provider);
        }
    }
}

/// Has the ring know what an endpoint provides.
fn provide(shared: &Shared, state: &EndpointState) {
    let Some(address) = state.address.clone() else { return shared.withdraw(state.provider) };
    let client = match shared.client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(endpoint = %state.endpoint.name, %error, "an endpoint cannot be called");
            return shared.withdraw(state.provider);
        }
    };
    let caller = Caller {
        client,
        clock: shared.clock.clone(),
        address,
        secret: state.endpoint.secret.clone(),
        timeout: state.endpoint.timeout,
        output_bytes_max: shared.limits.payload_bytes_max,
    };
    let handler = Handler::new(move |task, signal| {
        let caller = caller.clone();
        async move { caller.call(task, signal).await }
    });
    shared.handlers.insert(state.provider, handler);
    shared.provide(Provider {
        id: state.provider,
        kind: ProviderKind::Endpoint,
        actions: state.actions.clone(),
        limit: usize::try_from(state.endpoint.concurrency).unwrap_or(usize::MAX),
    });
}

/// Takes what an endpoint said of itself. One that does not answer keeps the actions that are known of it.
fn take(shared: &Shared, name: &EndpointName, found: Result<Vec<ActionName>, String>) {
    let mut endpoints = lock(shared);
    let Some(state) = endpoints.get_mut(name).filter(|state| state.endpoint.actions.is_none()) else { return };
    match found {
        Ok(mut actions) => {
            actions.retain(|action| !action.is_noop());
            state.unreachable = None;
            if actions != state.actions {
                state.actions = actions;
                provide(shared, state);
            }
        }
        Err(why) => {
            tracing::warn!(endpoint = %name, why, "the actions of an endpoint are not known");
            state.unreachable = Some(why);
        }
    }
}

/// Endpoints whose actions have to be asked for: all of them, or those that did not answer.
fn unknown(shared: &Shared, all: bool) -> Vec<EndpointName> {
    let endpoints = lock(shared);
    let asked = endpoints.values().filter(|state| state.endpoint.actions.is_none() && state.address.is_some());
    asked.filter(|state| all || state.unreachable.is_some()).map(|state| state.endpoint.name.clone()).collect()
}

/// Holds no engine open while it waits.
async fn ask_all(shared: &Weak<Shared>, names: Vec<EndpointName>) {
    for name in names {
        let Some(engine) = shared.upgrade() else { return };
        let address = lock(&engine).get(&name).and_then(|state| state.address.clone());
        let (Some(address), Ok(client)) = (address, engine.client()) else { continue };
        drop(engine);
        let found = endpoint::discover(&client, &address).await;
        let Some(engine) = shared.upgrade() else { return };
        take(&engine, &name, found);
    }
}

async fn keep_asking(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(ASK_AGAIN_EVERY).await;
        let Some(engine) = shared.upgrade() else { return };
        let wanted = !engine.unprovided().is_empty();
        let names = unknown(&engine, wanted);
        drop(engine);
        ask_all(&shared, names).await;
    }
}

fn view(state: &EndpointState) -> EndpointView {
    let endpoint = &state.endpoint;
    EndpointView {
        name: endpoint.name.clone(),
        provider: state.provider,
        url: endpoint::shown(&endpoint.url),
        actions: state.actions.clone(),
        discovered: endpoint.actions.is_none(),
        timeout: endpoint.timeout,
        concurrency: endpoint.concurrency,
        has_secret: endpoint.secret.is_some(),
        unreachable: state.unreachable.clone(),
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Endpoints> {
    shared.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
}
