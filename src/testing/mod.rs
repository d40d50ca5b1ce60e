//! For tests of your own: virtual time, operations that go by a script, and a trace of what happened.
//!
//! The feature `test-util` adds this module; it belongs into the dev-dependencies.
//!
//! ```
//! use std::time::Duration;
//! use rotapool::testing::{Answer, Script, VirtualTime};
//! use rotapool::{Pool, Resource};
//!
//! let time = VirtualTime::new();
//! let script = Script::<&str>::new(time.clock())
//!     .on("key-1", [Answer::cooldown("429"), Answer::cooldown("429"), Answer::ok("hello")]);
//! let pool = Pool::builder() // yours, as in production, with these three:
//!     .runtime(time.clock())
//!     .seed(1)
//!     .on_state_change(script.trace().hook())
//!     .resource(Resource::new("key-1", "sk-aaa"))
//!     .retry_delay(Duration::ZERO)
//!     .build()?;
//!
//! let run = pool.request().wait(true).run(|key| script.play(key));
//!
//! assert_eq!(time.block_on(run), Ok("hello"));
//! assert_eq!(time.elapsed(), Duration::from_secs(30 + 120));
//! assert_eq!(script.trace().lines(), [
//!     "0s key-1: call 1 begins (attempt 1)",
//!     "0s key-1: call 1 ends: cooldown (429)",
//!     "0s key-1: now cooling_down until 30s: 429",
//!     "30s key-1: now healthy",
//!     "30s key-1: call 2 begins (attempt 2)",
//!     "30s key-1: call 2 ends: cooldown (429)",
//!     "30s key-1: now cooling_down until 150s: 429",
//!     "150s key-1: now healthy",
//!     "150s key-1: call 3 begins (attempt 3)",
//!     "150s key-1: call 3 ends: ok",
//! ]);
//! # Ok::<(), rotapool::BuildError>(())
//! ```
//!
//! # Choose what you need
//!
//! - [`VirtualTime`] drives one future to its end ([`block_on`](VirtualTime::block_on)), or several step
//!   by step ([`spawn`](VirtualTime::spawn), [`advance`](VirtualTime::advance)). It is no mock: the pool
//!   under test is the real one.
//! - [`Script`] stands for the operation, to test how the pool is set up. To test an operation of your
//!   own, let the client that it calls play a script: an [`Answer`] may be any value, so a response too.
//! - [`Trace`] records any operation.
//!
//! # In a test on tokio
//!
//! tokio has a virtual time of its own, which `TokioRuntime` obeys: scripts and
//! traces go by it too.
//!
//! ```
//! use std::time::Duration;
//! use rotapool::testing::{Answer, Script};
//! use rotapool::{Pool, Resource, TokioRuntime};
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)] // or `tokio::test`
//! async fn main() {
//!     let script = Script::<&str>::new(TokioRuntime)
//!         .on("key-1", [Answer::cooldown("429"), Answer::ok("hello").after(Duration::from_secs(5))]);
//!     let pool = Pool::builder()
//!         .runtime(TokioRuntime)
//!         .resource(Resource::new("key-1", "sk-aaa"))
//!         .retry_delay(Duration::ZERO)
//!         .build()
//!         .unwrap();
//!     let begun = tokio::time::Instant::now();
//!
//!     let run = pool.request().wait(true).run(|key| script.play(key));
//!
//!     assert_eq!(run.await, Ok("hello"));
//!     // tokio rounds the end of a sleep up to a millisecond.
//!     assert_eq!(begun.elapsed().as_secs(), 30 + 5);
//! }
//! ```
//!
//! Under an executor that has none, give the pool a [`VirtualClock`] and move it by hand:
//! [`VirtualClock::advance`] wakes who is due, and the executor polls them when the test awaits next.

mod answer;
mod clock;
mod entry;
mod script;
mod task;
mod trace;
mod virtual_time;

pub use self::{
    answer::Answer,
    clock::VirtualClock,
    entry::{End, Entry, Happened},
    script::Script,
    task::Task,
    trace::Trace,
    virtual_time::VirtualTime,
};
