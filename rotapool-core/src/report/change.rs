//! A change of a resource's status.

use std::sync::Arc;
use std::time::Instant;

use crate::member::standing::{Cause, Status};

/// A resource changed its status, or its cooldown was extended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateChange {
    /// Counts the changes of the pool from 1. Changes may be delivered out of order: this is theirs.
    pub sequence: u64,
    /// The resource.
    pub id: Arc<str>,
    /// The status before. A cooldown counts here until the pool has noticed its end.
    pub old: Status,
    /// The status after; equal to `old` when a cooldown signal met a cooldown.
    pub new: Status,
    /// When the cooldown ends, if that is what it is now.
    pub until: Option<Instant>,
    /// Why the resource is out; `None` when it is healthy now.
    pub cause: Option<Cause>,
}
