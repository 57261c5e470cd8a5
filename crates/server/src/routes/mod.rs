//! The routes, by what they are about.

mod changes;
mod endpoints;
mod errors;
mod events;
pub(crate) mod executions;
mod filter;
mod health;
mod jobs;
pub(crate) mod page;
mod stream;
mod system;
mod tokens;
mod worker;
pub(crate) mod workflows;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::openapi;

pub(crate) fn all() -> OpenApiRouter<App> {
    page::add(OpenApiRouter::new())
        .routes(routes!(workflows::definitions))
        .routes(routes!(workflows::definition, workflows::register, workflows::delete_definition))
        .routes(routes!(workflows::validate))
        .routes(routes!(workflows::versions))
        .routes(routes!(workflows::statistics))
        .routes(routes!(workflows::start))
        .routes(routes!(errors::errors))
        .routes(routes!(errors::error))
        .routes(routes!(events::event))
        .routes(routes!(executions::list))
        .routes(routes!(executions::counts))
        .routes(routes!(changes::changes))
        .routes(routes!(executions::execution, executions::delete_execution))
        .routes(routes!(executions::history))
        .routes(routes!(executions::history_entry))
        .routes(routes!(stream::stream))
        .routes(routes!(executions::pause))
        .routes(routes!(executions::resume))
        .routes(routes!(executions::cancel))
        .routes(routes!(executions::retry))
        .routes(routes!(executions::replay))
        .routes(routes!(executions::run_now))
        .routes(routes!(jobs::list, jobs::create))
        .routes(routes!(jobs::job))
        .routes(routes!(jobs::items))
        .routes(routes!(jobs::stop))
        .routes(routes!(jobs::go_on))
        .routes(routes!(jobs::job_stream))
        .routes(routes!(endpoints::endpoints))
        .routes(routes!(endpoints::endpoint, endpoints::put_endpoint, endpoints::delete_endpoint))
        .routes(routes!(tokens::tokens, tokens::create_token))
        .routes(routes!(tokens::token, tokens::revoke_token))
        .routes(routes!(worker::worker))
        .routes(routes!(system::workers))
        .routes(routes!(system::actions))
        .routes(routes!(system::nodes))
        .routes(routes!(system::system))
        .routes(routes!(system::system_stream))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::diagnosis))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::document))
        .routes(routes!(page::page))
}
