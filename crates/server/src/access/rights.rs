//! Which operation needs which role: this table, and nothing else.

use axum::http::Method;
use workflow_store::Role;

use crate::routes::page;

/// Who may call an operation, once there are tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anybody, without a token: it says nothing of what is stored.
    Nothing,
    /// Any token: there is nothing behind it.
    Token,
    Reader,
    Operator,
    Worker,
    Admin,
}

use Need::{Admin, Nothing, Operator, Reader, Worker};

/// What is not in it needs an admin.
const RIGHTS: &[(&str, &str, Need)] = &[
    ("GET", "/", Nothing),
    ("GET", "/healthz", Nothing),
    ("GET", "/readyz", Nothing),
    ("GET", "/openapi.json", Nothing),
    ("GET", "/metrics", Reader),
    ("GET", "/api/v1/workflows", Reader),
    ("GET", "/api/v1/workflows/{id}", Reader),
    ("PUT", "/api/v1/workflows/{id}", Admin),
    ("DELETE", "/api/v1/workflows/{id}", Admin),
    ("POST", "/api/v1/workflows/{id}/executions", Operator),
    ("POST", "/api/v1/events", Operator),
    ("GET", "/api/v1/executions", Reader),
    ("GET", "/api/v1/executions/counts", Reader),
    ("GET", "/api/v1/executions/stream", Reader),
    ("GET", "/api/v1/executions/{id}", Reader),
    ("DELETE", "/api/v1/executions/{id}", Admin),
    ("GET", "/api/v1/executions/{id}/history", Reader),
    ("GET", "/api/v1/executions/{id}/history/{seq}", Reader),
    ("GET", "/api/v1/executions/{id}/stream", Reader),
    ("POST", "/api/v1/executions/{id}/pause", Operator),
    ("POST", "/api/v1/executions/{id}/resume", Operator),
    ("POST", "/api/v1/executions/{id}/cancel", Operator),
    ("POST", "/api/v1/executions/{id}/retry", Operator),
    ("POST", "/api/v1/executions/{id}/replay", Operator),
    ("POST", "/api/v1/executions/{id}/steps/{stepId}/run-now", Operator),
    ("GET", "/api/v1/workflows/{id}/versions", Reader),
    ("GET", "/api/v1/workflows/{id}/stats", Reader),
    ("POST", "/api/v1/validate", Reader),
    ("GET", "/api/v1/jobs", Reader),
    ("POST", "/api/v1/jobs", Operator),
    ("GET", "/api/v1/jobs/{id}", Reader),
    ("GET", "/api/v1/jobs/{id}/items", Reader),
    ("GET", "/api/v1/jobs/{id}/stream", Reader),
    ("POST", "/api/v1/jobs/{id}/stop", Operator),
    ("POST", "/api/v1/jobs/{id}/continue", Operator),
    ("GET", "/api/v1/errors", Reader),
    ("GET", "/api/v1/errors/{fingerprint}", Reader),
    ("GET", "/api/v1/nodes", Reader),
    ("GET", "/api/v1/system", Reader),
    ("GET", "/api/v1/system/stream", Reader),
    ("GET", "/api/v1/diagnosis", Reader),
    ("GET", "/api/v1/workers", Reader),
    ("GET", "/api/v1/actions", Reader),
    ("GET", "/api/v1/endpoints", Reader),
    ("GET", "/api/v1/endpoints/{name}", Reader),
    ("PUT", "/api/v1/endpoints/{name}", Admin),
    ("DELETE", "/api/v1/endpoints/{name}", Admin),
    ("GET", "/api/v1/tokens", Admin),
    ("POST", "/api/v1/tokens", Admin),
    ("GET", "/api/v1/tokens/{token}", Admin),
    ("DELETE", "/api/v1/tokens/{token}", Admin),
    ("GET", "/api/v1/worker", Worker),
];

impl Need {
    /// Of a route; of none, any token sees that it is none.
    pub fn of(method: &Method, route: Option<&str>) -> Need {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let Some(route) = route else { return Need::Token };
        if page::PATHS.contains(&route) && method == Method::GET {
            return Nothing;
        }
        let found = RIGHTS.iter().find(|(its_method, its_route, _)| method.as_str() == *its_method && route == *its_route);
        found.map_or(Admin, |(_, _, need)| *need)
    }

    pub fn is_met_by(self, role: Role) -> bool {
        match self {
            Nothing | Need::Token => true,
            Reader => matches!(role, Role::Reader | Role::Operator | Role::Admin),
            Operator => matches!(role, Role::Operator | Role::Admin),
            Worker => matches!(role, Role::Worker | Role::Admin),
            Admin => role == Role::Admin,
        }
    }

    /// The least role that does.
    pub fn role(self) -> Option<Role> {
        match self {
            Nothing | Need::Token => None,
            Reader => Some(Role::Reader),
            Operator => Some(Role::Operator),
            Worker => Some(Role::Worker),
            Admin => Some(Role::Admin),
        }
    }
}
