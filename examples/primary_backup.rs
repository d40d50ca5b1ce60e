//! For resources that are not equals: the paid key serves while it can, the backup only stands in.
//! `Strategy::PrimaryBackup` goes by the order of the builder's resources; a hook reports changes.
//! Run it: `cargo run --example primary_backup`

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rotapool::{DefaultRuntime, Fault, Lease, Pool, Resource, Runtime as _, Strategy};

const REQUESTS: u32 = 9;
const BETWEEN_REQUESTS: Duration = Duration::from_millis(300);
const PAID_QUOTA: u32 = 3;
const QUOTA_RESETS_AFTER: Duration = Duration::from_secs(1);

struct Key {
    quota: Cell<u32>,
}

async fn ask(key: Lease<Key>) -> Result<String, Fault<Infallible>> {
    match key.quota.get() {
        0 => {
            // Upstream grants a new quota while the key rests.
            key.quota.set(PAID_QUOTA);
            Err(Fault::cooldown_for(QUOTA_RESETS_AFTER, "429 from upstream"))
        }
        left => {
            key.quota.set(left - 1);
            Ok(key.id().to_owned())
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let at = move || format!("{:>4} ms", start.elapsed().as_millis());
    let pool = Pool::builder()
        .resource(Resource::new("paid", Key { quota: Cell::new(PAID_QUOTA) }))
        .resource(Resource::new("backup", Key { quota: Cell::new(u32::MAX) }))
        .strategy(Strategy::PrimaryBackup)
        .on_state_change(move |change| {
            let why = change.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
            println!("{}  {} turns from {} to {}{why}", at(), change.id, change.old, change.new);
        })
        .build()?;

    let mut served_by = Vec::new();
    block_on(async {
        for request in 1..=REQUESTS {
            let key = pool.run(ask).await?;
            println!("{}  request {request} served by {key}", at());
            served_by.push(key);
            DefaultRuntime.sleep_until(Instant::now() + BETWEEN_REQUESTS).await;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;

    println!();
    for key in pool.stats().resources {
        println!("{:<6}  served {}, rate limited {}", key.id, key.successes, key.cooldowns);
    }

    served_by.dedup();
    assert!(served_by.starts_with(&["paid".into(), "backup".into(), "paid".into()]));
    Ok(())
}
