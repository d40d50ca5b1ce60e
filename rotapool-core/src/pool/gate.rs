//! What is known of a pool's end once it is closed.

use std::time::Instant;

/// The gate of a pool is shut.
#[derive(Debug)]
pub(super) struct Shut {
    pub(super) since: Instant,
    /// The runs in progress when it closed.
    pub(super) begun: u64,
    /// And when what was left of them was aborted.
    pub(super) left: Option<u64>,
    /// Whether it was told that all is over.
    pub(super) told: bool,
}
