//! A selection: whom a run may use, whom it has tried, and who is taken.

use std::sync::Arc;

use rotapool_core::{Metadata, Status, Strategy};

use super::runs::{Phase, Run};
use super::{Reference, Usage};
use crate::twice::observed::{Handle, Moment, Offer};

/// What a run wants of the choice, and what it has learnt.
#[derive(Debug, Default)]
pub(super) struct Wish {
    /// The members that its caller has judged.
    judged: Vec<(usize, bool)>,
    /// What it has said and the run has yet to take note of.
    told: Vec<(usize, bool)>,
    /// The memberships that sent it on, the latest last.
    pub(super) tried: Vec<usize>,
    /// What the pool's owner chose for the next attempt: a member, or none.
    pub(super) choice: Option<Option<usize>>,
    /// Whom the last question was about.
    asked: Vec<usize>,
}

impl Wish {
    /// The members that its caller admitted, and the first that it has not judged.
    pub(super) fn verdicts(&self) -> (Vec<usize>, usize) {
        let admitted = self.judged.iter().filter(|(_, admitted)| *admitted);
        let mut admitted: Vec<_> = admitted.map(|&(membership, _)| membership).collect();
        admitted.sort_unstable();
        (admitted, self.judged.iter().map(|(it, _)| it + 1).max().unwrap_or(0))
    }
}

impl Reference {
    /// The members that can be used, as far as is noticed.
    pub(super) fn eligible(&self) -> Vec<usize> {
        (0..self.memberships.len()).filter(|&membership| self.is_eligible(membership)).collect()
    }

    /// Those that the strategies look at: who is at its pace is as good as away.
    pub(super) fn within_reach(&self) -> Vec<usize> {
        let mut eligible = self.eligible();
        eligible.retain(|&membership| self.is_within_its_pace(membership));
        eligible
    }

    pub(super) fn is_eligible(&self, membership: usize) -> bool {
        let member = &self.memberships[membership];
        member.is_member
            && member.status == Status::Healthy
            && self.has_room(membership)
            && member.spent_until.is_none()
    }

    pub(super) fn admits(&self, run: usize, membership: usize) -> bool {
        let Run { terms, wish, .. } = &self.runs[run];
        !terms.exclude.contains(&self.memberships[membership].id)
            && (terms.wants.is_none() || wish.judged.contains(&(membership, true)))
    }

    /// Whether the run's caller has yet to say whether it admits this member.
    pub(super) fn has_to_judge(&self, run: usize, membership: usize) -> bool {
        let Run { terms, wish, .. } = &self.runs[run];
        terms.wants.is_some()
            && !terms.exclude.contains(&self.memberships[membership].id)
            && !wish.judged.iter().any(|(judged, _)| *judged == membership)
    }

    /// Whether the run's own filters leave nobody.
    pub(super) fn admits_nobody(&self, run: usize) -> bool {
        let terms = &self.runs[run].terms;
        let filters = !terms.exclude.is_empty() || terms.wants.is_some();
        let mut members = self.members().peekable();
        filters
            && members.peek().is_some()
            && !members.any(|(membership, _)| self.admits(run, membership))
    }

    // Questions to the caller.

    /// The members that the run's caller has yet to judge.
    pub(super) fn ask_to_judge(&mut self, run: usize) -> Vec<Arc<Metadata>> {
        let Run { terms, wish, .. } = &self.runs[run];
        let judged = |asked: usize| wish.judged.iter().any(|(judged, _)| *judged == asked);
        let unjudged = |&(membership, _): &(usize, _)| terms.wants.is_some() && !judged(membership);
        let (asked, metadata) = self
            .members()
            .filter(unjudged)
            .map(|(membership, member)| (membership, Arc::clone(&member.profile.metadata)))
            .unzip();
        let again = !self.runs[run].wish.judged.is_empty();
        if again && !Vec::is_empty(&asked) {
            self.note("a question to judge those who joined");
        }
        self.runs[run].wish.asked = asked;
        metadata
    }

    /// The verdicts on those asked about, from the first on; the rest stay unjudged.
    pub(crate) fn judge(&mut self, run: usize, verdicts: &[bool]) {
        let wish = &mut self.runs[run].wish;
        wish.told.extend(wish.asked.iter().copied().zip(verdicts.iter().copied()));
        if self.runs[run].place.is_none() {
            self.take_note_of_the_verdicts(run);
        }
    }

    /// What a run in line is told it takes note of when it steps.
    pub(super) fn take_note_of_the_verdicts(&mut self, run: usize) {
        let wish = &mut self.runs[run].wish;
        wish.judged.append(&mut wish.told);
    }

    /// The members that the pool's owner may choose from.
    pub(super) fn ask_to_choose(
        &mut self,
        run: usize,
        asked: Vec<usize>,
        now: Moment,
    ) -> Vec<Offer> {
        let offer = |&membership: &usize| {
            let member = &self.memberships[membership];
            Offer {
                id: Arc::clone(&member.id),
                in_flight: self.in_flight(&member.id),
                limit: self.limit(membership),
                weight: member.profile.weight,
                priority: member.profile.priority,
                metadata: Arc::clone(&member.profile.metadata),
                last_acquired: member.last_acquired.map(|(_, at)| at),
                tried: self.runs[run].wish.tried.contains(&membership),
                vitals: member.measures.vitals(now, &self.rules.health),
            }
        };
        let offers = asked.iter().map(offer).collect();
        self.runs[run].wish.asked = asked;
        offers
    }

    /// The owner's choice: one of those asked about, by its number there, or none of them.
    pub(crate) fn choose(&mut self, run: usize, choice: Option<usize>) {
        self.counted.choice_faults += u64::from(choice.is_none());
        let wish = &mut self.runs[run].wish;
        wish.choice = Some(choice.map(|number| wish.asked[number]));
    }

    // The pick.

    /// The run has this one from now on.
    pub(super) fn acquire(&mut self, run: usize, membership: usize, handle: Handle, now: Moment) {
        self.newest_usage += 1;
        let number = self.newest_usage;
        let reserved = self.charge(run, membership, now);
        self.usages.push(Usage {
            number,
            membership,
            handle,
            since: now,
            abortable: true,
            spared: false,
            late: false,
            lost: false,
            reserved,
            half_time: None,
            held: None,
            first_item: None,
            hedge_at: None,
            is_hedge: false,
        });
        let member = &mut self.memberships[membership];
        member.last_acquired = Some((number, now));
        member.counted.acquires += 1;
        self.counted.attempts += 1;
        let run = &mut self.runs[run];
        run.first_usage.get_or_insert(number);
        run.made += 1;
        run.phase = Phase::Attempting;
    }

    /// The strategy's choice among some of the `eligible`: the one that core has `drawn`, if it could.
    pub(super) fn elect(
        &mut self,
        run: usize,
        among: &[usize],
        drawn: Option<usize>,
        now: Moment,
    ) -> Option<usize> {
        let affinity = self.runs[run].terms.affinity;
        let favourites = self.favourites(run, among, now);
        let drawn = drawn.filter(|drawn| favourites.contains(drawn));
        let elected = drawn.or_else(|| favourites.first().copied())?;
        let eligible = self.within_reach();
        let passed_over = favourites.len() > 1 && favourites.len() < among.len();
        let keyed = self.rules.strategy == Strategy::Affinity && affinity.is_some();
        let admitted = eligible.iter().filter(|&&membership| self.admits(run, membership)).count();
        for (corner, is_here) in [
            ("a pick among the fresh", among.len() < admitted),
            ("a pick among the admitted", admitted < eligible.len()),
            ("the worst of three or more cannot be drawn", passed_over),
            ("a pick by key", keyed),
        ] {
            if is_here {
                self.note(corner);
            }
        }
        self.note(name(self.rules.strategy));
        self.remember(run, elected, &eligible, now);
        Some(elected)
    }

    pub(super) fn note(&mut self, corner: &'static str) {
        self.corners.push(corner);
    }
}

fn name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::LeastInFlight => "a pick by least in flight",
        Strategy::RoundRobin => "a pick by round robin",
        Strategy::PrimaryBackup => "a pick by primary and backups",
        Strategy::Priority => "a pick by priority",
        Strategy::Weighted => "a pick by weight",
        Strategy::Sticky => "a sticky pick",
        Strategy::Random => "a random pick",
        Strategy::LeastLatency => "a pick by least latency",
        Strategy::LeastErrors => "a pick by least errors",
        Strategy::Affinity => "a pick by affinity",
        other => panic!("the reference does not know {other:?}"),
    }
}
