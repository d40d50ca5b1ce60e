//! Whether a beat proves life.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::lifecycle::beat::{Beat, Target};
use crate::one_line::OneLine;

/// What it takes for a beat to prove life. A duration stands for the age that it may have, and for nothing
/// else being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it asks nothing by itself"]
pub struct Liveness {
    max_age: Duration,
    max_ahead: Duration,
    pid: Option<u32>,
    host: Option<String>,
}

/// How far clocks of two machines are taken to be apart, unless it is said.
const AHEAD: Duration = Duration::from_secs(5);

impl Liveness {
    /// The beat is this old at most. Two intervals of the heart or more: with less, a living heart is dead
    /// between two beats.
    pub fn within(max_age: Duration) -> Self {
        Self { max_age, max_ahead: AHEAD, pid: None, host: None }
    }

    /// The beat may be this far ahead of the reader's clock; 5 s by default, for clocks that are a little
    /// apart.
    pub fn ahead(mut self, max_ahead: Duration) -> Self {
        self.max_ahead = max_ahead;
        self
    }

    /// The beat is of this process.
    pub fn of_pid(mut self, pid: u32) -> Self {
        self.pid = Some(pid);
        self
    }

    /// The beat is of this machine.
    pub fn on_host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Judges a beat: how old it is.
    ///
    /// # Errors
    ///
    /// Why it proves no life: every [`NotAlive`] but [`Unreadable`](NotAlive::Unreadable).
    pub fn judge(&self, beat: &Beat, now: SystemTime) -> Result<Duration, NotAlive> {
        let age = match now.duration_since(beat.time) {
            Ok(age) => age,
            Err(ahead) if ahead.duration() <= self.max_ahead => Duration::ZERO,
            Err(ahead) => {
                let (ahead, allowed) = (ahead.duration(), self.max_ahead);
                return Err(NotAlive::FromTheFuture { ahead, allowed });
            }
        };
        if let Some(expected) = self.pid.filter(|pid| *pid != beat.pid) {
            return Err(NotAlive::AnotherProcess { pid: beat.pid, expected });
        }
        if let Some(expected) = self.host.as_ref().filter(|host| **host != beat.host) {
            let (host, expected) = (beat.host.clone(), expected.clone());
            return Err(NotAlive::AnotherHost { host, expected });
        }
        if age > self.max_age {
            return Err(NotAlive::Stale { age, max_age: self.max_age });
        }
        match &beat.target {
            Some(Target::Dead(reason)) => Err(NotAlive::TargetDead { reason: reason.clone() }),
            _ => Ok(age),
        }
    }
}

impl From<Duration> for Liveness {
    fn from(max_age: Duration) -> Self {
        Self::within(max_age)
    }
}

/// Why nobody is proven alive.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAlive {
    /// There is no beat to judge.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The last beat is too old.
    #[error(
        "the last beat is {:.1} s old; allowed is {:.1} s",
        age.as_secs_f64(), max_age.as_secs_f64()
    )]
    Stale {
        /// How old it is.
        age: Duration,
        /// How old it may be.
        max_age: Duration,
    },
    /// The beat was made later than now: one of the clocks is wrong, or the file is not what it seems.
    #[error(
        "the last beat is {:.1} s in the future; allowed is {:.1} s for clocks that are apart",
        ahead.as_secs_f64(), allowed.as_secs_f64()
    )]
    FromTheFuture {
        /// How far ahead it is.
        ahead: Duration,
        /// How far ahead it may be.
        allowed: Duration,
    },
    /// The beat is of another process.
    #[error("the last beat is of process {pid}; expected is {expected}")]
    AnotherProcess {
        /// The process that beats.
        pid: u32,
        /// The one asked for.
        expected: u32,
    },
    /// The beat is of another machine.
    #[error("the last beat is of host `{}`; expected is `{}`", OneLine(host), OneLine(expected))]
    AnotherHost {
        /// The machine that beats.
        host: String,
        /// The one asked for.
        expected: String,
    },
    /// The heart beats, and says that whom it beats for is dead.
    #[error("the heart beats, but for the dead: {}", OneLine(reason))]
    TargetDead {
        /// Why it is dead.
        reason: String,
    },
}

/// Why there is no beat to be had from a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// There is no such file.
    #[error("there is no file: no heart has beaten there yet, or its directory is gone")]
    Missing,
    /// What is there is a directory, a pipe or the like.
    #[error("what is there is no regular file")]
    NotAFile,
    /// No beat is so long.
    #[error("the file has more than {limit} bytes; no beat is so long")]
    TooLong {
        /// How long it may be.
        limit: usize,
    },
    /// The content ends in the middle: a writer that does not replace the file, but writes into it.
    #[error("the file holds only the beginning of a beat")]
    Half,
    /// The content is no beat.
    #[error("the file holds no beat: {}", OneLine(reason))]
    Garbage {
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused.
    #[error("the file cannot be read: {}", OneLine(reason))]
    Io {
        /// What the system said.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn beat(age: Duration) -> Beat {
        Beat::new(NOW - age, 7, "here".to_owned(), 1)
    }

    #[test]
    fn a_beat_is_alive_up_to_its_age() {
        let rule = Liveness::within(30 * S);
        assert_eq!(rule.judge(&beat(30 * S), NOW), Ok(30 * S));
        let stale = NotAlive::Stale { age: 31 * S, max_age: 30 * S };
        assert_eq!(rule.judge(&beat(31 * S), NOW), Err(stale));
    }

    /// In kstlib 3.8.2 the future was alive.
    #[test]
    fn the_future_is_allowed_as_far_as_clocks_may_be_apart() {
        let ahead = |ahead| Liveness::from(30 * S).judge(&beat(S), NOW - S - ahead);
        assert_eq!(ahead(5 * S), Ok(Duration::ZERO));
        assert_eq!(ahead(6 * S), Err(NotAlive::FromTheFuture { ahead: 6 * S, allowed: 5 * S }));
        let strict = Liveness::from(30 * S).ahead(Duration::ZERO);
        assert!(strict.judge(&beat(S), NOW - 2 * S).is_err());
    }

    #[test]
    fn the_beat_of_another_proves_nothing() {
        let rule = Liveness::within(30 * S).of_pid(8);
        let another = NotAlive::AnotherProcess { pid: 7, expected: 8 };
        assert_eq!(rule.judge(&beat(S), NOW), Err(another));
        assert!(Liveness::within(30 * S).of_pid(7).on_host("here").judge(&beat(S), NOW).is_ok());
        let elsewhere = Liveness::within(30 * S).on_host("there").judge(&beat(S), NOW);
        assert_eq!(
            elsewhere.unwrap_err().to_string(),
            "the last beat is of host `here`; expected is `there`"
        );
    }

    #[test]
    fn a_heart_that_beats_for_the_dead_proves_no_life() {
        let target = |target| Beat { target: Some(target), ..beat(S) };
        let rule = Liveness::within(30 * S);
        assert!(rule.judge(&target(Target::Alive), NOW).is_ok());
        let dead = rule.judge(&target(Target::Dead("the worker\nis gone".to_owned())), NOW);
        assert_eq!(
            dead.unwrap_err().to_string(),
            "the heart beats, but for the dead: the worker\\nis gone"
        );
    }
}
