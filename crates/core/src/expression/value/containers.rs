//! Arrays and objects: never changed once they are made, shared by reference, and each knows its weight and depth, so that
//! bounds are checked without looking inside.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Value, array_index};

#[derive(Clone)]
pub struct Array(Arc<Elements>);

struct Elements {
    items: Vec<Value>,
    weight: usize,
    depth: usize,
}

/// Fields in JavaScript's order: those with an index as their name first, rising, then the others as they were added.
#[derive(Clone)]
pub struct Object(Arc<Fields>);

struct Fields {
    map: IndexMap<Arc<str>, Value>,
    weight: usize,
    depth: usize,
}

impl Array {
    pub fn new(items: Vec<Value>) -> Array {
        let weight = items.iter().fold(8usize, |sum, item| sum.saturating_add(item.weight()));
        let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
        Array(Arc::new(Elements { items, weight, depth }))
    }

    pub fn items(&self) -> &[Value] {
        &self.0.items
    }

    pub(super) fn weight(&self) -> usize {
        self.0.weight
    }

    pub(super) fn depth(&self) -> usize {
        self.0.depth
    }

    /// Whether both are one array, as `===` sees it.
    pub(super) fn is(&self, other: &Array) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Object {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.map.get(key)
    }

    pub fn fields(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.0.map.iter()
    }

    pub fn len(&self) -> usize {
        self.0.map.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.map.is_empty()
    }

    pub(super) fn weight(&self) -> usize {
        self.0.weight
    }

    pub(super) fn depth(&self) -> usize {
        self.0.depth
    }

    /// Whether both are one object, as `===` sees it.
    pub(super) fn is(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Collects the fields of an [`Object`]. Of a name that is set twice the last value stays, at the first place.
#[derive(Debug, Default)]
pub(in crate::expression) struct ObjectBuilder {
    map: IndexMap<Arc<str>, Value>,
    has_index: bool,
    weight: usize,
}

impl ObjectBuilder {
    pub fn set(&mut self, key: impl Into<Arc<str>>, value: Value) {
        let key = key.into();
        self.has_index |= array_index(&key).is_some();
        self.weight = self.weight.saturating_add(key.len() + 8).saturating_add(value.weight());
        self.map.insert(key, value);
    }

    /// What has been set so far weighs at least this.
    pub fn weight(&self) -> usize {
        self.weight
    }

    pub fn finish(mut self) -> Object {
        if self.has_index {
            // Stable, so that the others keep their order.
            self.map.sort_by_cached_key(|key, _| array_index(key).unwrap_or(usize::MAX));
        }
        let weight =
            self.map.iter().fold(8usize, |sum, (key, value)| sum.saturating_add(key.len() + 8).saturating_add(value.weight()));
        let depth = 1 + self.map.values().map(Value::depth).max().unwrap_or(0);
        Object(Arc::new(Fields { map: self.map, weight, depth }))
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Array) -> bool {
        self.items() == other.items()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.0.map == other.0.map
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.items()).finish()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.fields()).finish()
    }
}
