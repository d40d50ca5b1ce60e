//! For single-threaded programs: resources and operations may hold `Rc`, `Cell` and `RefCell`.
//! Jobs doomed by an older one's cooldown signal move elsewhere at once; a run is aborted from outside.
//! Run it: `cargo run --example local_not_send`

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::executor::LocalPool;
use futures::future::try_join_all;
use futures::task::LocalSpawnExt as _;
use rotapool::{DefaultRuntime, Fault, Lease, Pool, Resource, RunError, Runtime as _};

const JOBS: u32 = 6;
const ROUND_TRIP: Duration = Duration::from_millis(20);

struct Connection {
    /// A `Cell` alone makes the lease, and so every operation, stay on its thread.
    over_limit: Cell<bool>,
}

type Journal = RefCell<Vec<String>>;

async fn send(
    connection: Lease<Connection>,
    job: u32,
    journal: &Journal,
) -> Result<(), Fault<Infallible>> {
    let note = |what| {
        let (id, attempt) = (connection.id(), connection.attempt());
        journal.borrow_mut().push(format!("job {job}  attempt {attempt}  {id:<5}  {what}"));
    };
    note("sent");
    DefaultRuntime.sleep_until(Instant::now() + ROUND_TRIP).await;
    if connection.over_limit.replace(false) {
        note("429: younger jobs here are doomed");
        return Err(Fault::cooldown("429 from upstream"));
    }
    note("served");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder()
        .resource(Resource::new("left", Connection { over_limit: Cell::new(true) }))
        .resource(Resource::new("right", Connection { over_limit: Cell::new(false) }))
        .retry_delay(Duration::ZERO)
        .build()?;
    let journal = Rc::new(Journal::default());
    let mut executor = LocalPool::new();
    let spawner = executor.spawner();

    let mut jobs = Vec::new();
    for job in 1..=JOBS {
        let (pool, journal) = (pool.clone(), Rc::clone(&journal));
        jobs.push(spawner.spawn_local_with_handle(async move {
            pool.run(|connection| send(connection, job, &journal)).await
        })?);
    }
    executor.run_until(try_join_all(jobs))?;
    println!("{}", journal.borrow().join("\n"));
    println!("\nsibling_cancels: {}", pool.stats().sibling_cancels);

    // A run that would never end, and a handle that ends it without a task to cancel.
    let (endless, handle) = pool.run_abortable(|_| pending::<Result<(), Fault<Infallible>>>());
    let endless = spawner.spawn_local_with_handle(endless)?;
    executor.run_until_stalled();
    println!("\nin flight before the abort: {}", pool.stats().in_flight);
    handle.abort();
    let aborted = executor.run_until(endless);
    println!("in flight after the abort:  {}", pool.stats().in_flight);
    println!("the caller sees: {}", aborted.as_ref().expect_err("it was aborted"));

    assert_eq!(pool.stats().sibling_cancels, 2, "jobs 3 and 5 shared `left` with job 1");
    assert_eq!(aborted, Err(RunError::Aborted));
    assert_eq!((pool.stats().in_flight, pool.stats().runs_cancelled), (0, 1));
    Ok(())
}
