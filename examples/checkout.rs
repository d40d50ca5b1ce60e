//! Browser sessions that outlive a call: they are checked out, used for a while, and settled by who holds them.
//! One of them is forgotten; the pool takes its place back. `cargo run --example checkout`

use std::error::Error;
use std::time::Duration;

use futures::executor::block_on;
use rotapool::{Fault, Held, Pool, Resource};

/// A page in a browser, in a framework that knows nothing of pools: it keeps what it is given for as long as it likes.
struct Page {
    browser: Held<&'static str>,
}

impl Page {
    async fn open(pool: &Pool<&'static str>, user: &str) -> Result<Self, Box<dyn Error>> {
        // In line for up to two seconds, if all are taken.
        let request = pool.request().request_id(user).timeout(Duration::from_secs(2));
        Ok(Self { browser: request.acquire().await? })
    }

    fn visit(&self, url: &str) {
        println!("  {} opens {url} at {}", self.browser.id(), *self.browser);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder()
        .resource(Resource::new("browser-1", "ws://127.0.0.1:9221").max_in_flight(1))
        .resource(Resource::new("browser-2", "ws://127.0.0.1:9222").max_in_flight(1))
        .held_bound(Duration::from_millis(300)) // in earnest, minutes
        .build()?;
    let mut events = pool.events();

    block_on(async {
        println!("Ann is done with hers:");
        let ann = Page::open(&pool, "ann").await?;
        ann.visit("/prices");
        ann.browser.succeed()?;

        println!("Bob's crashes, and is left alone for a while:");
        let bob = Page::open(&pool, "bob").await?;
        bob.visit("/heavy");
        bob.browser.signal(Fault::cooldown("tab crashed"))?;

        println!("Eve forgets hers; Cid waits in line:");
        let eve = Page::open(&pool, "eve").await?;
        eve.visit("/login");
        println!("{}", pool.explain());
        let cid = Page::open(&pool, "cid").await?;
        cid.visit("/prices");

        println!("Eve comes back: {}", eve.browser.succeed().unwrap_err());
        cid.browser.succeed()?;
        Ok::<_, Box<dyn Error>>(())
    })?;

    println!("\nWhat happened:");
    while let Some(event) = events.try_next() {
        println!("  {event}");
    }
    let stats = pool.stats();
    println!("\nin flight {}, taken back {}", stats.in_flight, stats.taken_back);
    Ok(())
}
