//! Probes: calls that no run makes, to learn whether a resource works. Whom to ask, and when.
//!
//! A probe is no usage. It has no place on its resource, unless the rules [say so](ProbeRules::within_limits), is in no
//! line, aborts nobody and is aborted by nobody, and what it takes and comes to is in no measure of health. What
//! follows from its answer is in `probed`.

use std::collections::BTreeMap;
use std::time::Instant;

use super::State;
use super::probe_rules::{ProbeRules, Whom};
use crate::member::basis::Basis;
use crate::member::outcome::Outcome;
use crate::member::slot::{Slot, SlotIndex};
use crate::member::standing::{Cause, Standing};
use crate::time::{after, scaled};

/// Which resources to ask, one at a time each, and what the answers do to a pool. It belongs to one pool.
#[derive(Debug)]
pub struct Prober {
    rules: ProbeRules,
    /// By position: a membership each.
    rounds: BTreeMap<u64, Round>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Due(Instant),
    UnderWay,
}

/// A probe under way.
#[derive(Debug)]
#[must_use = "it is under way until it is settled"]
pub struct Probe {
    slot: SlotIndex,
    pub(super) position: u64,
    pub(super) began: Instant,
    /// How often the resource had gone out by then: what goes out later is newer evidence.
    pub(super) trips: u64,
}

impl Probe {
    /// The resource to ask.
    #[must_use]
    pub fn slot(&self) -> SlotIndex {
        self.slot
    }
}

impl Prober {
    /// A prober that has asked nobody yet.
    #[must_use]
    pub fn new(rules: ProbeRules) -> Self {
        Self { rules, rounds: BTreeMap::new() }
    }

    /// Which probes to begin now, and when to come again; `None` if nobody is to be asked until the pool changes.
    ///
    /// Come again as well when a resource has changed its status, joined or left, and when a probe was settled.
    pub fn step<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) -> (Vec<Probe>, Option<Instant>) {
        pool.notice(now);
        let Self { rules, rounds } = self;
        let mut rest = std::mem::take(rounds);
        let mut due = Vec::new();
        for (key, slot) in pool.roster.keys() {
            let position = slot.position();
            let round = rest.remove(&position);
            if round == Some(Round::UnderWay) {
                rounds.insert(position, Round::UnderWay);
                continue;
            }
            let Some(from) = rules.asked_from(slot, pool.last_used(slot), now) else { continue };
            let at = match round {
                Some(Round::Due(at)) => at.max(from),
                _ => from.max(rules.next(now, &mut chance)),
            };
            rounds.insert(position, Round::Due(at));
            if at <= now {
                due.push(key);
            }
        }
        // Of a membership that is gone, or on its way out with a probe under way, nothing is kept.
        let mut probes = Vec::with_capacity(due.len());
        for key in due {
            let position = pool.roster[key].position();
            if rules.within_limits && !pool.admit_probe(key, now) {
                rounds.insert(position, Round::Due(rules.next(now, &mut chance)));
                continue;
            }
            rounds.insert(position, Round::UnderWay);
            let slot = &mut pool.roster[key];
            slot.count_probe();
            let trips = trips(slot);
            probes.push(Probe { slot: SlotIndex(key), position, began: now, trips });
        }
        let next = rounds.values().filter_map(|round| match round {
            Round::Due(due) => Some(*due),
            Round::UnderWay => None,
        });
        pool.counters.probes += probes.len() as u64;
        (probes, next.min())
    }

    /// Ends a probe.
    ///
    /// [`Outcome::Success`] and [`Outcome::Error`], the operation's own error, say that the resource works. All others say
    /// that it does not, and a [signal](Outcome::Signal) what to do about that.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a probe ends once: whoever has it gives it away"
    )]
    pub fn settle<A>(
        &mut self,
        pool: &mut State<A>,
        probe: Probe,
        outcome: &Outcome,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) {
        pool.notice(now);
        let next = self.rules.next(now, &mut chance);
        if let Some(round) = self.rounds.get_mut(&probe.position) {
            *round = Round::Due(next);
        }
        // The next one needs its time too.
        pool.settle_probe(&probe, outcome, after(next, self.rules.longest()), now);
        if self.rules.within_limits {
            pool.release_probe(probe.slot.0, probe.position);
        }
    }

    /// Gives up the probes under way, which say nothing then, and with them the places that they take.
    pub fn give_up<A>(&mut self, pool: &mut State<A>, now: Instant) {
        let rounds = std::mem::take(&mut self.rounds);
        if !self.rules.within_limits {
            return;
        }
        pool.notice(now);
        let members = pool.roster.keys().map(|(key, slot)| (key, slot.position()));
        let is_asked = |&(_, position): &_| rounds.get(&position) == Some(&Round::UnderWay);
        let asked: Vec<(usize, u64)> = members.filter(is_asked).collect();
        asked.into_iter().for_each(|(key, position)| pool.release_probe(key, position));
    }
}

impl ProbeRules {
    /// From when on the resource is asked; `None` if it is not.
    fn asked_from(&self, slot: &Slot, last_used: Option<Instant>, now: Instant) -> Option<Instant> {
        match (slot.standing(), self.whom) {
            // Who is parked is back when the operator says so, well or not.
            (Standing::CoolingDown(outage), _) if outage.basis == Basis::Operator => {
                Some(outage.until)
            }
            (Standing::CoolingDown(_), _) | (Standing::Healthy, Whom::All) => Some(now),
            (Standing::Healthy, Whom::Idle(unused_for)) if slot.in_flight() == 0 => {
                Some(last_used.map_or(now, |used| after(used, unused_for)))
            }
            // Whenever it comes free, it is to be looked at again.
            (Standing::Healthy, Whom::Idle(unused_for)) => Some(after(now, unused_for)),
            (Standing::Disabled { cause: Cause::Admin, .. }, _) => None,
            (Standing::Disabled { .. }, _) if self.disabled_too => Some(now),
            _ => None,
        }
    }

    fn next(&self, now: Instant, chance: &mut impl FnMut() -> f64) -> Instant {
        after(now, scaled(self.every, 1.0 + self.jitter * (2.0 * chance() - 1.0)))
    }
}

/// How often it has gone out.
pub(super) fn trips(slot: &Slot) -> u64 {
    slot.counters.cooldowns + slot.counters.disables
}

impl<A> State<A> {
    fn last_used(&self, slot: &Slot) -> Option<Instant> {
        slot.last_acquired().map(|tick| self.instant(tick))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::member::profile::Profile;
    use crate::member::signal::Signal;
    use crate::member::standing::Status;
    use crate::pool::config::Config;
    use crate::run::Attempts;
    use crate::run::step::{RunOptions, Step};

    const S: fn(u64) -> Duration = Duration::from_secs;

    /// A pool of one whose resource cools down for a minute, and a prober of every ten seconds.
    fn scene(now: Instant) -> (State<()>, Prober) {
        let mut pool = State::new(Config::default(), now);
        pool.add(Profile::new("a"), now).unwrap();
        is_limited(&mut pool, now);
        (pool, Prober::new(ProbeRules::every(S(10)).limit(S(2))))
    }

    fn is_limited(pool: &mut State<()>, now: Instant) {
        let mut run = Attempts::new(RunOptions::default());
        assert!(matches!(run.step(pool, now, || 0.5, || ()), Step::Attempt(_)));
        let signal = Signal::cooldown_for(S(60), "429");
        run.settle(pool, Outcome::Signal(signal), now, || 0.5);
        run.cancel(pool, now);
    }

    fn only(mut probes: Vec<Probe>) -> Probe {
        assert_eq!(probes.len(), 1);
        probes.remove(0)
    }

    #[test]
    fn who_is_under_way_is_not_asked_again_and_who_was_asked_is_due_an_interval_later() {
        let now = Instant::now();
        let (mut pool, mut prober) = scene(now);
        let at = |seconds| now + S(seconds);
        let mut step = |prober: &mut Prober, seconds| prober.step(&mut pool, at(seconds), || 0.5);
        let (none, next) = step(&mut prober, 0);
        assert!(none.is_empty());
        assert_eq!(next, Some(at(10)));
        let (probes, next) = step(&mut prober, 10);
        assert_eq!(next, None, "it is under way");
        let (none, _) = step(&mut prober, 30);
        assert!(none.is_empty());
        prober.settle(&mut pool, only(probes), &Outcome::TimedOut, at(31), || 0.5);
        let (none, next) = prober.step(&mut pool, at(31), || 0.5);
        assert!(none.is_empty());
        assert_eq!(next, Some(at(41)));
        assert_eq!((pool.counters.probes, pool.counters.probe_failures), (1, 1));
    }

    #[test]
    fn a_failure_moves_an_end_that_would_come_too_soon_and_no_other() {
        let now = Instant::now();
        for (asked, back) in [(10, 60), (45, 60), (50, 62)] {
            let (mut pool, mut prober) = scene(now);
            drop(prober.step(&mut pool, now, || 0.5));
            let at = now + S(asked);
            let (probes, _) = prober.step(&mut pool, at, || 0.5);
            let failed = Outcome::Signal(Signal::retry("down"));
            prober.settle(&mut pool, only(probes), &failed, at, || 0.5);
            let until = pool.snapshot(at)[0].until;
            assert_eq!(until, Some(now + S(back)), "asked after {asked} s");
        }
    }

    #[test]
    fn what_has_gone_out_twice_since_a_probe_began_is_not_brought_back_by_it() {
        let now = Instant::now();
        let (mut pool, mut prober) = scene(now);
        drop(prober.step(&mut pool, now, || 0.5));
        let at = now + S(10);
        let (probes, _) = prober.step(&mut pool, at, || 0.5);
        pool.enable("a", at).unwrap();
        is_limited(&mut pool, at);
        pool.disable("a", at).unwrap();
        prober.settle(&mut pool, only(probes), &Outcome::Success, at, || 0.5);
        assert_eq!(pool.snapshot(at)[0].status, Status::Disabled);
    }

    #[test]
    fn what_was_parked_since_a_probe_began_is_not_brought_back_by_it() {
        let now = Instant::now();
        let (mut pool, mut prober) = scene(now);
        drop(prober.step(&mut pool, now, || 0.5));
        let at = now + S(10);
        let (probes, _) = prober.step(&mut pool, at, || 0.5);
        pool.park("a", S(300), "unpaid".into(), at).unwrap();
        prober.settle(&mut pool, only(probes), &Outcome::Success, at, || 0.5);
        assert_eq!(pool.snapshot(at)[0].until, Some(at + S(300)));
    }

    #[test]
    fn intervals_are_drawn_evenly_around_the_mean() {
        let now = Instant::now();
        let rules = ProbeRules::every(S(10)).jitter(0.5);
        for (drawn, seconds) in [(0.0, 5), (0.5, 10), (1.0, 15)] {
            assert_eq!(rules.next(now, &mut || drawn), now + S(seconds));
        }
    }
}
