//! Whether listing a large pool holds its runs up: the time that single runs take while another thread
//! asks for the stats of 100,000 resources, or for their snapshot, over and over again.
//!
//! `cargo run --release -p rotapool-benches --bin listing`, about ten seconds.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rotapool::{Pool, Strategy};
use rotapool_benches::pools::{healthy, run_ready};

const RESOURCES: usize = 100_000;
const TIME: Duration = Duration::from_secs(3);

fn main() {
    let pool = healthy(Strategy::default(), RESOURCES);
    println!(
        "{RESOURCES} resources; ns a run, each timed by itself (two clock readings included)\n"
    );
    println!(
        "{:<20} {:>8} {:>8} {:>8} {:>8} {:>10}",
        "meanwhile", "lists", "p50", "p99", "p99.9", "most"
    );
    report("nobody lists", &pool, |_| thread::sleep(Duration::from_millis(10)));
    report("stats() is called", &pool, |pool| drop(black_box(pool.stats())));
    report("snapshot() is called", &pool, |pool| drop(black_box(pool.snapshot())));
}

/// Times runs while another thread lists, and prints how long they took.
fn report(meanwhile: &str, pool: &Pool<usize>, list: impl Fn(&Pool<usize>) + Sync) {
    let stop = AtomicBool::new(false);
    let (mut times, lists) = thread::scope(|scope| {
        let listing = scope.spawn(|| {
            let mut lists = 0;
            while !stop.load(Ordering::Relaxed) {
                list(pool);
                lists += 1;
            }
            lists
        });
        let mut times = Vec::with_capacity(20_000_000);
        let end = Instant::now() + TIME;
        loop {
            let start = Instant::now();
            black_box(run_ready(pool));
            times.push(start.elapsed());
            if start > end {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        (times, listing.join().expect("listing does not panic"))
    });
    times.sort_unstable();
    let quantile = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos();
    println!(
        "{meanwhile:<20} {lists:>8} {:>8} {:>8} {:>8} {:>10}",
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        quantile(1.0)
    );
}
