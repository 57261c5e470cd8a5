//! Paths, queries and headers: each parameter checked, and named in the message when it is wrong. A parameter that nobody reads
//! is an error, so that a typing mistake never passes for a filter.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use workflow_core::id::{EndpointName, ExecutionId, IdempotencyKey};

use crate::limits;
use crate::problem::{Kind, Problem};

/// The query as one of these.
pub(crate) struct Query<T>(pub T);

pub(crate) trait FromQuery: Sized {
    /// Those that the route knows.
    const NAMES: &'static [&'static str];

    fn read(pairs: &Pairs) -> Result<Self, Problem>;
}

/// A query without anything in it.
pub(crate) struct NoQuery;

impl FromQuery for NoQuery {
    const NAMES: &'static [&'static str] = &[];

    fn read(_: &Pairs) -> Result<NoQuery, Problem> {
        Ok(NoQuery)
    }
}

impl<S: Sync, T: FromQuery> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query<T>, Problem> {
        query(parts.uri.query().unwrap_or_default()).map(Query)
    }
}

/// Reads what is behind the question mark.
pub(crate) fn query<T: FromQuery>(text: &str) -> Result<T, Problem> {
    T::read(&Pairs::parse(text, T::NAMES)?)
}

/// Names and values of a query, all of names that the route knows.
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    fn parse(query: &str, known: &[&str]) -> Result<Pairs, Problem> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(Pairs(pairs)),
            Some((name, _)) if known.is_empty() => {
                Err(invalid(format!("`{}`: this route has no parameters", name.escape_debug())))
            }
            Some((name, _)) => {
                let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                Err(invalid(format!("`{}` is no parameter of this route; it has {known}", name.escape_debug())))
            }
        }
    }

    /// The value of a parameter that may be given once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|pair| pair.0 == name);
        let value = values.next().map(|pair| pair.1.as_str());
        if values.next().is_some() { Err(invalid(format!("`{name}` is given twice, once was expected"))) } else { Ok(value) }
    }

    pub fn one_of<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.one(name)?.map(|text| text.parse().map_err(|error| invalid(format!("`{name}`: {error}")))).transpose()
    }

    /// The values of a parameter that may be given several times, and hold several values with commas between.
    pub fn each<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Vec<T>, Problem> {
        let values = self.0.iter().filter(|pair| pair.0 == name).flat_map(|pair| pair.1.split(','));
        values.map(|text| text.trim().parse().map_err(|error| invalid(format!("`{name}`: {error}")))).collect()
    }

    /// A whole number from `min` to `max`.
    pub fn number(&self, name: &str, min: u64, max: u64) -> Result<Option<u64>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ if max == limits::INT64_MAX => {
                Err(invalid(format!("`{name}` is `{}`, a whole number from {min} was expected", text.escape_debug())))
            }
            _ => Err(invalid(format!("`{name}` is `{}`, a whole number from {min} to {max} was expected", text.escape_debug()))),
        }
    }

    /// `true` or `false`; false unless given.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.one(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(invalid(format!("`{name}` is `{}`, `true` or `false` was expected", other.escape_debug()))),
        }
    }

    /// A span as in `30s`.
    pub fn span(&self, name: &str, max: Duration) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let span = workflow_core::duration::parse(text).map_err(|error| invalid(format!("`{name}`: {error}")))?.to_std();
        if span > max {
            return Err(invalid(format!(
                "`{name}` is `{text}`, at most {} was expected; ask again when it has run out",
                crate::app::seconds(max)
            )));
        }
        Ok(Some(span))
    }
}

pub(crate) fn invalid(detail: String) -> Problem {
    Problem::new(&Kind::INVALID_QUERY, detail)
}

/// The variable parts of a path, decoded.
pub(crate) struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Segments<T>, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Segments(segments)),
            Err(error) => Err(Problem::new(&Kind::INVALID_PARAMETER, format!("the path cannot be read: {}", error.body_text()))),
        }
    }
}

/// The execution in a path. Whatever is no id of one is an execution that there is not.
pub(crate) struct ExecutionPath(pub ExecutionId);

impl<S: Send + Sync> FromRequestParts<S> for ExecutionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<ExecutionPath, Problem> {
        let Segments(id) = Segments::<String>::from_request_parts(parts, state).await?;
        execution_id(&id).map(ExecutionPath)
    }
}

pub(crate) fn execution_id(text: &str) -> Result<ExecutionId, Problem> {
    ExecutionId::parse(text).map_err(|_| Problem::execution_not_found(&text.escape_debug().to_string()))
}

/// The endpoint in a path.
pub(crate) struct EndpointPath(pub EndpointName);

impl<S: Send + Sync> FromRequestParts<S> for EndpointPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<EndpointPath, Problem> {
        let Segments(name) = Segments::<String>::from_request_parts(parts, state).await?;
        EndpointName::new(&name).map(EndpointPath).map_err(|error| Problem::new(&Kind::INVALID_PARAMETER, error.to_string()))
    }
}

/// The `Idempotency-Key` of a call.
pub(crate) struct Key(pub Option<IdempotencyKey>);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Key, Problem> {
        Ok(Key(idempotency_key(&parts.headers)?))
    }
}

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    header_text(headers, "idempotency-key")?
        .map(|text| IdempotencyKey::new(text).map_err(|error| wrong_header("idempotency-key", &error)))
        .transpose()
}

/// The one value of a header.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(wrong_header(name, &"it is given twice"));
    }
    std::str::from_utf8(value.as_bytes()).map(Some).map_err(|_| wrong_header(name, &"it is no UTF-8"))
}

pub(crate) fn wrong_header(name: &str, why: &dyn Display) -> Problem {
    Problem::new(&Kind::INVALID_PARAMETER, format!("header `{name}`: {why}"))
}
