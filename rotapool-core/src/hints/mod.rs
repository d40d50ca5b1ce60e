//! What an upstream's answer says of the resource: status, headers and body become a [`Verdict`], and a table of
//! [`Reactions`] makes a signal of it.
//!
//! Upstreams state their limits in some twenty dialects. All of them are read, at once, and told apart by their names
//! and values; nobody has to say which provider it is. Everything is taken to be hostile: lengths and numbers are
//! bounded, and what is malformed, negative, zero or past is no hint.
//!
//! # Classes
//!
//! | status | class |
//! |---|---|
//! | below 400 | fine; headers are read, no end is stated |
//! | 401, 407 | credentials refused |
//! | 402 | used up |
//! | 403 | what a code or phrase of the body says (used up, credentials, limit); else over the limit if an end is stated, if something is used up, or if a window rejects; else the caller's fault |
//! | 400 | what a code of the body says (`invalid_grant`, `insufficient_quota`, `ThrottlingException`); else the caller's fault |
//! | 420, 429, 509 | over the limit, unless a code says used up (`insufficient_quota`, a quota of the day) or busy (`engine_overloaded_error`) |
//! | 503, 529 | overloaded |
//! | 408, 421, 425, all others from 500 | transient |
//! | 501, 505, all others below 500 | the caller's fault; transient if `x-should-retry` or `stripe-should-retry` is `true` |
//!
//! What is used up with a stated end is over its limit; without one its quota is gone.
//!
//! # Precedence
//!
//! The end of the first that states one counts; a source that says zero, the past or nonsense states none.
//!
//! | | [`Source`] | read from |
//! |---|---|---|
//! | 1 | `Milliseconds` | `retry-after-ms`, then `x-ms-retry-after-ms`, `x-amz-retry-after`, `grpc-retry-pushback-ms` |
//! | 2 | `RetryAfter` | `Retry-After`: seconds (also `2.0`, `1e3`), a duration (`30s`), a date in any of the three forms of HTTP or RFC 3339 |
//! | 3 | `Window` | `anthropic-ratelimit-unified-*`: the latest reset of the windows that reject, else that of the representative claim, else `-reset` |
//! | 4 | `Reset` | the latest reset of all dimensions that have nothing left or that the body calls `violated-policies`; else, with low confidence, of those that do not say what is left |
//! | 5 | `Body` | `retryDelay` (Google), then `resets_in_seconds`, `resets_at`, `retry_after`, `reset_after` |
//! | 6 | `Quoted` | the headers that OpenRouter quotes in `error.metadata.headers`, as above |
//! | 7 | `Message` | `try again in 6m0s`, `retry in 15.06s`, `retry after 20 seconds`, `replenished in 01:23:45` |
//!
//! 3 to 7 count only for what is over its limit, used up or overloaded. A field that comes twice counts with its longer
//! wait. Google's delays of less than an hour do not count beside a quota of the day. Moments count from the answer's
//! `Date`, and from the reader's clock where it has none.
//!
//! # Merging
//!
//! An [`Allowance`] is put together from all headers that speak of its dimension. Of two that disagree on its limit, its
//! rest or its reset, the first in this order is believed; of one header that comes twice, the tighter value (less is left,
//! later it is back).
//!
//! 1. `RateLimit` and `RateLimit-Policy`: the lists of the drafts since 8, the dictionary of draft 7.
//! 2. `RateLimit-Limit`, `-Remaining`, `-Reset`: the drafts up to 6.
//! 3. Vendors' headers that name the dimension: `x-ratelimit-*-tokens`, `x-ratelimit-tokens-*`,
//!    `anthropic-ratelimit-tokens-*`.
//! 4. `x-ratelimit-reset-after` (a wait) before `x-ratelimit-reset` (a moment, or a wait).
//! 5. Headers that name none: `x-ratelimit-*`, `x-rate-limit-*`, `x-shopify-shop-api-call-limit`. They count requests.
//! 6. `RateLimit-ResetTime`: a date beside the above.
//!
//! A number as a reset is seconds from now below 10⁹, else a moment in seconds, milliseconds, microseconds or nanoseconds
//! since 1970, by its size. A negative count is unknown. A dimension of which nothing is known is not reported.

mod allowance;
mod body;
mod clock;
mod date;
mod headers;
mod json;
mod kind;
mod ledger;
mod number;
mod prose;
mod ratelimit;
mod reaction;
mod read;
mod structured;
mod unified;
mod units;
mod verdict;
mod words;

pub use allowance::{Allowance, Refill};
pub use reaction::{Reaction, Reactions};
pub use verdict::{Class, Confidence, Source, Stated, Verdict};
