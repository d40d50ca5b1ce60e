//! What would become of a run that begins now, without beginning it.

use std::time::Instant;

use super::Attempts;
use crate::pool::State;
use crate::pool::foresight::Foreseen;
use crate::report::explanation::{Explanation, Outlook};
use crate::report::refusal::ExhaustedReason;
use crate::select::candidate::Candidate;
use crate::select::index::picking::Reach;

impl Attempts {
    /// What a run that has not begun would get now: which member, or a place in line, or why it would be refused; and of
    /// the members that it does not get why not. Its caller has [judged](Self::judge) the
    /// [members](State::members_to_judge), if it judges.
    ///
    /// Beside it, whom its caller's own code could choose from: nobody if the pool's strategy chooses, or if it would
    /// not be asked.
    ///
    /// `chance` has to draw what the run would draw. O(1) or O(log n) beside the rows, but O(n) while a
    /// cooldown has ended that nobody has noticed yet, and when there is nothing to pick.
    #[must_use]
    pub fn explain<A>(
        mut self,
        pool: &State<A>,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) -> (Explanation, Vec<Candidate>) {
        let foreseen = &pool.foresee_all(now);
        let refusal = match pool.refuses(false) {
            true => Some(ExhaustedReason::Closed),
            false => self.end_of_its_own(pool, now, false),
        };
        let (next, outlook, candidates) = match refusal {
            Some(reason) => (None, Outlook::Refused(reason), Vec::new()),
            None => {
                let reach = Reach { tried: true, beyond_pace: !self.may_wait(pool, now) };
                let probe = self.foresee_probe(pool, foreseen, now);
                let next = match probe {
                    Some(probe) => Some(probe),
                    None => pool.foresee_pick(&self.wish, reach, foreseen, now, &mut chance),
                };
                let candidates = match pool.config().foreign_choice && probe.is_none() {
                    true => pool.foresee_candidates(&self.wish, reach, foreseen, now),
                    false => Vec::new(),
                };
                let outlook = match next {
                    Some(_) => Outlook::Served,
                    None => self.foresee_wait(pool, foreseen, now),
                };
                // What is out may serve rather than nothing.
                let least_bad = match outlook {
                    Outlook::Refused(_) => pool.least_bad(&self.wish, now),
                    _ => None,
                };
                match least_bad {
                    Some(_) => (least_bad, Outlook::Served, candidates),
                    None => (next, outlook, candidates),
                }
            }
        };
        (pool.explain_to(&self.wish, next, outlook, foreseen, now), candidates)
    }

    /// Whom it would try before its end.
    fn foresee_probe<A>(
        &self,
        pool: &State<A>,
        foreseen: &Foreseen,
        now: Instant,
    ) -> Option<usize> {
        pool.foresee_early(&self.wish, foreseen, now).filter(|_| self.can_fail())
    }

    /// Nothing is to be had.
    fn foresee_wait<A>(&self, pool: &State<A>, foreseen: &Foreseen, now: Instant) -> Outlook {
        let futility = match self.wait {
            true => {
                let is_busy =
                    pool.config().rules.line && pool.foresee_busy(&self.wish, foreseen, now);
                let recovery = pool.next_recovery(&self.wish, now);
                self.futility(pool, (is_busy, recovery), None, now)
            }
            false => Some(self.nothing(pool)),
        };
        match futility.or_else(|| self.is_one_too_many(pool)) {
            Some(reason) => Outlook::Refused(reason),
            None => Outlook::InLine { before: pool.in_line() },
        }
    }
}
