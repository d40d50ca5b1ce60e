//! Resources that share a limit.

use std::sync::Arc;

use super::quota::Quota;

/// Resources that share a limit, such as the keys of one organisation: what they may take together, and whose outage is
/// that of all of them.
///
/// A resource says to which group it belongs; the group is declared with the pool. Its quotas are taken from by
/// whatever an attempt on any member takes, beside the member's own, and a signal may say that it
/// [speaks of the group](crate::Signal::of_group). A group without quotas is one of outages alone, and one without
/// members is as good as none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    name: Arc<str>,
    quotas: Vec<Quota>,
}

impl Group {
    /// A group without quotas. Whoever takes the group checks the name: unique in its pool, and not empty. It is public,
    /// as the ids are.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), quotas: Vec::new() }
    }

    /// Lets the members together be used no more than so much in so much time. Several calls set several, one a
    /// dimension; a member may have quotas of its own of the same ones.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quotas.push(quota);
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What the members may take together.
    #[must_use]
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }
}
