//! Who has something to do before the service may go.

use std::sync::Arc;
use std::time::Instant;

use thiserror::Error;

use crate::lifecycle::course::Course;
use crate::lifecycle::plan::{CleanUpPlan, ShutdownRules};
use crate::one_line::OneLine;

/// Why a shutdown or one of its clean-ups was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// The deadline of the whole was zero.
    #[error("the deadline of the shutdown is 0 s; give the clean-ups some time, 30 s for example")]
    ZeroDeadline,
    /// The name of a clean-up was the empty string.
    #[error("the name of a clean-up is empty; the report needs one of one character or more")]
    EmptyName,
    /// The limit of a clean-up was zero.
    #[error(
        "the limit of clean-up `{}` is 0 s; allowed is more, or none to leave it all that is left of \
         the deadline",
        OneLine(name)
    )]
    ZeroLimit {
        /// The clean-up.
        name: Arc<str>,
    },
    /// Another clean-up has this name.
    #[error(
        "clean-up `{}` is registered already; unregister it first or use another name",
        OneLine(name)
    )]
    DuplicateName {
        /// The clean-up.
        name: Arc<str>,
    },
    /// The shutdown has begun.
    #[error(
        "clean-up `{}` comes too late: the shutdown has begun; register before it, or clean up where \
         you stand",
        OneLine(name)
    )]
    ShuttingDown {
        /// The clean-up.
        name: Arc<str>,
    },
}

/// The clean-ups of a service, each with the work that it stands for, until a shutdown begins.
#[derive(Debug)]
pub struct CleanUps<W> {
    rules: ShutdownRules,
    /// In the order of registration; none once the shutdown has begun.
    listed: Option<Vec<(CleanUpPlan, W)>>,
}

impl<W> CleanUps<W> {
    /// None yet.
    ///
    /// # Errors
    ///
    /// [`ShutdownError::ZeroDeadline`].
    pub fn new(rules: ShutdownRules) -> Result<Self, ShutdownError> {
        match rules.deadline.is_zero() {
            true => Err(ShutdownError::ZeroDeadline),
            false => Ok(Self { rules, listed: Some(Vec::new()) }),
        }
    }

    /// Adds one.
    ///
    /// # Errors
    ///
    /// Every [`ShutdownError`] but [`ZeroDeadline`](ShutdownError::ZeroDeadline), and the work again: it is
    /// its owner's to drop.
    pub fn register(&mut self, plan: CleanUpPlan, work: W) -> Result<(), (ShutdownError, W)> {
        let name = Arc::clone(&plan.name);
        let refused = match &mut self.listed {
            _ if name.is_empty() => ShutdownError::EmptyName,
            _ if plan.limit.is_some_and(|limit| limit.is_zero()) => {
                ShutdownError::ZeroLimit { name }
            }
            None => ShutdownError::ShuttingDown { name },
            Some(listed) if listed.iter().any(|(other, _)| other.name == name) => {
                ShutdownError::DuplicateName { name }
            }
            Some(listed) => {
                listed.push((plan, work));
                return Ok(());
            }
        };
        Err((refused, work))
    }

    /// Takes one off the list. `None` if there is none of this name, or if the shutdown has begun.
    pub fn unregister(&mut self, name: &str) -> Option<W> {
        let listed = self.listed.as_mut()?;
        let index = listed.iter().position(|(plan, _)| &*plan.name == name)?;
        Some(listed.remove(index).1)
    }

    /// Begins the shutdown: the course that it takes, and the works in the order of their turns. `None` if it
    /// has begun before.
    pub fn begin(&mut self, now: Instant) -> Option<(Course, Vec<W>)> {
        let mut listed = self.listed.take()?;
        listed.sort_by_key(|(plan, _)| plan.priority); // stable: ties stay as they were registered
        let (plans, works) = listed.into_iter().unzip();
        Some((Course::new(&self.rules, plans, now), works))
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.listed.is_none()
    }

    /// The names, in the order of registration; none once the shutdown has begun.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.listed.iter().flatten().map(|(plan, _)| &*plan.name)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn clean_ups() -> CleanUps<u32> {
        let deadline = Duration::from_secs(30);
        CleanUps::new(ShutdownRules { deadline, side_by_side: false }).unwrap()
    }

    fn plan(name: &str, priority: i32) -> CleanUpPlan {
        CleanUpPlan { name: name.into(), priority, limit: None }
    }

    #[test]
    fn lower_priorities_come_first_and_ties_by_registration() {
        let mut clean_ups = clean_ups();
        for (work, (name, priority)) in (0..).zip([("a", 100), ("b", -1), ("c", 100), ("d", 7)]) {
            clean_ups.register(plan(name, priority), work).unwrap();
        }
        let (_, works) = clean_ups.begin(Instant::now()).unwrap();
        assert_eq!(works, [1, 3, 0, 2]);
    }

    #[test]
    fn a_shutdown_begins_once() {
        let mut clean_ups = clean_ups();
        assert!(!clean_ups.has_begun());
        assert!(clean_ups.begin(Instant::now()).is_some());
        assert!(clean_ups.begin(Instant::now()).is_none());
        assert!(clean_ups.has_begun());
    }

    #[test]
    fn a_name_is_taken_until_it_is_unregistered() {
        let mut clean_ups = clean_ups();
        clean_ups.register(plan("flush", 1), 1).unwrap();
        let (refused, work) = clean_ups.register(plan("flush", 2), 2).unwrap_err();
        assert_eq!((refused, work), (ShutdownError::DuplicateName { name: "flush".into() }, 2));
        assert_eq!(clean_ups.unregister("flush"), Some(1));
        assert_eq!(clean_ups.unregister("flush"), None);
        clean_ups.register(plan("flush", 3), 3).unwrap();
        assert_eq!(clean_ups.names().collect::<Vec<_>>(), ["flush"]);
    }

    #[test]
    fn during_the_shutdown_nobody_comes_or_goes() {
        let mut clean_ups = clean_ups();
        clean_ups.register(plan("flush", 1), 1).unwrap();
        clean_ups.begin(Instant::now());
        let (refused, _) = clean_ups.register(plan("late", 1), 2).unwrap_err();
        assert_eq!(refused, ShutdownError::ShuttingDown { name: "late".into() });
        assert_eq!(clean_ups.unregister("flush"), None);
    }

    #[test]
    fn what_makes_no_sense_is_turned_away_and_told_what_would() {
        let deadline = Duration::ZERO;
        let refused =
            CleanUps::<()>::new(ShutdownRules { deadline, side_by_side: true }).unwrap_err();
        assert_eq!(refused, ShutdownError::ZeroDeadline);

        let mut clean_ups = clean_ups();
        assert_eq!(clean_ups.register(plan("", 1), 1).unwrap_err().0, ShutdownError::EmptyName);
        let zero = CleanUpPlan { limit: Some(Duration::ZERO), ..plan("flush\n", 1) };
        let refused = clean_ups.register(zero, 1).unwrap_err().0;
        assert_eq!(
            refused.to_string(),
            "the limit of clean-up `flush\\n` is 0 s; allowed is more, or none to leave it all that is \
             left of the deadline"
        );
    }
}
