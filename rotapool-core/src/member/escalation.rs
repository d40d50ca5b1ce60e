//! How long a guessed cooldown lasts, and how repeated ones escalate.

use std::num::NonZeroU32;
use std::time::Duration;

/// How far a resource has climbed the cooldown table.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Escalation {
    step: u32,
    /// Successes in a row since the last step in either direction; counted only where it takes several.
    proven: u32,
}

impl Escalation {
    /// The steps climbed and not yet taken back.
    pub(crate) fn step(self) -> u32 {
        self.step
    }

    pub(crate) fn climb(&mut self) {
        *self = Self { step: self.step.saturating_add(1), proven: 0 };
    }

    /// A success: all the way down, or a step down for so many in a row.
    #[inline]
    pub(crate) fn succeed(&mut self, decay: Option<NonZeroU32>) {
        match decay {
            None => self.reset(),
            Some(successes) => self.step_down(successes),
        }
    }

    fn step_down(&mut self, successes: NonZeroU32) {
        self.proven += 1;
        if self.proven >= successes.get() {
            *self = Self { step: self.step.saturating_sub(1), proven: 0 };
        }
    }

    /// A failure of any kind: the row of successes is over.
    pub(crate) fn fail(&mut self) {
        self.proven = 0;
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
            .map(|_| {
                escalation.climb();
                escalation.duration(&TABLE).as_secs()
            })
            .collect();
        assert_eq!(durations, [30, 120, 120, 120]);
        assert_eq!(escalation.step(), 4);
        escalation.succeed(None);
        assert_eq!(escalation.step(), 0);
    }

    #[test]
    fn with_a_decay_it_takes_so_many_successes_in_a_row_for_each_step_down() {
        let mut escalation = Escalation::default();
        escalation.climb();
        escalation.climb();
        let decay = NonZeroU32::new(3);
        let steps: Vec<u32> = "++-+++++++"
            .chars()
            .map(|end| {
                if end == '+' {
                    escalation.succeed(decay);
                } else {
                    escalation.fail();
                }
                escalation.step()
            })
            .collect();
        assert_eq!(steps, [2, 2, 2, 2, 2, 1, 1, 1, 0, 0]);
    }
}
