//! A watch over somebody who should give signs of life.

use std::time::{Duration, Instant};

use crate::time::after;

/// Barks once per silence, and not again before the next sign of life.
#[derive(Debug, Clone)]
pub struct Vigil {
    limit: Duration,
    last_sign: Instant,
    barked: bool,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Bark: there was no sign of life for this long.
    Bark(Duration),
    /// Look again at this instant.
    Until(Instant),
}

impl Vigil {
    /// A watch that begins now, as if with a sign of life: who has just started has the limit to give a first.
    #[must_use]
    pub fn new(limit: Duration, now: Instant) -> Self {
        Self { limit, last_sign: now, barked: false }
    }

    /// Looks: when the last sign of life was, as far as is known, and when it is now.
    pub fn look(&mut self, last_sign: Option<Instant>, now: Instant) -> Watch {
        if let Some(sign) = last_sign.filter(|sign| *sign > self.last_sign) {
            self.last_sign = sign;
            self.barked = false;
        }
        let silent = now.saturating_duration_since(self.last_sign);
        if silent < self.limit {
            return Watch::Until(after(self.last_sign, self.limit));
        }
        match std::mem::replace(&mut self.barked, true) {
            false => Watch::Bark(silent),
            // A sign that comes just after this look is seen at the next, in time for the silence after it.
            true => Watch::Until(after(now, self.limit)),
        }
    }

    /// When the last sign of life was, as far as is known.
    #[must_use]
    pub fn last_sign(&self) -> Instant {
        self.last_sign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn it_barks_at_the_limit_and_once() {
        let start = Instant::now();
        let mut vigil = Vigil::new(30 * S, start);
        assert_eq!(vigil.look(None, start), Watch::Until(start + 30 * S));
        assert_eq!(vigil.look(None, start + 30 * S), Watch::Bark(30 * S));
        assert_eq!(vigil.look(None, start + 30 * S), Watch::Until(start + 60 * S));
        assert_eq!(vigil.look(None, start + 600 * S), Watch::Until(start + 630 * S));
    }

    #[test]
    fn a_sign_of_life_puts_the_end_off() {
        let start = Instant::now();
        let mut vigil = Vigil::new(30 * S, start);
        assert_eq!(vigil.look(Some(start + 20 * S), start + 30 * S), Watch::Until(start + 50 * S));
        assert_eq!(vigil.look(Some(start + 20 * S), start + 51 * S), Watch::Bark(31 * S));
    }

    /// kstlib 3.8.2: it never fired again.
    #[test]
    fn the_next_sign_arms_it_again_and_the_next_silence_is_noticed_at_its_limit() {
        let start = Instant::now();
        let mut vigil = Vigil::new(30 * S, start);
        vigil.look(None, start + 30 * S);
        let Watch::Until(next) = vigil.look(None, start + 30 * S) else { panic!("it barks twice") };
        let sign = start + 31 * S;
        assert_eq!(vigil.look(Some(sign), next), Watch::Until(sign + 30 * S));
        assert_eq!(vigil.look(Some(sign), sign + 30 * S), Watch::Bark(30 * S));
    }

    #[test]
    fn a_sign_that_was_seen_already_or_an_older_one_is_no_news() {
        let start = Instant::now();
        let sign = start + 10 * S;
        let mut vigil = Vigil::new(30 * S, start);
        vigil.look(Some(sign), sign);
        vigil.look(Some(start + 5 * S), sign);
        assert_eq!(vigil.last_sign(), sign);
        assert_eq!(vigil.look(Some(sign), start + 40 * S), Watch::Bark(30 * S));
        assert_eq!(vigil.look(Some(sign), start + 40 * S), Watch::Until(start + 70 * S));
    }
}
