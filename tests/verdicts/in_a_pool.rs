//! From an answer to what the pool does, and what reading it takes.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use rotapool::hints::{Reactions, Verdict};
use rotapool::testing::VirtualTime;
use rotapool::{Fault, Pool, Resource, Status};

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    fields.iter().copied().map(pair).collect()
}

#[test]
fn a_verdict_takes_its_resource_out_for_as_long_as_was_stated_and_the_next_one_serves() {
    let time = VirtualTime::new();
    let pool = Pool::builder()
        .resources([Resource::new("key-1", 429_u16), Resource::new("key-2", 200)])
        .retry_delay(Duration::ZERO)
        .runtime(time.clock())
        .build()
        .expect("a pool");
    let reactions = Reactions::default();
    let limited = headers(&[("retry-after", "86400")]);

    let served =
        time.block_on(pool.run(|key| {
            let verdict = Verdict::read(*key, &limited, None, SystemTime::UNIX_EPOCH);
            let signal = reactions.signal(&verdict);
            async move {
                signal.map_or(Ok(key.id().to_owned()), |signal| Err(Fault::<()>::Signal(signal)))
            }
        }));

    assert_eq!(served, Ok("key-2".into()));
    let out = &pool.snapshot()[0];
    assert_eq!(out.status, Status::CoolingDown);
    let reason = out.cause.as_ref().map(ToString::to_string);
    assert_eq!(
        reason.as_deref(),
        Some("429: over its limit; 86400s by retry-after, held to 21600s")
    );
    time.advance(Duration::from_secs(21_599));
    assert_eq!(pool.snapshot()[0].status, Status::CoolingDown);
    time.advance(Duration::from_secs(2));
    assert_eq!(pool.stats().cooling_down, 0);
}

#[test]
fn reading_an_answer_without_limits_allocates_nothing_and_one_with_limits_a_list() {
    let now = SystemTime::UNIX_EPOCH;
    let allocations = |status: u16, fields: &[(&'static str, &'static str)]| {
        let headers = headers(fields);
        let read = || drop(Verdict::read(status, &headers, None, now));
        allocation_counter::measure(read).count_total
    };
    let date = ("date", "Thu, 26 Nov 2026 12:00:00 GMT");
    assert_eq!(allocations(200, &[date, ("content-type", "text/plain")]), 0);
    assert_eq!(allocations(429, &[date, ("retry-after", "Thu, 26 Nov 2026 12:00:30 GMT")]), 0);
    let openai = [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-limit-tokens", "150000"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(allocations(200, &openai), 1);
}
