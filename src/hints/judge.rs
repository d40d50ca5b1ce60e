//! From an answer to what the pool is told.

use std::time::SystemTime;

use rotapool_core::hints::{Refill, Verdict};

use super::answer::Answer;
use crate::drive::lease::Lease;
use crate::terms::fault::Fault;

impl<T> Lease<T> {
    /// Judges an upstream's answer: the signal for the pool if the answer speaks of the resource, else what was read.
    ///
    /// `key.judge(&response)?` in an operation is the whole of it: a 429 cools the key down for as long as the
    /// upstream states, a 401 disables it, a 503 goes elsewhere, and a success goes on. What is the request's own
    /// fault, such as a 404, is no fault of the resource: it goes on as well, and
    /// [`class`](Verdict::class) tells it from a success.
    ///
    /// What becomes of which answer, a table of [`Reactions`](crate::hints::Reactions) says: the
    /// [resource's](crate::Resource::reactions), else the [pool's](crate::Builder::reactions), else the default.
    /// How long is stated in some twenty dialects; whoever states it is named in the signal's reason.
    ///
    /// What it says is left of the resource's limits [corrects](Self::correct) its [quotas](crate::Resource::quota) of
    /// the same dimension, also where it is a success.
    ///
    /// Some say it in the body only, as Google does, and so is a quota of the day told from a limit of the minute:
    /// with the body at hand, [`judge_with_body`](Self::judge_with_body) sees more.
    ///
    /// ```
    /// use rotapool::{Fault, Lease, Pool, Resource};
    ///
    /// async fn post(key: &str) -> http::Response<&'static str> {
    ///     let response = http::Response::builder();
    ///     match key {
    ///         "sk-aaa" => response.status(429).header("retry-after-ms", "36500").body(""),
    ///         _ => response.status(200).body("hello"),
    ///     }
    ///     .unwrap()
    /// }
    ///
    /// async fn ask(key: Lease<&str>) -> Result<&'static str, Fault<String>> {
    ///     let response = post(&key).await;
    ///     key.judge(&response)?;
    ///     Ok(response.into_body())
    /// }
    ///
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("key-1", "sk-aaa"))
    ///     .resource(Resource::new("key-2", "sk-bbb"))
    ///     .build()?;
    ///
    /// assert_eq!(pool.run(ask).await, Ok("hello"));
    /// println!("{}", pool.explain());
    /// // next is key-2, by LeastInFlight; 2 resources: 1 cooling down, 1 eligible
    /// //   key-1: cooling down, back in 36.5s: 429: over its limit; 36.5s by retry-after-ms (0.0ns ago, as stated)
    /// // > key-2: eligible: 0 in flight
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// The signal, as [`Fault::Signal`].
    pub fn judge<E>(&self, answer: impl Answer) -> Result<Verdict, Fault<E>> {
        self.read(&answer, None)
    }

    /// The same with the body of the answer, as far as it is at hand.
    ///
    /// It is looked at only where the status [calls for it](Verdict::asks_for_body), and no further than 64 KiB. So
    /// a client need not read the bodies of successes:
    ///
    /// ```no_run
    /// # #[cfg(feature = "reqwest")]
    /// # mod with_reqwest {
    /// # use rotapool::{Blame, Fault, Lease};
    /// use rotapool::hints::Verdict;
    ///
    /// # async fn ask(key: Lease<&str>, request: reqwest::RequestBuilder) -> Result<String, Fault<String>> {
    /// let response = request.bearer_auth(*key).send().await.or_retry()?;
    /// if Verdict::asks_for_body(response.status()) {
    ///     let (status, headers) = (response.status(), response.headers().clone());
    ///     let body = response.bytes().await.or_retry()?;
    ///     key.judge_with_body((status, &headers), &body)?;
    ///     return Err(format!("{status}"))?; // the request's own fault
    /// }
    /// key.judge(&response)?;
    /// # response.text().await.or_retry()
    /// # }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The signal, as [`Fault::Signal`].
    pub fn judge_with_body<E>(
        &self,
        answer: impl Answer,
        body: &[u8],
    ) -> Result<Verdict, Fault<E>> {
        self.read(&answer, Some(body))
    }

    /// The same for a verdict that was read already: by another clock than the system's, or out of something else than
    /// an answer of HTTP.
    ///
    /// # Errors
    ///
    /// The signal, as [`Fault::Signal`].
    pub fn heed<E>(&self, verdict: Verdict) -> Result<Verdict, Fault<E>> {
        self.correct_by(&verdict);
        match self.table().signal(&verdict) {
            Some(signal) => Err(Fault::Signal(signal)),
            None => Ok(verdict),
        }
    }

    /// What the answer says is left beats what the pool has counted, of the quotas that the resource has.
    fn correct_by(&self, verdict: &Verdict) {
        for allowance in &verdict.allowances {
            let Some(remaining) = allowance.remaining else { continue };
            // What comes back bit by bit grows meanwhile.
            let reset = allowance.reset.filter(|_| allowance.refill == Refill::AtOnce);
            self.correct(&allowance.dimension, remaining, reset);
        }
    }

    fn read<E>(&self, answer: &impl Answer, body: Option<&[u8]>) -> Result<Verdict, Fault<E>> {
        let now = SystemTime::now();
        self.heed(Verdict::read(answer.status(), answer.headers(), body, now))
    }
}
