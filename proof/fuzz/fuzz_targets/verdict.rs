//! Hostile answers of upstreams: whatever is in them, reading them ends, and what is read keeps its promises.
//!
//! The input is text that resembles HTTP, so that a corpus can be read and written by hand: the status, a line per
//! header, an empty line, the body.
#![no_main]

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use rotapool_core::Signal;
use rotapool_core::hints::{Class, Reactions, Refill, Verdict};

const DAY: Duration = Duration::from_secs(24 * 3600);

fuzz_target!(|input: &[u8]| {
    let (head, body) = split(input, b"\n\n");
    let (status, fields) = split(head, b"\n");
    let status =
        str::from_utf8(status).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(429_u16);
    let mut headers = HeaderMap::new();
    for field in fields.split(|byte| *byte == b'\n') {
        let (name, value) = split(field, b":");
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    let noon = UNIX_EPOCH + Duration::from_secs(1_795_694_400);
    let verdict = Verdict::read(status, &headers, Some(body), noon);
    holds(&verdict);
    assert_eq!(verdict, Verdict::read(status, &headers, Some(body), noon), "twice the same");
    let unread = Verdict::read(status, &headers, None, noon);
    holds(&unread);
    assert_eq!(verdict.allowances, unread.allowances, "a body reports no allowance");
    if !Verdict::asks_for_body(status) {
        assert_eq!(verdict, unread, "nobody looked at the body");
    }
    for now in [UNIX_EPOCH, UNIX_EPOCH - DAY, far()] {
        holds(&Verdict::read(status, &headers, Some(body), now));
    }
});

/// The last moment that a wall clock here can show.
fn far() -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(i64::MAX as u64)).unwrap_or(UNIX_EPOCH)
}

fn holds(verdict: &Verdict) {
    let fine = verdict.status < 400;
    assert_eq!(verdict.class == Class::Fine, fine, "{verdict:?}");
    if let Some(stated) = verdict.stated {
        assert!(!fine && stated.after > Duration::ZERO, "{verdict:?}");
        assert_ne!(verdict.class, Class::QuotaGone, "with an end it is over its limit");
    }
    let names: HashSet<&str> = verdict.allowances.iter().map(|one| &*one.dimension).collect();
    assert_eq!(names.len(), verdict.allowances.len(), "a dimension once: {verdict:?}");
    assert!(names.len() <= 16 && names.iter().all(|name| (1..=64).contains(&name.len())));
    for one in &verdict.allowances {
        assert!(one.limit.is_some() || one.remaining.is_some() || one.reset.is_some());
        for amount in [0, 1, 1_000, u64::MAX] {
            let ready = one.ready_in(amount);
            assert!(ready <= Some(one.reset.unwrap_or_default()), "{one:?} is ready in {ready:?}");
            if let (Some(limit), Refill::AtOnce | Refill::Gradual) = (one.limit, one.refill) {
                let never = amount > limit && one.remaining.is_some_and(|left| left < amount);
                assert!(!never || ready.is_none(), "{one:?} is ready in {ready:?}");
            }
        }
    }
    let Some(signal) = Reactions::default().signal(verdict) else { return };
    if let Signal::Cooldown { after: Some(after), .. } = &signal {
        assert!((Duration::from_nanos(1)..=DAY).contains(after), "{signal}");
    }
    let reason = signal.reason();
    assert!(
        reason.is_ascii() && reason.len() < 200 && !reason.contains(char::is_control),
        "{reason:?}"
    );
}

/// What is before the first `at`, and what is behind it.
fn split<'a>(bytes: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    match bytes.windows(at.len()).position(|window| window == at) {
        Some(start) => (&bytes[..start], &bytes[start + at.len()..]),
        None => (bytes, &[]),
    }
}
