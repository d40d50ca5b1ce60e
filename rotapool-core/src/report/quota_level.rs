//! What is left of a quota, as it is told to whoever asks.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::member::limit::Limit;
use crate::member::quota::Quota;
use crate::member::quotas::Quotas;
use crate::member::slot::Slot;
use crate::one_line::OneLine;

/// What was left of one quota of a resource or its group at one moment.
///
/// With feature `serde` it is `Serialize`: `dimension`, `group`, `capacity`, `left`, and `quota` as it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaLevel {
    /// The quota.
    pub quota: Quota,
    /// The group that has it; `None` of the resource's own.
    pub group: Option<Arc<str>>,
    /// How much is left, in whole numbers; below zero is a debt. What attempts in flight have reserved is not left.
    pub left: i64,
}

impl QuotaLevel {
    /// All of a resource's, in the order in which they were given, its own first.
    pub(crate) fn all_of(slot: &Slot, now: Instant) -> Vec<Self> {
        let limits = slot.quotas().map(Quotas::limits).unwrap_or_default();
        limits.iter().map(|limit| Self::of(limit, now)).collect()
    }

    fn of(limit: &Limit, now: Instant) -> Self {
        let mut level = limit.level.clone();
        level.refill(now);
        let (quota, group) = (limit.quota.clone(), limit.group.clone());
        Self { quota, group, left: level.whole() }
    }
}

/// As in `90000 tokens a minute: 1200 left`, or `90000 tokens a minute of group org-1: 1200 left`.
impl fmt::Display for QuotaLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.quota)?;
        if let Some(group) = &self.group {
            write!(f, " of group {}", OneLine(group))?;
        }
        write!(f, ": {} left", self.left)
    }
}
