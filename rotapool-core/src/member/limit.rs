//! One quota of a resource or a group, and what is left of it.

use std::sync::Arc;
use std::time::Instant;

use super::costs::Costs;
use super::level::Level;
use super::quota::{Quota, REQUESTS};
use crate::error::QuotaError;
use crate::time::Epoch;

/// One quota and what is left of it.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) quota: Quota,
    pub(crate) level: Level,
    /// Whose it is, if it is not the resource's own.
    pub(crate) group: Option<Arc<str>>,
    pub(super) by_default: u64,
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
        Ok(Self { quota: quota.clone(), level, group: group.cloned(), by_default })
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
