use axum::http::Method;

use crate::support::Api;

#[tokio::test]
async fn the_document_is_what_was_reviewed() {
    let api = Api::new().await;
    insta::assert_snapshot!("openapi", api.get("/openapi.json").await.text);
}

const ROUTES: &str = "\
    DELETE /api/v1/endpoints/{name}\n\
    DELETE /api/v1/executions/{id}\n\
    DELETE /api/v1/tokens/{token}\n\
    DELETE /api/v1/workflows/{id}\n\
    GET /\n\
    GET /api/v1/actions\n\
    GET /api/v1/diagnosis\n\
    GET /api/v1/endpoints\n\
    GET /api/v1/endpoints/{name}\n\
    GET /api/v1/errors\n\
    GET /api/v1/errors/{fingerprint}\n\
    GET /api/v1/executions\n\
    GET /api/v1/executions/counts\n\
    GET /api/v1/executions/stream\n\
    GET /api/v1/executions/{id}\n\
    GET /api/v1/executions/{id}/history\n\
    GET /api/v1/executions/{id}/history/{seq}\n\
    GET /api/v1/executions/{id}/stream\n\
    GET /api/v1/jobs\n\
    GET /api/v1/jobs/{id}\n\
    GET /api/v1/jobs/{id}/items\n\
    GET /api/v1/jobs/{id}/stream\n\
    GET /api/v1/nodes\n\
    GET /api/v1/system\n\
    GET /api/v1/system/stream\n\
    GET /api/v1/tokens\n\
    GET /api/v1/tokens/{token}\n\
    GET /api/v1/worker\n\
    GET /api/v1/workers\n\
    GET /api/v1/workflows\n\
    GET /api/v1/workflows/{id}\n\
    GET /api/v1/workflows/{id}/stats\n\
    GET /api/v1/workflows/{id}/versions\n\
    GET /healthz\n\
    GET /metrics\n\
    GET /openapi.json\n\
    GET /readyz\n\
    POST /api/v1/events\n\
    POST /api/v1/executions/{id}/cancel\n\
    POST /api/v1/executions/{id}/pause\n\
    POST /api/v1/executions/{id}/replay\n\
    POST /api/v1/executions/{id}/resume\n\
    POST /api/v1/executions/{id}/retry\n\
    POST /api/v1/executions/{id}/steps/{stepId}/run-now\n\
    POST /api/v1/jobs\n\
    POST /api/v1/jobs/{id}/continue\n\
    POST /api/v1/jobs/{id}/stop\n\
    POST /api/v1/tokens\n\
    POST /api/v1/validate\n\
    POST /api/v1/workflows/{id}/executions\n\
    PUT /api/v1/endpoints/{name}\n\
    PUT /api/v1/workflows/{id}";

#[tokio::test]
async fn every_route_is_in_the_document_and_every_reference_leads_somewhere() {
    let api = Api::new().await;
    let document = api.document.0.clone();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            routes.push(format!("{} {path}", method.to_uppercase()));
            assert!(operation["operationId"].is_string() && operation["summary"].is_string(), "{method} {path}");
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(parameters.iter().any(|one| one["name"] == part && one["in"] == "path"), "{method} {path}: {part}");
            }
        }
    }
    routes.sort();
    assert_eq!(routes.join("\n"), ROUTES);
    references(&document, &|name| {
        assert!(document["components"]["schemas"].get(name).is_some(), "there is no schema {name}");
    });
}

/// Programs make types of the document: what one field tells apart has a name each, and the field has one value in each.
#[tokio::test]
async fn what_one_field_tells_apart_has_a_discriminator() {
    let document = Api::new().await.get("/openapi.json").await.json();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut unions = Vec::new();
    for (name, schema) in schemas {
        let Some(discriminator) = schema.get("discriminator") else {
            let inline = schema["oneOf"].as_array().into_iter().flatten().any(|one| one.get("properties").is_some());
            assert!(!inline, "{name} has a shape without a name");
            assert!(schema.get("allOf").is_none(), "{name} is to be put together by whoever reads it");
            continue;
        };
        let tag = discriminator["propertyName"].as_str().unwrap();
        let mapping = discriminator["mapping"].as_object().unwrap();
        for (value, reference) in mapping {
            let shape = &schemas[reference.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap()];
            assert_eq!(shape["properties"][tag]["enum"], serde_json::json!([value]), "{name}: {value}");
            assert!(shape["required"].as_array().unwrap().iter().any(|field| field == tag), "{name}: {value}");
        }
        unions.push((name.as_str(), tag, mapping.len()));
    }
    assert_eq!(unions, [("HistoryEntry", "type", 15), ("Reason", "kind", 6), ("WaitingFor", "type", 3)]);
    // What is the engine's own business is in no answer by its name.
    assert!(!schemas.contains_key("WrittenDefinition") && !schemas.contains_key("JobHow"));
}

fn references(value: &serde_json::Value, found: &impl Fn(&str)) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str().filter(|_| name == "$ref") {
                    Some(reference) => found(reference.strip_prefix("#/components/schemas/").unwrap()),
                    None => references(field, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn who_runs_the_server_sees_that_it_is_there_and_what_it_has_done() {
    let api = Api::new().await;
    assert_eq!(api.get("/healthz").await.json()["status"], "ok");
    assert_eq!(api.get("/readyz").await.json()["status"], "ready");
    let page = api.get("/").await;
    let from_elsewhere = ["=\"http", "=\"//", "url(http", "url(//"].iter().find(|form| page.text.contains(**form));
    assert_eq!((page.text.contains("workflow.do"), from_elsewhere), (true, None), "{}", page.text);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));

    api.workflow("counted", &[("a", "echo")]).await;
    let id = api.started("counted").await;
    api.ended(&id).await;
    let metrics = api.get("/metrics").await.text;
    for line in [
        "workflow_executions_started_total{workflow=\"counted\"} 1",
        "workflow_step_duration_seconds_bucket{",
        "workflow_owned_slots 4096",
        "workflow_http_requests_total{method=\"POST\",route=\"/api/v1/workflows/{id}/executions\",status=\"2xx\"}",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }

    api.engine.shutdown(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(
        api.get("/readyz").await.problem(503, "store_unavailable").split(':').next(),
        Some("the engine takes no work now")
    );
    assert_eq!(api.get("/healthz").await.json()["status"], "ok");
    api.with_body(Method::POST, "/api/v1/workflows/counted/executions", &[], "{}").await.problem(503, "closed");
}

/// A workflow may be called anything: a route `/workflows/validate` took the name `validate` away from it. Ids that the engine makes
/// have a form of their own.
#[tokio::test]
async fn no_route_takes_a_name_away() {
    let document = Api::new().await.get("/openapi.json").await.json();
    let routes: Vec<Vec<&str>> = document["paths"].as_object().unwrap().keys().map(|route| route.split('/').collect()).collect();
    let ids = [vec!["", "api", "v1", "executions"], vec!["", "api", "v1", "jobs"]];
    for named in &routes {
        for place in (0..named.len()).filter(|place| named[*place].starts_with('{') && !ids.contains(&named[..*place].to_vec())) {
            let takes =
                |route: &&Vec<&str>| route.len() > place && route[..place] == named[..place] && !route[place].starts_with('{');
            assert_eq!(routes.iter().find(takes), None, "beside {}", named.join("/"));
        }
    }
}
