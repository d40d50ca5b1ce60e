//! Usages that outlive their call: until their caller settles them, or their place is taken back.

use std::time::Duration;

use rotapool_core::{Outcome, Signal};

use super::runs::Phase;
use super::trips::Witness;
use super::{Reference, Usage};
use crate::twice::observed::Moment;

impl Reference {
    /// A stream has begun, and is held. Answers whether it gets an abort handle anew.
    pub(crate) fn commit(&mut self, run: usize, until: Option<Moment>, now: Moment) -> bool {
        self.notice_by_the_clock(now);
        self.decide(run, true, now);
        let &Usage { number, membership, since, lost, .. } = self.usage_of(run);
        let (took, rules) = (now - since, &self.rules.health);
        self.memberships[membership].measures.took(took, now, rules);
        self.begins_to_prove(Witness { usage: number, membership, lost, as_of: Moment::ZERO });
        self.memberships[membership].counted.streams_begun += 1;
        let spares = !self.rules.cancel_streams && !self.ended;
        let usage = self.usage_of_mut(run);
        usage.first_item = Some(took);
        usage.spared = spares;
        let anew = spares && !usage.abortable;
        usage.abortable |= spares;
        if anew {
            self.note("a stream that began as a sibling aborted it");
        }
        self.come_back_early(membership, number, now);
        self.counts_no_longer(number);
        self.hold(run, until, now);
        anew
    }

    pub(crate) fn hold(&mut self, run: usize, until: Option<Moment>, now: Moment) {
        self.give_up_beside(run, now);
        self.usage_of_mut(run).held = Some(until);
        self.attend_the_line();
    }

    /// Whether what the run held was taken from it, and it has not heard of that.
    pub(crate) fn was_taken_back(&self, run: usize) -> bool {
        self.runs[run].phase == Phase::TakenBack
    }

    /// The held usages of a membership, the longest held first.
    pub(super) fn held(&self, membership: usize, now: Moment) -> Vec<&Usage> {
        let shown = |usage: &&Usage| {
            usage.membership == membership && usage.held.is_some() && !self.is_over_by(usage, now)
        };
        self.usages.iter().filter(shown).collect()
    }

    /// Whether its place counts as taken back, as a report shows it.
    pub(super) fn is_over_by(&self, usage: &Usage, now: Moment) -> bool {
        self.rules.rules.ends_by_the_clock && is_over(usage, now)
    }

    /// Takes the places back that were held for too long.
    pub(super) fn take_back(&mut self, now: Moment) {
        let over = self.usages.iter().filter(|usage| is_over(usage, now));
        let mut over: Vec<_> = over
            .map(|usage| (usage.membership, usage.held, usage.number, usage.handle.run))
            .collect();
        over.sort_unstable();
        for (membership, _, number, run) in over {
            let usage = self.usages.iter().position(|usage| usage.number == number);
            let usage = self.usages.remove(usage.expect("it was there just now"));
            self.see_whether_it_has_drained(membership);
            if usage.abortable {
                self.aftermath.aborts.push(usage.handle);
            }
            self.note(match self.memberships[membership].is_member {
                true => "a place taken back",
                false => "a place on a former member taken back",
            });
            self.memberships[membership].counted.taken_back += 1;
            self.counted.taken_back += 1;
            self.counted.runs_cancelled += 1;
            self.runs[run].phase = Phase::TakenBack;
        }
    }

    /// Whoever held it settles it, or gives it up without an outcome. Answers whether it was still theirs.
    pub(super) fn let_go(&mut self, run: usize, outcome: Option<&Outcome>, now: Moment) -> bool {
        if self.was_taken_back(run) {
            self.note("what was taken back is settled");
            self.runs[run].phase = Phase::Over;
            return false;
        }
        match outcome {
            Some(outcome) => self.conclude(run, outcome, now),
            None => self.counted.runs_cancelled += 1,
        }
        self.leave(run);
        self.runs[run].phase = Phase::Over;
        true
    }

    fn conclude(&mut self, run: usize, outcome: &Outcome, now: Moment) {
        let &Usage { number, membership, lost, since, first_item, .. } = self.usage_of(run);
        let is_first = !self.runs[run].has_failed;
        let witness = Witness { usage: number, membership, lost, as_of: Moment::ZERO };
        if lost {
            self.note("a late result of a lost trial");
        }
        // How long it was held is no latency.
        let measured = match outcome {
            Outcome::Success => &Outcome::Error,
            Outcome::Aborted | Outcome::DeadlinePassed => &Outcome::Panic,
            other => other,
        };
        self.measure(membership, measured, false, Duration::ZERO, now);
        let fails = matches!(
            outcome,
            Outcome::Failure | Outcome::Signal(_) | Outcome::TimedOut | Outcome::Stalled(_)
        );
        if fails && self.counts(witness) {
            self.memberships[membership].row = 0;
        }
        match outcome {
            Outcome::Success => self.counted.runs_ok += 1,
            _ => self.counted.runs_error += 1,
        }
        match outcome {
            Outcome::Success | Outcome::Error => {
                if first_item.is_none() {
                    self.come_back_early(membership, number, now);
                }
                let latency = first_item.filter(|_| *outcome == Outcome::Success);
                self.credit(witness, latency.is_some(), latency.unwrap_or_default(), now);
                self.prove_that(witness, first_item.is_none());
                if latency.is_some() {
                    self.note("a stream that came to its end");
                    let counted = &mut self.memberships[membership].counted;
                    counted.streams += 1;
                    counted.streamed += now - since;
                }
            }
            Outcome::Failure => self.blame(witness, None, is_first, Duration::ZERO, now),
            Outcome::Signal(Signal::Retry { reason, .. }) => {
                self.counted.retries += 1;
                self.blame(witness, Some(&**reason), is_first, Duration::ZERO, now);
            }
            Outcome::Signal(signal) => self.obey(witness, signal, now),
            Outcome::TimedOut | Outcome::Stalled(_) => {
                self.counted.timeouts += 1;
                self.memberships[membership].counted.timeouts += 1;
                let reason = match outcome {
                    Outcome::Stalled(silence) => &*format!("silent for {silence:?}"),
                    _ => "no answer in time",
                };
                self.blame(witness, Some(reason), is_first, Duration::ZERO, now);
            }
            Outcome::DeadlinePassed => self.counted.deadlines += 1,
            _ => {}
        }
    }
}

fn is_over(usage: &Usage, now: Moment) -> bool {
    usage.held.flatten().is_some_and(|end| end <= now)
}
