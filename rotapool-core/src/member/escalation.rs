//! How long a resource cools down, and how repeated cooldowns escalate.

use std::time::Duration;

use super::usage::Sequence;

/// How far a resource has climbed the cooldown table.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Escalation {
    step: u32,
    /// The newest usage of the pool when the last step was taken; 0, which is before any, until then.
    tripped_after: Sequence,
}

impl Escalation {
    /// The number of cooldowns since the last success.
    pub(crate) fn step(self) -> u32 {
        self.step
    }

    /// Takes one step for a cooldown that `usage` signalled while `newest` was the newest usage.
    ///
    /// With `one_trip_per_outage`, a usage that was already in flight at the last step reports the
    /// same outage and takes none.
    pub(crate) fn trip(&mut self, usage: Sequence, newest: Sequence, one_trip_per_outage: bool) {
        let known_outage = usage <= self.tripped_after;
        if !(one_trip_per_outage && known_outage) {
            self.step = self.step.saturating_add(1);
            self.tripped_after = newest;
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The table's duration for the present step; past the end of the table its last entry.
    pub(crate) fn duration(self, table: &[Duration]) -> Duration {
        let entry = (self.step.saturating_sub(1) as usize).min(table.len().saturating_sub(1));
        table.get(entry).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(120)];

    #[test]
    fn every_cooldown_takes_a_step_and_the_last_entry_of_the_table_stays() {
        let mut escalation = Escalation::default();
        let durations: Vec<u64> = (1..=4)
            .map(|usage| {
                escalation.trip(usage, usage, false);
                escalation.duration(&TABLE).as_secs()
            })
            .collect();
        assert_eq!(durations, [30, 120, 120, 120]);
        assert_eq!(escalation.step(), 4);
    }

    #[test]
    fn usages_of_the_same_outage_take_one_step_together() {
        let mut escalation = Escalation::default();
        for usage in [4, 3, 2, 1] {
            escalation.trip(usage, 4, true);
        }
        assert_eq!(escalation.step(), 1);
        escalation.trip(5, 5, true);
        assert_eq!(escalation.step(), 2, "a usage that began after the trip is new evidence");
    }

    #[test]
    fn after_a_reset_an_old_usage_counts_again() {
        let mut escalation = Escalation::default();
        escalation.trip(2, 2, true);
        escalation.reset();
        escalation.trip(1, 2, true);
        assert_eq!(escalation.step(), 1);
    }
}
