//! One quota of a resource or a group, and what is left of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::costs::Costs;
use super::level::Level;
use super::quota::{Quota, REQUESTS};
use super::usage::Sequence;
use crate::error::QuotaError;
use crate::time::{Epoch, after};

/// One quota and what is left of it.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) quota: Quota,
    pub(crate) level: Level,
    /// Whose it is, if it is not the resource's own.
    pub(crate) group: Option<Arc<str>>,
    pub(super) by_default: u64,
    /// The newest usage whose upstream has said what is left.
    pub(crate) heard: Sequence,
}

/// What the answer to a usage says is left of a limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    pub(crate) usage: Sequence,
    pub(crate) remaining: u64,
    pub(crate) reset: Option<Duration>,
    /// What is reserved for usages in flight of which it does not speak: the upstream had not seen them.
    pub(crate) younger: u64,
    /// And for those of which it may speak, or not: they are older, and yet unanswered.
    pub(crate) older: u64,
}

impl Word {
    /// So much is reserved for a usage in flight; who is younger than `seen` cannot have been seen.
    pub(crate) fn note(&mut self, usage: Sequence, seen: Sequence, reserved: u64) {
        let side = match usage {
            _ if usage > seen => &mut self.younger,
            _ if usage != self.usage => &mut self.older,
            _ => return,
        };
        *side = side.saturating_add(reserved);
    }
}

impl Limit {
    fn new(
        quota: &Quota,
        group: Option<&Arc<str>>,
        epoch: Epoch,
        now: Instant,
    ) -> Result<Self, QuotaError> {
        let dimension = Arc::clone(quota.dimension());
        if dimension.is_empty() {
            return Err(QuotaError::EmptyDimension);
        }
        let by_default = u64::from(*dimension == *REQUESTS);
        let level = quota.level(epoch, now)?;
        Ok(Self { quota: quota.clone(), level, group: group.cloned(), by_default, heard: 0 })
    }

    /// Full ones of these quotas, of a resource or of a group.
    pub(crate) fn all(
        quotas: &[Quota],
        group: Option<&Arc<str>>,
        epoch: Epoch,
        now: Instant,
    ) -> Result<Vec<Self>, QuotaError> {
        let mut limits: Vec<Self> = Vec::with_capacity(quotas.len());
        for quota in quotas {
            let limit = Self::new(quota, group, epoch, now)?;
            if limits.iter().any(|other| other.is_of(quota.dimension())) {
                return Err(QuotaError::Duplicate { dimension: Arc::clone(quota.dimension()) });
            }
            limits.push(limit);
        }
        Ok(limits)
    }

    /// Whether it is of the same dimension, and whose it is as well.
    pub(super) fn stands_for(&self, other: &Self) -> bool {
        self.is_of(other.quota.dimension()) && self.group == other.group
    }

    /// What is left is between what the upstream says without those it cannot have seen, and without those it may not
    /// have seen: so much of what was counted as is between them is kept.
    ///
    /// An older answer than one that was heard knows less: it may take, and gives nothing back.
    pub(super) fn hear(&mut self, word: &Word, now: Instant) {
        let Word { usage, remaining, reset, younger, older } = *word;
        let is_news = usage >= self.heard;
        let most = remaining.saturating_sub(younger);
        let least = if is_news { most.saturating_sub(older) } else { 0 };
        let counted = u64::try_from(self.level.whole());
        let left = match counted {
            Ok(counted) => counted.clamp(least, most),
            Err(_) if is_news => least,
            Err(_) => return,
        };
        if is_news && reset.is_some() || counted != Ok(left) {
            self.level.correct(left, after(now, reset.unwrap_or_default()), now);
        }
        self.heard = self.heard.max(usage);
    }

    pub(super) fn is_of(&self, dimension: &str) -> bool {
        **self.quota.dimension() == *dimension
    }

    #[inline]
    pub(super) fn cost(&self, costs: &Costs) -> u64 {
        match costs.are_stated() {
            true => costs.of(self.quota.dimension(), self.by_default),
            false => self.by_default,
        }
    }

    /// What has to be there: at least one, whatever is taken.
    #[inline]
    pub(super) fn need(&self, costs: &Costs) -> u64 {
        self.cost(costs).max(1)
    }
}
