//! For programs on smol: the pool sleeps on smol's own timer and its runs are tasks like any other.
//! One of three workers hits its limit; the job it turned away waits in line, and all are served.
//! Run it: `cargo run --example smol`

use std::convert::Infallible;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rotapool::{Fault, Lease, Pool, Resource, RunError, SmolRuntime};
use smol::Timer;

const JOBS: u64 = 6;
const ADMISSION: Duration = Duration::from_millis(10);
const LIMIT_RESETS_AFTER: Duration = Duration::from_secs(1);
const WORK: Duration = Duration::from_millis(80);
const PATIENCE: Duration = Duration::from_secs(10);

struct Worker {
    at_its_limit: AtomicBool,
}

struct Receipt {
    worker: String,
    attempts: u32,
}

async fn perform(worker: Lease<Worker>) -> Result<Receipt, Fault<Infallible>> {
    Timer::after(ADMISSION).await;
    if worker.at_its_limit.swap(false, Ordering::Relaxed) {
        return Err(Fault::cooldown_for(LIMIT_RESETS_AFTER, "job limit reached"));
    }
    Timer::after(WORK).await;
    Ok(Receipt { worker: worker.id().to_owned(), attempts: worker.attempt() })
}

fn main() -> Result<(), Box<dyn Error>> {
    // Two jobs at once each: six jobs fill the pool.
    let worker = |id, at_its_limit| {
        Resource::new(id, Worker { at_its_limit: AtomicBool::new(at_its_limit) }).max_in_flight(2)
    };
    let pool = Pool::builder()
        .resources([worker("worker-1", false), worker("worker-2", true), worker("worker-3", false)])
        .runtime(SmolRuntime)
        .build()?;

    smol::block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = (1..=JOBS)
            .map(|_| {
                // The other two workers are full: a job that was turned away is the next to have a
                // place there, for it has time left.
                let request = pool.request().timeout(PATIENCE);
                smol::spawn(async move {
                    let receipt = request.run(perform).await?;
                    Ok::<_, RunError<Infallible>>((receipt, start.elapsed()))
                })
            })
            .collect();

        println!("job  served by  attempts  done after");
        for (job, task) in (1..).zip(tasks) {
            let (Receipt { worker, attempts }, elapsed) = task.await?;
            println!("{job:>3}  {worker:<9}  {attempts:>8}  {:>7} ms", elapsed.as_millis());
        }

        let stats = pool.stats();
        println!("\nlimits hit   {}", stats.cooldowns);
        println!("jobs served  {} of {JOBS}", stats.runs_ok);
        assert_eq!((stats.runs_ok, stats.cooldowns), (JOBS, 1));
        Ok(())
    })
}
