//! What the pool is told of a resource: when it joins, and when that changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::quota::Quota;
use crate::error::ResourceError;

/// What is known of a resource for as long as it is in the pool.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The id: unique in the pool, not empty.
    pub id: Arc<str>,
    /// How many usages at once; at least 1, `None` is no limit.
    pub max_in_flight: Option<u32>,
    /// The weight, for strategies that go by it: 0.001 to 10,000; 1 by default.
    pub weight: f64,
    /// The priority, for strategies that go by it: lower comes first; 0 by default.
    pub priority: u32,
    /// What filters see of it.
    pub metadata: Arc<Metadata>,
    /// How much of what it gives in how much time: one quota a dimension at most.
    pub quotas: Vec<Quota>,
    /// The [group](crate::Group) to which it belongs, if any: one that its pool has.
    pub group: Option<Arc<str>>,
}

impl Profile {
    /// A profile with the defaults.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            max_in_flight: None,
            weight: 1.0,
            priority: 0,
            metadata: Arc::default(),
            quotas: Vec::new(),
            group: None,
        }
    }

    /// The names of what another says otherwise of the same resource.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        // Every field by name: one that is added later cannot be forgotten here.
        let Self { id: _, max_in_flight, weight, priority, metadata, quotas, group } = self;
        [
            ("max_in_flight", *max_in_flight != other.max_in_flight),
            ("weight", *weight != other.weight),
            ("priority", *priority != other.priority),
            ("metadata", *metadata != other.metadata),
            ("quotas", *quotas != other.quotas),
            ("group", *group != other.group),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }

    pub(crate) fn check(&self) -> Result<(), ResourceError> {
        let id = || Arc::clone(&self.id);
        if self.id.is_empty() {
            return Err(ResourceError::EmptyId);
        }
        if self.max_in_flight == Some(0) {
            return Err(ResourceError::ZeroMaxInFlight { id: id() });
        }
        if !(1e-3..=1e4).contains(&self.weight) {
            return Err(ResourceError::Weight { id: id(), weight: self.weight });
        }
        Ok(())
    }
}

/// Words about a resource, by name: a region, a tier, an account. For filters; not for secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    words: BTreeMap<Arc<str>, Arc<str>>,
}

impl Metadata {
    /// The word of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.words.get(name).map(|word| &**word)
    }

    /// All names and words, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.words.iter().map(|(name, word)| (&**name, &**word))
    }

    /// Sets the word of this name.
    pub fn set(&mut self, name: impl Into<Arc<str>>, word: impl Into<Arc<str>>) {
        self.words.insert(name.into(), word.into());
    }
}
