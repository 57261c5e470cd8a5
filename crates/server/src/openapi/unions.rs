//! Shapes that are made of others, as programs that make types of the document want them.
//!
//! A shape that has all fields of another one is written out, so that nobody has to put it together. Shapes that one field tells apart
//! get a name each, and a discriminator that leads from the field to them.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{AllOf, AnyOf, Discriminator, Object, OneOf, Schema};
use utoipa::openapi::{Components, Ref, RefOr};

use crate::problem::Kind;

const REFERENCE: &str = "#/components/schemas/";

/// What fits one of these may fit the others: they are asked for with more fields or fewer.
const OVERLAPPING: &[&str] = &["ExecutionAnswer", "ExecutionPage", "ChangeMessage", "ExecutionMessage"];

/// Shapes that are only there to be part of others.
const PARTS: &[&str] = &["WrittenDefinition", "JobHow"];

pub(super) fn write_out(components: &mut Components) {
    let schemas = &mut components.schemas;
    while let Some((name, all_of)) = schemas.iter().find_map(|(name, schema)| match schema {
        // One whose parts are written out themselves.
        RefOr::T(Schema::AllOf(all_of)) if merged(all_of, schemas).is_some() => Some((name.clone(), all_of.clone())),
        _ => None,
    }) {
        let object = merged(&all_of, schemas).expect("it was looked at just now");
        schemas.insert(name, Schema::Object(object).into());
    }
    for part in PARTS {
        schemas.remove(*part);
    }
    let mut named = Vec::new();
    for (name, schema) in schemas.iter_mut() {
        let RefOr::T(Schema::OneOf(one_of)) = schema else { continue };
        if OVERLAPPING.contains(&name.as_str()) {
            let OneOf { items, description, .. } = std::mem::take(one_of);
            *schema = Schema::AnyOf(AnyOf { items, description, ..AnyOf::default() }).into();
        } else if let Some(tag) = tag(one_of) {
            named.extend(tell_apart(name, one_of, &tag));
        }
    }
    schemas.extend(named);
    if let Some(RefOr::T(Schema::Object(code))) = schemas.get_mut("ProblemCode") {
        let mut codes: Vec<&str> = Kind::ALL.iter().map(|kind| kind.code).collect();
        codes.sort_unstable();
        code.enum_values = Some(codes.into_iter().map(Into::into).collect());
    }
}

/// All fields of its parts. None while one of them is not written out.
fn merged(all_of: &AllOf, schemas: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let mut merged = Object::default();
    for part in &all_of.items {
        let object = match part {
            RefOr::T(Schema::Object(object)) => object,
            RefOr::Ref(Ref { ref_location, .. }) => match schemas.get(ref_location.strip_prefix(REFERENCE)?)? {
                RefOr::T(Schema::Object(object)) => object,
                _ => return None,
            },
            RefOr::T(_) => return None,
        };
        merged.schema_type = object.schema_type.clone();
        merged.properties.extend(object.properties.clone());
        merged.required.extend(object.required.iter().cloned());
    }
    merged.description.clone_from(&all_of.description);
    Some(merged)
}

/// The field that has another value in each of these.
fn tag(one_of: &OneOf) -> Option<String> {
    let objects = one_of.items.iter().map(|item| match item {
        RefOr::T(Schema::Object(object)) => Some(object),
        _ => None,
    });
    let objects: Vec<&Object> = objects.collect::<Option<_>>()?;
    let first = objects.first()?;
    first.properties.keys().find(|name| objects.iter().all(|object| value(object, name).is_some())).cloned()
}

/// The only value that a field may have.
fn value(object: &Object, field: &str) -> Option<String> {
    let RefOr::T(Schema::Object(field)) = object.properties.get(field)? else { return None };
    match field.enum_values.as_deref()? {
        [only] => only.as_str().map(str::to_owned),
        _ => None,
    }
}

/// Gives a name to each, and says which value means which.
fn tell_apart(union: &str, one_of: &mut OneOf, tag: &str) -> Vec<(String, RefOr<Schema>)> {
    let (mut named, mut mapping) = (Vec::new(), BTreeMap::new());
    for item in &mut one_of.items {
        let RefOr::T(Schema::Object(object)) = item else { unreachable!("whatever has a tag is an object") };
        let value = value(object, tag).expect("each has a value of its own");
        let name = format!("{}{union}", capitalized(&value));
        let schema = std::mem::replace(item, Ref::from_schema_name(&name).into());
        mapping.insert(value, format!("{REFERENCE}{name}"));
        named.push((name, schema));
    }
    one_of.discriminator = Some(Discriminator { property_name: tag.to_owned(), mapping, extensions: None });
    named
}

/// `step_start` is `StepStart`.
fn capitalized(value: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    value.split('_').map(word).collect()
}
