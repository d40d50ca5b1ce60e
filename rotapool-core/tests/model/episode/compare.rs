//! What both say after a command has to be the same, and has to hold.

use std::fmt::Debug;
use std::time::Instant;

use rotapool_core::{PoolStats, ResourceSnapshot, ResourceStats};

use super::{Doing, Episode};
use crate::commands::Command;
use crate::corners::Corners;
use crate::invariants;
use crate::observed::{Aftermath, Row};
use crate::vitals::Vitals;

impl Episode {
    pub(super) fn compare_run(&self, number: usize) {
        let run = &self.runs[number];
        agree("attempts made", &self.reference.made(number), &run.attempts.made());
        agree("whether it is over", &self.reference.is_over(number), &run.attempts.is_over());
        assert!(run.attempts.made() <= run.max_attempts, "more attempts than the run may make");
    }

    pub(super) fn compare_aftermath(&mut self, corners: &mut Corners) {
        let retired = self.core.take_retired();
        let effects = self.core.take_effects();
        effects.iter().flat_map(|effects| &effects.events).for_each(|e| self.ledger.note(e));
        let actual = Aftermath::of(effects, retired, self.clock);
        agree("the effects", &self.reference.take_aftermath(), &actual);
        for handle in actual.aborts.iter().chain(&actual.retired) {
            assert!(self.handles.remove(handle), "{handle:?} came back twice");
        }
        corners.followed(&actual);
        for handle in &actual.aborts {
            match &mut self.runs[handle.run].doing {
                Doing::Attempting { aborted } => *aborted = true,
                // A run that pauses after a retry signal has no operation left to abort.
                _ => corners.reached("a pausing usage counted as aborted"),
            }
        }
        if actual.wake {
            for run in &mut self.runs {
                if let Doing::Sleeping { until, waiting: true } = &mut run.doing {
                    *until = self.now.min(*until);
                }
            }
        }
    }

    pub(super) fn compare_resources(&mut self, command: &Command, picked: Option<usize>) {
        let now = self.clock.instant(self.now);
        let snapshot = self.core.snapshot(now);
        let rows: Vec<_> = snapshot.iter().map(|row| Row::of(row, self.clock)).collect();
        agree("the snapshot", &self.reference.snapshot(self.now), &rows);
        let mut stats = self.core.stats(now);
        let expected = self.reference.stats(self.now);
        let vitals = |resource: &ResourceStats| Vitals::of(&resource.health, self.clock);
        let vitals: Vec<_> = stats.resources.iter().map(vitals).collect();
        agree("the health", &self.reference.vitals(self.now), &vitals);
        for (resource, expected) in stats.resources.iter_mut().zip(&expected.resources) {
            resource.health = expected.health;
        }
        agree("the stats", &expected, &stats);
        self.ledger.balances_with(&self.core.stats(now));
        agree("the number of members", &rows.len(), &self.core.len());
        self.compare_slices(now, &snapshot, &self.core.stats(now));
        if let Some(picked) = picked {
            invariants::a_pick_is_allowed(self.reference.id(picked), &self.rows, &rows);
        }
        invariants::no_cooldown_ends_early(&self.rows, &rows, self.now, command);
        invariants::gauges_add_up(&stats, &rows);
        self.rows = rows;
    }

    /// Lists two at a time.
    fn compare_slices(&self, now: Instant, snapshot: &Vec<ResourceSnapshot>, stats: &PoolStats) {
        let (mut rows, mut counted) = (Vec::new(), self.core.counted());
        let mut left = Some(self.core.positions());
        while let Some(positions) = left {
            left = self.core.list_snapshot(&mut rows, positions.clone(), 2, now);
            let also = self.core.list_stats(&mut counted, positions, 2, now);
            agree("which are left", &left, &also);
        }
        agree("the snapshot in slices", snapshot, &rows);
        agree("the stats in slices", stats, &counted);
    }
}

pub(super) fn agree<T: Debug + PartialEq>(what: &str, expected: &T, actual: &T) {
    if expected == actual {
        return;
    }
    let (expected, actual) = (format!("{expected:?}"), format!("{actual:?}"));
    let same = expected.bytes().zip(actual.bytes()).take_while(|(one, other)| one == other).count();
    let upon = expected.get(same.saturating_sub(100)..same).unwrap_or_default();
    panic!(
        "{what}: the reference and core differ after …{upon}\nexpected: {expected}\nactual:   {actual}"
    );
}
