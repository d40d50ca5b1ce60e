//! Why a run need not stand in line: what could serve it does not come, or comes too late.

use std::time::Instant;

use super::Attempts;
use crate::pool::State;
use crate::pool::waiting::Hope;
use crate::report::refusal::ExhaustedReason;
use crate::time::Tick;

impl Attempts {
    /// Why there is nothing to wait or to pause for, if there is nothing.
    ///
    /// What may come is that somebody healthy is only busy, and the next end of a cooldown.
    pub(super) fn futility<A>(
        &self,
        pool: &State<A>,
        (is_busy, recovery): (bool, Option<Instant>),
        pause: Option<Instant>,
        now: Instant,
    ) -> Option<ExhaustedReason> {
        let may_come = |hope| pool.may_come(&self.wish, hope, (is_busy, recovery), now);
        if self.hope(pool, pause).is_some_and(may_come) {
            return None;
        }
        Some(match (recovery, self.deadline, pause) {
            (None, ..) if !is_busy => self.nothing(pool),
            (Some(until), Some(deadline), _) if !is_busy && self.wait && deadline <= until => {
                ExhaustedReason::CooldownOutlastsDeadline { until, deadline }
            }
            (_, Some(deadline), Some(until)) if deadline <= until => {
                ExhaustedReason::PauseOutlastsDeadline { until, deadline }
            }
            // It is back after the pause of a run that waits for nothing else.
            _ => self.nothing(pool),
        })
    }

    /// What may serve the run in line, with this pause before it may repeat itself; `None` if nothing may.
    pub(super) fn hope<A>(&self, pool: &State<A>, pause: Option<Instant>) -> Option<Hope> {
        let last_before = |deadline| Tick(pool.tick(deadline).0.saturating_sub(1));
        let outlasts = pause.zip(self.deadline).is_some_and(|(until, deadline)| deadline <= until);
        match self.wait {
            true => {
                let latest = self.deadline.map_or(Tick::NEVER, last_before);
                Some(Hope { latest, only_fresh: outlasts })
            }
            false => {
                let until = pause.filter(|_| !outlasts)?;
                Some(Hope { latest: pool.tick(until), only_fresh: false })
            }
        }
    }

    /// Whether a run that has only just come finds the line full. Who comes again is let in.
    pub(super) fn is_one_too_many<A>(&self, pool: &State<A>) -> Option<ExhaustedReason> {
        let (in_line, max_waiting) = (pool.in_line(), pool.config().max_waiting);
        let is_new = self.history.0.as_ref().is_none_or(|history| history.turn.is_none());
        (is_new && in_line >= max_waiting)
            .then_some(ExhaustedReason::LineFull { in_line, max_waiting })
    }

    pub(super) fn nothing<A>(&self, pool: &State<A>) -> ExhaustedReason {
        match self.wish.filters() && !pool.is_empty() && pool.admitted(&self.wish) == 0 {
            true => ExhaustedReason::NoResourceAdmitted,
            false => ExhaustedReason::NoEligibleResource,
        }
    }
}
