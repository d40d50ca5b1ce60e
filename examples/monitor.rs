//! An idle pool that says on time that it has recovered, by the real clock.
//!
//! Both keys are limited, and then nobody uses the pool. `cargo run --example monitor`

use std::error::Error;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rotapool::{Fault, Pool, Resource, TokioRuntime};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder()
        .name("keys")
        .resources(["key-1", "key-2"].map(|id| Resource::new(id, ())))
        .cooldown_bounds(Duration::from_millis(100)..=Duration::from_secs(60))
        .runtime(TokioRuntime)
        .build()?;
    let (tell, told) = mpsc::channel();
    let also = tell.clone();
    pool.monitor()
        .on_exhausted(move |notice| drop(tell.send((Instant::now(), notice.to_string()))))
        .on_recovered(move |notice| drop(also.send((Instant::now(), notice.to_string()))))
        .spawn(&TokioRuntime);

    let cooldown = Duration::from_millis(700);
    let limited = pool
        .run(async |_| Err::<(), _>(Fault::<String>::cooldown_for(cooldown, "429 from upstream")));
    println!("{}", limited.await.unwrap_err());
    let due = pool.explain().retry_at.ok_or("both keys cool down")?;

    tokio::time::sleep(cooldown * 2).await;
    let mut late = None;
    for (at, notice) in told.try_iter() {
        late = Some(at.saturating_duration_since(due));
        println!("{notice}");
    }
    let late = late.ok_or("the monitor told nothing")?;
    println!("told {:.1} ms after the instant", late.as_secs_f64() * 1e3);
    if late > Duration::from_millis(50) {
        return Err("that is late".into());
    }
    Ok(())
}
