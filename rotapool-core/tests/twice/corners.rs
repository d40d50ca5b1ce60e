//! Which corners of the rules the random commands have reached: a test that avoids them has no teeth.

use std::collections::BTreeMap;

use rotapool_core::{ResourceError, Rules, Status};

use crate::twice::episode::Doing;
use crate::twice::observed::{Aftermath, Moment, Move, Row, Why};

const ALL: [&str; 157] = [
    "an attempt",
    "an attempt after a wait that ended past the deadline",
    "a pause",
    "a pause that a spurious wake-up leaves as it is",
    "a pause in line",
    "a pause that a wake-up leaves as it is",
    "a pause outlasts the deadline, and something fresh may come before",
    "one that does not wait pauses",
    "something fresh went to one who pauses",
    "a place is held until it is judged",
    "a place was turned down when it was judged",
    "a wait",
    "a wait after a wait",
    "exhausted: no eligible resource",
    "exhausted: max attempts",
    "exhausted: deadline",
    "exhausted: cooldown outlasts deadline",
    "exhausted: pause outlasts deadline",
    "exhausted: line full",
    "exhausted: retry budget",
    "a retry paid for",
    "no retry",
    "exhausted: closed",
    "one in line heard that the pool closed",
    "a run went on after the pool had closed",
    "a circuit opened",
    "a later failure of a run",
    "kept available",
    "a trial of the breaker's failed",
    "retry at once",
    "retry later",
    "retry never",
    "several siblings aborted at once",
    "a younger sibling was spared that may have overtaken the signal's call",
    "a pausing usage counted as aborted",
    "a cooldown met a cooldown",
    "several resources recovered at once",
    "a resource on trial is saturated",
    "a place was handed over",
    "a place went to one behind the first in line",
    "the first in line could not pay, and one behind it could",
    "one in line paid what it states",
    "a cost passed over the next in turn",
    "a promise taken",
    "something fresh rather than what was promised",
    "a promise was void",
    "a promise given back by a drop",
    "a promise given back at the deadline",
    "one was woken because it is the first now, or something ends earlier",
    "one in line was told that nothing comes in time",
    "what is left is away for longer than a pause",
    "several woken at once",
    "a wake-up of who is awake",
    "a usage was lost on trial",
    "a late result of a lost trial",
    "a trial goes on after a success",
    "a comeback is over",
    "a ramp went up",
    "a hiccup on trial sent the resource away",
    "a pick beyond the pace",
    "a pick beyond the pace, and again",
    "the least recently tried again",
    "a free rotation",
    "a second time on what is out costs",
    "an attempt ended by the deadline",
    "an attempt ended by its timeout",
    "an attempt that had nothing to show",
    "a stream that came to its end",
    "a stream that began as a sibling aborted it",
    "a stream went on through a sibling's signal",
    "a late word extended an outage",
    "a late word sent a resource away that was back",
    "a late word that changed nothing",
    "a guess at a known outage",
    "a clamped cooldown",
    "a step down",
    "evidence from before an enable, or of a lost usage",
    "a place taken back",
    "a place on a former member taken back",
    "what was taken back is settled",
    "an id came back while its usages drain",
    "an outcome for a former membership of an id that came back",
    "a spent resource has quota again",
    "an operation said what it took",
    "a debt",
    "an upstream said what is left",
    "what an upstream says is left has calls on their way to it",
    "an older answer gives nothing back",
    "what is left may be what was counted",
    "no recovery by one that is back and spent",
    "a lookout was called",
    "the pool recovered",
    "a probe",
    "a probe took a place",
    "no place or no request for a probe",
    "a prober was dropped while it held places",
    "a probe brought one back",
    "a probe enabled one",
    "a probe disabled one",
    "a probe sent one away, or kept it out",
    "a probe knew nothing new",
    "an answer for a former membership",
    "an answer older than an outage",
    "a probe of one that was parked meanwhile",
    "one of a group spent what another would have had",
    "a signal took out another of the group",
    "unknown id",
    "duplicate id",
    "bad profile",
    "a question to judge",
    "a question to judge those who joined",
    "a question to choose",
    "exhausted: no resource admitted",
    "a choice of the owner's",
    "a stale choice",
    "a pick among the fresh",
    "a pick among the admitted",
    "the worst of three or more cannot be drawn",
    "a pick by key",
    "a pick by least in flight",
    "a pick by round robin",
    "a pick by primary and backups",
    "a pick by priority",
    "a pick by weight",
    "a sticky pick",
    "a random pick",
    "a pick by least latency",
    "a pick by least errors",
    "a pick by affinity",
    "a sticky walk wraps",
    "a sticky walk spills",
    "a new kind of filter beside several",
    "parked",
    "parked beside a failure",
    "parked for less than it is out",
    "unparked",
    "unparked, and still out by a failure",
    "a failure of what is parked for longer",
    "a failure for longer than what is parked",
    "rotated",
    "nothing in use",
    "nowhere to rotate",
    "a cap below what was promised",
    "a list was applied",
    "a list was refused",
    "a degraded attempt",
    "an early probe",
    "an early probe of another outage",
    "an early probe brought one back",
    "no hedge of a last attempt",
    "no hedge while somebody is in line",
    "nobody to hedge with",
    "no hedge beyond the budget",
    "a hedge",
    "a hedge by the percentile",
    "a hedge won",
    "one of two was given up",
];

/// What only the recorded rules reach.
const RECORDED: [&str; 4] = [
    "an attempt after a wait that ended past the deadline",
    "a pausing usage counted as aborted",
    "a pause",
    "a pause that a spurious wake-up leaves as it is",
];

/// What only our own rules reach.
const OURS: [&str; 55] = [
    "a trial of the breaker's failed",
    "a pause in line",
    "a pause that a wake-up leaves as it is",
    "a pause outlasts the deadline, and something fresh may come before",
    "one that does not wait pauses",
    "something fresh went to one who pauses",
    "a place is held until it is judged",
    "a place was turned down when it was judged",
    "exhausted: pause outlasts deadline",
    "exhausted: line full",
    "a place was handed over",
    "a place went to one behind the first in line",
    "the first in line could not pay, and one behind it could",
    "one in line paid what it states",
    "a promise taken",
    "something fresh rather than what was promised",
    "a promise was void",
    "a promise given back by a drop",
    "a promise given back at the deadline",
    "one was woken because it is the first now, or something ends earlier",
    "one in line was told that nothing comes in time",
    "what is left is away for longer than a pause",
    "a wake-up of who is awake",
    "a usage was lost on trial",
    "a late result of a lost trial",
    "a trial goes on after a success",
    "a ramp went up",
    "a hiccup on trial sent the resource away",
    "a pick among the fresh",
    "a pick beyond the pace",
    "a pick beyond the pace, and again",
    "the least recently tried again",
    "a free rotation",
    "a second time on what is out costs",
    "an attempt ended by the deadline",
    "a younger sibling was spared that may have overtaken the signal's call",
    "a late word extended an outage",
    "a late word sent a resource away that was back",
    "a late word that changed nothing",
    "a guess at a known outage",
    "a clamped cooldown",
    "a step down",
    "evidence from before an enable, or of a lost usage",
    "a cap below what was promised",
    "an early probe",
    "an early probe of another outage",
    "an early probe brought one back",
    "no hedge of a last attempt",
    "no hedge while somebody is in line",
    "nobody to hedge with",
    "no hedge beyond the budget",
    "a hedge",
    "a hedge by the percentile",
    "a hedge won",
    "one of two was given up",
];

#[derive(Debug, Default)]
pub(crate) struct Corners {
    times: BTreeMap<&'static str, u64>,
}

impl Corners {
    pub(crate) fn reached(&mut self, corner: &'static str) {
        let times = self.times.entry(corner).or_insert_with(|| {
            assert!(ALL.contains(&corner), "{corner} is not on the list");
            0
        });
        *times += 1;
    }

    pub(crate) fn stepped(
        &mut self,
        doing: Doing,
        deadline: Option<Moment>,
        next: &Move,
        now: Moment,
    ) {
        let waited = matches!(doing, Doing::Waiting { .. });
        match next {
            Move::Attempt { .. } if deadline.is_some_and(|deadline| deadline <= now) => {
                self.reached("an attempt after a wait that ended past the deadline");
            }
            Move::Attempt { .. } => self.reached("an attempt"),
            Move::Judge(_) => self.reached("a question to judge"),
            Move::Choose(_) => self.reached("a question to choose"),
            Move::Pause { .. } if matches!(doing, Doing::Pausing { .. }) => {
                self.reached("a pause that a spurious wake-up leaves as it is");
            }
            Move::Pause { .. } => self.reached("a pause"),
            Move::Wait { .. } if waited => self.reached("a wait after a wait"),
            Move::Wait { .. } => self.reached("a wait"),
            Move::Exhausted(exhaustion) => {
                self.reached(match exhaustion.why {
                    Why::NoEligibleResource => "exhausted: no eligible resource",
                    Why::NoResourceAdmitted => "exhausted: no resource admitted",
                    Why::MaxAttempts => "exhausted: max attempts",
                    Why::Closed => "exhausted: closed",
                    Why::Deadline { .. } => "exhausted: deadline",
                    Why::CooldownOutlastsDeadline { .. } => "exhausted: cooldown outlasts deadline",
                    Why::PauseOutlastsDeadline { .. } => "exhausted: pause outlasts deadline",
                    Why::LineFull { .. } => "exhausted: line full",
                    Why::RetryBudget { .. } => "exhausted: retry budget",
                });
                self.reached(match exhaustion.retry_at {
                    Some(at) if at <= now => "retry at once",
                    Some(_) => "retry later",
                    None => "retry never",
                });
            }
        }
    }

    pub(crate) fn followed(&mut self, aftermath: &Aftermath) {
        if aftermath.aborts.len() > 1 {
            self.reached("several siblings aborted at once");
        }
        if aftermath.turns.iter().any(|turn| !turn.is_exhausted) {
            self.reached("the pool recovered");
        }
        if aftermath.wakes.len() > 1 {
            self.reached("several woken at once");
        }
        let old = |status| aftermath.changes.iter().filter(move |change| change.old == status);
        if old(Status::CoolingDown).any(|change| change.new == Status::CoolingDown) {
            self.reached("a cooldown met a cooldown");
        }
        if old(Status::CoolingDown).filter(|change| change.new == Status::Healthy).count() > 1 {
            self.reached("several resources recovered at once");
        }
    }

    pub(crate) fn stands(&mut self, row: &Row) {
        if row.saturated && row.limit != row.max_in_flight {
            self.reached("a resource on trial is saturated");
        }
    }

    pub(crate) fn refused<T>(&mut self, answer: &Result<T, ResourceError>) {
        match answer {
            Ok(_) => {}
            Err(ResourceError::UnknownResource { .. }) => self.reached("unknown id"),
            Err(ResourceError::DuplicateResource { .. }) => self.reached("duplicate id"),
            Err(ResourceError::ParkedFor { .. } | ResourceError::Disabled { .. }) => {}
            Err(_) => self.reached("bad profile"),
        }
    }

    pub(crate) fn assert_all_reached(&self, rules: Rules) {
        let others = if rules == Rules::OURS { &RECORDED[..] } else { &OURS[..] };
        let missed = ALL.iter().filter(|&corner| !self.times.contains_key(corner));
        let missed = missed.filter(|corner| !others.contains(corner));
        let missed: Vec<_> = missed.collect();
        assert!(missed.is_empty(), "never reached: {missed:?}; reached: {:#?}", self.times);
    }
}
