//! A pool whose settings come from a file and, over it, from the environment:
//!
//! ```sh
//! SERVICE__POOLS__KEYS__MAX_ATTEMPTS=7 cargo run --example configured
//! cargo run --example configured -- /etc/service.toml
//! ```
//!
//! The library reads no files: the crate `config` does, or any other that reads `serde`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::fs;

use config::{Config, Environment, File, FileFormat};
use rotapool::config::Settings;
use rotapool::{Fault, Pool, Resource};

const USUAL: &str = r#"
[pools.keys]
attempt_timeout = "10s"
cooldown_table = ["10s", "1m", "PT10M"]
health = { window = "30s" }
"#;

/// The file, and over it variables such as `SERVICE__POOLS__KEYS__MAX_ATTEMPTS`; of the process unless others are given.
pub(crate) fn load(
    file: &str,
    variables: Option<HashMap<String, String>>,
) -> Result<Settings, Box<dyn Error>> {
    let variables =
        Environment::with_prefix("SERVICE").separator("__").try_parsing(true).source(variables);
    let layers =
        Config::builder().add_source(File::from_str(file, FileFormat::Toml)).add_source(variables);
    Ok(layers.build()?.try_deserialize()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).map(fs::read_to_string).transpose()?;
    let settings = load(file.as_deref().unwrap_or(USUAL), None)?;

    let pool = Pool::builder()
        .config(&settings.pool("keys"))
        .max_waiting(100) // said in the code: no file changes it
        .resource(Resource::new("key-1", "sk-aaa"))
        .build()?;
    println!("{}", serde_json::to_string_pretty(&pool.config())?);

    let run = pool.run(async |key| Ok::<_, Fault<Infallible>>(format!("served by {}", key.id())));
    println!("{}", futures::executor::block_on(run)?);
    Ok(())
}
