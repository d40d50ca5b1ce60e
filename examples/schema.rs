//! Prints the JSON schema of a file of settings, as `docs/settings.schema.json` has it:
//!
//! ```sh
//! cargo run --example schema > docs/settings.schema.json
//! ```

use rotapool::config::Settings;

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&Settings::json_schema())?);
    Ok(())
}
