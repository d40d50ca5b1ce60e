//! What is asked of a breaker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::{BoxFuture, pending, ready};
use tokio::time::sleep;

use crate::fuses::{Call, Fuse, OPEN, Operation, PEERS, Rule, fuse};
use crate::table::{Cell, Table};

type Experiment = fn(Arc<dyn Fuse>) -> BoxFuture<'static, Cell>;

pub async fn table() -> Table {
    let mut table = Table::new("Circuit breakers", &PEERS);
    let experiments: [(&str, Rule, Experiment); 6] = [
        ("1,000 successes, a window of 10: failures until it opens", Rule::WindowOfTen, |fuse| {
            window_that_slides(fuse).boxed()
        }),
        ("100 callers at half-open: calls made", Rule::ThreeInARow, |fuse| {
            hundred_callers(fuse).boxed()
        }),
        ("dropped probe: later probes rejected, of 5", Rule::ThreeInARow, |fuse| {
            dropped_probe(fuse).boxed()
        }),
        ("late success during a probe: calls let pass, of 5", Rule::ThreeInARow, |fuse| {
            late_success(fuse).boxed()
        }),
        (
            "late failure during a probe: probe's success rejected after",
            Rule::ThreeInARow,
            |fuse| late_failure(fuse).boxed(),
        ),
        ("failures while open: probe rejected after the open time", Rule::ThreeInARow, |fuse| {
            failures_while_open(fuse).boxed()
        }),
    ];
    for (what, rule, experiment) in experiments {
        let mut cells = Vec::new();
        for peer in PEERS {
            cells.push(match fuse(peer, rule) {
                Some(fuse) => Some(experiment(fuse).await),
                None => None,
            });
        }
        table.row(what, cells);
    }
    table
}

fn bad() -> Operation {
    ready(Err("down".to_owned())).boxed()
}

fn good() -> Operation {
    ready(Ok(())).boxed()
}

/// A call that was begun and ends when it is told to.
struct Begun {
    call: BoxFuture<'static, Call>,
    end: oneshot::Sender<Result<(), String>>,
}

impl Begun {
    fn new(fuse: &dyn Fuse) -> Self {
        let (end, ended) = oneshot::channel();
        let operation = async move { ended.await.unwrap_or(Err("gone".to_owned())) };
        let mut call = fuse.call(operation.boxed());
        assert!(call.as_mut().now_or_never().is_none(), "it is under way");
        Self { call, end }
    }

    async fn end(self, result: Result<(), String>) {
        let _ = self.end.send(result);
        self.call.await;
    }
}

async fn trip(fuse: &dyn Fuse) {
    for _ in 0..20 {
        if fuse.call(bad()).await == Call::Rejected {
            return;
        }
    }
    panic!("it does not open");
}

async fn window_that_slides(fuse: Arc<dyn Fuse>) -> Cell {
    for _ in 0..1_000 {
        assert_eq!(fuse.call(good()).await, Call::Made);
    }
    let mut failures = 0;
    while fuse.call(bad()).await == Call::Made && failures < 10_000 {
        failures += 1;
    }
    // The last ten are all failures after ten; one more call may be needed to see it.
    Cell::new(failures <= 11, failures)
}

async fn hundred_callers(fuse: Arc<dyn Fuse>) -> Cell {
    trip(&*fuse).await;
    sleep(OPEN * 3 / 2).await;
    let made = Arc::new(AtomicU32::new(0));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let made = Arc::clone(&made);
            let operation = async move {
                made.fetch_add(1, Ordering::Relaxed);
                pending().await
            };
            let mut call = fuse.call(operation.boxed());
            let _ = call.as_mut().now_or_never();
            call
        })
        .collect();
    drop(calls);
    let made = made.load(Ordering::Relaxed);
    Cell::new(made == 1, made)
}

async fn dropped_probe(fuse: Arc<dyn Fuse>) -> Cell {
    trip(&*fuse).await;
    sleep(OPEN * 3 / 2).await;
    let mut probe = fuse.call(pending().boxed());
    assert!(probe.as_mut().now_or_never().is_none(), "it is under way");
    drop(probe);
    let mut rejected = 0;
    for _ in 0..5 {
        sleep(OPEN * 3 / 2).await;
        rejected += u32::from(fuse.call(good()).await == Call::Rejected);
    }
    Cell::new(rejected == 0, rejected)
}

async fn late_success(fuse: Arc<dyn Fuse>) -> Cell {
    let old = Begun::new(&*fuse);
    trip(&*fuse).await;
    sleep(OPEN * 3 / 2).await;
    let probe = Begun::new(&*fuse);
    old.end(Ok(())).await;
    let mut passed = 0;
    for _ in 0..5 {
        passed += u32::from(fuse.call(good()).await == Call::Made);
    }
    probe.end(Err("still down".to_owned())).await;
    Cell::new(passed == 0, passed)
}

async fn late_failure(fuse: Arc<dyn Fuse>) -> Cell {
    let old = Begun::new(&*fuse);
    trip(&*fuse).await;
    sleep(OPEN * 3 / 2).await;
    let probe = Begun::new(&*fuse);
    old.end(Err("late".to_owned())).await;
    probe.end(Ok(())).await;
    let rejected = fuse.call(good()).await == Call::Rejected;
    Cell::new(!rejected, if rejected { "yes" } else { "no" })
}

async fn failures_while_open(fuse: Arc<dyn Fuse>) -> Cell {
    let old: Vec<_> = (0..10).map(|_| Begun::new(&*fuse)).collect();
    trip(&*fuse).await;
    for call in old {
        sleep(OPEN.mul_f64(0.08)).await;
        call.end(Err("late".to_owned())).await;
    }
    sleep(Duration::from_millis(50)).await;
    let rejected = fuse.call(good()).await == Call::Rejected;
    Cell::new(!rejected, if rejected { "yes" } else { "no" })
}
