//! The table by which answers of an upstream are judged (feature `http`).

#[cfg(feature = "http")]
use std::sync::{Arc, LazyLock};

#[cfg(feature = "http")]
use rotapool_core::hints::Reactions;

/// A table that was set, or none: then whoever is asked next has one. Without the feature it is nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    #[cfg(feature = "http")]
    set: Option<Arc<Reactions>>,
}

impl Table {
    /// This one if it was set, else the other.
    pub(crate) fn or(self, other: &Self) -> Self {
        #[cfg(feature = "http")]
        return Self { set: self.set.or_else(|| other.set.clone()) };
        #[cfg(not(feature = "http"))]
        other.clone()
    }
}

#[cfg(feature = "http")]
impl Table {
    pub(crate) fn new(reactions: Reactions) -> Self {
        Self { set: Some(Arc::new(reactions)) }
    }

    /// The table that holds.
    pub(crate) fn reactions(&self) -> &Reactions {
        static DEFAULT: LazyLock<Reactions> = LazyLock::new(Reactions::default);
        match &self.set {
            Some(reactions) => reactions,
            None => &DEFAULT,
        }
    }
}
