//! The clean-ups under way: polls them, gives up who is late, begins who is next.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use rotapool_core::lifecycle::{Course, CourseStep, ShutdownReport};
use rotapool_core::{Runtime, Sleep};

use crate::lifecycle::clean_up::{UnderWay, Work};
use crate::sync::{Mutex, MutexGuard};

/// What there is to know of a shutdown under way, besides driving it.
#[derive(Clone)]
pub(super) struct Known {
    runtime: Arc<dyn Runtime>,
    parts: Arc<Mutex<Parts>>,
}

struct Parts {
    course: Course,
    /// Who goes on although nobody waits any more.
    left_running: Vec<usize>,
}

impl Known {
    pub(super) fn new(course: Course, runtime: Arc<dyn Runtime>) -> Self {
        let parts = Parts { course, left_running: Vec::new() };
        Self { runtime, parts: Arc::new(Mutex::new(parts)) }
    }

    /// How far it is.
    pub(super) fn report(&self) -> ShutdownReport {
        let now = self.runtime.now();
        let parts = self.parts();
        let mut report = parts.course.report(now);
        for &index in &parts.left_running {
            report.clean_ups[index].still_running = true;
        }
        report
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives a shutdown to its end.
pub(super) struct Driven {
    known: Known,
    /// By turn; taken when it comes.
    works: Vec<Option<Work>>,
    under_way: Vec<(usize, UnderWay)>,
    sleep: Option<(Instant, Sleep)>,
}

impl Driven {
    pub(super) fn new(known: Known, works: Vec<Work>) -> Self {
        let works = works.into_iter().map(Some).collect();
        Self { known, works, under_way: Vec::new(), sleep: None }
    }

    /// Polls all that are under way, once.
    fn poll_clean_ups(&mut self, context: &mut Context<'_>) {
        let Self { known, under_way, .. } = self;
        under_way.retain_mut(|(index, clean_up)| match clean_up.poll(context) {
            Poll::Pending => true,
            Poll::Ready(ending) => {
                let now = known.runtime.now();
                known.parts().course.settle(*index, ending, now);
                false
            }
        });
    }

    fn give_up(&mut self, index: usize) {
        if let Some(place) = self.under_way.iter().position(|(other, _)| *other == index) {
            let (_, clean_up) = self.under_way.swap_remove(place);
            if clean_up.outlives_us() {
                self.known.parts().left_running.push(index);
            }
        }
    }

    /// Whether the time has come.
    fn poll_sleep(&mut self, until: Instant, context: &mut Context<'_>) -> Poll<()> {
        let runtime = &self.known.runtime;
        let (at, sleep) = self.sleep.get_or_insert_with(|| (until, runtime.sleep_until(until)));
        if *at != until {
            (*at, *sleep) = (until, runtime.sleep_until(until));
        }
        let polled = sleep.as_mut().poll(context);
        if polled.is_ready() {
            self.sleep = None;
        }
        polled
    }
}

impl Future for Driven {
    type Output = Arc<ShutdownReport>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            this.poll_clean_ups(context);
            let now = this.known.runtime.now();
            let step = this.known.parts().course.step(now);
            match step {
                CourseStep::GiveUp(index) => this.give_up(index),
                CourseStep::Start(index) => {
                    if let Some(work) = this.works[index].take() {
                        this.under_way.push((index, UnderWay::begin(work)));
                    }
                }
                CourseStep::Wait(until) => {
                    if this.poll_sleep(until, context).is_pending() {
                        return Poll::Pending;
                    }
                }
                CourseStep::Over => return Poll::Ready(Arc::new(this.known.report())),
            }
        }
    }
}
