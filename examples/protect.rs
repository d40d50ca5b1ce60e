//! What protects an upstream without a pool: a circuit breaker, a rate limiter and a chain of alternatives.
//! Time is virtual, so ten minutes of outage are over at once.
//! Run it: `cargo run --example protect`

use std::error::Error;
use std::time::Duration;

use rotapool::testing::{VirtualClock, VirtualTime};
use rotapool::{BreakerError, CircuitBreaker, FallbackChain, RateLimiter, Trip};

const CALLS_EVERY: Duration = Duration::from_secs(5);
const OUTAGE: std::ops::Range<u64> = 60..240;
const CALLS: u32 = 120;

fn main() -> Result<(), Box<dyn Error>> {
    breaker()?;
    limiter()?;
    chain()
}

/// What an upstream and its callers go through in ten minutes with an outage of three.
fn breaker() -> Result<(), Box<dyn Error>> {
    println!("A circuit breaker: a call every 5 s for ten minutes, an outage from 60 s to 240 s\n");
    println!("  {:<24}{:>14}{:>10}{:>10}  opened", "", "calls made", "failed", "rejected");
    let rules = [
        ("no breaker", None),
        ("open for 30 s", Some(Trip::after_failures(5))),
        ("open for 10, 30, 60 s", Some(Trip::after_failures(5).open_table([10, 30, 60].map(secs)))),
        (
            "a fifth of the last 10",
            Some(Trip::at_failure_rate(20).window(rotapool::Window::Calls(10))),
        ),
    ];
    for (name, trip) in rules {
        let clock = VirtualClock::new();
        // Without a breaker is with one that its operator holds closed.
        let guarded = trip.is_some();
        let builder = CircuitBreaker::builder(trip.unwrap_or_default()).runtime(clock.clone());
        let breaker = builder.build()?;
        if !guarded {
            breaker.force_close();
        }
        let mut opened = Vec::new();
        for _ in 0..CALLS {
            let down = OUTAGE.contains(&clock.elapsed().as_secs());
            let before = breaker.state();
            let answer = breaker.call_blocking(|| if down { Err("503") } else { Ok(()) });
            if before != breaker.state()
                && !matches!(answer, Ok(()) | Err(BreakerError::Rejected(_)))
            {
                opened.push(format!("{} s", clock.elapsed().as_secs()));
            }
            clock.advance(CALLS_EVERY);
        }
        let stats = breaker.stats();
        let (made, failed) = (stats.successes + stats.failures, stats.failures);
        let opened = opened.join(", ");
        println!("  {name:<24}{made:>14}{failed:>10}{:>10}  {opened}", stats.rejected);
        assert_eq!(stats.calls, u64::from(CALLS));
        assert!(failed < if guarded { 15 } else { 37 });
    }
    Ok(())
}

/// When those in line for a limiter of 10 a second are served.
fn limiter() -> Result<(), Box<dyn Error>> {
    println!("\nA rate limiter of 10 a second, its bucket empty\n");
    println!("  {:<12}{:>8}{:>10}  answer", "who", "tokens", "came at");
    let time = VirtualTime::new();
    let limiter = RateLimiter::builder(10, secs(1)).runtime(time.clock()).build()?;
    limiter.try_acquire_many(10)?;
    let callers = [
        ("batch", 8, None),
        ("hasty", 1, Some(Duration::from_millis(500))),
        ("patient", 1, Some(secs(2))),
        ("greedy", 11, None),
        ("one", 1, None),
    ];
    let mut tasks = Vec::new();
    for (name, tokens, timeout) in callers {
        let (limiter, clock, came) = (limiter.clone(), time.clock(), time.elapsed());
        let wait = async move {
            let acquire = limiter.acquire_many(tokens);
            let answer = match timeout {
                Some(timeout) => acquire.timeout(timeout).await,
                None => acquire.await,
            };
            match answer {
                Ok(()) => format!("served at {:?}", clock.elapsed()),
                Err(refused) => format!("refused at {:?}: {refused}", clock.elapsed()),
            }
        };
        tasks.push((name, tokens, came, time.spawn(wait)));
        time.advance(Duration::from_millis(10));
    }
    time.advance(secs(3));
    for (name, tokens, came, task) in tasks {
        let answer = task.take_result().ok_or("everybody has an answer")?;
        println!("  {name:<12}{tokens:>8}{:>10}  {answer}", format!("{came:.0?}"));
    }
    let stats = limiter.stats();
    println!("\n  {} served, {} refused, {:?} waited", stats.acquired, stats.refused, stats.waited);
    assert_eq!((stats.acquired, stats.refused), (1 + 3, 2));
    Ok(())
}

/// Who serves when some of the alternatives fail, hang, or are no use at all.
fn chain() -> Result<(), Box<dyn Error>> {
    println!("\nA chain of three models with 10 s for all of them\n");
    println!("  {:<36}{:>8}  served by", "large / small / local", "after");
    let time = VirtualTime::new();
    let chain = FallbackChain::new()
        .then("large", 0)
        .then("small", 1)
        .then("local", 2)
        .timeout(secs(10))
        .runtime(time.clock())
        .go_on_if(|error: &String| error != "bad request");
    let days = [
        ["fine", "fine", "fine"],
        ["503", "fine", "fine"],
        ["503", "429", "fine"],
        ["503", "hangs", "fine"],
        ["bad request", "fine", "fine"],
        ["503", "429", "out of memory"],
    ];
    let mut served = 0;
    for day in days {
        let (clock, began) = (time.clock(), time.elapsed());
        let run = chain.run_detailed(|model: &usize| {
            let (mood, clock) = (day[*model], clock.clone());
            async move {
                clock.sleep(secs(if mood == "hangs" { 60 } else { 1 })).await;
                if mood == "fine" { Ok(()) } else { Err(mood.to_owned()) }
            }
        });
        let answer = match time.block_on(run) {
            Ok(by) => {
                served += 1;
                by.name.to_string()
            }
            Err(error) => format!("nobody: {error}"),
        };
        let took = format!("{:?}", time.elapsed() - began);
        println!("  {:<36}{took:>8}  {answer}", day.join(" / "));
    }
    assert_eq!(served, 3);
    Ok(())
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
