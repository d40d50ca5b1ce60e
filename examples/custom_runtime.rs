//! For runtimes that have no adapter yet, and for tests: a runtime is a clock and a timer, no more.
//! The time of this one jumps instead of passing, so that minutes of cooldown are over at once.
//! Run it: `cargo run --example custom_runtime`

use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rotapool::{Fault, Pool, Resource, Runtime, Sleep};

/// A clock that moves only when somebody sleeps, and then jumps to the end of the sleep.
///
/// Enough for one run at a time; with several, only the sleeper that is due first may jump.
#[derive(Debug, Clone)]
struct VirtualClock {
    now: Arc<Mutex<Instant>>,
}

impl Runtime for VirtualClock {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let clock = self.clone();
        // The jump happens when the sleep is polled: one that is made and dropped moves nothing.
        Box::pin(async move {
            let mut now = clock.now.lock().unwrap();
            *now = at.max(*now);
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let clock = VirtualClock { now: Arc::new(Mutex::new(start)) };
    let pool = Pool::builder()
        .resource(Resource::new("key-1", "sk-aaa"))
        .cooldown_table([30, 120].map(Duration::from_secs))
        .runtime(clock.clone())
        .build()?;

    println!("virtual time  attempt  answer");
    let run = pool.request().wait(true).run(|key| {
        let elapsed = clock.now() - start;
        async move {
            // Two refusals in a row: the second cooldown is the longer one.
            let limited = key.attempt() < 3;
            let answer = if limited { "429 from upstream" } else { "200 OK" };
            println!("{:>10} s  {:>7}  {answer}", elapsed.as_secs(), key.attempt());
            if limited { Err(Fault::<Infallible>::cooldown(answer)) } else { Ok(()) }
        }
    });
    block_on(run)?;

    let virtual_elapsed = clock.now() - start;
    let real_elapsed = start.elapsed();
    println!("\nvirtual time elapsed  {virtual_elapsed:?}");
    println!("real time elapsed     {real_elapsed:.0?}");

    assert_eq!(virtual_elapsed, Duration::from_secs(30 + 120));
    assert!(real_elapsed < Duration::from_secs(1));
    Ok(())
}
