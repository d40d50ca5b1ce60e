//! Commands chosen by the fuzzer, played on core and on the naive reference: both have to give the same
//! answers, and core has to keep its invariants.
//!
//! The random model test of core plays random commands on the same two in plain `cargo test`.
#![no_main]

mod deeds;
#[path = "../../../../rotapool-core/tests/twice/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with tests, which use more of it")]
mod twice;

use libfuzzer_sys::fuzz_target;

use crate::deeds::Story;
use crate::twice::command::Command;
use crate::twice::corners::Corners;
use crate::twice::episode::{Doing, Episode};

fuzz_target!(|story: Story| {
    let mut corners = Corners::default();
    let mut episode = Episode::new(&story.rules());
    for deed in &story.deeds {
        if let Some(command) = deed.command(&episode) {
            episode.play(&command, &mut corners);
        }
    }
    for run in episode.runs_that(|doing| doing != Doing::Over) {
        episode.play(&Command::Cancel { run }, &mut corners);
    }
    episode.end();
});
