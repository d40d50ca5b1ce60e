//! What it costs to be watched: a run with nobody who listens, with a subscriber, and traced.
//!
//! With `--features tracing` the pool is compiled with its traces, in all other cases too.

use rotapool::Strategy;
use rotapool_benches::pools::{healthy, run_ready};
use rotapool_benches::table::Case;

use crate::suite::Suite;

const RESOURCES: usize = 3;

pub(crate) fn measure(suite: &mut Suite) {
    let case = |row: &str| Case::new("observed", row).at(RESOURCES).against("observed/nobody");
    let pool = &healthy(Strategy::default(), RESOURCES);
    suite.case(case("nobody"), |b| b.iter(|| run_ready(pool)));
    suite.case(case("subscriber_that_reads"), |b| {
        let mut events = pool.events();
        b.iter(|| {
            let served = run_ready(pool);
            while events.try_next().is_some() {}
            served
        });
    });
    suite.case(case("subscriber_that_never_reads"), |b| {
        let _events = pool.events();
        b.iter(|| run_ready(pool));
    });
    #[cfg(feature = "tracing")]
    suite.case(case("traced_and_discarded"), |b| {
        tracing::subscriber::with_default(traces::Discards, || b.iter(|| run_ready(pool)));
    });
}

#[cfg(feature = "tracing")]
mod traces {
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    /// Wants to hear everything, and does nothing with it.
    pub(super) struct Discards;

    impl Subscriber for Discards {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }
}
