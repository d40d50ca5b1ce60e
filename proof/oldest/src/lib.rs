//! What the oldest supported Rust builds and runs (`.ci/oldest-rust`): the README's examples, here, and the stories
//! of every runtime and of none, in `tests/`.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
