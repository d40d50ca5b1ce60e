//! Answers of HTTP upstreams, judged by the lease that they were got with.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use rotapool::hints::{Answer, Class, Reaction, Reactions, Verdict};
use rotapool::testing::VirtualTime;
use rotapool::{Basis, Builder, Fault, Lease, Pool, Quota, Resource, RunError, Status};

use crate::scene::secs;

/// What an upstream answers to whoever comes with this key.
type Said = (u16, &'static [(&'static str, &'static str)], &'static str);

const SERVED: Said = (200, &[], "hello");

fn response((status, fields, body): Said) -> Response<&'static str> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for &(name, value) in fields {
        let name = HeaderName::from_static(name);
        response.headers_mut().append(name, HeaderValue::from_static(value));
    }
    response
}

async fn ask(key: Lease<Said>) -> Result<(String, Class), Fault<String>> {
    let response = response(*key);
    let verdict = key.judge_with_body(&response, response.body().as_bytes())?;
    Ok((response.into_body().to_owned(), verdict.class))
}

fn pool(
    time: &VirtualTime,
    keys: &[Said],
    set_up: fn(Builder<Said>) -> Builder<Said>,
) -> Pool<Said> {
    let keys =
        keys.iter().enumerate().map(|(n, &said)| Resource::new(format!("key-{}", n + 1), said));
    set_up(Pool::builder().resources(keys).retry_delay(Duration::ZERO).runtime(time.clock()))
        .build()
        .unwrap()
}

fn run(time: &VirtualTime, pool: &Pool<Said>) -> Result<(String, Class), RunError<String>> {
    time.block_on(pool.run(ask))
}

/// What each resource is, and why.
fn standing<T>(pool: &Pool<T>) -> Vec<String> {
    let tell = |row: rotapool::ResourceSnapshot| match row.cause {
        Some(cause) => format!("{}: {} ({cause})", row.id, row.status),
        None => format!("{}: {}", row.id, row.status),
    };
    pool.snapshot().into_iter().map(tell).collect()
}

#[test]
fn an_answer_takes_its_key_out_as_it_says_and_the_next_key_serves() {
    let time = VirtualTime::new();
    let limited: Said = (429, &[("retry-after", "37"), ("retry-after-ms", "36500")], "");
    let revoked: Said = (401, &[], r#"{"error": {"code": "invalid_api_key"}}"#);
    let of_the_day: Said = (429, &[], r#"{"error": {"code": "insufficient_quota"}}"#);
    let in_words: Said = (429, &[], r#"{"error": {"message": "try again in 6m0s"}}"#);
    let busy: Said = (503, &[], "");
    let pool = pool(&time, &[limited, revoked, of_the_day, in_words, busy, SERVED], |pool| {
        pool.max_attempts(2)
    });

    assert_eq!(run(&time, &pool), Ok(("hello".into(), Class::Fine)));

    assert_eq!(
        standing(&pool),
        [
            "key-1: cooling_down (429: over its limit; 36.5s by retry-after-ms)",
            "key-2: disabled (401: credentials refused)",
            "key-3: cooling_down (429: quota used up)",
            "key-4: cooling_down (429: over its limit; 360s by the message)",
            "key-5: healthy",
            "key-6: healthy",
        ]
    );
    let rows = pool.snapshot();
    let cools = |row: usize| rows[row].until.unwrap().duration_since(pool.now());
    assert_eq!(
        [cools(0), cools(2), cools(3)],
        [Duration::from_millis(36_500), secs(3600), secs(360)]
    );
    assert_eq!(rows[0].basis, Some(Basis::Stated));
    assert_eq!(rows[2].basis, Some(Basis::Guessed), "nobody stated the hour");
    assert_eq!(rows[0].consecutive_cooldowns, 0, "what is stated takes no step on the table");
}

#[test]
fn a_limit_without_a_stated_end_is_guessed_by_the_pools_table() {
    let time = VirtualTime::new();
    let pool = pool(&time, &[(429, &[], ""), SERVED], |pool| pool.cooldown_table([secs(11)]));
    run(&time, &pool).unwrap();
    let row = &pool.snapshot()[0];
    assert_eq!(row.basis, Some(Basis::Guessed));
    assert_eq!(row.until, Some(pool.now() + secs(11)));
}

#[test]
fn what_is_the_requests_own_fault_goes_on_and_is_told_apart() {
    let time = VirtualTime::new();
    for status in [400, 404, 409, 413, 422] {
        let pool = pool(&time, &[(status, &[], "no")], |pool| pool);
        assert_eq!(run(&time, &pool), Ok(("no".into(), Class::CallersFault)), "{status}");
        assert_eq!(standing(&pool), ["key-1: healthy"]);
        assert_eq!(pool.stats().runs_ok, 1, "{status}: the resource did its part");
    }
}

#[test]
fn a_resources_table_is_asked_before_the_pools_and_the_pools_before_the_default() {
    let time = VirtualTime::new();
    let ours = || Reactions::default().on_status(404, Reaction::Retry);
    let theirs = || ours().on(Class::AuthFailed, Reaction::CoolDownOr(secs(60)));
    let build = |pool: Builder<Said>| {
        let refused = (401, &[] as &[_], "");
        pool.resource(Resource::new("ours", refused))
            .resource(Resource::new("theirs", refused).reactions(theirs()))
            .resource(Resource::new("last", SERVED))
            .retry_delay(Duration::ZERO)
            .runtime(time.clock())
            .build()
            .unwrap()
    };

    let pool = build(Pool::builder());
    run(&time, &pool).unwrap();
    assert_eq!(
        standing(&pool)[..2],
        [
            "ours: disabled (401: credentials refused)",
            "theirs: cooling_down (401: credentials refused)"
        ]
    );

    let lenient = Reactions::default().on(Class::AuthFailed, Reaction::Retry);
    let pool = build(Pool::builder().reactions(lenient));
    run(&time, &pool).unwrap();
    assert_eq!(
        standing(&pool)[..2],
        ["ours: healthy", "theirs: cooling_down (401: credentials refused)"]
    );

    pool.disable("last").unwrap();
    pool.add(Resource::new("late", (401, &[], ""))).unwrap();
    assert!(run(&time, &pool).is_err());
    assert_eq!(standing(&pool)[3], "late: healthy", "who joins later goes by the pool's table too");
}

#[test]
fn whatever_has_a_status_and_headers_can_be_judged() {
    let time = VirtualTime::new();
    let pool =
        Pool::builder().resource(Resource::new("key-1", ())).runtime(time.clock()).build().unwrap();
    fn refused(key: &Lease<()>, answer: impl Answer) -> String {
        match key.judge::<String>(answer) {
            Err(Fault::Signal(signal)) => signal.to_string(),
            other => panic!("{other:?}"),
        }
    }
    let told = time.block_on(pool.run(async |key| {
        let limited = || response((429, &[("retry-after", "5")], ""));
        let (parts, _) = limited().into_parts();
        let headers: &HeaderMap = &parts.headers;
        let kept = limited();
        Ok::<_, Fault<String>>([
            refused(&key, limited()),
            refused(&key, &kept),
            refused(&key, (parts.status, headers)),
            refused(&key, &parts),
            refused(&key, reqwest::Response::from(kept)),
        ])
    }));
    let same = "cooldown of 5.0s (429: over its limit; 5s by retry-after)";
    assert_eq!(told, Ok([same; 5].map(str::to_owned)));
}

#[test]
fn a_date_counts_from_the_answers_own_date_or_from_a_clock_of_the_callers() {
    let time = VirtualTime::new();
    let limited: Said = (
        429,
        &[
            ("date", "Sat, 01 Jan 2000 00:00:00 GMT"),
            ("retry-after", "Sat, 01 Jan 2000 00:00:30 GMT"),
        ],
        "",
    );
    let pool = pool(&time, &[limited, SERVED], |pool| pool);
    run(&time, &pool).unwrap();
    assert_eq!(pool.snapshot()[0].until, Some(pool.now() + secs(30)));

    pool.enable("key-1").unwrap();
    let served = time.block_on(pool.run(async |key: Lease<Said>| {
        let mut answer = response(*key);
        answer.headers_mut().remove("date");
        let then = UNIX_EPOCH + secs(946_684_800 + 10);
        let verdict = Verdict::read(answer.status(), answer.headers(), None, then);
        key.heed::<String>(verdict).map(|verdict| verdict.status)
    }));
    assert_eq!(served, Ok(200));
    assert_eq!(pool.snapshot()[0].until, Some(pool.now() + secs(20)));
}

#[test]
fn what_an_upstream_states_for_longer_than_is_believed_is_held_to_that_and_says_so() {
    let time = VirtualTime::new();
    let far: Said = (429, &[("retry-after", "31536000")], "");
    let near: Said = (429, &[("retry-after-ms", "20")], "");
    let pool = pool(&time, &[far, near, SERVED], |pool| pool);
    run(&time, &pool).unwrap();
    assert_eq!(
        standing(&pool)[0],
        "key-1: cooling_down (429: over its limit; 31536000s by retry-after, held to 21600s)"
    );
    let rows = pool.snapshot();
    assert_eq!(rows[0].until, Some(pool.now() + secs(21_600)));
    assert_eq!(rows[1].until, Some(pool.now() + secs(1)), "the pool's own bounds hold as well");
    assert!(matches!(rows[1].basis, Some(Basis::Clamped { .. })), "{:?}", rows[1].basis);
    time.advance(secs(2));
    assert_eq!(pool.snapshot()[1].status, Status::Healthy);
}

#[test]
fn what_an_answer_says_is_left_corrects_the_quota_of_its_dimension_also_on_a_success() {
    let time = VirtualTime::new();
    let at_once: Said = (
        200,
        &[
            ("x-ratelimit-limit", "60"),
            ("x-ratelimit-remaining", "3"),
            ("x-ratelimit-reset-after", "40"),
            ("x-ratelimit-remaining-tokens", "7"),
        ],
        "hello",
    );
    let pool = Pool::builder()
        .resource(Resource::new("key-1", at_once).quota(Quota::per_minute(60)))
        .runtime(time.clock())
        .build()
        .unwrap();
    run(&time, &pool).unwrap();
    let left = || pool.snapshot()[0].quotas[0].left;
    assert_eq!(left(), 3, "and not the 59 that were counted");
    time.advance(secs(39));
    assert_eq!(left(), 3, "nothing comes back before that");
    time.advance(secs(1));
    assert_eq!(left(), 60);
}
