//! What is asked of a queue for one place.

use std::cell::Cell as Flag;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use execution_policy::{ConcurrencyLimit, ExecutionPolicy, ExecutionPolicyBuilder};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::timeout;

use crate::table::{Cell, Table};

const TURNS: u32 = 100_000;

/// One place, which an operation holds for as long as it runs.
trait Gate {
    fn hold<'a>(&'a self, operation: LocalBoxFuture<'a, ()>) -> LocalBoxFuture<'a, ()>;
}

/// A token that comes back: what our line is when nothing grows.
struct Ours(rotapool::RateLimiter);

impl Gate for Ours {
    fn hold<'a>(&'a self, operation: LocalBoxFuture<'a, ()>) -> LocalBoxFuture<'a, ()> {
        async move {
            self.0.acquire().await.expect("it holds one");
            operation.await;
            self.0.refund(1);
        }
        .boxed_local()
    }
}

impl Gate for tokio::sync::Semaphore {
    fn hold<'a>(&'a self, operation: LocalBoxFuture<'a, ()>) -> LocalBoxFuture<'a, ()> {
        async move {
            let _permit = self.acquire().await.expect("it is open");
            operation.await;
        }
        .boxed_local()
    }
}

impl Gate for async_lock::Semaphore {
    fn hold<'a>(&'a self, operation: LocalBoxFuture<'a, ()>) -> LocalBoxFuture<'a, ()> {
        async move {
            let _permit = self.acquire().await;
            operation.await;
        }
        .boxed_local()
    }
}

impl Gate for deadpool::unmanaged::Pool<()> {
    fn hold<'a>(&'a self, operation: LocalBoxFuture<'a, ()>) -> LocalBoxFuture<'a, ()> {
        async move {
            let _object = self.get().await.expect("it is open");
            operation.await;
        }
        .boxed_local()
    }
}

struct Nothing;

impl bb8::ManageConnection for Nothing {
    type Connection = ();
    type Error = Infallible;

    async fn connect(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn is_valid(&self, (): &mut ()) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, (): &mut ()) -> bool {
        false
    }
}

impl Gate for bb8::Pool<Nothing> {
    fn hold<'a>(&'a self, operation: LocalBoxFuture<'a, ()>) -> LocalBoxFuture<'a, ()> {
        async move {
            let _connection = self.get().await.expect("it connects");
            operation.await;
        }
        .boxed_local()
    }
}

type Policy = ExecutionPolicy<execution_policy::DefaultCore, (), Infallible>;

impl Gate for Policy {
    fn hold<'a>(&'a self, operation: LocalBoxFuture<'a, ()>) -> LocalBoxFuture<'a, ()> {
        async move {
            // Without retries there is one attempt, which takes the operation.
            let mut operation = Some(operation);
            let run = self.run(async || {
                operation.take().expect("one attempt").await;
                Ok(())
            });
            run.await.expect("it is served");
        }
        .boxed_local()
    }
}

const PEERS: [&str; 6] = ["rotapool", "tokio", "deadpool", "async-lock", "bb8", "execution-policy"];

async fn gate(peer: &str) -> Rc<dyn Gate> {
    match peer {
        "rotapool" => {
            let builder = rotapool::RateLimiter::builder(0.001, Duration::from_secs(1));
            Rc::new(Ours(builder.burst(1).build().expect("it makes sense")))
        }
        "tokio" => Rc::new(tokio::sync::Semaphore::new(1)),
        "deadpool" => Rc::new(deadpool::unmanaged::Pool::from(vec![()])),
        "async-lock" => Rc::new(async_lock::Semaphore::new(1)),
        "bb8" => {
            let builder = bb8::Pool::builder().max_size(1).test_on_check_out(false);
            Rc::new(builder.build(Nothing).await.expect("it connects"))
        }
        _ => {
            let limit = ConcurrencyLimit::operations(1);
            Rc::new(ExecutionPolicyBuilder::new().concurrency_limit(limit).build())
        }
    }
}

pub async fn table() -> Table {
    let mut table = Table::new("Queues for one place", &PEERS);
    let (mut barging, mut left, mut order) = (Vec::new(), Vec::new(), Vec::new());
    for peer in PEERS {
        let local = LocalSet::new();
        barging.push(Some(local.run_until(turns_until_served(gate(peer).await)).await));
        let local = LocalSet::new();
        left.push(Some(local.run_until(behind_one_that_left(gate(peer).await)).await));
        let local = LocalSet::new();
        order.push(Some(local.run_until(fifty(gate(peer).await)).await));
    }
    table.row("one leaves and asks again at once: its turns before another's, of 100,000", barging);
    table.row("behind one that left: served", left);
    table.row("50 in line: pairs out of order, of 1,225", order);
    table
}

/// Somebody takes the place again as soon as they have left it, and another waits.
async fn turns_until_served(gate: Rc<dyn Gate>) -> Cell {
    let served = Rc::new(Flag::new(false));
    let turns = Rc::new(Flag::new(0_u32));
    let (looper, done, count) = (Rc::clone(&gate), Rc::clone(&served), Rc::clone(&turns));
    let looping = spawn_local(async move {
        while !done.get() && count.get() < TURNS {
            looper.hold(async { yield_now().await }.boxed_local()).await;
            count.set(count.get() + 1);
        }
    });
    yield_now().await;
    let waiter = {
        let (gate, served) = (Rc::clone(&gate), Rc::clone(&served));
        spawn_local(async move {
            gate.hold(async { served.set(true) }.boxed_local()).await;
        })
    };
    let _ = looping.await;
    waiter.abort();
    let turns = turns.get();
    // Its present turn, and the few that it takes the other to ask and to be woken.
    Cell::new(turns <= 5, turns)
}

async fn behind_one_that_left(gate: Rc<dyn Gate>) -> Cell {
    let (leave, left) = tokio::sync::oneshot::channel::<()>();
    let (gate_of_holder, holds) = (Rc::clone(&gate), Rc::new(Flag::new(false)));
    let held = Rc::clone(&holds);
    let holder = spawn_local(async move {
        let operation = async {
            held.set(true);
            drop(left.await);
        };
        gate_of_holder.hold(operation.boxed_local()).await;
    });
    while !holds.get() {
        yield_now().await;
    }
    let mut first = gate.hold(async {}.boxed_local());
    assert!(first.as_mut().now_or_never().is_none(), "it waits");
    let behind = Rc::clone(&gate);
    let second = spawn_local(async move { behind.hold(async {}.boxed_local()).await });
    yield_now().await;
    drop(first);
    let _ = leave.send(());
    let _ = holder.await;
    let served = timeout(Duration::from_secs(3), second).await.is_ok();
    Cell::new(served, if served { "yes" } else { "never" })
}

async fn fifty(gate: Rc<dyn Gate>) -> Cell {
    let order = Rc::new(std::cell::RefCell::new(Vec::new()));
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let (gate, order) = (Rc::clone(&gate), Rc::clone(&order));
            spawn_local(async move {
                let operation = async {
                    order.borrow_mut().push(number);
                    yield_now().await;
                };
                gate.hold(operation.boxed_local()).await;
            })
        })
        .collect();
    for task in tasks {
        let _ = timeout(Duration::from_secs(3), task).await;
    }
    let order = order.borrow();
    let pairs =
        (0..order.len()).flat_map(|first| (first + 1..order.len()).map(move |next| (first, next)));
    let turned = pairs.filter(|(first, next)| order[*first] > order[*next]).count();
    Cell::new(turned == 0 && order.len() == 50, turned)
}
