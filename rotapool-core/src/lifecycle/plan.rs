//! What a shutdown and its clean-ups keep to.

use std::sync::Arc;
use std::time::Duration;

/// What a shutdown keeps to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownRules {
    /// How long all clean-ups together may take, from the trigger on.
    pub deadline: Duration,
    /// Whether those of one priority run side by side.
    pub side_by_side: bool,
}

/// What one clean-up is called, when it is its turn, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanUpPlan {
    /// The name: unique, not empty.
    pub name: Arc<str>,
    /// Lower ones come first; ties by registration.
    pub priority: i32,
    /// How long it may take; `None` leaves it all that is left of the deadline.
    pub limit: Option<Duration>,
}
