//! The part of a stream up to its commit point: an ordinary attempt of an ordinary run.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::TryStream;
use rotapool_core::{Outcome, after};

use crate::drive::caller::Caller;
use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::drive::shared::Shared;
use crate::held::silence::Silence;
use crate::pool::Request;
use crate::terms::answer::{Answers, Otherwise};
use crate::terms::error::OptionsError;
use crate::terms::fault::Fault;
use crate::terms::options::Options;

/// The run of a stream: what serves it is held to the end of the stream.
pub(super) struct Streaming<T> {
    request: Request<T>,
    /// When the stream has to be over.
    end: Option<Instant>,
    /// The same by the pool's bound for what is held, which counts from the first item on.
    bound: OnceLock<Instant>,
}

impl<T> Streaming<T> {
    pub(super) fn begin(request: Request<T>) -> Result<Guard<Arc<Self>>, OptionsError> {
        let mut options = request.for_core()?;
        request.options().check_stream()?;
        let whole = request.options().stream_timeout;
        let end = whole.map(|whole| after(request.shared().runtime.now(), whole));
        options.deadline = options.deadline.into_iter().chain(end).min();
        Ok(Guard::begin(Arc::new(Self { request, end, bound: OnceLock::new() }), options))
    }

    /// A time for silence, as the request has it.
    pub(super) fn silence(&self) -> Silence {
        let limit = self.request.options().stall_timeout;
        Silence::new(limit, Arc::clone(&self.request.shared().runtime))
    }

    /// When the stream has to be over, if it has begun now at the latest.
    pub(super) fn end(&self) -> Option<Instant> {
        let shared = self.request.shared();
        let bound = shared.defaults.held_bound;
        let bound =
            bound.map(|bound| *self.bound.get_or_init(|| after(shared.runtime.now(), bound)));
        self.end.into_iter().chain(bound).min()
    }
}

impl<T> Caller for Arc<Streaming<T>> {
    type Value = T;

    fn shared(&self) -> &Shared<T> {
        self.request.shared()
    }

    fn options(&self) -> Option<&Options> {
        Some(self.request.options())
    }

    fn holds(&self) -> Option<Option<Instant>> {
        Some(self.end())
    }
}

/// A stream that has begun, or is over already.
pub(super) struct Begun<T, H, S: TryStream> {
    pub(super) lease: Lease<T>,
    pub(super) head: H,
    /// What came up to the commit point.
    pub(super) first: VecDeque<S::Ok>,
    pub(super) rest: Option<Pin<Box<S>>>,
    pub(super) silence: Silence,
}

/// Why a stream did not begin.
pub(super) enum NotBegun<E> {
    Fault(Fault<E>),
    Silent(Duration),
}

impl<T, H, S, E> Answers for Result<Begun<T, H, S>, NotBegun<E>>
where
    S: TryStream,
{
    type Value = Begun<T, H, S>;
    type Error = E;

    fn answer(self) -> Result<Begun<T, H, S>, Otherwise<Begun<T, H, S>, E>> {
        self.map_err(|why| match why {
            NotBegun::Fault(Fault::Operation(error)) => {
                Otherwise::Returned(Err(error), Outcome::Error)
            }
            NotBegun::Fault(Fault::Failure(error)) => {
                Otherwise::Returned(Err(error), Outcome::Failure)
            }
            NotBegun::Fault(Fault::Signal(signal)) => Otherwise::Again(signal, None),
            NotBegun::Silent(limit) => Otherwise::Stalled(limit),
        })
    }
}

/// Waits for the stream, and for its items up to the one that counts.
pub(super) async fn begin<T, H, S, E>(
    lease: Lease<T>,
    call: impl Future<Output = Result<(H, S), Fault<E>>>,
    mut silence: Silence,
    counts: Arc<impl Fn(&S::Ok) -> bool>,
) -> Result<Begun<T, H, S>, NotBegun<E>>
where
    S: TryStream<Error = Fault<E>>,
{
    let opened = silence.within(call).await.map_err(NotBegun::Silent)?;
    let (head, stream) = opened.map_err(NotBegun::Fault)?;
    let (mut stream, mut first) = (Box::pin(stream), VecDeque::new());
    loop {
        let next = poll_fn(|task| stream.as_mut().try_poll_next(task));
        match silence.within(next).await.map_err(NotBegun::Silent)? {
            None => return Ok(Begun { lease, head, first, rest: None, silence }),
            Some(Err(fault)) => return Err(NotBegun::Fault(fault)),
            Some(Ok(item)) => {
                let commits = counts(&item);
                first.push_back(item);
                if commits {
                    return Ok(Begun { lease, head, first, rest: Some(stream), silence });
                }
            }
        }
    }
}
