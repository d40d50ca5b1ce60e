//! The names of the strategies.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::one_line::OneLine;

/// How the pool chooses among the eligible resources.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// The fewest usages in flight, then the least recently acquired. The default.
    ///
    /// Called `round_robin` in the Python package.
    #[default]
    LeastInFlight,
    /// Strictly in turn, whatever is in flight.
    RoundRobin,
    /// The first eligible resource in the order in which they were added.
    ///
    /// Later ones are reached only while the earlier ones are out or at their cap.
    PrimaryBackup,
    /// The lowest priority number, then the fewest in flight, then the least recently acquired.
    Priority,
    /// Shares in proportion to the weights of what is eligible, exact and smooth among runs that filter alike.
    ///
    /// Whoever is away, at its cap or cooling, neither makes up for what it missed nor loses the turn it had
    /// coming. A retry is drawn by weight and takes nobody's turn. A filtered pick costs O(n).
    Weighted,
    /// Stay with one resource until it is out, then go on to the next in pool order, wrapping. A resource that
    /// comes back waits for its turn.
    ///
    /// While the one is merely at its cap or at the pace of its [ramp](crate::Recovery::Ramp), runs spill to the next, and
    /// are back when it has room.
    Sticky,
    /// Any, with the same chance.
    Random,
    /// Of two at random the one with the lower peak EWMA latency × (in flight + 1).
    ///
    /// Latency is that of successes; a failure counts as slow, and an error of the operation's own as nothing. A
    /// resource that is yet to be measured gets one run in each
    /// [`latency_decay`](crate::HealthRules::latency_decay). One that has done nothing but fail is left alone as by
    /// [`LeastErrors`](Self::LeastErrors). Who answers at once with errors that nobody blames on him is idle again at once, and
    /// so is chosen more often than who is at work: an error that is the resource's is an
    /// [`Outcome::Failure`](crate::Outcome::Failure).
    LeastLatency,
    /// Of two at random the one with the lower recent error rate, then the fewer in flight.
    ///
    /// One that has done nothing but fail, the minimum sample in a row at least, comes after the others for one
    /// [`window`](crate::HealthRules::window) from its last failure; after each further try in vain for twice as
    /// long, up to 64 windows. One that failed last is tried with one run at a time.
    LeastErrors,
    /// Runs with the same affinity key go to the same resource while it is eligible, and carries less
    /// than 1.25 times its share or less than 4 more than the least loaded one for its weight. Beyond that, or beyond the
    /// pace of its [ramp](crate::Recovery::Ramp), a call spills, and the key keeps its home. Runs without a key go to the less loaded of two at random.
    ///
    /// A pick with a key costs O(n).
    Affinity,
}

impl Strategy {
    /// Every strategy, to compare them or to offer the choice.
    pub const ALL: &'static [Self] = &[
        Self::LeastInFlight,
        Self::RoundRobin,
        Self::PrimaryBackup,
        Self::Priority,
        Self::Weighted,
        Self::Sticky,
        Self::Random,
        Self::LeastLatency,
        Self::LeastErrors,
        Self::Affinity,
    ];

    /// Its name in words, as in a configuration file: `least in flight` is `least_in_flight`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LeastInFlight => "least_in_flight",
            Self::RoundRobin => "round_robin",
            Self::PrimaryBackup => "primary_backup",
            Self::Priority => "priority",
            Self::Weighted => "weighted",
            Self::Sticky => "sticky",
            Self::Random => "random",
            Self::LeastLatency => "least_latency",
            Self::LeastErrors => "least_errors",
            Self::Affinity => "affinity",
        }
    }
}

/// The [name](Strategy::name).
impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// By its [name](Strategy::name), whether in capitals or not, and whether its words are parted by `_`, by `-`, by
/// blanks or not at all.
///
/// Beware of `round_robin` in a configuration of the Python package: what it calls so is
/// [`LeastInFlight`](Strategy::LeastInFlight).
impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, UnknownStrategy> {
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(|letter| !matches!(letter, '_' | '-' | ' '));
            letters.flat_map(char::to_lowercase).collect()
        };
        let wanted = plain(name);
        let named = Self::ALL.iter().find(|strategy| plain(strategy.name()) == wanted);
        named.copied().ok_or_else(|| UnknownStrategy { name: name.to_owned() })
    }
}

/// No strategy has this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no strategy `{}`; there are {}", OneLine(name), strategies())]
#[non_exhaustive]
pub struct UnknownStrategy {
    /// The name that was asked for.
    pub name: String,
}

fn strategies() -> String {
    Strategy::ALL.iter().map(|strategy| strategy.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_is_found_by_its_name_however_it_is_written() {
        for &strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
            assert_eq!(format!("{strategy:?}").parse(), Ok(strategy));
            assert_eq!(strategy.name().replace('_', "-").to_uppercase().parse(), Ok(strategy));
        }
    }

    #[test]
    fn an_unknown_name_is_told_what_there_is() {
        let error = "least\nbusy".parse::<Strategy>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no strategy `least\\nbusy`; there are least_in_flight, round_robin, primary_backup, \
             priority, weighted, sticky, random, least_latency, least_errors, affinity"
        );
        assert!("".parse::<Strategy>().is_err());
    }
}
