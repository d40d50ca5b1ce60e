//! Many runs at a time: tasks on a runtime, and threads that do nothing else.

use std::cell::LazyCell;
use std::future::Future;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rotapool_benches::table::Case;
use tokio::runtime::{Builder, Runtime};
use tokio::sync;

use crate::subject::{Naive, Rotapool, Subject};
use crate::suite::Suite;

pub(crate) const TASKS: u32 = 1_000;
/// Per task and iteration, so that starting the tasks weighs little.
pub(crate) const RUNS_OF_A_TASK: u32 = 10;
/// Of all threads together, per iteration.
const RUNS_OF_THE_THREADS: u32 = 2_000;

pub(crate) const TASKS_SIZES: [usize; 3] = [3, 100, 1_000];
const THREADS_SIZES: [usize; 2] = [3, 100];

pub(crate) fn measure(suite: &mut Suite) {
    let runtime = two_workers();
    tasks_on::<Rotapool>(suite, &runtime, "rotapool");
    tasks_on::<Naive>(suite, &runtime, "naive");
    drop(runtime);
    for threads in [1, 2] {
        threads_on::<Rotapool>(suite, threads, "rotapool");
    }
    for threads in [1, 2] {
        threads_on::<Naive>(suite, threads, "naive");
    }
}

pub(crate) fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().expect("the system has two threads left")
}

fn tasks_on<S: Subject>(suite: &mut Suite, runtime: &Runtime, name: &str) {
    for size in TASKS_SIZES {
        let pool = LazyCell::new(|| S::of(size));
        let case = Case::new("tasks", name).at(size).against("tasks/rotapool");
        suite.long_case(case.operations(TASKS * RUNS_OF_A_TASK), |b| {
            let pool = &*pool;
            b.iter_custom(|iterations| {
                time_tasks(runtime, iterations, |runs| {
                    let pool = pool.clone();
                    async move {
                        for _ in 0..runs {
                            black_box(pool.yielding().await);
                        }
                    }
                })
            });
        });
    }
}

/// The time from the common start of the tasks to the end of the last of them.
pub(crate) fn time_tasks<Fut>(
    runtime: &Runtime,
    iterations: u64,
    task: impl Fn(u64) -> Fut,
) -> Duration
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let start = Arc::new(sync::Barrier::new(TASKS as usize));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let start = Arc::clone(&start);
            let task = task(iterations * u64::from(RUNS_OF_A_TASK));
            runtime.spawn(async move {
                start.wait().await;
                let started = Instant::now();
                task.await;
                (started, Instant::now())
            })
        })
        .collect();
    runtime.block_on(async {
        let mut spans = Vec::new();
        for task in tasks {
            spans.push(task.await.expect("a run cannot fail here"));
        }
        wall(&spans)
    })
}

/// From the first start to the last end, as those who worked saw it: whoever waits for them may be
/// late to notice either.
fn wall(spans: &[(Instant, Instant)]) -> Duration {
    let first = spans.iter().map(|(start, _)| *start).min().expect("some have worked");
    let last = spans.iter().map(|(_, end)| *end).max().expect("some have worked");
    last - first
}

fn threads_on<S: Subject>(suite: &mut Suite, threads: u32, name: &str) {
    let plural = if threads == 1 { "thread" } else { "threads" };
    for size in THREADS_SIZES {
        let pool = LazyCell::new(|| S::of(size));
        let case = Case::new("threads", format!("{name}_{threads}_{plural}")).at(size);
        let case = case.against(&format!("threads/{name}_1_thread"));
        suite.long_case(case.operations(RUNS_OF_THE_THREADS), |b| {
            let pool = &*pool;
            let share = u64::from(RUNS_OF_THE_THREADS / threads);
            b.iter_custom(|iterations| time_threads(pool, threads, iterations * share));
        });
    }
}

/// The time from the common start of the threads to the end of the last of them.
fn time_threads<S: Subject>(pool: &S, threads: u32, runs_of_each: u64) -> Duration {
    let start = &Barrier::new(threads as usize);
    thread::scope(|scope| {
        let work = || {
            start.wait();
            let started = Instant::now();
            for _ in 0..runs_of_each {
                black_box(pool.ready());
            }
            (started, Instant::now())
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let spans: Vec<_> =
            threads.into_iter().map(|thread| thread.join().expect("a run cannot fail")).collect();
        wall(&spans)
    })
}
