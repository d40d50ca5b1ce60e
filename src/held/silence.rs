//! How long somebody has asked in vain.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rotapool_core::{Runtime, after};

use crate::held::alarm::Alarm;

/// Ends when nothing has come for too long while somebody asked. Without a limit it never does, and costs nothing.
pub(super) struct Silence {
    limit: Option<Duration>,
    runtime: Arc<dyn Runtime>,
    /// Since when somebody asks in vain.
    since: Option<Instant>,
    /// May be due earlier than it has to be: it is not armed anew for every item.
    alarm: Option<Alarm>,
}

impl Silence {
    pub(super) fn new(limit: Option<Duration>, runtime: Arc<dyn Runtime>) -> Self {
        Self { limit, runtime, since: None, alarm: None }
    }

    /// Something came.
    pub(super) fn broken(&mut self) {
        self.since = None;
    }

    /// Nothing more comes: no timer is left behind.
    pub(super) fn end(&mut self) {
        self.alarm = None;
    }

    /// Nothing has come, once more; ready, with the limit, when that has been so for too long.
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Duration> {
        let Some(limit) = self.limit else { return Poll::Pending };
        let end = after(*self.since.get_or_insert_with(|| self.runtime.now()), limit);
        let alarm = self.alarm.get_or_insert_with(|| self.runtime.sleep_until(end).into());
        ready!(alarm.poll(task));
        self.alarm = None;
        let now = self.runtime.now();
        if (end..=after(end, limit)).contains(&now) {
            return Poll::Ready(limit);
        }
        if now > end {
            // Nobody has asked for as long again: this was the reader's silence.
            self.since = Some(now);
        }
        // Or something came since it was armed, or the timer was early: another one, by the next poll.
        task.waker().wake_by_ref();
        Poll::Pending
    }

    /// What comes of `work`, unless that is silent for too long.
    pub(super) async fn within<F: Future>(&mut self, work: F) -> Result<F::Output, Duration> {
        let mut work = pin!(work);
        poll_fn(|task| match work.as_mut().poll(task) {
            Poll::Ready(output) => {
                self.broken();
                Poll::Ready(Ok(output))
            }
            Poll::Pending => self.poll(task).map(Err),
        })
        .await
    }
}
