//! What the calls of late were like: a window that slides with every call or with time.

use std::collections::VecDeque;
use std::time::Instant;

use super::steps::Steps;
use super::trip::Window;

/// How a call ended, as the rates see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// Calls, and what some of them were like.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) slow: u64,
}

impl Tally {
    fn add(&mut self, mark: Mark) {
        self.calls += 1;
        self.failures += u64::from(mark.failed);
        self.slow += u64::from(mark.slow);
    }

    fn remove(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failures -= other.failures;
        self.slow -= other.slow;
    }
}

impl From<Mark> for Tally {
    fn from(mark: Mark) -> Self {
        let mut tally = Self::default();
        tally.add(mark);
        tally
    }
}

/// The window with what is in it, and their sum.
#[derive(Debug, Clone)]
pub(super) struct Sliding {
    kept: Kept,
    sum: Tally,
}

#[derive(Debug, Clone)]
enum Kept {
    Calls { most: usize, marks: VecDeque<Mark> },
    Time(Steps<Tally>),
}

impl Sliding {
    pub(super) fn new(window: Window, start: Instant) -> Self {
        let kept = match window {
            Window::Calls(calls) => Kept::Calls { most: calls as usize, marks: VecDeque::new() },
            Window::Time(time) => Kept::Time(Steps::new(time, start)),
        };
        Self { kept, sum: Tally::default() }
    }

    /// Takes in a call that ends now.
    pub(super) fn add(&mut self, mark: Mark, now: Instant) {
        match &mut self.kept {
            Kept::Calls { most, marks } => {
                if marks.len() == *most {
                    if let Some(oldest) = marks.pop_front() {
                        self.sum.remove(oldest.into());
                    }
                }
                marks.push_back(mark);
            }
            Kept::Time(steps) => {
                steps.slide(now, |gone| self.sum.remove(gone));
                steps.present().add(mark);
            }
        }
        self.sum.add(mark);
    }

    /// What is in the window, as of the last call added.
    pub(super) fn sum(&self) -> Tally {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const GOOD: Mark = Mark { failed: false, slow: false };
    const BAD: Mark = Mark { failed: true, slow: false };
    const SLOW: Mark = Mark { failed: false, slow: true };

    fn tally(calls: u64, failures: u64, slow: u64) -> Tally {
        Tally { calls, failures, slow }
    }

    #[test]
    fn a_call_takes_the_two_bytes_that_the_window_says_and_no_more_calls_are_kept() {
        let now = Instant::now();
        let mut window = Sliding::new(Window::Calls(1_000), now);
        (0..5_000).for_each(|_| window.add(GOOD, now));
        let Kept::Calls { marks, .. } = &window.kept else { panic!("it is one of calls") };
        assert_eq!((size_of::<Mark>(), marks.len()), (2, 1_000));
    }

    #[test]
    fn a_window_of_calls_holds_the_last_ones_and_no_others() {
        let now = Instant::now();
        let mut window = Sliding::new(Window::Calls(3), now);
        for _ in 0..1_000 {
            window.add(GOOD, now);
        }
        window.add(BAD, now);
        window.add(SLOW, now);
        assert_eq!(window.sum(), tally(3, 1, 1));
        window.add(BAD, now);
        assert_eq!(window.sum(), tally(3, 2, 1), "the last good one has gone");
        window.add(GOOD, now);
        assert_eq!(window.sum(), tally(3, 1, 1));
        window.add(GOOD, now);
        assert_eq!(window.sum(), tally(3, 1, 0));
    }

    #[test]
    fn a_window_of_time_lets_go_of_a_call_a_step_before_its_length_at_the_earliest() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut window = Sliding::new(Window::Time(Duration::from_millis(1_000)), start);
        window.add(BAD, at(99));
        window.add(GOOD, at(999));
        assert_eq!(window.sum(), tally(2, 1, 0));
        window.add(GOOD, at(1_000));
        assert_eq!(window.sum(), tally(2, 0, 0), "the first step has gone, and the second came in");
    }

    #[test]
    fn a_long_silence_empties_a_window_of_time() {
        let start = Instant::now();
        let mut window = Sliding::new(Window::Time(Duration::from_secs(1)), start);
        for step in 0..10 {
            window.add(BAD, start + Duration::from_millis(100 * step));
        }
        assert_eq!(window.sum(), tally(10, 10, 0));
        window.add(GOOD, start + Duration::from_secs(60 * 60 * 24 * 365));
        assert_eq!(window.sum(), tally(1, 0, 0));
    }

    #[test]
    fn a_clock_that_seems_to_go_back_loses_nothing() {
        let start = Instant::now();
        let later = start + Duration::from_secs(5);
        let mut window = Sliding::new(Window::Time(Duration::from_secs(1)), start);
        window.add(BAD, later);
        window.add(BAD, start);
        window.add(BAD, later);
        assert_eq!(window.sum(), tally(3, 3, 0));
    }
}
