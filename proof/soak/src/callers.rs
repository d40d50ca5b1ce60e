//! Who calls: hundreds of tasks that run operations, and give some of the runs up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use futures::future::{Either, select};
use rotapool::{Pool, Request};

use crate::deeds::{Operation, Value, operation, pause_for_others};
use crate::executor::Executor;
use crate::tally::{Counted, Fate, Tally};

/// How many there are at once.
pub(crate) const TASKS: u64 = 300;

/// One lap's callers, all alike.
#[derive(Clone)]
pub(crate) struct Callers<X> {
    pub(crate) executor: X,
    pub(crate) pool: Pool<Value>,
    pub(crate) tally: Arc<Tally>,
    /// A run's deadline ends a call of it.
    pub(crate) deadlines_hold: bool,
    /// Nobody begins a run any more.
    pub(crate) stop: Arc<AtomicBool>,
    /// Operations that begin now do nothing but succeed.
    pub(crate) calm: Arc<AtomicBool>,
}

impl<X: Executor> Callers<X> {
    /// Runs one operation after the other until it is told to stop.
    pub(crate) async fn work(self, seed: u64) {
        let mut random = Rng::with_seed(seed);
        while !self.stop.load(Ordering::SeqCst) {
            self.run(&mut random).await;
        }
    }

    async fn run(&self, random: &mut Rng) {
        let patience = Duration::from_micros(random.u64(..15_000));
        match random.u32(..16) {
            0 => self.drop_after_polls(random).await,
            1 => self.abort_after(random, patience).await,
            2 => self.cancel_the_task_after(random, patience).await,
            3 | 4 => {
                let limit = self.executor.sleep(patience);
                match select(self.begin(random, true), Box::pin(limit)).await {
                    Either::Left(_) => {}
                    Either::Right(((), run)) => drop(run),
                }
            }
            _ => {
                if self.begin(random, false).await == Fate::Exhausted {
                    // As a caller would, who has read why.
                    self.executor.sleep(patience / 4).await;
                }
            }
        }
        pause_for_others().await;
    }

    async fn drop_after_polls(&self, random: &mut Rng) {
        let polls = random.u32(..6);
        let mut run = self.begin(random, true);
        for _ in 0..polls {
            if futures::poll!(&mut run).is_ready() {
                return;
            }
            pause_for_others().await;
        }
    }

    async fn abort_after(&self, random: &mut Rng, patience: Duration) {
        let (request, _) = self.request(random);
        let (run, abort) = request.run_abortable(self.operation(random, true));
        let mut run = Counted::new(Box::pin(run), &self.tally);
        // Aborted before its first poll it never was, and the tally could not tell.
        if futures::poll!(&mut run).is_pending() {
            let executor = self.executor;
            executor.spawn(Box::pin(async move {
                executor.sleep(patience).await;
                abort.abort();
            }));
            run.await;
        }
    }

    async fn cancel_the_task_after(&self, random: &mut Rng, patience: Duration) {
        let run = self.begin(random, true);
        let task = self.executor.start(Box::pin(async move {
            run.await;
        }));
        self.executor.sleep(patience).await;
        self.executor.cancel(task).await;
    }

    fn begin(&self, random: &mut Rng, may_hang: bool) -> Counted {
        let (request, has_limit) = self.request(random);
        let run = request.run(self.operation(random, may_hang || has_limit));
        Counted::new(Box::pin(run), &self.tally)
    }

    fn operation(&self, random: &mut Rng, may_hang: bool) -> impl Operation {
        operation(self.executor, &self.tally, &self.calm, may_hang, random.fork())
    }

    /// The options of a run, every one of them now and then, and whether they end a call that hangs.
    fn request(&self, random: &mut Rng) -> (Request<Value>, bool) {
        let mut request = self
            .pool
            .request()
            .max_attempts(random.u32(1..9))
            .retry_delay(Duration::from_micros(random.u64(..1_500).saturating_sub(500)))
            .wait(random.bool());
        if random.u32(..8) == 0 {
            request = request.only(|data| data.get("zone") == Some("near"));
        }
        if random.u32(..8) == 0 {
            request = request.exclude(format!("r{}", random.u32(..8)));
        }
        if random.u32(..4) == 0 {
            request = request.affinity(random.u32(..100).to_le_bytes());
        }
        let mut has_limit = false;
        // So often that thirty seconds on a busy machine see some attempts ended by it in every round.
        if random.u32(..3) == 0 {
            request = request.timeout(Duration::from_micros(random.u64(..10_000)));
            has_limit = self.deadlines_hold;
        }
        if random.u32(..6) == 0 {
            request = request.attempt_timeout(Duration::from_micros(random.u64(1..5_000)));
            has_limit = true;
        }
        (request, has_limit)
    }
}
