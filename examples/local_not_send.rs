//! For single-threaded programs: resources and operations may hold `Rc`, `Cell` and `RefCell`.
//! An older job's signal moves the doomed younger ones elsewhere; a run is aborted from outside.
//! Run it: `cargo run --example local_not_send`

use std::cell::RefCell;
use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::mem::take;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::future::{join, try_join_all};
use futures::task::LocalSpawnExt as _;
use rotapool::{Fault, Lease, Pool, Resource, RunError};

/// What the far end of a connection answers to a job.
enum Answer {
    Done,
    Closed,
}

/// A connection: the jobs that wait for an answer, oldest first.
type Connection = Rc<RefCell<Vec<oneshot::Sender<Answer>>>>;

async fn send(connection: Lease<Connection>, job: u32) -> Result<(), Fault<Infallible>> {
    let note = |what| {
        let (attempt, id) = (connection.attempt(), connection.id());
        println!("job {job}  attempt {attempt}  {id:<5}  {what}");
    };
    let (reply, answer) = oneshot::channel();
    connection.borrow_mut().push(reply);
    note("sent");
    match answer.await.map_err(Fault::retry)? {
        Answer::Done => {
            note("served");
            Ok(())
        }
        Answer::Closed => {
            note("its account is closed: the younger jobs here are doomed");
            Err(Fault::disable("account closed"))
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (left, right) = (Connection::default(), Connection::default());
    let pool = Pool::builder()
        .resource(Resource::new("left", Rc::clone(&left)))
        .resource(Resource::new("right", Rc::clone(&right)))
        .build()?;
    let mut executor = LocalPool::new();
    let spawner = executor.spawner();

    let mut jobs = Vec::new();
    for job in 1..=6 {
        let pool = pool.clone();
        let run = async move { pool.run(|connection| send(connection, job)).await };
        jobs.push(spawner.spawn_local_with_handle(run)?);
    }
    executor.run_until_stalled();
    // Three jobs wait on each connection. The oldest on the left learns what awaits the other two.
    let oldest = left.borrow_mut().remove(0);
    oldest.send(Answer::Closed).map_err(|_| "job 1 has gone")?;
    executor.run_until_stalled();
    // By now all six wait on the right.
    for reply in take(&mut *right.borrow_mut()) {
        reply.send(Answer::Done).map_err(|_| "a job on the right has gone")?;
    }
    executor.run_until(try_join_all(jobs))?;
    println!("\nsibling_cancels: {}", pool.stats().sibling_cancels);

    // A run that would never end, and the handle that ends it. It is no task that one could cancel.
    let (endless, handle) = pool.run_abortable(|_| pending::<Result<(), Fault<Infallible>>>());
    let hang_up = async {
        println!("\nin flight before the abort: {}", pool.stats().in_flight);
        handle.abort();
    };
    let (aborted, ()) = executor.run_until(join(endless, hang_up));
    println!("in flight after the abort:  {}", pool.stats().in_flight);

    assert_eq!(pool.stats().sibling_cancels, 2, "jobs 3 and 5 were on the left with job 1");
    assert_eq!(aborted, Err(RunError::Aborted));
    assert_eq!((pool.stats().in_flight, pool.stats().runs_cancelled), (0, 1));
    Ok(())
}
