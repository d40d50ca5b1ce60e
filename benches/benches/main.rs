//! `cargo bench -p rotapool-benches`: everything, in one process, in a few minutes.
//!
//! - `cargo bench -p rotapool-benches -- run/least_in_flight` measures what matches. A ratio appears
//!   when its base was measured too: `-- 'floor|run/'`.
//! - `--features tracing` compiles the traces in: `-- observed` then measures them too.
//! - `QUICK=1 cargo bench -p rotapool-benches` measures less precisely and leaves the largest out.
//! - `FASTEST=1` shows the fastest sample of each case instead of the median: less of the noise that
//!   other programs make on a busy machine.
//!
//! At the end come the tables, and the same, with both numbers, as JSON in
//! `target/rotapool-benches.json`.

mod contention;
mod floor;
mod observed;
mod peers;
mod protect;
mod run;
mod subject;
mod suite;
mod watching;

use suite::Suite;

const TABLES: &[(&str, &str)] = &[
    ("floor", "what a run cannot do without, in ns. Ratio: to all of it together"),
    ("run", "ns a run of a ready operation, one thread. Ratio: to floor/all"),
    ("cooling", "the same with 90 % of the pool cooling down. Ratio: to the pool all healthy"),
    (
        "quotas",
        "the same with two quotas a resource, and with a breaker. Ratio: to the pool without any",
    ),
    ("observed", "the same while somebody listens. Ratio: to nobody"),
    ("naive", "the same with the naive pool. Ratio: to run/least_in_flight"),
    (
        "tasks",
        "1,000 tasks on 2 workers, each operation yields once; wall ns a run. Ratio: to rotapool",
    ),
    ("threads", "OS threads that do nothing but run; wall ns a run of all. Ratio: to one thread"),
    ("peers", "what others take for one checkout or call. Ratio: to run/least_in_flight"),
    ("watching", "ns to look at a pool of this size once. Ratio: to stats"),
    ("protect", "one token or one call. Ratio: to governor's check, to failsafe's call"),
    ("wrappers", "one call through what has no resources. Ratio: to run/least_in_flight of 3"),
];

fn main() {
    let mut suite = Suite::from_args();
    floor::measure(&mut suite);
    run::measure(&mut suite);
    observed::measure(&mut suite);
    contention::measure(&mut suite);
    peers::measure(&mut suite);
    protect::measure(&mut suite);
    watching::measure(&mut suite);
    suite.finish(TABLES);
}
