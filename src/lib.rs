//! Keeps N flaky but interchangeable resources useful: API keys, proxies, RPC endpoints, workers.
//!
//! [`Pool::run`] picks a resource, runs your operation with it, and takes the operation's own
//! outcome as the evidence of the resource's health: fine, cool it down, disable it, or just try
//! again. The pool escalates cooldowns, aborts the younger operations that are doomed on the same
//! resource, tries elsewhere at once, and lets runs wait in line when nothing is free: a run fails only when
//! nothing can serve it within its budget and deadline. There is no prober, no background task, and no executor
//! that it prefers.
//!
//! ```
//! use std::time::Duration;
//! use rotapool::{Fault, Lease, Pool, Resource};
//!
//! # struct Response { status: u16, retry_after: Option<Duration>, text: String }
//! # async fn post(key: &str, prompt: &str) -> Result<Response, std::io::Error> {
//! #     let status = if key == "sk-aaa" { 429 } else { 200 };
//! #     Ok(Response { status, retry_after: Some(Duration::from_secs(7)), text: prompt.to_uppercase() })
//! # }
//! async fn ask(key: Lease<&str>, prompt: &str) -> Result<String, Fault<String>> {
//!     let response = post(&key, prompt).await.map_err(Fault::retry)?;
//!     match response.status {
//!         200 => Ok(response.text),
//!         429 => Err(Fault::cooldown_for(response.retry_after, "429 from upstream")),
//!         401 => Err(Fault::disable("key revoked")),
//!         status => Err(format!("upstream says {status}"))?, // not the key's fault: yours to handle
//!     }
//! }
//!
//! # futures::executor::block_on(async {
//! let pool = Pool::builder()
//!     .resource(Resource::new("key-1", "sk-aaa"))
//!     .resource(Resource::new("key-2", "sk-bbb").max_in_flight(4))
//!     .build()?;
//!
//! let request = pool.request().timeout(Duration::from_secs(2));
//! let reply = request.run(|key| ask(key, "hello")).await;
//!
//! assert_eq!(reply.as_deref(), Ok("HELLO"));
//! assert_eq!(pool.stats().cooling_down, 1);
//! # Ok::<(), rotapool::BuildError>(())
//! # }).unwrap();
//! ```
//!
//! # How it works
//!
//! - A **run** is one call of [`Pool::run`]. It makes one or more **attempts**: calls of the operation
//!   with a [`Lease`] on one **resource**.
//! - A resource is **healthy**, **cooling down** or **disabled**. A healthy one below its
//!   `max_in_flight` is **eligible**; one at it is **saturated**. A [`Strategy`] picks among the
//!   eligible: by default the one with the fewest operations in flight, then the least recently picked.
//!   A run may [narrow](Request::only) the choice, and [`Select`] replaces it.
//! - An attempt ends with a value, with an error of the operation's own, or with a **signal** about the
//!   resource ([`Fault`]; or a [classifier](Request::classify) says which of them it was). The first two
//!   end the run. After a signal it goes on, to a resource that it has not tried if there is any.
//! - A cooldown or disable signal aborts the **younger siblings**: operations that began later on the
//!   same resource. Their runs go on elsewhere. A cooldown signal spares [those sent beside its own
//!   call](Builder::cancel_siblings), which may be served.
//! - When nothing is eligible, a run that [waits](Request::wait), as one with a time-out does, gets **in line**: what
//!   comes free is handed to the first who may have it. One that does not wait fails with [`RunError::Exhausted`], which
//!   says of every resource why it is out and when it is back. A run that **pauses** before it repeats itself stands in
//!   line too, for what it has not tried.
//! - After an outage a resource comes back up a **ramp** or on **trial**: see [`Recovery`].
//!
//! # Quotas
//!
//! What an upstream allows in so much time, the pool can keep to before the first 429:
//!
//! ```
//! use rotapool::{Fault, Pool, Quota, Resource};
//!
//! # struct Reply { tokens: u64, tokens_left: u64, tokens_reset: std::time::Duration }
//! # async fn ask(_key: &str) -> Result<Reply, std::io::Error> {
//! #     Ok(Reply { tokens: 1_534, tokens_left: 88_000, tokens_reset: std::time::Duration::from_secs(2) })
//! # }
//! # futures::executor::block_on(async {
//! let pool = Pool::builder()
//!     .resource(
//!         Resource::new("key-1", "sk-aaa")
//!             .quota(Quota::per_minute(60)) // requests: one an attempt
//!             .quota(Quota::per_minute(90_000).of("tokens")),
//!     )
//!     .build()?;
//! let run = pool.request().cost("tokens", 1_200).run(async |key| {
//!     let reply = ask(&key).await.map_err(|error| {
//!         key.unspent(); // it never reached the upstream
//!         Fault::retry(error)
//!     })?;
//!     key.spent("tokens", reply.tokens); // not as many as were reserved
//!     key.correct("tokens", reply.tokens_left, reply.tokens_reset); // and what the upstream says beats that
//!     Ok::<_, Fault<std::io::Error>>(())
//! });
//! run.await.unwrap();
//! println!("{}", pool.explain());
//! # assert_eq!(pool.snapshot()[0].quotas[1].left, 88_000);
//! # assert_eq!(pool.snapshot()[0].quotas[0].left, 59);
//! # Ok::<(), rotapool::BuildError>(())
//! # }).unwrap();
//! ```
//!
//! A resource of which a dimension has less than one left is **spent**, until a known instant. That is load and no matter of
//! health: it is not eligible and healthy all the same, no event tells of it, and its trial, ramp or cooldown go on as
//! they would. It counts where load is counted: `explain`, [`stats`](Pool::stats), [`snapshot`](Pool::snapshot), the metrics, an
//! exhausted run and its [`retry_after`](RunError::retry_after); those in line are served when it has quota again, by one
//! timer for all. Of a cooldown and a spent quota the later end counts. Quotas are the pool's own and work under
//! [`python_rules`](Builder::python_rules) too. A resource that is removed and added again has all of its quota; while it is
//! disabled or cools down it refills. What an attempt reserved stays taken if nobody says otherwise, also when it is dropped.
//!
//! # Longer than a call, and without async
//!
//! - [`Pool::run_stream`] hands on a stream once its first item is there: a [`HeldStream`] keeps its place to its end.
//! - [`Pool::acquire`] checks a resource out: a [`Held`] keeps its place until its holder settles it.
//! - [`Pool::run_blocking`] runs an operation that blocks, on the thread that calls.
//!
//! Resources may share a limit: a [`Group`] has quotas of its own beside theirs, and a signal may [speak of all of
//! it](Fault::of_group).
//!
//! # Cancel safety
//!
//! Every future of this crate may be dropped at any point. A run that is dropped gives its place on the
//! resource back, says nothing about the resource's health, and counts as cancelled if it had begun: if it was polled.
//!
//! # At least once
//!
//! An operation that is aborted or retried may have reached the upstream already. If yours must not
//! happen twice, switch [`cancel_siblings`](Builder::cancel_siblings) off and send signals only when
//! nothing was done, as after a 429.
//!
//! # Runtimes
//!
//! Nothing is detected and nothing spawned. A pool sleeps on the [`Runtime`] that its builder was
//! given; without one on [`DefaultRuntime`], which works under any executor.
//!
//! | feature | adds |
//! |---|---|
//! | `tokio` | `TokioRuntime`: tokio's timer and clock, the paused one included |
//! | `smol` | `SmolRuntime`: async-io's timer |
//! | `async-std` | `AsyncStdRuntime`: the same, for those still on async-std, which is discontinued (RUSTSEC-2025-0052) |
//! | `test-util` | `testing`: virtual time, scripted operations and traces, for tests of your own |
//!
//! And for those who ask over HTTP:
//!
//! | feature | adds |
//! |---|---|
//! | `http` | `Lease::judge`, and `hints` behind it: what an upstream's status, headers and body say of a resource |
//! | `reqwest` | the same for the responses of reqwest 0.13 |
//!
//! And for those who watch:
//!
//! | feature | adds |
//! |---|---|
//! | `serde` | `Serialize` for [`PoolStats`], [`ResourceSnapshot`] and [`Explanation`]: time in seconds, instants as ages, never a value; [`config`], read from files |
//! | `prometheus` | `PoolCollector`: the metrics of any number of pools for a `prometheus-client` registry; `ProtectCollector`: those of breakers and limiters |
//! | `tracing` | a span a run, and events on attempts and changes of status: see [Traces](#traces) |
//!
//! And for stacks of services:
//!
//! | feature | adds |
//! |---|---|
//! | `http-body` | `Pool::run_body`: [`run_stream`](Pool::run_stream) for the bodies of HTTP responses |
//! | `tower` | `PoolService`: a pool as a service of the crate `tower`; `PoolLayer`: the same of pools of services |
//!
//! And for the service around it, in [`lifecycle`], which also has what needs no feature:
//!
//! | feature | adds |
//! |---|---|
//! | `signal` | `Shutdown::on_signals`: SIGTERM and SIGINT under any executor |
//! | `heartbeat` | `Heartbeat`: a file that proves work, and who reads it; `Watchdog::from_heartbeat` |
//! | `command` | `lifecycle::RecoveryCommand`: a program to run when the pool turns |
//! | `systemd` | `Systemd`: READY, WATCHDOG, STATUS, STOPPING |
//!
//! No feature is on by default, and none changes behaviour. A runtime of your own is two functions:
//! see `examples/custom_runtime.rs`. Runtimes and their sleeps are `Send`; operations need not be.
//!
//! # Traces
//!
//! With the feature `tracing` a pool tells the crate of that name what it does, with the target `rotapool`:
//!
//! | level | what | fields |
//! |---|---|---|
//! | DEBUG | the span `rotapool::run` around each run, its operation and all that follows from them | `pool`, `request_id` if given |
//! | DEBUG | `attempt settled`, `attempt abandoned` | `pool`, `resource_id`, `request_id` if given, `attempt` (from 1), `outcome`, `latency` in seconds |
//! | DEBUG | `attempt committed`: its stream has had its first item | `pool`, `resource_id`, `attempt`, `latency` so far in seconds |
//! | DEBUG | `attempt hedged`: another one begins beside it | the same |
//! | DEBUG | `probe settled` | `pool`, `resource_id`, `outcome`, `latency` in seconds |
//! | DEBUG | `probed early`: a run [tries](Builder::probe_early) what is out | `pool`, `resource_id`, `left` until its end in seconds |
//! | DEBUG | `run in line`: it waits for a resource | `pool`, `waiting` (itself included), `oldest_wait` in seconds |
//! | DEBUG | `siblings aborted` | `pool`, `resource_id`, `count` |
//! | DEBUG | `run ended` | `pool`, `request_id` if given, `outcome`, `attempts` |
//! | INFO | `admin call`, if whoever made it [gave a name](Pool::admin) | `pool`, `by`, `call`, `resource_id` unless it is of a list |
//! | INFO | `resource added`, `resource removed` | `pool`, `resource_id` |
//! | INFO | `resource healthy again` | `pool`, `resource_id`, `sequence`, `old` |
//! | INFO | `pool recovered`, `pool closed` | `pool` |
//! | INFO | `command ended` of a [monitor](Monitor); WARN `command failed`, with its `end` | `pool`, `program`, `seconds` that it took |
//! | WARN | `resource cools down`, also when it did already | `pool`, `resource_id`, `sequence`, `seconds` left, `cause` |
//! | WARN | `resource kept available`, which the circuit breaker would have sent away | `pool`, `resource_id`, `evidence` |
//! | WARN | `place taken back` from who [held](Builder::held_bound) it too long | `pool`, `resource_id`, `request_id` if given, `held_for` in seconds |
//! | ERROR | `resource disabled` by a signal; INFO if by an admin call | `pool`, `resource_id`, `sequence`, `cause` |
//! | ERROR | `pool exhausted`: no resource is healthy any more | `pool`, `retry_after` in seconds, if a cooldown is under way |
//!
//! Without the feature nothing of it is compiled; with it, but with nobody who listens at that level, a
//! run looks at a level three times and goes on.
//!
//! # Without a pool
//!
//! A [`CircuitBreaker`], a [`RateLimiter`] and a [`FallbackChain`] stand alone: each is a handle that needs no pool, no
//! executor and no background task. With the feature `tracing` a breaker tells its changes with the fields `breaker`,
//! `sequence`, `old`, `cause` and `mode`: WARN `circuit open`, INFO `circuit half open` and `circuit closed`.
//!
//! # Limits
//!
//! - The state is in memory and of one process.
//! - A pick is O(log n) at worst, but O(n) with an affinity key, a filter or a [`Select`].
//! - A retry turns down what the run has tried: O(k log n) after k tries. A place that comes free passes whom it is not
//!   for: O(line) where those in line filter.
//! - Health is judged inside the operation. What happens to a response after the operation returned it,
//!   the pool does not see, unless it is a stream that the pool [holds](Pool::run_stream).
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod config;
mod drive;
mod held;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod hints;
pub mod lifecycle;
mod park;
mod pool;
mod protect;
mod shield;
mod sync;
mod terms;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod testing;
#[cfg(feature = "tower")]
mod tower;
mod waiters;
mod watch;

#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use self::tower::{Cloned, Factory, PoolFuture, PoolLayer, PoolService, Remake, Services};
pub use drive::abort::AbortHandle;
pub use drive::lease::Lease;
pub use drive::timer::DefaultRuntime;
#[cfg(feature = "http-body")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
pub use held::HeldBody;
pub use held::{Aborted, Held, HeldStream, StreamError, TakenBack};
pub use lifecycle::{Monitor, Prober};
pub use pool::{Builder, Classified, Pool, Request, Resource, Wrapped};
pub use protect::{
    Acquire, BreakerBuilder, BreakerError, BreakerSwitch, ChainError, ChainRequest,
    ChainSetupError, CircuitBreaker, FallbackChain, Judged, LimiterBuilder, Passed, Permit,
    Protected, RateLimiter, Served,
};
#[cfg(feature = "prometheus")]
#[cfg_attr(docsrs, doc(cfg(feature = "prometheus")))]
pub use protect::{NameTaken, ProtectCollector};
pub use terms::blame::Blame;
pub use terms::error::{OptionsError, RunError};
pub use terms::fault::Fault;
pub use terms::finding::{signal_in, signals};
pub use terms::meaning::Meaning;
pub use terms::select::Select;
pub use terms::unserved::Unserved;
pub use watch::events::Events;
#[cfg(feature = "prometheus")]
#[cfg_attr(docsrs, doc(cfg(feature = "prometheus")))]
pub use watch::metrics::{CollectorError, PoolCollector};

pub use rotapool_core::{AdminCall, Applied, ListError, Profile, Rotation};
pub use rotapool_core::{
    Basis, BuildError, Candidate, Cause, CommandEnd, CommandReport, CostError, Edge, Event,
    Exhausted, ExhaustedReason, ExhaustedTable, Explanation, Grade, Group, GroupError, Health,
    HealthRules, Hedge, Metadata, Notice, Outcome, Outlook, PoolStats, ProbeError, ProbeRules,
    Quota, QuotaError, QuotaLevel, Recovery, ResourceError, ResourceSnapshot, ResourceStats,
    RunOutcome, Runtime, Signal, Sleep, Spawn, StateChange, Status, Strategy, Trial,
    UnknownStrategy, chain,
};
pub use rotapool_core::{
    BreakerCause, BreakerChange, BreakerMode, BreakerState, BreakerStats, BudgetError, BudgetSpent,
    LimiterStats, RateError, RateLimited, Rejected, RetryBudget, Trip, TripError, Window,
};
pub use rotapool_core::{DrainReport, StillRunning};

#[cfg(feature = "async-std")]
#[cfg_attr(docsrs, doc(cfg(feature = "async-std")))]
pub use rotapool_smol::AsyncStdRuntime;
#[cfg(feature = "smol")]
#[cfg_attr(docsrs, doc(cfg(feature = "smol")))]
pub use rotapool_smol::SmolRuntime;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use rotapool_tokio::TokioRuntime;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../docs/from-a-429-to-a-cooldown.md")]
struct FromALimitToACooldown;

#[cfg(doctest)]
#[doc = include_str!("../docs/protect.md")]
struct Protect;

#[cfg(doctest)]
#[doc = include_str!("../docs/operators.md")]
struct Operators;
