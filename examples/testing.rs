//! For tests of your own policies: with the feature `test-util`, an outage of minutes is over at once
//! and leaves a trace of everything that happened, to read or to assert on.
//! Run it: `cargo run --example testing`

use std::error::Error;
use std::time::{Duration, Instant};

use rotapool::testing::{Answer, Script, VirtualTime};
use rotapool::{Pool, Resource, Strategy};

const OUTAGE: std::ops::Range<Duration> = Duration::from_secs(50)..Duration::from_secs(150);
const ONE_SECOND: Duration = Duration::from_secs(1);
const REQUESTS_AT: [f64; 6] = [0.0, 60.0, 60.5, 120.0, 180.0, 300.0];

fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let time = VirtualTime::new();

    // What the upstream does: eu goes by the clock, us always serves. Every answer takes a second.
    let clock = time.clock();
    let eu = std::iter::from_fn(move || {
        let out = OUTAGE.contains(&clock.elapsed());
        Some(if out { Answer::cooldown("503") } else { Answer::ok("eu") }.after(ONE_SECOND))
    });
    let us = std::iter::repeat(Answer::ok("us").after(ONE_SECOND));
    let script = Script::<&str>::new(time.clock()).on("eu", eu).on("us", us);

    let pool = Pool::builder()
        .resources(["eu", "us"].map(|id| Resource::new(id, ())))
        .strategy(Strategy::PrimaryBackup)
        .runtime(time.clock())
        .on_state_change(script.trace().hook())
        .build()?;

    let runs = REQUESTS_AT.map(Duration::from_secs_f64).into_iter().enumerate().map(|(n, at)| {
        let (clock, script) = (time.clock(), script.clone());
        let request = pool.request().request_id(format!("req-{}", n + 1));
        time.spawn(async move {
            clock.sleep(at).await;
            request.run(|key| script.play(key)).await
        })
    });
    let runs: Vec<_> = runs.collect();
    time.advance(Duration::from_secs(400));

    println!("{}", script.trace());
    println!("\nvirtual time {:?}, real time {:.0?}", time.elapsed(), started.elapsed());

    let served_by: Vec<_> = runs.iter().filter_map(|run| run.take_result()?.ok()).collect();
    assert_eq!(served_by, ["eu", "us", "us", "us", "us", "eu"]);
    let lines = script.trace().lines();
    for line in
        ["61s eu: now cooling_down until 91s: 503", "121s eu: now cooling_down until 241s: 503"]
    {
        assert!(lines.iter().any(|happened| happened == line), "{line}");
    }
    Ok(())
}
