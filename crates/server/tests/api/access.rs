//! Who may do what.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures_util::FutureExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use workflow_server::{AdminToken, Options, serve};

use crate::socket::Server;
use crate::stream;
use crate::support::{Answer, Api, engine, request};
use crate::worker;

/// One of each role.
struct Tokens {
    admin: String,
    operator: String,
    reader: String,
    worker: String,
    revoked: String,
}

impl Tokens {
    async fn of(api: &Api) -> Tokens {
        let admin = create(api, "", "ops", "admin").await;
        let operator = create(api, &admin, "deploy", "operator").await;
        let reader = create(api, &admin, "grafana", "reader").await;
        let worker = create(api, &admin, "billing", "worker").await;
        let revoked = create(api, &admin, "leaver", "admin").await;
        let answer = call(api, Method::DELETE, "/api/v1/tokens/leaver", &revoked, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        Tokens { admin, operator, reader, worker, revoked }
    }
}

async fn call(api: &Api, method: Method, path: &str, token: &str, body: &Value) -> Answer {
    let mut request = request(method, path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    api.send(request.header("content-type", "application/json").body(body).unwrap()).await
}

/// Its text.
async fn create(api: &Api, by: &str, name: &str, role: &str) -> String {
    let answer = call(api, Method::POST, "/api/v1/tokens", by, &json!({ "name": name, "role": role })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.header("location"), format!("/api/v1/tokens/{}", answer.json()["id"].as_str().unwrap()));
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// What the least role of each operation has to be. Written down a second time: a slip in the table of the server is no slip here.
const EXPECTED: &[(&str, &str)] = &[
    ("cancelExecution", "operator"),
    ("connectWorker", "worker"),
    ("continueJob", "operator"),
    ("countExecutions", "reader"),
    ("createJob", "operator"),
    ("createToken", "admin"),
    ("definition", "reader"),
    ("definitions", "reader"),
    ("deleteDefinition", "admin"),
    ("deleteEndpoint", "admin"),
    ("deleteExecution", "admin"),
    ("diagnose", "reader"),
    ("getEndpoint", "reader"),
    ("getError", "reader"),
    ("getExecution", "reader"),
    ("getHistory", "reader"),
    ("getHistoryEntry", "reader"),
    ("getJob", "reader"),
    ("getStatistics", "reader"),
    ("getSystem", "reader"),
    ("getToken", "admin"),
    ("healthz", "nobody"),
    ("listActions", "reader"),
    ("listEndpoints", "reader"),
    ("listErrors", "reader"),
    ("listExecutions", "reader"),
    ("listJobItems", "reader"),
    ("listJobs", "reader"),
    ("listNodes", "reader"),
    ("listTokens", "admin"),
    ("listVersions", "reader"),
    ("listWorkers", "reader"),
    ("metrics", "reader"),
    ("openapi", "nobody"),
    ("page", "nobody"),
    ("pauseExecution", "operator"),
    ("putEndpoint", "admin"),
    ("readyz", "nobody"),
    ("register", "admin"),
    ("replayExecution", "operator"),
    ("resumeExecution", "operator"),
    ("retryExecution", "operator"),
    ("revokeToken", "admin"),
    ("runStepNow", "operator"),
    ("sendEvent", "operator"),
    ("start", "operator"),
    ("stopJob", "operator"),
    ("streamExecution", "reader"),
    ("streamExecutions", "reader"),
    ("streamJob", "reader"),
    ("streamSystem", "reader"),
    ("validateDefinition", "reader"),
];

fn may(role: &str, needed: &str) -> bool {
    match needed {
        "nobody" => true,
        "reader" => ["reader", "operator", "admin"].contains(&role),
        "operator" => ["operator", "admin"].contains(&role),
        "worker" => ["worker", "admin"].contains(&role),
        "admin" => role == "admin",
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_operation_asks_for_the_role_that_it_needs() {
    let api = Api::new().await;
    let tokens = Tokens::of(&api).await;
    let unknown = format!("wf_{}_{}", "0".repeat(16), "0".repeat(64));
    let callers = [
        ("", "no token"),
        ("garbage", "garbage"),
        (&unknown, "a token of nobody"),
        (&tokens.revoked, "a revoked token"),
        (&tokens.reader, "reader"),
        (&tokens.operator, "operator"),
        (&tokens.worker, "worker"),
        (&tokens.admin, "admin"),
    ];
    let document = api.document.0.clone();
    let mut seen = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let Some((_, needed)) = EXPECTED.iter().find(|(expected, _)| *expected == id) else {
                panic!("which role {method} {template} ({id}) needs is not written down in this test");
            };
            seen.push(id);
            let said = operation["security"][0]["token"][0].as_str();
            assert_eq!(said.unwrap_or("nobody"), *needed, "{id}: the document");
            let path = template.replace("{stepId}", "charge").replace('{', "none-").replace('}', "");
            let method: Method = method.to_uppercase().parse().unwrap();
            for (token, caller) in callers {
                let answer = call(&api, method.clone(), &path, token, &json!({})).await;
                let at = format!("{method} {path} by {caller}: {}", answer.text);
                if may(caller, needed) {
                    assert!(!matches!(answer.status.as_u16(), 401 | 403), "{at}");
                } else if ["reader", "operator", "worker"].contains(&caller) {
                    let why = answer.problem(403, "forbidden");
                    assert!(
                        why.contains(&format!("needs the role {needed}")) && why.ends_with(&format!("role {caller}")),
                        "{at}"
                    );
                } else {
                    answer.problem(401, "unauthorized");
                    let challenge = answer.header("www-authenticate");
                    assert_eq!(challenge.contains("invalid_token"), caller != "no token", "{at}");
                    assert!(challenge.starts_with("Bearer "), "{at}");
                }
            }
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, EXPECTED.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_refused_has_changed_nothing() {
    let api = Api::new().await;
    let tokens = Tokens::of(&api).await;
    let definition = json!({ "id": "order", "steps": [{ "id": "charge", "action": "echo" }] });
    for token in ["", &tokens.revoked, &tokens.reader, &tokens.operator, &tokens.worker] {
        assert!(call(&api, Method::PUT, "/api/v1/workflows/order", token, &definition).await.status.is_client_error());
        let body = json!({ "name": "mine", "role": "admin" });
        assert!(call(&api, Method::POST, "/api/v1/tokens", token, &body).await.status.is_client_error());
        assert!(call(&api, Method::DELETE, "/api/v1/tokens/grafana", token, &Value::Null).await.status.is_client_error());
    }
    let answer = call(&api, Method::GET, "/api/v1/workflows", &tokens.reader, &Value::Null).await;
    assert_eq!(answer.json(), json!({ "workflows": [] }));
    let listed = call(&api, Method::GET, "/api/v1/tokens", &tokens.admin, &Value::Null).await.json();
    let mut live: Vec<&str> = Vec::new();
    for token in listed["tokens"].as_array().unwrap().iter().filter(|token| token["revokedAt"].is_null()) {
        live.push(token["name"].as_str().unwrap());
    }
    live.sort_unstable();
    assert_eq!(live, ["billing", "deploy", "grafana", "ops"]);
}

#[tokio::test]
async fn without_a_token_everybody_may_and_with_the_first_nobody_without_one() {
    let api = Api::new().await;
    assert_eq!(api.get("/api/v1/executions").await.status, StatusCode::OK);
    let why = api.post("/api/v1/tokens", &json!({ "name": "deploy", "role": "operator" })).await.problem(409, "admin_required");
    assert!(why.contains("the first has to be an admin's"), "{why}");
    assert_eq!(api.get("/api/v1/tokens").await.json(), json!({ "tokens": [] }));
    let admin = create(&api, "", "ops", "admin").await;
    assert_eq!(api.get("/api/v1/executions").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(api.get("/healthz").await.status, StatusCode::OK);
    let deploy = create(&api, &admin, "deploy", "operator").await;
    let again = call(&api, Method::POST, "/api/v1/tokens", &admin, &json!({ "name": "deploy", "role": "reader" })).await;
    again.problem(409, "token_exists");
    let last = call(&api, Method::DELETE, "/api/v1/tokens/ops", &admin, &Value::Null).await.problem(409, "admin_required");
    assert!(last.contains("`ops` is the last admin token"), "{last}");
    for name in ["deploy", "ops"] {
        assert_eq!(call(&api, Method::DELETE, &format!("/api/v1/tokens/{name}"), &admin, &Value::Null).await.status, 200);
    }
    // Nobody has a token any more.
    assert_eq!(api.get("/api/v1/executions").await.status, StatusCode::OK);
    let listed = api.get("/api/v1/tokens").await;
    assert!(listed.json()["tokens"].as_array().unwrap().iter().all(|token| token["revokedAt"].is_i64()), "{}", listed.text);
    for text in [&admin, &deploy] {
        let (_, secret) = text.rsplit_once('_').unwrap();
        assert!(!listed.text.contains(secret));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_token_that_is_to_be_is_said_without_it() {
    let api = Api::new().await;
    let admin = create(&api, "", "ops", "admin").await;
    let (_, secret) = admin.rsplit_once('_').unwrap();
    let bodies = [
        (json!({ "name": "a b", "role": "reader" }), "`name`: `a b` is not a valid token name"),
        (json!({ "name": admin, "role": "reader" }), "`name`: the text begins with `wf_`"),
        (json!({ "name": "environment", "role": "reader" }), "that of the admin token in the server's environment"),
        (json!({ "name": "a", "role": "root" }), "`role`: `root` is no role; reader, operator, admin or worker was expected"),
    ];
    for (body, expected) in bodies {
        let answer = call(&api, Method::POST, "/api/v1/tokens", &admin, &body).await;
        let why = answer.problem(400, "invalid_request");
        assert!(why.contains(expected) && !why.contains(secret), "{why}");
    }
    for method in [Method::GET, Method::DELETE] {
        let why =
            call(&api, method, &format!("/api/v1/tokens/{admin}"), &admin, &Value::Null).await.problem(404, "token_not_found");
        assert!(!why.contains(secret) && why.contains("wf_"), "{why}");
    }
}

#[tokio::test]
async fn a_route_that_is_none_is_told_to_whoever_has_a_token() {
    let api = Api::new().await;
    let tokens = Tokens::of(&api).await;
    call(&api, Method::GET, "/nowhere", "", &Value::Null).await.problem(401, "unauthorized");
    call(&api, Method::GET, "/nowhere", &tokens.worker, &Value::Null).await.problem(404, "not_found");
    // A method that nobody has thought of is an admin's.
    call(&api, Method::PATCH, "/api/v1/executions", &tokens.operator, &Value::Null).await.problem(403, "forbidden");
    call(&api, Method::PATCH, "/api/v1/executions", &tokens.admin, &Value::Null).await.problem(405, "method_not_allowed");
    let head = request(Method::HEAD, "/api/v1/executions").header("authorization", format!("bearer {}", tokens.reader));
    assert_eq!(api.router.clone().oneshot(head.body(Body::empty()).unwrap()).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_token_of_the_environment_is_an_admins_that_nobody_can_revoke() {
    let text = "correct-horse-battery-staple-correct-horse";
    let options = Options { admin_token: AdminToken::new(text).ok(), ..Options::default() };
    let api = Api::with(options).await;
    api.get("/api/v1/executions").await.problem(401, "unauthorized");
    call(&api, Method::GET, "/api/v1/executions", &text[1..], &Value::Null).await.problem(401, "unauthorized");
    // The first that is stored need be no admin's: there is one.
    let worker = create(&api, text, "billing", "worker").await;
    let why = call(&api, Method::GET, "/api/v1/executions", &worker, &Value::Null).await.problem(403, "forbidden");
    assert_eq!(why, "GET /api/v1/executions needs the role reader, and the token `billing` has the role worker");
    call(&api, Method::DELETE, "/api/v1/tokens/environment", text, &Value::Null).await.problem(404, "token_not_found");
    assert_eq!(call(&api, Method::DELETE, "/api/v1/tokens/billing", text, &Value::Null).await.status, StatusCode::OK);
    assert_eq!(call(&api, Method::GET, "/api/v1/executions", text, &Value::Null).await.status, StatusCode::OK);
}

#[tokio::test]
async fn histories_name_the_token_that_a_call_came_with() {
    let api = Api::new().await;
    api.workflow("long", &[("held", "held")]).await;
    let admin = create(&api, "", "ops", "admin").await;
    let operator = create(&api, &admin, "ann", "operator").await;
    let started = call(&api, Method::POST, "/api/v1/workflows/long/executions", &operator, &json!({})).await;
    let path = format!("/api/v1/executions/{}", started.json()["id"].as_str().unwrap());
    assert_eq!(call(&api, Method::POST, &format!("{path}/cancel"), &admin, &json!({})).await.status, StatusCode::OK);
    let history = call(&api, Method::GET, &format!("{path}/history"), &admin, &Value::Null).await.json();
    let entries = history["entries"].as_array().unwrap();
    let by = |kind: &str| entries.iter().find(|entry| entry["type"] == kind).unwrap()["by"].clone();
    assert_eq!((by("start"), by("cancel")), (json!("ann"), json!("ops")));
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let api = Api::new().await;
    api.workflow("long", &[("held", "held")]).await;
    let id = api.started("long").await;
    let path = format!("/api/v1/executions/{id}/stream");
    // One that was opened when there was no token, and one with a token.
    let mut strangers = stream::open(&api, &path, None).await;
    assert!(strangers.next().await.is_some());
    let admin = create(&api, "", "ops", "admin").await;
    assert!(strangers.rest().await.iter().all(|message| message.event.as_deref() != Some("end")), "it has not ended in order");

    let reader = create(&api, &admin, "grafana", "reader").await;
    let mut messages = stream::open_as(&api, &path, None, &reader).await;
    assert!(messages.next().await.is_some());
    let waiting = call(&api, Method::GET, "/api/v1/executions/none?wait=1s", &reader, &Value::Null).await;
    assert_eq!(waiting.status, StatusCode::NOT_FOUND);
    let wait = format!("/api/v1/executions/{id}?wait=60s");
    let mut waiting = std::pin::pin!(call(&api, Method::GET, &wait, &reader, &Value::Null));
    assert!(waiting.as_mut().now_or_never().is_none(), "it waits");
    assert_eq!(call(&api, Method::DELETE, "/api/v1/tokens/grafana", &admin, &Value::Null).await.status, StatusCode::OK);
    assert!(messages.rest().await.iter().all(|message| message.event.as_deref() != Some("end")), "it has not ended in order");
    let answer = waiting.await;
    assert_eq!(answer.problem(401, "unauthorized"), "the token was revoked while the request waited");
    assert!(answer.header("www-authenticate").starts_with("Bearer "));
    api.gate.add_permits(1);
}

#[tokio::test]
async fn a_start_that_waits_is_told_what_it_started_when_its_token_is_revoked() {
    let api = Api::new().await;
    api.workflow("long", &[("held", "held")]).await;
    let admin = create(&api, "", "ops", "admin").await;
    let operator = create(&api, &admin, "deploy", "operator").await;
    let (path, nothing) = ("/api/v1/workflows/long/executions?wait=60s", json!({}));
    let starting = call(&api, Method::POST, path, &operator, &nothing);
    let counted = async {
        // It has begun when it can be seen.
        while call(&api, Method::GET, "/api/v1/executions", &admin, &Value::Null).await.json()["executions"] == json!([]) {
            tokio::task::yield_now().await;
        }
        call(&api, Method::DELETE, "/api/v1/tokens/deploy", &admin, &Value::Null).await
    };
    let (answer, _) = tokio::join!(starting, counted);
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.json()["status"], "running");
    api.gate.add_permits(1);
}

#[tokio::test]
async fn a_worker_needs_its_role_and_is_sent_away_with_its_token() {
    let server = Server::new(Options::default()).await;
    let request = |name: &str, role| workflow_engine::token::TokenRequest {
        name: workflow_core::id::TokenName::new(name).unwrap(),
        role,
        admin_elsewhere: false,
    };
    let (_, admin) = server.engine.create_token(request("ops", workflow_store::Role::Admin)).await.unwrap();
    let (_, reader) = server.engine.create_token(request("grafana", workflow_store::Role::Reader)).await.unwrap();
    let (_, worker) = server.engine.create_token(request("billing", workflow_store::Role::Worker)).await.unwrap();
    for (token, expected) in [("", 401), (reader.expose(), 403)] {
        let (status, _) = worker::attempt(&server, token).await.unwrap_err();
        assert_eq!(status.as_u16(), expected);
    }
    for token in [admin.expose(), worker.expose()] {
        let mut client = worker::attempt(&server, token).await.unwrap();
        client.greet("0123456789abcdef").await;
        if token == worker.expose() {
            let revocation = workflow_engine::token::Revocation { token: "billing".to_owned(), admin_elsewhere: false };
            server.engine.revoke_token(revocation).await.unwrap().unwrap();
            assert_eq!(
                client.last_word().await,
                ("unauthorized".to_owned(), "the token with which it connected was revoked".to_owned())
            );
            assert_eq!(worker::attempt(&server, token).await.unwrap_err().0.as_u16(), 401);
        }
    }
}

#[tokio::test]
async fn a_server_that_others_can_reach_does_not_start_without_a_token() {
    let (engine, _) = engine().await;
    // Nothing is served: the listener is looked at and dropped.
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(engine, listener, Options::default(), async {}).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    assert!(refused.to_string().contains("make an admin token"), "{refused}");
}

#[tokio::test]
async fn every_answer_tells_browsers_to_run_and_keep_nothing() {
    let api = Api::new().await;
    api.workflow("order", &[("charge", "echo")]).await;
    let id = api.started("order").await;
    for path in ["/api/v1/workflows", "/healthz", "/openapi.json", "/metrics", "/nowhere", &format!("/api/v1/executions/{id}")] {
        let answer = api.get(path).await;
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    // The page, or the plain one where none was built.
    let page = api.get("/").await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("; style-src "), "{policy}");
    // Names and pages are checked with tokens too, and before them.
    let admin = create(&api, "", "ops", "admin").await;
    let foreign = request(Method::GET, "/api/v1/executions").header("authorization", format!("Bearer {admin}"));
    let foreign = foreign.header("origin", "https://evil.example").body(Body::empty()).unwrap();
    api.send(foreign).await.problem(403, "origin_not_allowed");
}
