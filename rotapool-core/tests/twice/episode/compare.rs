//! What both say after a command has to be the same, and has to hold.

use std::fmt::Debug;
use std::time::Instant;

use rotapool_core::{PoolStats, ResourceSnapshot, ResourceStats};

use super::{Doing, Episode, Run};
use crate::twice::corners::Corners;
use crate::twice::invariants;
use crate::twice::observed::{Aftermath, Row};
use crate::twice::vitals::Vitals;

/// Where the two first differed.
#[derive(Debug, Default)]
pub(super) struct Agreement(Option<String>);

impl Agreement {
    pub(super) fn demand<T: Debug + PartialEq>(&mut self, what: &str, expected: &T, actual: &T) {
        if expected != actual {
            self.0.get_or_insert_with(|| difference(what, expected, actual));
        }
    }
}

impl Episode {
    /// Panics if the answers to any command so far differed.
    pub(crate) fn assert_agreement(&self) {
        if let Some(difference) = &self.agreement.0 {
            panic!("{difference}");
        }
    }

    pub(super) fn compare_run(&mut self, number: usize) {
        let run = &self.runs[number];
        let agreement = &mut self.agreement;
        agreement.demand("attempts made", &self.reference.made(number), &run.attempts.made());
        let is_over = self.reference.is_over(number);
        agreement.demand("whether it is over", &is_over, &run.attempts.is_over());
        agreement.demand(
            "whether it is hedged",
            &self.reference.is_hedged(number),
            &run.attempts.is_hedged(),
        );
        let is_attempting = matches!(run.doing, Doing::Attempting { .. });
        let limit = run.attempts.limit().filter(|_| is_attempting);
        let limit = limit.map(|limit| self.clock.moment(limit));
        agreement.demand("when the attempt is to end", &self.reference.limit_of(number), &limit);
        // By our own rules it is free to find each membership out once.
        let free = if self.rules.free_rotation { self.memberships_made } else { 0 };
        let most = run.terms.max_attempts.saturating_add(free);
        assert!(run.attempts.made() <= most, "more attempts than the run may make");
    }

    /// What the command before left to be done outside: core's account of it.
    pub(super) fn take_aftermath(&mut self, corners: &mut Corners) -> Aftermath {
        let retired = self.core.take_retired();
        let effects = self.core.take_effects();
        effects.iter().flat_map(|effects| &effects.events).for_each(|e| self.ledger.note(e));
        let actual = Aftermath::of(effects, retired, self.clock);
        self.reference.let_come_early(&actual.wakes);
        self.agreement.demand("the effects", &self.reference.take_aftermath(), &actual);
        for handle in actual.aborts.iter().chain(&actual.wakes).chain(&actual.retired) {
            assert!(self.handles.remove(handle), "{handle:?} came back twice");
        }
        corners.followed(&actual);
        for handle in &actual.aborts {
            let Run { doing, flights, .. } = &mut self.runs[handle.run];
            let flight = flights.iter_mut().find(|flight| flight.handle == *handle);
            if let Some(flight) = flight {
                flight.aborted = true;
            }
            match doing {
                Doing::Attempting { aborted } => *aborted = flights[0].aborted,
                // A run that pauses after a retry signal has no operation left to abort.
                _ => corners.reached("a pausing usage counted as aborted"),
            }
        }
        for handle in &actual.wakes {
            if self.call(*handle) {
                continue;
            }
            let run = &mut self.runs[handle.run];
            match &mut run.doing {
                Doing::Waiting { woken, .. } if handle.step == run.steps => *woken = true,
                // The command that woke it was its own: it has gone on, or is over.
                _ => corners.reached("a wake-up of who is awake"),
            }
        }
        actual
    }

    /// Compares the answers to the commands so far, and all that core can be asked now. Answers how the
    /// resources stand.
    pub(crate) fn compare(&self) -> Vec<Row> {
        self.assert_agreement();
        let now = self.clock.instant(self.now);
        let snapshot = self.core.snapshot(now);
        let rows: Vec<_> = snapshot.iter().map(|row| Row::of(row, self.clock)).collect();
        agree("the snapshot", &self.reference.snapshot(self.now), &rows);
        let mut stats = self.core.stats(now);
        self.compare_slices(now, &snapshot, &stats);
        let expected = self.reference.stats(self.now);
        let vitals = |resource: &ResourceStats| Vitals::of(&resource.health, self.clock);
        let vitals: Vec<_> = stats.resources.iter().map(vitals).collect();
        agree("the health", &self.reference.vitals(self.now), &vitals);
        for (resource, expected) in stats.resources.iter_mut().zip(&expected.resources) {
            resource.health = expected.health;
            resource.quotas.clone_from(&expected.quotas);
        }
        agree("the stats", &expected, &stats);
        self.ledger.balances_with(&self.core.stats(now));
        self.compare_closing(now);
        agree(
            "since when it is exhausted",
            &self.reference.exhausted_since(),
            &self.exhausted_since(),
        );
        agree("the number of members", &rows.len(), &self.core.len());
        invariants::gauges_add_up(&stats, &rows);
        rows
    }

    fn compare_closing(&self, now: Instant) {
        let in_progress = self.core.in_progress();
        agree("the runs in progress", &self.reference.in_progress(), &in_progress);
        let closed = self.core.closed_since().map(|since| self.clock.moment(since));
        agree("since when it is closed", &self.reference.closed(), &closed);
        let report = self.core.drain_report(now);
        agree("whether there is a report", &closed.is_some(), &report.is_some());
        if let Some(report) = report {
            let running: u32 = report.still_running.iter().map(|row| row.runs).sum();
            let hedged = self.runs.iter().filter(|run| run.flights.len() > 1).count() as u64;
            let on_resources = in_progress + hedged - report.between_attempts;
            agree("what still runs", &on_resources, &running.into());
            agree("how many are left", &in_progress, &report.left);
        }
    }

    /// Lists two at a time.
    fn compare_slices(&self, now: Instant, snapshot: &Vec<ResourceSnapshot>, stats: &PoolStats) {
        let (mut rows, mut counted) = (Vec::new(), self.core.counted(now));
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

fn agree<T: Debug + PartialEq>(what: &str, expected: &T, actual: &T) {
    assert!(expected == actual, "{}", difference(what, expected, actual));
}

fn difference(what: &str, expected: &impl Debug, actual: &impl Debug) -> String {
    let (expected, actual) = (format!("{expected:?}"), format!("{actual:?}"));
    let same = expected.bytes().zip(actual.bytes()).take_while(|(one, other)| one == other).count();
    let upon = expected.get(same.saturating_sub(100)..same).unwrap_or_default();
    format!(
        "{what}: the reference and core differ after …{upon}\nexpected: {expected}\nactual:   {actual}"
    )
}
