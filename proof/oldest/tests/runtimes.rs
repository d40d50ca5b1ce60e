//! The stories that are played on every runtime and under a plain `block_on`, as they stand in `tests/stories`.

#[path = "../../../tests/stories/runtimes.rs"]
mod runtimes;
#[path = "../../../tests/stories/scene.rs"]
#[allow(dead_code, reason = "other stories need the rest")]
mod scene;
#[path = "../../../tests/stories/upstream.rs"]
#[allow(dead_code, reason = "other stories need the rest")]
mod upstream;
