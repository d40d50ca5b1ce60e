//! Whose word the end of a cooldown is: the upstream's, the pool's guess, or an operator's.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Whose word the end of a cooldown is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Basis {
    /// A guess: of the pool's table of cooldowns, or of [whoever sent the signal](crate::Signal::cooldown_guess).
    Guessed,
    /// The upstream's: the signal stated how long.
    Stated,
    /// The upstream's, brought within the bounds of the pool.
    Clamped {
        /// What the signal stated.
        stated: Duration,
    },
    /// An operator's: the resource is parked until then. It may have failed beside that, and then its
    /// [cause](crate::ResourceSnapshot::cause) is the failure.
    Operator,
}

/// What a signal's `after` comes to, and whose word that is; `None` if it says nothing of it.
pub(crate) fn said(
    after: Option<Duration>,
    guessed: bool,
    zero_hints: bool,
    bounds: &RangeInclusive<Duration>,
) -> Option<(Duration, Basis)> {
    let stated = after.filter(|after| zero_hints || !after.is_zero())?;
    let within = stated.clamp(*bounds.start(), *bounds.end());
    let basis = match guessed {
        true => Basis::Guessed,
        false if within == stated => Basis::Stated,
        false => Basis::Clamped { stated },
    };
    Some((within, basis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_brought_within_the_bounds_and_zero_is_none() {
        let second = Duration::from_secs(1);
        let bounds = second..=second * 60;
        let come_to = |after| said(Some(after), false, false, &bounds);
        assert_eq!(come_to(Duration::ZERO), None);
        assert_eq!(said(None, false, false, &bounds), None);
        assert_eq!(said(Some(second / 2), true, false, &bounds), Some((second, Basis::Guessed)));
        assert_eq!(come_to(second * 5), Some((second * 5, Basis::Stated)));
        assert_eq!(come_to(second / 2), Some((second, Basis::Clamped { stated: second / 2 })));
        let forever = Duration::MAX;
        assert_eq!(come_to(forever), Some((second * 60, Basis::Clamped { stated: forever })));
        let recorded = said(Some(Duration::ZERO), false, true, &(Duration::ZERO..=forever));
        assert_eq!(recorded, Some((Duration::ZERO, Basis::Stated)));
    }
}
