//! The rules of one pool, as its builder set them.

use std::time::Duration;

use crate::member::health_rules::HealthRules;
use crate::select::strategy::Strategy;

/// The rules of a pool. [`Default`] has the documented defaults.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// How long the first, second, third… cooldown since the last success lasts; the last entry
    /// serves for all that follow. 30 s, 120 s, 300 s, 600 s by default.
    pub cooldown_table: Vec<Duration>,
    /// How to choose. [`Strategy::LeastInFlight`] by default.
    pub strategy: Strategy,
    /// Whether a cooldown or disable signal aborts the younger usages on the resource. On by default.
    pub cancel_siblings: bool,
    /// Whether a resource comes back from a cooldown with a cap of 1 until a success. Off by default.
    pub probe_on_recovery: bool,
    /// Whether a retry prefers resources that its run has not tried. By default on, except for the
    /// strategies [`LeastInFlight`](Strategy::LeastInFlight) and
    /// [`PrimaryBackup`](Strategy::PrimaryBackup), whose recorded behaviour is without it; with a foreign choice it is on for them too.
    pub avoid_tried: Option<bool>,
    /// How health is measured.
    pub health: HealthRules,
    /// Whether a caller's own code chooses: see [`Step::Choose`](crate::Step::Choose). Off by default.
    pub foreign_choice: bool,
    /// Whether usages that were in flight at the last trip escalate no further. Off by default.
    pub one_trip_per_outage: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cooldown_table: [30, 120, 300, 600].map(Duration::from_secs).to_vec(),
            strategy: Strategy::default(),
            cancel_siblings: true,
            probe_on_recovery: false,
            one_trip_per_outage: false,
            avoid_tried: None,
            health: HealthRules::default(),
            foreign_choice: false,
        }
    }
}

impl Config {
    pub(crate) fn avoids_tried(&self) -> bool {
        let recorded = matches!(self.strategy, Strategy::LeastInFlight | Strategy::PrimaryBackup);
        self.avoid_tried.unwrap_or(!recorded || self.foreign_choice)
    }
}
