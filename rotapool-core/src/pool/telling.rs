//! What the state tells of what happens to it. What is rare is always told; of attempts and runs,
//! which are not, it tells only if somebody follows them.

use std::sync::Arc;
use std::time::Instant;

use super::State;
use super::edge::Turn;
use crate::member::standing::Status;
use crate::member::usage::Ticket;
use crate::report::admin_call::AdminCall;
use crate::report::change::StateChange;
use crate::report::command::CommandReport;
use crate::report::event::Event;
use crate::select::wish::Wish;

impl<A> State<A> {
    /// Whether [`Effects::events`](crate::Effects::events) shall tell of attempts and runs too. Off at
    /// first.
    pub fn follow_runs(&mut self, follow: bool) {
        self.follows_runs = follow;
        self.attend_runs();
    }

    /// Finds out whether anything looks at runs as they come and go.
    pub(super) fn attend_runs(&mut self) {
        let counts = self.budget.is_some() || self.hedges.is_some();
        let weighs =
            self.config.circuit_breaker.is_some() || self.early.is_some() || self.hedges.is_some();
        self.attends_starts = self.follows_runs || counts;
        self.attends_ends = self.follows_runs || weighs;
    }

    /// Whether anything looks at attempts as they begin.
    #[inline]
    pub(crate) fn attends_starts(&self) -> bool {
        self.attends_starts
    }

    /// Whether anything looks at attempts as they end.
    #[inline]
    pub(crate) fn attends_ends(&self) -> bool {
        self.attends_ends
    }

    #[inline]
    pub(crate) fn follows_runs(&self) -> bool {
        self.follows_runs
    }

    /// Tells what became of a command that was run for a turn of the pool.
    pub fn tell_command(&mut self, report: CommandReport, now: Instant) {
        self.tell(Event::CommandEnded { at: now, report: Arc::new(report) });
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.effects.get_or_insert_default().events.push(event);
    }

    /// The number of a run that is told of for the first time.
    pub(crate) fn number_run(&mut self) -> u64 {
        self.runs_told += 1;
        self.runs_told
    }

    pub(crate) fn id_of(&self, ticket: &Ticket) -> Arc<str> {
        Arc::clone(self.roster[ticket.slot()].id())
    }

    /// A member's status is another than `old`, or its cooldown was signalled again.
    pub(super) fn tell_change(&mut self, key: usize, old: Status, now: Instant) {
        let slot = &self.roster[key];
        let standing = slot.standing();
        let change = StateChange {
            sequence: self.next_change,
            id: Arc::clone(slot.id()),
            old,
            new: standing.noticed_status(),
            until: standing.until(),
            cause: standing.cause(),
        };
        self.next_change += 1;
        match (old == Status::Healthy, change.new == Status::Healthy) {
            (true, false) => self.edge.left(),
            (false, true) => self.edge.joined(),
            _ => {}
        }
        self.tell(Event::StateChanged { at: now, change });
        self.tell_turn(now);
    }

    /// Tells if the pool has turned from able to serve to refusing, or back.
    pub(super) fn tell_turn(&mut self, now: Instant) {
        let due = self.index.is_one_back(self.epoch().tick(now));
        match self.edge.turned(self.index.spent(), due, now) {
            Some(Turn::Exhausted) => {
                let retry_at = self.next_recovery(&Wish::default(), now);
                self.tell(Event::PoolExhausted { at: now, retry_at });
            }
            Some(Turn::Recovered) => self.tell(Event::PoolRecovered { at: now }),
            None => {}
        }
    }

    /// Quotas have changed: an exhausted pool may have waited for that.
    pub(super) fn tell_recovery(&mut self, now: Instant) {
        if self.edge.exhausted_since().is_some() {
            self.tell_turn(now);
        }
    }

    pub(super) fn tell_aborted(&mut self, key: usize, count: u64, now: Instant) {
        if count > 0 {
            let id = Arc::clone(self.roster[key].id());
            self.tell(Event::SiblingsAborted { at: now, id, count });
        }
    }

    /// How many events are to be told already.
    pub(super) fn told_so_far(&self) -> usize {
        self.effects.as_ref().map_or(0, |effects| effects.events.len())
    }

    pub(super) fn tell_asked_of(
        &mut self,
        by: Option<&Arc<str>>,
        key: usize,
        call: AdminCall,
        now: Instant,
    ) {
        let id = Arc::clone(self.roster[key].id());
        self.tell_asked(by, Some(&id), call, now);
    }

    /// Tells of an admin call, if whoever made it gave a name.
    pub(super) fn tell_asked(
        &mut self,
        by: Option<&Arc<str>>,
        id: Option<&Arc<str>>,
        call: AdminCall,
        now: Instant,
    ) {
        self.tell_asked_at(self.told_so_far(), by, id, call, now);
    }

    /// The same, before all that was told after the first so many.
    pub(super) fn tell_asked_at(
        &mut self,
        place: usize,
        by: Option<&Arc<str>>,
        id: Option<&Arc<str>>,
        call: AdminCall,
        now: Instant,
    ) {
        if let Some(by) = by {
            let event = Event::AdminCall { at: now, by: Arc::clone(by), id: id.cloned(), call };
            self.effects.get_or_insert_default().events.insert(place, event);
        }
    }
}
