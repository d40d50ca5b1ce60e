//! Of which dimensions there are quotas, and how much the largest of each holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::CostError;
use crate::member::limit::Limit;
use crate::member::quota::REQUESTS;
use crate::member::quotas::Quotas;

/// The quotas of the members, by dimension: how many hold how much at most. A dimension stays known when the last
/// member that had it has left.
#[derive(Debug, Default)]
pub(super) struct Dimensions(BTreeMap<Arc<str>, BTreeMap<u64, usize>>);

impl Dimensions {
    pub(super) fn joined(&mut self, quotas: &Quotas) {
        for (dimension, capacity) in capacities(quotas) {
            *self.0.entry(dimension).or_default().entry(capacity).or_default() += 1;
        }
    }

    pub(super) fn left(&mut self, quotas: &Quotas) {
        for (dimension, capacity) in capacities(quotas) {
            let Some(capacities) = self.0.get_mut(&dimension) else { continue };
            if let Some(count) = capacities.get_mut(&capacity) {
                *count -= 1;
                if *count == 0 {
                    capacities.remove(&capacity);
                }
            }
        }
    }

    /// The most that fits into any quota of a dimension, if each of so many members has one.
    fn most(&self, dimension: &str, members: usize) -> Option<u64> {
        let capacities = self.0.get(dimension)?;
        let all_have_one = capacities.values().sum::<usize>() == members;
        capacities.last_key_value().filter(|_| all_have_one).map(|(&most, _)| most)
    }

    /// Whether a run may state this as its cost, in a pool of so many members.
    pub(super) fn check(
        &self,
        dimension: &Arc<str>,
        cost: u64,
        members: usize,
    ) -> Result<(), CostError> {
        let dimension = Arc::clone(dimension);
        if cost == 0 {
            return Err(CostError::Zero { dimension });
        }
        if *dimension != *REQUESTS && !self.0.contains_key(&dimension) {
            let known = self.0.keys().cloned().collect();
            return Err(CostError::UnknownDimension { dimension, known });
        }
        match self.most(&dimension, members) {
            Some(capacity) if cost > capacity => {
                Err(CostError::AboveCapacity { dimension, cost, capacity })
            }
            _ => Ok(()),
        }
    }
}

/// The most that one attempt can take of each dimension: of two quotas of one, a member's own and its group's, what fits
/// into both.
fn capacities(quotas: &Quotas) -> BTreeMap<Arc<str>, u64> {
    let mut capacities = BTreeMap::new();
    for Limit { quota, .. } in quotas.limits() {
        let capacity = capacities.entry(Arc::clone(quota.dimension())).or_insert(u64::MAX);
        *capacity = quota.capacity().min(*capacity);
    }
    capacities
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::member::quota::Quota;
    use crate::time::Epoch;

    fn quotas(quotas: &[Quota]) -> Quotas {
        let now = Instant::now();
        Quotas::new(quotas, &[], Epoch::new(now), now).unwrap().expect("there are some")
    }

    #[test]
    fn what_a_run_may_cost_is_what_fits_into_the_largest_of_those_that_are_there_now() {
        let mut dimensions = Dimensions::default();
        let tokens: Arc<str> = "tokens".into();
        let tens = [10, 10, 30].map(|most| quotas(&[Quota::per_second(most).of("tokens")]));
        for one in &tens {
            dimensions.joined(one);
        }
        assert_eq!(dimensions.check(&tokens, 30, 3), Ok(()));
        let refused = |cost, capacity| {
            let dimension = Arc::clone(&tokens);
            Err(CostError::AboveCapacity { dimension, cost, capacity })
        };
        assert_eq!(dimensions.check(&tokens, 31, 3), refused(31, 30));
        assert_eq!(dimensions.check(&tokens, 31, 4), Ok(()), "one has no quota of it");
        dimensions.left(&tens[2]);
        assert_eq!(dimensions.check(&tokens, 30, 2), refused(30, 10));
        dimensions.left(&tens[0]);
        assert_eq!(dimensions.check(&tokens, 11, 1), refused(11, 10));
        dimensions.left(&tens[1]);
        assert_eq!(dimensions.check(&tokens, 11, 0), Ok(()), "known, and nobody has one");
    }
}
