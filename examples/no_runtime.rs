//! For programs without an async runtime: any executor will do, and the pool brings its own timer.
//! An exhausted pool explains itself; then a request that has some time waits for the cooldown instead of failing.
//! Run it: `cargo run --example no_runtime`

use std::convert::Infallible;
use std::error::Error;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rotapool::{Fault, Lease, Pool, Resource};

enum Key {
    Revoked,
    RateLimited { until: Instant },
}

async fn ask(key: Lease<Key>) -> Result<String, Fault<Infallible>> {
    let now = Instant::now();
    match *key {
        Key::Revoked => Err(Fault::disable("401 from upstream")),
        Key::RateLimited { until } if now < until => {
            Err(Fault::cooldown_for(until - now, "429 from upstream"))
        }
        Key::RateLimited { .. } => Ok(key.id().to_owned()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let until = Instant::now() + Duration::from_millis(1200);
    let pool = Pool::builder()
        .resource(Resource::new("key-1", Key::Revoked))
        .resource(Resource::new("key-2", Key::RateLimited { until }))
        .build()?;

    block_on(async {
        // By default a run fails as soon as there is nothing left to try, and says why.
        let error = pool.run(ask).await.expect_err("neither key works yet");
        let exhausted = error.exhausted().ok_or("the run should have exhausted the pool")?;
        println!("The error as one line, for a log:\n\n{error}\n");
        println!("The error in full, for whoever has to act on it:\n\n{}\n", exhausted.table());

        // A server would pass this on as its own Retry-After.
        let retry_after = error.retry_after().ok_or("key-2 should come back")?;
        println!("The same request again, with five seconds to wait in: {retry_after:.1?} to go.");

        let asked = Instant::now();
        let served_by = pool.request().timeout(Duration::from_secs(5)).run(ask).await?;
        println!("Served by {served_by} after {:.1?}.", asked.elapsed());

        assert_eq!(served_by, "key-2");
        Ok(())
    })
}
