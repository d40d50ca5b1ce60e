//! What an operation receives.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{State, UsageKey};

use crate::drive::pair::{Look, Trigger};
use crate::drive::shared::Entry;
use crate::terms::secret::Secrets;

/// A resource on loan to one attempt: the value by [`Deref`], and what the attempt may want to know.
///
/// A lease is owned and cheap to clone, so it moves into any future. Health is judged by the outcome
/// of the operation that received the lease, and the place on the resource is given back when that
/// operation ends: do the work inside the operation, and do not smuggle the lease out of it.
///
/// `Debug` shows the id and never the value.
pub struct Lease<T> {
    entry: Arc<Entry<T>>,
    attempt: u32,
    /// Of whom is spoken when it is said what the attempt takes of the quotas of its resource.
    usage: Option<UsageKey>,
    extra: Option<Arc<Extra>>,
}

/// What few leases carry.
struct Extra {
    request_id: Option<Arc<str>>,
    is_degraded: bool,
    /// Of an operation that nothing can interrupt.
    doom: Option<Doom>,
}

/// What an operation that nothing can interrupt may look at.
pub(crate) struct Doom {
    /// Whether a sibling has aborted it.
    pub(crate) call: Look,
    /// When its time is up.
    pub(crate) limit: Option<Instant>,
}

impl<T> Lease<T> {
    /// `usage` is of a resource that has quotas.
    #[inline]
    pub(crate) fn new(entry: Arc<Entry<T>>, attempt: u32, usage: Option<UsageKey>) -> Self {
        Self { entry, attempt, usage, extra: None }
    }

    /// The same with what few leases carry.
    #[cold]
    pub(crate) fn with(self, request_id: Option<Arc<str>>, is_degraded: bool) -> Self {
        let extra = Extra { request_id, is_degraded, doom: None };
        Self { extra: Some(Arc::new(extra)), ..self }
    }

    /// The same for an operation that nothing can interrupt.
    #[cold]
    pub(crate) fn doomed_by(self, doom: Doom) -> Self {
        let request_id = self.extra.as_ref().and_then(|extra| extra.request_id.clone());
        let extra = Extra { request_id, is_degraded: self.is_degraded(), doom: Some(doom) };
        Self { extra: Some(Arc::new(extra)), ..self }
    }

    /// What must not be shown of what is said of the resource.
    #[inline]
    pub(crate) fn secrets(&self) -> Option<&Arc<Secrets>> {
        self.entry.secrets.as_ref()
    }

    /// How answers that were got with the resource are judged.
    #[cfg(feature = "http")]
    pub(crate) fn table(&self) -> &rotapool_core::hints::Reactions {
        self.entry.table.reactions()
    }

    /// The id of the resource.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.entry.id
    }

    /// Which attempt of its run this is, counting from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the resource is out, and serves because all are: see [`Builder::degrade`](crate::Builder::degrade).
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.is_degraded)
    }

    /// The id that the run was [given](crate::Request::request_id), to correlate logs.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.extra.as_ref()?.request_id.as_deref()
    }

    /// Whether an older operation's cooldown or disable signal has aborted this one, for the loops of an operation that
    /// [blocks](crate::Pool::run_blocking): it cannot be interrupted, and does well to return when it sees this.
    ///
    /// Of an async operation it is never true: that is dropped instead.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.doom().is_some_and(|doom| doom.call.has_come())
    }

    /// When the time of the attempt is up, by the pool's clock, for an operation that
    /// [blocks](crate::Pool::run_blocking): nobody can keep to it but the operation. `None` if it may take for ever.
    ///
    /// Of an async operation it is always `None`: that is dropped then.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # use rotapool::{Fault, Pool, Resource};
    /// # let pool = Pool::builder().resource(Resource::new("a", ())).build().unwrap();
    /// let request = pool.request().timeout(Duration::from_secs(5));
    /// let left = request.run_blocking(|lease| {
    ///     let left = lease.limit().map(|limit| limit.saturating_duration_since(Instant::now()));
    ///     Ok::<_, Fault<std::io::Error>>(left) // the time-out of a blocking client
    /// });
    /// assert!(left.unwrap() <= Some(Duration::from_secs(5)));
    /// ```
    #[must_use]
    pub fn limit(&self) -> Option<Instant> {
        self.doom().and_then(|doom| doom.limit)
    }

    fn doom(&self) -> Option<&Doom> {
        self.extra.as_ref()?.doom.as_ref()
    }

    /// Says what the attempt has taken of a dimension of the [quotas](crate::Quota) of its resource, in all, in place of
    /// what was reserved for it: more is taken now, and is a debt where it is not there; what is less is given back at
    /// once, and whoever waits for it gets it. Said again, the last word counts.
    ///
    /// Without a word, what was reserved stays taken, also when the run is dropped. Where the resource has no quota of the
    /// dimension, and once the attempt has ended, this does nothing.
    ///
    /// ```
    /// # use rotapool::{Fault, Pool, Quota, Resource};
    /// # futures::executor::block_on(async {
    /// let key = Resource::new("key-1", "sk-aaa").quota(Quota::per_minute(90_000).of("tokens"));
    /// let pool = Pool::builder().resource(key).build()?;
    /// let run = pool.request().cost("tokens", 1_200).run(async |key| {
    ///     let used = 1_534; // as the reply says
    ///     key.spent("tokens", used);
    ///     Ok::<_, Fault<String>>(())
    /// });
    /// run.await.unwrap();
    /// assert_eq!(pool.snapshot()[0].quotas[0].left, 90_000 - 1_534);
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    pub fn spent(&self, dimension: &str, amount: u64) {
        self.tell(|state, usage, now| state.spent(usage, dimension, amount, now));
    }

    /// Says that the attempt never reached the upstream, as when it could not connect: all that was reserved for it of the
    /// quotas of its resource is given back at once. Once the attempt has ended, this does nothing.
    ///
    /// ```
    /// # use rotapool::{Fault, Lease};
    /// # use std::{io, net::TcpStream};
    /// fn connect(proxy: &Lease<&str>) -> Result<TcpStream, Fault<io::Error>> {
    ///     TcpStream::connect(**proxy).map_err(|refused| {
    ///         proxy.unspent();
    ///         Fault::retry(refused)
    ///     })
    /// }
    /// ```
    pub fn unspent(&self) {
        self.tell(State::unspent);
    }

    /// Passes on what the upstream says of a dimension of the quotas of the resource, as in `X-RateLimit-Remaining` and
    /// `-Reset`: so much is left, and all of it is back after `reset`. It beats what the pool has counted. Until then
    /// nothing grows; without a `reset` the quota grows as ever. More than the quota holds is as much as it holds.
    ///
    /// Of other attempts in flight the answer may not speak: those that began after this one are taken off what is left;
    /// those that began before it may not have arrived either, so that more is not believed by as much as they have
    /// reserved. And the answer to an attempt older than one that has said so gives nothing back. Alone in flight, an
    /// attempt is taken literally.
    ///
    /// Where the resource has no quota of the dimension, and once the attempt has ended, this does nothing.
    pub fn correct(&self, dimension: &str, remaining: u64, reset: impl Into<Option<Duration>>) {
        let reset = reset.into();
        self.tell(|state, usage, now| {
            state.correct_quota(usage, dimension, remaining, reset, now);
        });
    }

    /// Tells the pool what the attempt has to say of its quotas, if it has any and the pool is still there.
    fn tell(&self, say: impl FnOnce(&mut State<Trigger>, UsageKey, Instant)) {
        if let Some((usage, pool)) = self.usage.zip(self.entry.pool()) {
            let now = pool.runtime.now();
            pool.with(|locked| say(&mut locked.state, usage, now));
        }
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.entry.value
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Self {
        let Self { entry, attempt, usage, extra } = self;
        Self { entry: entry.clone(), attempt: *attempt, usage: *usage, extra: extra.clone() }
    }
}

impl<T> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.entry.id)
            .field("attempt", &self.attempt)
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}
