//! What it costs to look: stats, a snapshot, and a scrape of a pool by Prometheus.

use std::cell::LazyCell;
use std::hint::black_box;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::{Pool, PoolCollector, Strategy};
use rotapool_benches::pools::healthy;
use rotapool_benches::table::Case;

use crate::suite::Suite;

const SIZES: [usize; 4] = [3, 1_000, 10_000, 100_000];

pub(crate) fn measure(suite: &mut Suite) {
    for size in SIZES {
        look(suite, "stats", size, |pool| {
            black_box(pool.stats());
        });
        look(suite, "snapshot", size, |pool| {
            black_box(pool.snapshot());
        });
        let case = Case::new("watching", "scrape").at(size).against("watching/stats");
        let scraped = LazyCell::new(|| {
            let collector = PoolCollector::new();
            collector.add(&healthy(Strategy::default(), size)).expect("the first pool");
            let mut registry = Registry::default();
            registry.register_collector(Box::new(collector));
            registry
        });
        suite.case(case, |b| {
            let registry = &*scraped;
            let mut page = String::new();
            b.iter(|| {
                page.clear();
                encode(&mut page, registry).expect("a string takes everything");
                black_box(page.len())
            });
        });
    }
}

fn look(suite: &mut Suite, row: &str, size: usize, look: impl Fn(&Pool<usize>)) {
    let pool = LazyCell::new(|| healthy(Strategy::default(), size));
    let case = Case::new("watching", row).at(size).against("watching/stats");
    suite.case(case, |b| {
        let pool = &*pool;
        b.iter(|| look(pool));
    });
}
