//! The same stories on every runtime: the pool does not care who polls it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use rotapool::testing::VirtualClock;
use rotapool::{
    AsyncStdRuntime, Builder, DefaultRuntime, Fault, Notice, Pool, ProbeRules, Request, Resource,
    RunError, Runtime, Sleep, SmolRuntime, Spawn, TokioRuntime,
};

use crate::scene::secs;
use crate::upstream::{Answer, Boom, Upstream, fine};

/// Where a story happens: somebody who polls, and a clock that passes without anybody waiting.
trait World: Clone + Send + Sync + 'static {
    /// The clock and timer of the pool.
    fn runtime(&self) -> impl Runtime;
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// Lets time pass while everybody sleeps.
    fn pass_time(&self) -> impl Future<Output = ()> + Send;
}

/// A run that somebody else polls.
struct Spawned(oneshot::Receiver<Result<String, RunError<Boom>>>);

/// What a story needs beside its world.
struct Set<W> {
    world: W,
    pool: Pool<&'static str>,
    upstream: Upstream,
    begun: Instant,
}

impl<W: World> Set<W> {
    fn new(
        world: W,
        ids: &[&'static str],
        set_up: impl FnOnce(Builder<&'static str>) -> Builder<&'static str>,
    ) -> Self {
        let begun = world.runtime().now();
        let builder = Pool::builder()
            .resources(ids.iter().map(|&id| Resource::new(id, id)))
            .retry_delay(Duration::ZERO)
            .runtime(world.runtime());
        Self { pool: set_up(builder).build().unwrap(), upstream: Upstream::default(), world, begun }
    }

    fn spawn(&self, options: fn(Request<&'static str>) -> Request<&'static str>) -> Spawned {
        let (done, result) = oneshot::channel();
        let request = options(self.pool.request());
        let operation = self.upstream.operation();
        self.world.spawn(Box::pin(async move {
            let _ = done.send(request.run(operation).await);
        }));
        Spawned(result)
    }

    /// Yields until this many calls wait at the upstream.
    async fn calls(&self, ids: &[&str]) {
        until(|| self.upstream.pending() == ids).await;
    }

    /// The end of a run that sleeps: time passes.
    async fn sleep_through(&self, mut run: Spawned) -> Result<String, RunError<Boom>> {
        loop {
            match (&mut run.0).now_or_never() {
                Some(result) => return result.unwrap(),
                None => self.world.pass_time().await,
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.world.runtime().now().duration_since(self.begun)
    }
}

/// Gives everybody else a turn.
async fn pause_for_others() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        pause_for_others().await;
    }
}

// The stories.

async fn a_failing_resource_is_left_alone_and_the_run_is_served_elsewhere(world: impl World) {
    let set = Set::new(world, &["a", "b"], |builder| builder);
    let run = set.spawn(|request| request);
    set.calls(&["a"]).await;
    set.upstream.answer("a", Err(Fault::disable("401")));
    set.calls(&["b"]).await;
    set.upstream.answer("b", fine());
    assert_eq!(run.0.await.unwrap().unwrap(), "fine");
    let stats = set.pool.stats();
    assert_eq!((stats.runs_ok, stats.attempts, stats.disabled), (1, 2, 1));
}

async fn a_run_sleeps_through_its_pause_and_the_cooldown(world: impl World) {
    let set = Set::new(world, &["a"], |builder| builder.cooldown_table([secs(30)]));
    let (done, result) = oneshot::channel();
    let request = set.pool.request().wait(true).retry_delay(secs(2));
    set.world.spawn(Box::pin(async move {
        let run = request.run(|lease| async move {
            let answer: Answer = match lease.attempt() {
                1 => Err(Fault::cooldown("429")),
                _ => fine(),
            };
            answer
        });
        let _ = done.send(run.await);
    }));
    assert_eq!(set.sleep_through(Spawned(result)).await.unwrap(), "fine");
    let elapsed = set.elapsed().as_secs_f64();
    assert!((30.0..=32.1).contains(&elapsed), "{elapsed}");
}

async fn an_older_signal_aborts_the_younger_and_both_are_served_elsewhere(world: impl World) {
    let set = Set::new(world, &["a", "b"], |builder| builder);
    let mut runs = Vec::new();
    for pending in [&["a"][..], &["a", "b"], &["a", "b", "a"]] {
        runs.push(set.spawn(|request| request));
        set.calls(pending).await;
    }
    set.upstream.answer("a", Err(Fault::cooldown("429")));
    set.calls(&["b", "b", "b"]).await;
    for _ in 0..3 {
        set.upstream.answer("b", fine());
    }
    for run in runs {
        assert_eq!(run.0.await.unwrap().unwrap(), "fine");
    }
    assert_eq!(set.pool.stats().sibling_cancels, 1);
}

async fn an_admin_call_wakes_a_waiting_run(world: impl World) {
    let set = Set::new(world, &["a"], |builder| builder);
    let cooled = set.spawn(|request| request);
    set.calls(&["a"]).await;
    set.upstream.answer("a", Err(Fault::cooldown_for(Duration::MAX, "429")));
    assert!(cooled.0.await.unwrap().unwrap_err().is_exhausted());
    let waiting = set.spawn(|request| request.wait(true));
    for _ in 0..20 {
        pause_for_others().await;
    }
    set.pool.enable("a").unwrap();
    set.calls(&["a"]).await;
    set.upstream.answer("a", fine());
    assert_eq!(waiting.0.await.unwrap().unwrap(), "fine");
}

async fn a_run_aborted_from_outside_leaves_nothing_behind(world: impl World) {
    let set = Set::new(world, &["a"], |builder| builder);
    let (run, abort) = set.pool.run_abortable(set.upstream.operation());
    let (done, result) = oneshot::channel();
    set.world.spawn(Box::pin(async move {
        let _ = done.send(run.await);
    }));
    set.calls(&["a"]).await;
    abort.abort();
    assert_eq!(result.await.unwrap(), Err(RunError::Aborted));
    let stats = set.pool.stats();
    assert_eq!((stats.in_flight, stats.runs_cancelled), (0, 1));
    assert!(set.upstream.pending().is_empty());
}

async fn a_checkout_waits_for_its_turn_and_hands_it_on(world: impl World) {
    let set = Set::new(world, &[], |builder| {
        builder.resource(Resource::new("a", "a").max_in_flight(1)).held_bound(secs(20))
    });
    let forgotten = set.pool.acquire().await.unwrap();
    let mut turns = Vec::new();
    for number in 1..=2 {
        let (done, turn) = oneshot::channel();
        let request = set.pool.request().timeout(secs(60));
        set.world.spawn(Box::pin(async move {
            let _ = done.send(request.acquire().await.map(|held| held.id().to_owned()));
        }));
        turns.push(turn);
        until(|| set.pool.stats().waiting == number).await;
    }
    while !forgotten.is_aborted() {
        set.world.pass_time().await;
    }
    for turn in turns {
        assert_eq!(turn.await.unwrap().unwrap(), "a");
    }
    assert!(forgotten.succeed().is_err());
    let stats = set.pool.stats();
    assert_eq!((stats.taken_back, stats.runs_cancelled, stats.in_flight), (1, 3, 0));
}

async fn a_hundred_runs_at_once_are_all_served(world: impl World) {
    let set = Set::new(world, &["a", "b", "c"], |builder| builder);
    let mut runs = Vec::new();
    for number in 0..100_u32 {
        let (done, result) = oneshot::channel();
        let request = set.pool.request().wait(true).max_attempts(u32::MAX);
        set.world.spawn(Box::pin(async move {
            let run = request.run(move |lease| async move {
                pause_for_others().await;
                let answer: Answer = match (number + lease.attempt()) % 3 {
                    0 => Err(Fault::cooldown("429")),
                    1 => Err(Fault::retry("503")),
                    _ => fine(),
                };
                answer
            });
            let _ = done.send(run.await);
        }));
        runs.push(Spawned(result));
    }
    for run in runs {
        assert_eq!(set.sleep_through(run).await.unwrap(), "fine");
    }
    let stats = set.pool.stats();
    assert_eq!((stats.runs_ok, stats.in_flight), (100, 0));
}

macro_rules! on {
    ($(($name:ident, $play:expr)),* $(,)?) => {
        $(mod $name {
            use super::*;
            on!(@stories $play;
                a_failing_resource_is_left_alone_and_the_run_is_served_elsewhere,
                a_run_sleeps_through_its_pause_and_the_cooldown,
                an_older_signal_aborts_the_younger_and_both_are_served_elsewhere,
                an_admin_call_wakes_a_waiting_run,
                a_run_aborted_from_outside_leaves_nothing_behind,
                a_checkout_waits_for_its_turn_and_hands_it_on,
                a_hundred_runs_at_once_are_all_served,
            );
        })*
    };
    (@stories $play:expr; $($story:ident),* $(,)?) => {
        $(#[test]
        fn $story() {
            $play(|world| Box::pin(super::$story(world)));
        })*
    };
}

on![
    (on_tokio_with_several_threads, tokio_threads),
    (on_tokio_with_one_thread_and_a_paused_clock, tokio_paused),
    (on_smol, smol_global),
    (on_async_std, async_std_global),
    (on_block_on, plain_block_on),
];

type Story<W> = fn(W) -> Pin<Box<dyn Future<Output = ()>>>;

/// A world on any executor with a spawn hook; the clock is virtual.
#[derive(Clone)]
struct Spawning<S> {
    clock: VirtualClock,
    executor: S,
}

impl<S: Spawn + Clone> World for Spawning<S> {
    fn runtime(&self) -> impl Runtime {
        self.clock.clone()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.executor.spawn(task);
    }

    async fn pass_time(&self) {
        pause_for_others().await;
        if let Some(next) = self.clock.sleeps().first() {
            self.clock.advance(next.saturating_sub(self.clock.elapsed()));
        }
    }
}

fn tokio_threads(story: Story<Spawning<TokioRuntime>>) {
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    threads.block_on(story(Spawning { clock: VirtualClock::new(), executor: TokioRuntime }));
}

fn smol_global(story: Story<Spawning<SmolRuntime>>) {
    smol::block_on(story(Spawning { clock: VirtualClock::new(), executor: SmolRuntime }));
}

fn async_std_global(story: Story<Spawning<AsyncStdRuntime>>) {
    let world = Spawning { clock: VirtualClock::new(), executor: AsyncStdRuntime };
    async_std::task::block_on(story(world));
}

/// tokio's own timer under tokio's paused clock, which jumps when everybody sleeps.
#[derive(Clone)]
struct TokioPaused;

impl World for TokioPaused {
    fn runtime(&self) -> impl Runtime {
        TokioRuntime
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        TokioRuntime.spawn(task);
    }

    async fn pass_time(&self) {
        TokioRuntime.sleep_until(TokioRuntime.now() + Duration::from_millis(50)).await;
    }
}

fn tokio_paused(story: Story<TokioPaused>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(story(TokioPaused));
}

/// No executor at all: the tasks live in a list that `block_on` polls beside the story.
#[derive(Debug, Clone, Default)]
struct SameThread(Arc<Mutex<Vec<TaskCell>>>);

struct TaskCell(BoxFuture<'static, ()>);

impl std::fmt::Debug for TaskCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TaskCell")
    }
}

impl Runtime for SameThread {
    fn now(&self) -> Instant {
        DefaultRuntime.now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        DefaultRuntime.sleep_until(at)
    }
}

impl Spawn for SameThread {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.lock().unwrap().push(TaskCell(future));
    }
}

fn plain_block_on(story: Story<Spawning<SameThread>>) {
    let tasks = SameThread::default();
    let mut story = story(Spawning { clock: VirtualClock::new(), executor: tasks.clone() });
    futures::executor::block_on(std::future::poll_fn(|context| {
        let mut polled = std::mem::take(&mut *tasks.0.lock().unwrap());
        polled.retain_mut(|task| task.0.as_mut().poll(context).is_pending());
        tasks.0.lock().unwrap().append(&mut polled);
        story.as_mut().poll(context)
    }));
}

// The timers themselves.

async fn wakes_on_time(runtime: impl Runtime) {
    let past = runtime.now();
    runtime.sleep_until(past).await;
    let at = runtime.now() + Duration::from_millis(3);
    runtime.sleep_until(at).await;
    assert!(runtime.now() >= at, "it woke early");
    let mut endless = runtime.sleep_until(rotapool_core::after(past, Duration::MAX));
    assert!((&mut endless).now_or_never().is_none(), "a hundred years are not over yet");
}

#[test]
fn every_timer_wakes_on_time_and_bears_a_hundred_years() {
    futures::executor::block_on(wakes_on_time(DefaultRuntime));
    smol::block_on(wakes_on_time(SmolRuntime));
    async_std::task::block_on(wakes_on_time(AsyncStdRuntime));
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let paused = builder.enable_time().start_paused(true).build().unwrap();
    paused.block_on(wakes_on_time(TokioRuntime));
    let real = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    real.block_on(wakes_on_time(TokioRuntime));
}

// What a runtime drives in the background.

#[test]
fn a_monitor_and_a_prober_may_be_given_to_a_runtime() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let paused = builder.enable_time().start_paused(true).build().unwrap();
    paused.block_on(async {
        let resource = Resource::new("a", "a");
        let pool = Pool::builder().resource(resource).runtime(TokioRuntime).build().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let pen = Arc::clone(&told);
        let hears = move |notice: &Notice| pen.lock().unwrap().push(notice.event().to_owned());
        pool.monitor().on_exhausted(hears).spawn(&TokioRuntime);
        let works = async |_| Ok::<_, Fault<Boom>>(());
        pool.prober(ProbeRules::every(secs(10)), works).unwrap().spawn(&TokioRuntime);
        pool.try_acquire().unwrap().signal(Fault::cooldown_for(secs(600), "429")).unwrap();
        tokio::time::sleep(secs(15)).await;
        assert_eq!(*told.lock().unwrap(), ["pool_exhausted"]);
        assert!(pool.try_acquire().is_ok(), "a probe has found that it works");
    });
}

// Operations that are not `Send`.

#[test]
fn a_local_pool_runs_operations_that_are_not_send() {
    use futures::task::LocalSpawnExt as _;
    use std::cell::RefCell;
    use std::rc::Rc;

    let mut local = futures::executor::LocalPool::new();
    let pool = Pool::builder()
        .resources(["a", "b"].map(|id| Resource::new(id, Rc::new(id))))
        .retry_delay(Duration::ZERO)
        .build()
        .unwrap();
    let log = Rc::new(RefCell::new(Vec::new()));
    for _ in 0..4 {
        let (pool, log) = (pool.clone(), Rc::clone(&log));
        let run = async move {
            let run = pool.run(|lease| {
                let log = Rc::clone(&log);
                async move {
                    pause_for_others().await;
                    log.borrow_mut().push(**lease);
                    if lease.id() == "a" { Err(Fault::<Boom>::disable("401")) } else { Ok(()) }
                }
            });
            run.await.unwrap();
        };
        local.spawner().spawn_local(run).unwrap();
    }
    local.run();
    assert_eq!(*log.borrow(), ["a", "b", "b", "b", "b"]);
    assert_eq!(pool.stats().sibling_cancels, 1);
}
