//! Runs of a ready operation, one after the other: what the pool itself costs, by size.

use std::cell::LazyCell;

use rotapool::{Pool, Strategy};
use rotapool_benches::pools::{
    STRATEGIES, cooling, healthy, metered, protected, run_keyed, run_ready,
};
use rotapool_benches::table::Case;

use crate::subject::{Naive, Subject as _};
use crate::suite::Suite;

const SIZES: [usize; 4] = [3, 100, 10_000, 1_000_000];
/// The default strategy is the base of other tables: it is measured at their sizes too.
const DEFAULT_SIZES: [usize; 7] = [3, 32, 100, 1_000, 10_000, 100_000, 1_000_000];
/// A pick with a key scores every resource.
const KEYED_SIZES: [usize; 3] = [3, 100, 10_000];
const METERED_SIZES: [usize; 2] = [3, 10_000];
const COOLING_SIZES: [usize; 3] = [100, 10_000, 1_000_000];
const NAIVE_SIZES: [usize; 6] = [3, 32, 100, 1_000, 10_000, 100_000];
const NAIVE_COOLING_SIZES: [usize; 2] = [100, 10_000];

pub(crate) fn measure(suite: &mut Suite) {
    for (name, strategy) in STRATEGIES {
        let is_default = *strategy == Strategy::default();
        let sizes: &[usize] = if is_default { &DEFAULT_SIZES } else { &SIZES };
        for &size in sizes {
            let pool = LazyCell::new(|| healthy(*strategy, size));
            let case = Case::new("run", *name).at(size).against("floor/all");
            suite.case(case, |b| {
                let pool = &*pool;
                b.iter(|| run_ready(pool));
            });
        }
    }
    for size in KEYED_SIZES {
        let pool = LazyCell::new(|| healthy(Strategy::Affinity, size));
        let mut key = 0;
        let case = Case::new("run", "affinity_with_key").at(size).against("floor/all");
        suite.case(case, |b| {
            let pool = &*pool;
            b.iter(|| {
                key += 1;
                run_keyed(pool, key)
            });
        });
    }
    for size in METERED_SIZES {
        for (row, make) in [
            ("two_quotas", metered as fn(usize) -> Pool<usize>),
            ("breaker_and_two_quotas", protected),
        ] {
            let pool = LazyCell::new(|| make(size));
            let case = Case::new("quotas", row).at(size).against("run/least_in_flight");
            suite.case(case, |b| {
                let pool = &*pool;
                b.iter(|| run_ready(pool));
            });
        }
    }
    for size in COOLING_SIZES {
        let pool = LazyCell::new(|| cooling(size));
        let case = Case::new("cooling", "rotapool").at(size).against("run/least_in_flight");
        suite.case(case, |b| {
            let pool = &*pool;
            b.iter(|| run_ready(pool));
        });
    }
    for size in NAIVE_COOLING_SIZES {
        let pool = LazyCell::new(|| Naive::cooling(size));
        let case = Case::new("cooling", "naive").at(size).against("naive/naive");
        suite.case(case, |b| {
            let pool = &*pool;
            b.iter(|| pool.ready());
        });
    }
    for size in NAIVE_SIZES {
        let pool = LazyCell::new(|| Naive::of(size));
        let case = Case::new("naive", "naive").at(size).against("run/least_in_flight");
        suite.case(case, |b| {
            let pool = &*pool;
            b.iter(|| pool.ready());
        });
    }
}
