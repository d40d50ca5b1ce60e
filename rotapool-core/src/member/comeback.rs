//! A resource that is back and not yet at full strength: on trial, or on a ramp.
//!
//! It is judged by usages that began after it came back, and by none from before: what they say is of the
//! outage. One that takes longer than the bound gives up its place, so that nothing that hangs can keep the resource
//! away; on trial its late result changes nothing.
//!
//! A ramp is TCP's slow start (Jacobson, 1988): one more at once with each success, which is twice as many with each
//! round of them. Twice as many with each success would send a burst into every limit that is met.

use std::collections::VecDeque;
use std::time::Duration;

use super::recovery::{Recovery, Trial};
use super::usage::{Place, Sequence};
use crate::time::Tick;

/// Where a ramp ends that leads to no cap.
const TOP: u32 = 64;

#[derive(Debug, Clone)]
pub(crate) struct Comeback {
    how: How,
    /// The nanoseconds after which a usage is lost.
    bound: u64,
    /// The usages that count, oldest first; `None` where all do, as the recorded rules have it.
    usages: Option<VecDeque<Counted>>,
}

/// How the resources of a pool come back, as its owner has set it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WayBack {
    pub(crate) recovery: Recovery,
    /// The first entry of the cooldown table: no ramp waits longer than that for one usage.
    pub(crate) first_guess: Duration,
    /// Whether usages from before the outage count for nothing.
    pub(crate) generations: bool,
}

/// A usage by which the resource is judged.
#[derive(Debug, Clone, Copy)]
struct Counted {
    sequence: Sequence,
    place: Place,
    since: Tick,
}

#[derive(Debug, Clone)]
enum How {
    Trial {
        at_once: u32,
        successes_to_go: u32,
    },
    /// The `first` usage since it came back: it and all younger ones prove it.
    Ramp {
        pace: u32,
        first: Option<Sequence>,
    },
}

impl Comeback {
    /// After an outage that lasted `away`; `None` if nothing holds the resource back.
    ///
    /// What is on trial may take as long as the outage did. A ramp keeps people in line, and be it after an outage of a
    /// day: it waits no longer for one usage than the pool would guess at an outage of which it knows nothing.
    pub(crate) fn after(way: WayBack, away: Duration, cap: Option<u32>) -> Option<Box<Self>> {
        let WayBack { recovery, first_guess, generations } = way;
        let (how, bound) = match recovery {
            Recovery::AtOnce => return None,
            // One at a time is all that there is.
            Recovery::Ramp if cap == Some(1) => return None,
            Recovery::Trial(Trial { at_once, successes, bound }) => {
                (How::Trial { at_once, successes_to_go: successes }, bound.unwrap_or(away))
            }
            Recovery::Ramp => (How::Ramp { pace: 1, first: None }, away.min(first_guess)),
        };
        let bound = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        Some(Box::new(Self { how, bound, usages: generations.then(VecDeque::new) }))
    }

    /// The most at once; whoever is promised a place counts.
    pub(crate) fn places(&self) -> u32 {
        match self.how {
            How::Trial { at_once, .. } => at_once,
            How::Ramp { pace, .. } => pace,
        }
    }

    /// How many of those `in_flight` take a place.
    pub(crate) fn taken(&self, in_flight: u32) -> u32 {
        self.usages.as_ref().map_or(in_flight, |usages| usages.len() as u32)
    }

    /// Whether nobody may go beyond the places, or whether they only set the pace.
    pub(crate) fn is_trial(&self) -> bool {
        matches!(self.how, How::Trial { .. })
    }

    pub(crate) fn began(&mut self, sequence: Sequence, place: Place, since: Tick) {
        if let How::Ramp { first, .. } = &mut self.how {
            first.get_or_insert(sequence);
        }
        if let Some(usages) = &mut self.usages {
            usages.push_back(Counted { sequence, place, since });
        }
    }

    pub(crate) fn counts(&self, usage: Sequence) -> bool {
        let among =
            |usages: &VecDeque<Counted>| usages.iter().any(|counted| counted.sequence == usage);
        self.usages.as_ref().is_some_and(among)
    }

    /// A usage has ended: whether its success counts. On a ramp it does however long it took, else calls that
    /// take longer than the outage did would hold it at one for ever.
    pub(crate) fn ended(&mut self, usage: Sequence) -> bool {
        let Some(usages) = &mut self.usages else { return true };
        let place = usages.iter().position(|counted| counted.sequence == usage);
        let was_kept = place.is_some_and(|place| usages.remove(place).is_some());
        match self.how {
            How::Trial { .. } => was_kept,
            How::Ramp { first, .. } => first.is_some_and(|first| first <= usage),
        }
    }

    /// A usage that counted succeeded: whether the resource is at full strength now.
    pub(crate) fn proved(&mut self, cap: Option<u32>) -> bool {
        match &mut self.how {
            How::Trial { successes_to_go, .. } => {
                *successes_to_go = successes_to_go.saturating_sub(1);
                *successes_to_go == 0
            }
            How::Ramp { pace, .. } => {
                *pace = pace.saturating_add(1);
                cap.map_or(*pace > TOP, |cap| *pace >= cap)
            }
        }
    }

    /// When the oldest usage is lost, if there is one.
    pub(crate) fn next_loss(&self) -> Option<Tick> {
        let oldest = self.usages.as_ref().and_then(VecDeque::front);
        oldest.map(|oldest| Tick(oldest.since.0.saturating_add(self.bound)))
    }

    /// Gives up the oldest usage if its time is over: where it is kept.
    pub(crate) fn lose(&mut self, now: Tick) -> Option<Place> {
        self.next_loss().filter(|&loss| loss <= now)?;
        self.usages.as_mut().and_then(VecDeque::pop_front).map(|lost| lost.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWAY: Duration = Duration::from_secs(30);

    fn by(recovery: Recovery) -> WayBack {
        WayBack { recovery, first_guess: Duration::from_secs(20), generations: true }
    }

    fn at(seconds: u64) -> Tick {
        Tick(seconds * 1_000_000_000)
    }

    #[test]
    fn a_trial_counts_only_its_own_and_ends_with_the_last_success() {
        let trial = Trial::default().at_once(2).successes(2);
        let mut trial = Comeback::after(by(Recovery::Trial(trial)), AWAY, None).unwrap();
        assert!(!trial.ended(1), "it began before");
        trial.began(5, 50, at(0));
        trial.began(6, 60, at(1));
        assert_eq!((trial.taken(9), trial.places()), (2, 2));
        assert!(trial.ended(6));
        assert!(!trial.proved(None), "one more");
        assert!(trial.ended(5));
        assert!(trial.proved(None));
    }

    #[test]
    fn who_hangs_is_lost_after_as_long_as_the_outage_unless_a_bound_was_set() {
        for (bound, lost_at) in [(None, 31), (Some(Duration::from_secs(7)), 8)] {
            let trial = Recovery::Trial(Trial { bound, ..Trial::default() });
            let mut trial = Comeback::after(by(trial), AWAY, None).unwrap();
            trial.began(5, 50, at(1));
            assert_eq!(trial.next_loss(), Some(at(lost_at)));
            assert_eq!(trial.lose(at(lost_at - 1)), None);
            assert_eq!(trial.taken(9), 1);
            assert_eq!(trial.lose(at(lost_at)), Some(50));
            assert_eq!((trial.taken(9), trial.next_loss()), (0, None));
            assert!(!trial.ended(5), "its late result changes nothing");
        }
    }

    #[test]
    fn a_ramp_waits_for_a_usage_as_long_as_the_outage_was_and_no_longer_than_the_first_guess() {
        for (away, lost_at) in [(7, 8), (30, 21), (3_600, 21)] {
            let away = Duration::from_secs(away);
            let mut ramp = Comeback::after(by(Recovery::Ramp), away, None).unwrap();
            ramp.began(5, 50, at(1));
            assert_eq!(ramp.next_loss(), Some(at(lost_at)), "after {away:?}");
        }
    }

    #[test]
    fn a_ramp_goes_up_by_one_with_each_success_to_the_cap_and_without_one_past_sixty_four() {
        let paces = |cap: Option<u32>| {
            let mut ramp = Comeback::after(by(Recovery::Ramp), AWAY, cap).unwrap();
            let mut paces = vec![ramp.places()];
            while !ramp.proved(cap) {
                paces.push(ramp.places());
            }
            paces
        };
        assert_eq!(paces(Some(5)), [1, 2, 3, 4]);
        assert_eq!(paces(None), (1..=64).collect::<Vec<_>>());
        assert!(Comeback::after(by(Recovery::Ramp), AWAY, Some(1)).is_none());
        assert!(Comeback::after(by(Recovery::AtOnce), AWAY, None).is_none());
    }
}
