//! A run beside the one in question, whose calls end when they are told to.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::channel::oneshot;
use rotapool::{Fault, Lease, Pool, Request, RunError};

use crate::books::{Books, Call};
use crate::life::{Pulse, Run};
use crate::shapes::End;
use crate::stage::{Answer, Boom, Stage};

/// A run that is polled by hand, whose call hangs until it is told how to end.
pub(crate) struct Held {
    run: Run,
    calls: Calls,
    pub(crate) pulse: Arc<Pulse>,
    books: Arc<Books>,
    pool: Pool<&'static str>,
}

/// The calls of a held run: where they are, and how to end them.
type Calls = Arc<Mutex<Vec<(String, oneshot::Sender<End>)>>>;

impl Held {
    pub(crate) fn begin(request: Request<&'static str>, stage: &Stage) -> Self {
        let Stage { pool, books, .. } = stage;
        let (calls, counted) = (Calls::default(), Arc::clone(books));
        let writes = Arc::clone(&calls);
        let run = request.run(move |lease: Lease<&'static str>| {
            let mut call = counted.call();
            let (tell, told) = oneshot::channel();
            writes.lock().unwrap().push((lease.id().to_owned(), tell));
            async move {
                call.hangs();
                let end = told.await.expect("a held call is told how to end");
                finish(&lease, call, end)
            }
        });
        let pulse = Arc::new(Pulse::default());
        let mut held =
            Self { run: Box::pin(run), calls, pulse, books: Arc::clone(books), pool: pool.clone() };
        assert!(held.poll().is_none(), "its call hangs, or it stands in line");
        held
    }

    /// Whether it has got through to a call.
    pub(crate) fn calls(&self) -> bool {
        !self.calls.lock().unwrap().is_empty()
    }

    /// Where its latest call is.
    pub(crate) fn at(&self) -> String {
        self.calls.lock().unwrap().last().expect("it has begun").0.clone()
    }

    pub(crate) fn end_call(&self, end: End) {
        let (_, tell) = self.calls.lock().unwrap().pop().expect("a call hangs");
        tell.send(end).expect("the call listens");
    }

    /// Whether the run was served, once it has ended.
    pub(crate) fn poll(&mut self) -> Option<bool> {
        let waker = self.pulse.waker_for(Waker::noop(), &self.pool);
        let Poll::Ready(result) = self.run.as_mut().poll(&mut Context::from_waker(&waker)) else {
            return None;
        };
        let served = result.is_ok();
        match result {
            Ok(_) => self.books.run_over("ok", true),
            Err(RunError::Exhausted(_)) => self.books.run_over("exhausted", true),
            Err(other) => panic!("a held run ends by {other:?}"),
        }
        Some(served)
    }
}

/// What a call ends with, written down.
pub(crate) fn finish(lease: &Lease<&'static str>, call: Call, end: End) -> Answer {
    call.ends(end);
    match end {
        End::Value => Ok(lease.id().to_owned()),
        End::Error => Err(Fault::Operation(Boom)),
        End::Failure => Err(Fault::Failure(Boom)),
        End::Retry | End::RetryOnTrial => Err(Fault::retry("503")),
        End::Cooldown => Err(Fault::cooldown("429")),
        End::Disable => Err(Fault::disable("401")),
        // Without the hook that prints panics.
        End::Panic => resume_unwind(Box::new("the operation panics")),
        end => unreachable!("a call that came to its end does not {end:?}"),
    }
}
