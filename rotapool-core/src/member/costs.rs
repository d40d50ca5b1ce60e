//! What an attempt costs of the quotas of its resource.

use std::sync::Arc;

/// What a run states of its cost, by dimension. What it does not state is one request, and nothing of the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Costs(Vec<(Arc<str>, u64)>);

impl Costs {
    pub(crate) const UNSTATED: Self = Self(Vec::new());

    /// The last word counts of what is said twice.
    pub(crate) fn new(stated: Vec<(Arc<str>, u64)>) -> Self {
        let mut costs = Self::UNSTATED;
        for (dimension, amount) in stated {
            match costs.0.iter_mut().find(|(known, _)| *known == dimension) {
                Some((_, before)) => *before = amount,
                None => costs.0.push((dimension, amount)),
            }
        }
        costs
    }

    #[inline]
    pub(crate) fn are_stated(&self) -> bool {
        !self.0.is_empty()
    }

    /// What is taken of a dimension; `by_default` of one that is not stated.
    #[inline]
    pub(crate) fn of(&self, dimension: &str, by_default: u64) -> u64 {
        let stated = self.0.iter().find(|(known, _)| **known == *dimension);
        stated.map_or(by_default, |&(_, amount)| amount)
    }
}
