//! Short adversarial experiments: `cargo run --release` in this folder prints one table, a verdict and a
//! number a cell, in about a minute.
//!
//! Every peer is used as its documentation says, with the settings that come closest to what is asked; `-`
//! is what it does not claim to do. The versions are pinned in `Cargo.toml`. Time is real: an open time is
//! 100 ms, and what takes more than 3 s counts as never.

mod breakers;
mod fuses;
mod gates;
mod limiters;
mod table;

use tokio::runtime::Builder;

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        breakers::table().await.print();
        limiters::table().await.print();
        gates::table().await.print();
    });
}
