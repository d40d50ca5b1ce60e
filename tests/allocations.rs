//! What a run that is served at the first attempt costs in heap allocations: none, or one for an affinity key.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use rotapool::{Fault, Pool, Resource, Strategy};

fn run(pool: &Pool<u64>, affinity: bool) {
    let operation = |lease: rotapool::Lease<u64>| async move { Ok::<_, Fault<()>>(*lease) };
    let mut context = Context::from_waker(Waker::noop());
    let served = if affinity {
        pin!(pool.request().affinity("somebody").run(operation)).poll(&mut context)
    } else {
        pin!(pool.run(operation)).poll(&mut context)
    };
    assert!(matches!(served, Poll::Ready(Ok(_))));
}

#[test]
fn a_healthy_run_allocates_nothing_or_once_for_its_affinity_key() {
    for &strategy in Strategy::ALL {
        let resources = (0..100).map(|number| Resource::new(format!("r{number}"), number));
        let pool = Pool::builder().resources(resources).strategy(strategy).build().unwrap();
        // The first run makes room in the slab of usages, and the abort pair that the next ones use.
        run(&pool, false);
        for affinity in [false, true] {
            let allocated = measure(|| (0..1000).for_each(|_| run(&pool, affinity)));
            let expected = if affinity { 1000 } else { 0 };
            assert_eq!(allocated.count_total, expected, "{strategy:?}, affinity: {affinity}");
        }
    }
}
