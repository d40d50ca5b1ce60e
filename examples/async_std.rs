//! For programs still on async-std. It is discontinued upstream; smol is its heir: see `smol.rs`.
//! An operation is bound to the pool once, with `wrap`, and then called like any other function.
//! Run it: `cargo run --example async_std`

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_std::task;
use futures::future::join_all;
use rotapool::{AsyncStdRuntime, Fault, Lease, Pool, Resource, RunError};

enum Mirror {
    Retired,
    Serving { over_quota: AtomicBool },
}

#[derive(Debug, PartialEq)]
struct NotFound;

/// Fetches a page, and judges the mirror by its answer: the pool needs no more than this.
async fn fetch(mirror: Lease<Mirror>, page: &'static str) -> Result<String, Fault<NotFound>> {
    task::sleep(Duration::from_millis(10)).await;
    match &*mirror {
        Mirror::Retired => Err(Fault::disable("410: mirror retired")),
        Mirror::Serving { over_quota } if over_quota.swap(false, Ordering::Relaxed) => {
            Err(Fault::cooldown_for(Duration::from_secs(1), "429: too many requests"))
        }
        // The mirror did its part: this error is for the caller, who gets it as it is.
        Mirror::Serving { .. } if page == "/missing" => Err(NotFound)?,
        Mirror::Serving { .. } => Ok(format!("{} (attempt {})", mirror.id(), mirror.attempt())),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder()
        .resource(Resource::new("mirror-1", Mirror::Retired))
        .resource(Resource::new("mirror-2", Mirror::Serving { over_quota: AtomicBool::new(true) }))
        .runtime(AsyncStdRuntime)
        .build()?;

    // From here on nobody has to know that there is a pool.
    let fetch = pool.request().timeout(Duration::from_secs(10)).wrap(fetch);

    task::block_on(async {
        let pages = ["/index", "/guide", "/missing", "/changes"];
        // A run spawns nothing, so calls can be joined in one task.
        let answers = join_all(pages.map(|page| fetch.call(page))).await;

        for (page, answer) in pages.iter().zip(&answers) {
            match answer {
                Ok(source) => println!("{page:<9} served by {source}"),
                Err(RunError::Operation(NotFound)) => println!("{page:<9} not found"),
                Err(other) => println!("{page:<9} failed: {other:?}"),
            }
        }
        let stats = pool.stats();
        println!("\nmirrors disabled on the way  {}", stats.disables);
        println!("cooldowns waited out         {}", stats.cooldowns);
        println!("\nHow the mirrors stand now:");
        for mirror in pool.snapshot() {
            println!("  {mirror}");
        }

        let [index, guide, missing, changes] = answers.as_slice() else { unreachable!() };
        assert!(index.is_ok() && guide.is_ok() && changes.is_ok());
        assert_eq!(*missing, Err(RunError::Operation(NotFound)));
        assert_eq!((stats.disables, stats.cooldowns), (1, 1));
    });
    Ok(())
}
