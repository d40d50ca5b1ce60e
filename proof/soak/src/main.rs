//! A soak: hundreds of tasks over dozens of resources, on tokio, smol and async-std and over real HTTP, with
//! operations that fail in every way and an administrator who never rests.
//!
//! ```text
//! SMOL_THREADS=4 cargo run --release -p rotapool-soak -- [SECONDS] [SEED]
//! ```
//!
//! The seconds, 30 unless given, are those of all rounds together. The seed draws who does what; which thread
//! gets to do it first, no seed can tell. smol's global executor has one thread unless it is told otherwise.

mod callers;
mod deeds;
mod executor;
mod http;
mod members;
mod memory;
mod progress;
mod round;
mod tally;
mod watch;

use std::process::exit;
use std::time::Duration;

use rotapool::{AsyncStdRuntime, SmolRuntime, TokioRuntime};

use crate::executor::Executor;
use crate::tally::{Count, Tally};

const ROUNDS: u32 = 6;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| {
        argument.parse::<u64>().unwrap_or_else(|_| {
            eprintln!("usage: rotapool-soak [SECONDS] [SEED], two whole numbers; not {argument:?}");
            exit(2)
        })
    });
    let lasts = Duration::from_secs(arguments.next().unwrap_or(30)) / ROUNDS;
    let seed = arguments.next().unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    fail_loudly(seed);
    progress::begin();

    load(TokioRuntime, lasts, seed);
    load(SmolRuntime, lasts, seed);
    load(AsyncStdRuntime, lasts, seed);
    TokioRuntime.block_on(async {
        let line = http::play(lasts, seed).await.expect("a server on loopback");
        println!("http       {line}");
        for hedged in [false, true] {
            let line = http::streams::play(lasts, seed, hedged).await;
            let name = if hedged { "hedged" } else { "streams" };
            println!("{name:10} {}", line.expect("a server on loopback"));
        }
    });
    println!("peak       {} KiB of memory in use", memory::peak() / 1024);
    println!("done: everything agreed");
}

/// A panic on any thread is a failed check: those of the operations are raised without the hook.
fn fail_loudly(seed: u64) {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        eprintln!("FAILED with seed {seed}");
        exit(101);
    }));
}

fn load<X: Executor>(executor: X, lasts: Duration, seed: u64) {
    executor.block_on(async {
        let tally = round::play(executor, lasts, seed).await;
        assert_nothing_was_left_out(&tally);
        println!("{:10} {tally:?}", X::NAME);
    });
}

/// That the round had some of everything, lest it prove nothing.
fn assert_nothing_was_left_out(tally: &Tally) {
    let some = [
        &tally.runs_ok,
        &tally.runs_error,
        &tally.runs_exhausted,
        &tally.runs_panicked,
        &tally.runs_given_up,
        &tally.values,
        &tally.errors,
        &tally.failures,
        &tally.retries,
        &tally.cooldowns,
        &tally.disables,
        &tally.panics,
        &tally.dropped,
        &tally.sibling_cancels,
        &tally.timeouts,
        &tally.deadlines,
        &tally.line_full,
        &tally.most_waiting,
        &tally.changes,
        &tally.admin_disables,
        &tally.samples,
    ];
    assert!(
        some.into_iter().all(|count| Count::get(count) > 0),
        "something never happened: {tally:?}"
    );
}
