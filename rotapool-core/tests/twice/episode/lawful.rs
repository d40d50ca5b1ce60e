//! The line as whoever drives the runs sees it, and what must hold of it whatever the reference says.

use std::collections::HashMap;
use std::sync::Arc;

use rotapool_core::Status;

use super::{Doing, Episode, Played, Run};
use crate::twice::command::Command;
use crate::twice::invariants;
use crate::twice::observed::{Due, Moment, Move, Row, Why};
use crate::twice::reference::LONGEST;

impl Run {
    /// Whether it may have a member. Who sleeps in line unwoken has judged every member.
    fn admits(&self, row: &Row) -> bool {
        let wants = self.terms.wants;
        !self.terms.exclude.contains(&row.id)
            && (wants.is_none() || row.metadata.get("tier") == wants)
            && row.quotas.iter().all(|(dimension, left)| *left >= self.needs(dimension))
    }

    /// What has to be left of a dimension.
    fn needs(&self, dimension: &str) -> i64 {
        let stated = self.terms.costs.iter().find(|(known, _)| **known == *dimension);
        stated.map_or(1, |(_, cost)| *cost as i64)
    }

    /// Whether it may not repeat itself yet, by the shortest and by the longest pause that it may have drawn.
    fn pauses(&self, now: Moment) -> (bool, bool) {
        let mean = self.terms.retry_delay.min(LONGEST);
        let lasts = |since: Option<Moment>, pause| since.is_some_and(|since| now - since < pause);
        let longest = mean.saturating_add(mean / 2);
        (
            lasts(self.failed_at, mean / 2),
            self.failed_at.is_some() && lasts(self.rested_at, longest),
        )
    }

    /// Whether a failure there leaves it somebody whom it has not tried, now that what the try takes is taken.
    fn falls_back(&self, newest: &HashMap<Arc<str>, usize>, rows: &[Row]) -> bool {
        let is_fresh = |row: &&Row| !self.tried.contains(&newest[&row.id]);
        rows.iter().filter(is_fresh).any(|row| row.eligible && self.admits(row))
    }

    /// Whether the end of its sleep has come: it steps by itself.
    fn wakes_by_itself(&self, now: Moment) -> bool {
        matches!(self.doing, Doing::Waiting { until: Some(until), .. } if until <= now)
    }

    fn is_in_line(&self) -> bool {
        matches!(self.doing, Doing::Waiting { .. })
    }

    fn sleeps_in_line(&self) -> bool {
        matches!(self.doing, Doing::Waiting { woken: false, .. })
    }
}

impl Episode {
    /// Whoever tries what is out has somebody to fall back to, and an attempt to make there.
    fn uphold_early_probes(&self, run: &Run, next: &Move, rows: &[Row]) {
        let is_right = match next {
            _ if !run.probes || self.config.degrade => true,
            Move::Attempt { .. } => {
                run.terms.max_attempts > 1 && run.falls_back(&self.newest, rows)
            }
            Move::Exhausted(exhaustion) => exhaustion.why != Why::MaxAttempts,
            _ => true,
        };
        assert!(is_right, "it tries what is out and has nothing to fall back to: {next:?}");
    }

    /// Laws 13 and 14. By the recorded rules, which keep neither, nothing is asked.
    pub(crate) fn uphold_the_line(&self, command: &Command, played: &Played, rows: &[Row]) {
        let next = played.next.as_ref();
        if let (Command::Overdue { run, .. }, Some(Due::Begin { .. })) = (command, played.due) {
            self.uphold_the_hedge(&self.runs[*run]);
        }
        if !self.rules.line {
            return;
        }
        rows.iter().for_each(invariants::promises_keep_to_the_cap);
        if let (Command::Step { run, .. }, Some(next)) = (command, next) {
            self.uphold_early_probes(&self.runs[*run], next, rows);
        }
        if let (Command::Step { run, .. }, Some(Move::Exhausted(exhaustion))) = (command, next) {
            let run = &self.runs[*run];
            let left = rows.iter().find(|row| run.admits(row) && row.eligible);
            let left = left.filter(|row| !run.terms.wait || invariants::is_within_its_pace(row));
            match exhaustion.why {
                Why::MaxAttempts | Why::Closed | Why::Deadline { .. } | Why::RetryBudget { .. } => {
                }
                Why::PauseOutlastsDeadline { deadline, .. } => {
                    let in_time = |row: &&Row| {
                        row.status == Status::Healthy || row.until.is_some_and(|it| it < deadline)
                    };
                    let mut fresh =
                        rows.iter().filter(|row| !run.tried.contains(&self.newest[&row.id]));
                    let fresh = fresh.find(|row| run.admits(row) && in_time(row));
                    let fresh = fresh.filter(|row| run.terms.wait || row.eligible);
                    assert!(fresh.is_none(), "refused, although {fresh:?} may come in time");
                }
                why => assert!(left.is_none(), "refused, {why:?}, although {left:?} is eligible"),
            }
        }
        if let (Command::Step { run, .. }, Some(Move::Attempt { membership })) = (command, next) {
            let run = &self.runs[*run];
            let again = run.tried.contains(membership) && run.pauses(self.now).0;
            assert!(!again, "it repeats itself before its pause is over");
            let is_fresh = |row: &&Row| !run.tried.contains(&self.newest[&row.id]);
            let mut fresh = rows.iter().filter(is_fresh).filter(|row| run.admits(row));
            let fresh = fresh.find(|row| row.eligible);
            let again = run.tried.contains(membership) && fresh.is_some();
            assert!(!again, "it repeats itself although {fresh:?} is fresh and eligible");
        }
        // What time it is, the pool learns from the next call.
        if !self.noticed {
            return;
        }
        for run in self.runs.iter().filter(|run| run.sleeps_in_line()) {
            let free = |row: &&Row| row.eligible && invariants::is_within_its_pace(row);
            let keeps_off = |row: &Row| {
                run.tried.contains(&self.newest[&row.id])
                    && (run.pauses(self.now).1 || run.wakes_by_itself(self.now))
            };
            let free = rows.iter().filter(free).find(|row| run.admits(row) && !keeps_off(row));
            assert!(free.is_none(), "in line, and nobody said that this is free: {free:?}");
        }
        self.somebody_in_line_is_told_of_the_next_instant(rows);
    }

    /// It goes to another resource of another group, and takes nothing that somebody in line could use.
    fn uphold_the_hedge(&self, run: &Run) {
        let [first, second] = &run.flights[..] else { panic!("not two: {:?}", run.flights) };
        let [one, other] = [first, second].map(|flight| self.reference.id(flight.membership));
        assert_ne!(one, other, "a hedge on the same resource");
        // Of a former member nobody says what group it was of.
        let is_newest = self.newest[one] == first.membership;
        let group = |id| self.core.profile(id).ok().and_then(|(_, profile)| profile.group);
        let shared = group(one).filter(|shared| is_newest && group(other).as_ref() == Some(shared));
        assert_eq!(shared, None, "a hedge in the same group, on {one} and {other}");
        assert!(!run.tried.contains(&second.membership), "a hedge on {other}, which it has tried");
        assert_eq!(self.stats().waiting, 0, "a hedge while somebody is in line");
    }

    /// The first in line steps when the next cooldown ends, or it or another has been woken to step now.
    fn somebody_in_line_is_told_of_the_next_instant(&self, rows: &[Row]) {
        let refill = |row: &Row| row.spent_until.filter(|_| row.status == Status::Healthy);
        let ends = rows.iter().filter_map(|row| row.until.or(refill(row)));
        let Some(next) = ends.min() else { return };
        let knows = |run: &Run| match run.doing {
            Doing::Waiting { until, woken } => woken || until.is_some_and(|until| until <= next),
            // In line, if it is, and about to step.
            Doing::Ready | Doing::Judging { .. } | Doing::Choosing { .. } => run.steps > 0,
            Doing::Attempting { .. } | Doing::Pausing { .. } | Doing::Over => false,
        };
        assert!(
            !self.runs.iter().any(Run::is_in_line) || self.runs.iter().any(knows),
            "something ends at {next:?}, and nobody in line knows"
        );
    }
}
