//! Who looks at the clock when no run does, so that what ends is noticed when it ends.

use std::time::Instant;

use super::State;
use super::posts::Lookout;
use crate::time::Tick;

impl<A> State<A> {
    /// Notices what has ended by `now`, and what the pool has turned to, and answers when to come again: at the next
    /// known instant; `None` if none is known.
    ///
    /// Should an earlier one come up, the lookout is called: `handle` makes what is in
    /// [`Effects::wakes`](crate::Effects::wakes) then. A lookout that comes no more is to [say so](Self::stand_down).
    pub fn look_out(
        &mut self,
        lookout: &mut Lookout,
        now: Instant,
        handle: impl FnOnce() -> A,
    ) -> Option<Instant> {
        self.notice(now);
        // Under the recorded rules too, where a selection would: it is what a lookout is there for.
        self.expire(self.tick(now));
        self.tell_turn(now);
        let earliest = self.index.earliest();
        self.line.keep_lookout(lookout, earliest, handle);
        (earliest != Tick::NEVER).then(|| self.instant(earliest))
    }

    /// The lookout comes no more. What would have called it is left to be [taken out](Self::take_retired).
    pub fn stand_down(&mut self, lookout: &Lookout) {
        let handle = self.line.dismiss_lookout(lookout);
        if handle.is_some() {
            self.retire(handle);
        }
    }

    /// Since when no resource is healthy, if that was the last that was told of the pool as a whole.
    #[must_use]
    pub fn exhausted_since(&self) -> Option<Instant> {
        self.edge.exhausted_since()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::member::outcome::Outcome;
    use crate::member::profile::Profile;
    use crate::member::signal::Signal;
    use crate::pool::config::Config;
    use crate::run::Attempts;
    use crate::run::step::{RunOptions, Step};

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn pool(now: Instant, ids: &[&str]) -> State<&'static str> {
        let mut pool = State::new(Config::default(), now);
        for id in ids {
            pool.add(Profile::new(*id), now).unwrap();
        }
        drop(pool.take_effects());
        pool
    }

    /// A run whose attempt says that its resource cools down for this long.
    fn cool(pool: &mut State<&'static str>, now: Instant, seconds: u64) {
        let mut run = Attempts::new(RunOptions { max_attempts: 1, ..RunOptions::default() });
        assert!(matches!(run.step(pool, now, || 0.0, || "run"), Step::Attempt(_)));
        let signal = Signal::cooldown_for(S(seconds), "429");
        run.settle(pool, Outcome::Signal(signal), now, || 0.0);
        run.cancel(pool, now);
    }

    fn called(pool: &mut State<&'static str>) -> Vec<&'static str> {
        pool.take_effects().map(|effects| effects.wakes).unwrap_or_default()
    }

    #[test]
    fn a_lookout_is_called_when_something_ends_earlier_than_it_was_told() {
        let now = Instant::now();
        let mut pool = pool(now, &["a", "b", "c"]);
        let mut lookout = Lookout::default();
        assert_eq!(pool.look_out(&mut lookout, now, || "first"), None, "nothing is known");
        cool(&mut pool, now, 60);
        assert_eq!(called(&mut pool), ["first"]);
        cool(&mut pool, now, 30);
        assert_eq!(called(&mut pool), [""; 0], "it is on its way");
        assert_eq!(pool.look_out(&mut lookout, now, || "second"), Some(now + S(30)));
        cool(&mut pool, now, 40);
        assert_eq!(called(&mut pool), [""; 0], "it comes before that");
        pool.enable("a", now).unwrap();
        pool.enable("b", now).unwrap();
        assert_eq!(called(&mut pool), [""; 0], "what does not end costs one look in vain");
        cool(&mut pool, now, 10);
        assert_eq!(called(&mut pool), ["second"]);
    }

    #[test]
    fn a_lookout_notices_what_has_ended_and_tells_of_the_turn() {
        let now = Instant::now();
        let mut pool = pool(now, &["a"]);
        cool(&mut pool, now, 30);
        assert_eq!(pool.exhausted_since(), Some(now));
        drop(pool.take_effects());
        let mut lookout = Lookout::default();
        assert_eq!(pool.look_out(&mut lookout, now + S(29), || "it"), Some(now + S(30)));
        assert!(pool.take_effects().is_none());
        assert_eq!(pool.look_out(&mut lookout, now + S(30), || "it"), None);
        assert_eq!(pool.exhausted_since(), None);
        assert_eq!(pool.take_effects().unwrap().events.len(), 2, "the resource and the pool");
        assert_eq!(pool.look_out(&mut lookout, now + S(31), || "it"), None);
        assert!(pool.take_effects().is_none(), "told once");
    }

    #[test]
    fn who_stands_down_is_called_no_more_and_leaves_its_handle_to_be_dropped_outside() {
        let now = Instant::now();
        let mut pool = pool(now, &["a", "b"]);
        let (mut one, mut other) = (Lookout::default(), Lookout::default());
        pool.look_out(&mut one, now, || "one");
        pool.look_out(&mut other, now, || "other");
        pool.stand_down(&one);
        assert_eq!(pool.take_retired(), Some("one"));
        cool(&mut pool, now, 60);
        assert_eq!(called(&mut pool), ["other"]);
        pool.stand_down(&other);
        pool.stand_down(&Lookout::default());
        cool(&mut pool, now, 30);
        assert_eq!(called(&mut pool), [""; 0]);
    }

    #[test]
    fn the_time_of_a_trial_is_an_instant_to_look_at() {
        use crate::member::recovery::{Recovery, Trial};
        let now = Instant::now();
        let trial = Recovery::Trial(Trial { bound: Some(S(7)), ..Trial::default() });
        let mut pool = State::new(Config { recovery: trial, ..Config::default() }, now);
        pool.add(Profile::new("a"), now).unwrap();
        cool(&mut pool, now, 30);
        let mut lookout = Lookout::default();
        let back = now + S(30);
        assert_eq!(pool.look_out(&mut lookout, back, || "it"), None);
        drop(pool.take_effects());
        let mut run = Attempts::new(RunOptions::default());
        assert!(matches!(run.step(&mut pool, back, || 0.0, || "run"), Step::Attempt(_)));
        assert_eq!(called(&mut pool), ["it"]);
        assert_eq!(pool.look_out(&mut lookout, back, || "it"), Some(back + S(7)));
        assert_eq!(pool.look_out(&mut lookout, back + S(7), || "it"), None, "the trial is lost");
        run.cancel(&mut pool, back + S(7));
    }
}
