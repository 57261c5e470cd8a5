//! Which call goes on from which answer, for the document: clients that are made from it, and what tests it, follow them.

use utoipa::openapi::link::Link;
use utoipa::openapi::{OpenApi as Document, RefOr};

/// The answer to the first operation names what the paths that begin like this are about.
const LINKS: &[(&str, &str, &str)] = &[
    ("start", "/api/v1/executions/{id}", "$response.body#/id"),
    ("replayExecution", "/api/v1/executions/{id}", "$response.body#/id"),
    ("register", "/api/v1/workflows/{id}", "$response.body#/id"),
    ("putEndpoint", "/api/v1/endpoints/{name}", "$response.body#/name"),
];

pub(super) fn add(document: &mut Document) {
    for (from, prefix, expression) in LINKS {
        let parameter = prefix.rsplit(['{', '}']).nth(1).expect("the prefix ends in a parameter");
        let targets = targets(document, prefix, from);
        for (_, operation) in document.paths.paths.values_mut().flat_map(super::operations) {
            if operation.operation_id.as_deref() != Some(from) {
                continue;
            }
            let responses = operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with('2'));
            for (_, response) in responses {
                let RefOr::T(response) = response else { continue };
                for target in &targets {
                    let link = Link::builder().operation_id(target).parameter(parameter, *expression).build();
                    response.links.insert(target.clone(), link.into());
                }
            }
        }
    }
}

/// The other operations of paths that begin like this, by their ids.
fn targets(document: &mut Document, prefix: &str, but: &str) -> Vec<String> {
    let paths = document.paths.paths.iter_mut().filter(|(path, _)| path.starts_with(prefix));
    let operations = paths.flat_map(|(_, item)| super::operations(item));
    operations.filter_map(|(_, operation)| operation.operation_id.clone()).filter(|id| id != but).collect()
}
