//! The circuit breaker: what was held against each membership, all of it written down.

use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Basis, BreakerState, Cause, Status, Trip, Window};

use super::comeback::Comeback;
use super::trips::Witness;
use super::{Membership, Reference};
use crate::twice::observed::Moment;

/// The rules of a breaker, where they can be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Breaking {
    pub(crate) failures: Option<u32>,
    pub(crate) failure_percent: Option<u64>,
    /// The percentage, and from when on a call is slow.
    pub(crate) slow: Option<(u64, Duration)>,
    pub(crate) window: Window,
    pub(crate) min_calls: u64,
    pub(crate) open: &'static [u64],
}

impl Breaking {
    const USUAL: Self = Self {
        failures: None,
        failure_percent: None,
        slow: None,
        window: Window::Time(Duration::from_secs(60)),
        min_calls: 10,
        open: &[30],
    };

    /// What is played.
    pub(crate) const ALL: [Self; 6] = [
        Self {
            failures: Some(1),
            slow: Some((60, Duration::from_secs(1))),
            window: Window::Calls(3),
            min_calls: 3,
            open: &[4],
            ..Self::USUAL
        },
        Self { failures: Some(1), open: &[4], ..Self::USUAL },
        Self { failures: Some(2), open: &[2, 6], ..Self::USUAL },
        Self { failures: Some(3), ..Self::USUAL },
        Self {
            failure_percent: Some(50),
            window: Window::Calls(4),
            min_calls: 2,
            open: &[3, 9],
            ..Self::USUAL
        },
        Self {
            failures: Some(4),
            slow: Some((40, Duration::from_secs(4))),
            window: Window::Time(Duration::from_secs(30)),
            min_calls: 3,
            ..Self::USUAL
        },
    ];

    /// The same as core has them.
    pub(crate) fn trip(self) -> Trip {
        let Self { failures, failure_percent, slow, window, min_calls, open } = self;
        let mut trip = match (failures, failure_percent) {
            (Some(failures), _) => Trip::after_failures(failures),
            (None, percent) => Trip::at_failure_rate(percent.expect("some rule") as u32),
        };
        if let Some((percent, from)) = slow {
            trip = trip.or_slow_rate(percent as u32, from);
        }
        let open = open.iter().map(|&seconds| Duration::from_secs(seconds));
        trip.window(window).min_calls(min_calls as u32).open_table(open)
    }

    fn takes_rates(self) -> bool {
        self.failure_percent.is_some() || self.slow.is_some()
    }
}

/// What is held against a membership.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// Failures since the last success, whatever outages were between.
    row: u32,
    /// Since when the rates are taken, and the calls since then: when they ended, whether they failed, and were slow.
    since: Moment,
    calls: Vec<(Moment, bool, bool)>,
    /// How far up the table.
    step: usize,
    back_since: Moment,
    well_at: Option<Moment>,
    /// Its last outage was the breaker's.
    is_latest: bool,
    pub(super) kept: Option<Arc<str>>,
}

impl Held {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            row: 0,
            since: now,
            calls: Vec::new(),
            step: 0,
            back_since: now,
            well_at: None,
            is_latest: false,
            kept: None,
        }
    }

    pub(super) fn back(&mut self, at: Moment) {
        (self.back_since, self.well_at) = (at, None);
    }

    pub(super) fn goes_out_by(&mut self, cause: Option<&Cause>) {
        self.is_latest = matches!(cause, Some(Cause::Circuit(_)));
    }

    /// Why it opens now that a call has ended so.
    fn add(&mut self, failed: bool, slow: bool, rules: Breaking, now: Moment) -> Option<String> {
        self.row = if failed { self.row + 1 } else { 0 };
        self.calls.push((now, failed, slow));
        if failed && rules.failures.is_some_and(|most| self.row >= most) {
            return Some(match self.row {
                1 => "1 failure".to_owned(),
                row => format!("{row} failures in a row"),
            });
        }
        if !rules.takes_rates() {
            return None;
        }
        let counted = self.counted(rules, now);
        let calls = counted.len() as u64;
        let failures = counted.iter().filter(|call| call.1).count() as u64;
        let slow = counted.iter().filter(|call| call.2).count() as u64;
        if calls < rules.min_calls {
            return None;
        }
        if rules.failure_percent.is_some_and(|percent| failures * 100 >= percent * calls) {
            return Some(format!("{failures} of {calls} calls failed"));
        }
        if rules.slow.is_some_and(|(percent, _)| slow * 100 >= percent * calls) {
            return Some(format!("{slow} of {calls} calls were slow"));
        }
        None
    }

    fn counted(&self, rules: Breaking, now: Moment) -> Vec<(Moment, bool, bool)> {
        match rules.window {
            Window::Calls(most) => self.calls.iter().rev().take(most as usize).copied().collect(),
            Window::Time(time) => {
                let step =
                    |moment: Moment| (moment - self.since).as_nanos() / (time.as_nanos() / 10);
                let counts = |call: &&(Moment, bool, bool)| step(call.0) + 10 > step(now);
                self.calls.iter().filter(counts).copied().collect()
            }
        }
    }

    /// For how long it opens.
    fn open(&mut self, rules: Breaking, now: Moment) -> Duration {
        let entry = |step: usize| rules.open.get(step).or(rules.open.last()).copied();
        let lasts = |step| Duration::from_secs(entry(step).expect("a table has an entry"));
        if let Some(well_at) = self.well_at.take() {
            let mut well = well_at.saturating_sub(self.back_since);
            while self.step > 0 && well >= lasts(self.step - 1) {
                well -= lasts(self.step - 1);
                self.step -= 1;
            }
        }
        let duration = lasts(self.step);
        self.step = (self.step + 1).min(rules.open.len());
        (self.since, self.kept) = (now, None);
        self.calls.clear();
        duration
    }
}

impl Reference {
    pub(super) fn breaking(&self) -> Option<Breaking> {
        let trip = self.rules.circuit_breaker.as_ref()?;
        Breaking::ALL.into_iter().find(|breaking| breaking.trip() == *trip)
    }

    /// Whether a usage says anything to the breaker.
    fn is_evidence(&self, witness: Witness) -> bool {
        let member = &self.memberships[witness.membership];
        let is_young = witness.usage > member.tripped_after && witness.usage > member.mark;
        member.is_member && !member.is_disabled() && is_young && !witness.lost
    }

    fn is_on_trial(&self, witness: Witness) -> bool {
        let on_trial =
            matches!(self.memberships[witness.membership].comeback, Comeback::Trial { .. });
        on_trial && self.rules.rules.generations && self.is_judged(witness)
    }

    /// An attempt failed by a hiccup, the first of its run or not.
    pub(super) fn blame(
        &mut self,
        witness: Witness,
        reason: Option<&str>,
        is_first: bool,
        took: Duration,
        now: Moment,
    ) {
        let Some(rules) = self.breaking() else {
            let reason = reason.unwrap_or("failed on trial").into();
            return self.disprove(witness, &reason, now);
        };
        if !is_first {
            self.note("a later failure of a run");
            return;
        }
        if !self.is_evidence(witness) {
            return;
        }
        let on_trial = self.is_on_trial(witness);
        let held = &mut self.memberships[witness.membership].held;
        let cause = match on_trial {
            true if held.is_latest => {
                held.row += 1;
                self.note("a trial of the breaker's failed");
                Some("a trial failed".to_owned())
            }
            true => {
                let reason = reason.unwrap_or("failed on trial").into();
                return self.disprove(witness, &reason, now);
            }
            false => {
                let slow = rules.slow.is_some_and(|(_, from)| took >= from);
                held.add(true, slow, rules, now)
            }
        };
        if let Some(cause) = cause {
            let told = match reason {
                Some(reason) => format!("{cause}, the last: `{reason}`"),
                None => cause,
            };
            self.open(witness, told.into(), rules, now);
        }
    }

    /// An attempt got through, with a value or not.
    pub(super) fn credit(&mut self, witness: Witness, is_value: bool, took: Duration, now: Moment) {
        let Some(rules) = self.breaking() else { return };
        if !self.is_evidence(witness) {
            return;
        }
        let on_trial = self.is_on_trial(witness);
        let slow = is_value && rules.slow.is_some_and(|(_, from)| took >= from);
        let held = &mut self.memberships[witness.membership].held;
        let cause = match on_trial && held.is_latest && slow {
            true => {
                self.note("a trial of the breaker's failed");
                Some("a trial was slow".to_owned())
            }
            false => {
                held.well_at = Some(now);
                let cause = held.add(false, slow, rules, now);
                if cause.is_none() {
                    held.kept = None;
                }
                cause
            }
        };
        if let Some(cause) = cause {
            self.open(witness, cause.into(), rules, now);
        }
    }

    fn open(&mut self, witness: Witness, evidence: Arc<str>, rules: Breaking, now: Moment) {
        let is_up = |member: &Membership| member.status == Status::Healthy;
        let healthy = self.members().filter(|(_, member)| is_up(member)).count();
        let keep_available = self.rules.keep_available;
        let member = &mut self.memberships[witness.membership];
        if is_up(member) && healthy <= keep_available {
            if member.held.kept.replace(evidence).is_none() {
                self.counted.kept_available += 1;
            }
            self.note("kept available");
            return;
        }
        let ends = super::later(now, member.held.open(rules, now));
        member.counted.circuit_trips += 1;
        self.counted.circuit_trips += 1;
        member.tripped_after = self.newest_usage;
        self.note("a circuit opened");
        self.send_away_by(witness, ends, Basis::Guessed, Cause::Circuit(evidence), now);
        self.wake_all_without_a_line();
    }

    pub(super) fn circuit_of(&self, membership: usize, now: Moment) -> Option<BreakerState> {
        self.breaking()?;
        let member = &self.memberships[membership];
        let is_out = member.status != Status::Healthy && member.until.is_none_or(|it| it > now);
        let by_the_breaker = matches!(member.cause, Some(Cause::Circuit(_)));
        let comes_back = self.comeback_by(membership, now) != Comeback::Proven;
        Some(match is_out {
            true if by_the_breaker => BreakerState::Open,
            false if member.held.is_latest && comes_back => BreakerState::HalfOpen,
            _ => BreakerState::Closed,
        })
    }

    /// What of it decides how it goes on.
    pub(super) fn essence_of_held(&self, membership: usize, now: Moment) -> Vec<u128> {
        let Some(rules) = self.breaking() else { return Vec::new() };
        let held = &self.memberships[membership].held;
        let most = rules.failures.map_or(0, |most| held.row.min(most));
        let mut essence = vec![
            u128::from(most),
            held.step as u128,
            u128::from(held.is_latest),
            u128::from(held.kept.is_some()),
            now.saturating_sub(held.back_since).as_nanos(),
            held.well_at.map_or(u128::MAX, |at| (now - at).as_nanos()),
        ];
        if rules.takes_rates() {
            essence.push((now - held.since).as_nanos());
            for (at, failed, slow) in held.counted(rules, now) {
                essence.extend([(now - at).as_nanos(), u128::from(failed), u128::from(slow)]);
            }
        }
        essence
    }
}
