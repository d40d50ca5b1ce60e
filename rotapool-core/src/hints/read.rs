//! From an answer to its verdict: the class, and of all the ends that are stated, the one that counts.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;

use super::body::Said;
use super::clock::Clock;
use super::headers::Heard;
use super::kind::Kind;
use super::verdict::{Class, Confidence, Source, Stated, Verdict};

impl Verdict {
    /// Reads what an upstream's answer says: never fails, never panics, whatever is in there.
    ///
    /// `status` is a `u16` or an [`http::StatusCode`]. `now` is the wall clock, `SystemTime::now()`: moments count
    /// from the answer's own `Date`, and from `now` where there is none. Hand over the `body` where it is at hand: it is
    /// looked at only if [`asks_for_body`](Self::asks_for_body) says so of the status, and up to 64 KiB.
    ///
    /// What is malformed, negative, zero or past is no hint. The order of belief is that of the
    /// [module](super#precedence).
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rotapool_core::hints::{Class, Source, Verdict};
    ///
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert("retry-after", http::HeaderValue::from_static("37"));
    /// headers.insert("retry-after-ms", http::HeaderValue::from_static("36500"));
    ///
    /// let verdict = Verdict::read(429_u16, &headers, None, SystemTime::now());
    ///
    /// assert_eq!(verdict.class, Class::OverLimit);
    /// let stated = verdict.stated.unwrap();
    /// assert_eq!(stated.after, Duration::from_millis(36_500));
    /// assert_eq!(stated.source, Source::Milliseconds);
    /// ```
    #[must_use]
    pub fn read(
        status: impl Into<u16>,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        now: SystemTime,
    ) -> Self {
        Self::of(status.into(), headers, body, now)
    }

    fn of(status: u16, headers: &HeaderMap, body: Option<&[u8]>, now: SystemTime) -> Self {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let clock = Clock::new(now, date);
        let heard = Heard::from(headers, &clock);
        if status < 400 {
            return Self {
                status,
                class: Class::Fine,
                stated: None,
                allowances: heard.ledger.into_allowances(),
                repeat: heard.again,
            };
        }
        let body = body.filter(|_| Self::asks_for_body(status));
        let said = body.map(|body| Said::in_body(body, &clock)).unwrap_or_default();
        let quoted = said.quoted(&clock);
        let kind = Kind::of(status, &heard, &said, &quoted);
        let stated = end(kind, &heard, &said, &quoted);
        let class = match kind {
            Kind::UsedUp if stated.is_some() => Class::OverLimit,
            Kind::UsedUp => Class::QuotaGone,
            Kind::Class(class) => class,
        };
        let allowances = heard.ledger.into_allowances();
        Self { status, class, stated, allowances, repeat: heard.again }
    }

    /// Whether the body of an answer of this status is worth reading: 400, 402, 403, 420, 429, 503, 509 and 529. For all
    /// others `read` does not look at it.
    #[must_use]
    pub fn asks_for_body(status: impl Into<u16>) -> bool {
        matches!(status.into(), 400 | 402 | 403 | 420 | 429 | 503 | 509 | 529)
    }
}

/// The end that counts: the first in the order of [`Source`] that states one.
fn end(kind: Kind, heard: &Heard<'_>, said: &Said, quoted: &Heard<'_>) -> Option<Stated> {
    if let Some(wait) = told(heard) {
        return Some(wait);
    }
    // What is left of a limit, and what a body says of it, is about the answer only where the limit is.
    if !matches!(kind, Kind::UsedUp | Kind::Class(Class::OverLimit | Class::Overloaded)) {
        return None;
    }
    let stated = |after, source, confidence| Stated { after, source, confidence };
    let reset = |heard: &Heard<'_>, source| {
        let (after, is_spent) = heard.ledger.end(&said.violated)?;
        let confidence = if is_spent { Confidence::Medium } else { Confidence::Low };
        Some(stated(after, source, confidence))
    };
    let body = |after: Option<Duration>, source, confidence| {
        after.map(|after| stated(after, source, confidence))
    };
    body(heard.unified.end(), Source::Window, Confidence::High)
        .or_else(|| reset(heard, Source::Reset))
        .or_else(|| body(said.wait(), Source::Body, Confidence::High))
        .or_else(|| told(quoted).map(|wait| Stated { source: Source::Quoted, ..wait }))
        .or_else(|| reset(quoted, Source::Quoted))
        .or_else(|| body(said.prose(), Source::Message, Confidence::Low))
}

fn told(heard: &Heard<'_>) -> Option<Stated> {
    let (after, is_milliseconds) = heard.wait()?;
    let source = if is_milliseconds { Source::Milliseconds } else { Source::RetryAfter };
    Some(Stated { after, source, confidence: Confidence::High })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::{HeaderName, HeaderValue};

    use super::*;

    fn read(status: u16, fields: &[(&str, &str)], body: &str) -> Verdict {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let now = UNIX_EPOCH + Duration::from_secs(1_795_694_400);
        Verdict::read(status, &headers, Some(body.as_bytes()), now)
    }

    type Said = Option<(Source, f64, Confidence)>;

    fn stated(status: u16, fields: &[(&str, &str)], body: &str) -> Said {
        let stated = read(status, fields, body).stated;
        stated.map(|one| (one.source, one.after.as_secs_f64(), one.confidence))
    }

    #[test]
    fn what_is_used_up_until_some_time_is_over_its_limit() {
        let used_up = r#"{"error": "insufficient_quota"}"#;
        assert_eq!(read(402, &[], "").class, Class::QuotaGone);
        assert_eq!(read(402, &[("retry-after", "5")], "").class, Class::OverLimit);
        assert_eq!(read(429, &[], used_up).class, Class::QuotaGone);
        assert_eq!(read(429, &[("retry-after", "5")], used_up).class, Class::OverLimit);
        assert_eq!(read(429, &[("retry-after", "0")], used_up).class, Class::QuotaGone);
    }

    #[test]
    fn a_body_is_looked_at_only_where_the_status_calls_for_it() {
        let body = r#"{"error": "insufficient_quota", "retry_after": 5}"#;
        for status in 100..=999_u16 {
            let unread = read(status, &[], "");
            assert_eq!(
                read(status, &[], body) != unread,
                Verdict::asks_for_body(status),
                "{status}"
            );
        }
    }

    #[test]
    fn each_source_is_believed_before_those_behind_it() {
        let fields = [
            ("retry-after-ms", "1000"),
            ("retry-after", "2"),
            ("anthropic-ratelimit-unified-5h-reset", "1795694403"),
            ("anthropic-ratelimit-unified-5h-status", "rejected"),
            ("x-ratelimit-reset-tokens", "4s"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-images", "5s"),
        ];
        let body = |wait: &str| {
            format!(
                r#"{{"error": {{{wait} "message": "try again in 8s",
                    "metadata": {{"headers": {{"Retry-After": 7}}}}}}}}"#
            )
        };
        let all = body("\"retry_after\": 6,");
        let from = |first: usize| stated(429, &fields[first..], &all);
        use Confidence::{High, Low, Medium};
        assert_eq!(from(0), Some((Source::Milliseconds, 1.0, High)));
        assert_eq!(from(1), Some((Source::RetryAfter, 2.0, High)));
        assert_eq!(from(2), Some((Source::Window, 3.0, High)));
        assert_eq!(from(4), Some((Source::Reset, 4.0, Medium)));
        assert_eq!(from(6), Some((Source::Reset, 5.0, Low)));
        assert_eq!(from(7), Some((Source::Body, 6.0, High)));
        assert_eq!(stated(429, &[], &body("")), Some((Source::Quoted, 7.0, High)));
        assert_eq!(
            stated(429, &[], r#"{"message": "try again in 8s"}"#),
            Some((Source::Message, 8.0, Low))
        );
        assert!(Source::Milliseconds < Source::Message, "the order of belief is that of the type");
    }

    #[test]
    fn what_is_left_of_a_limit_says_nothing_of_an_answer_that_is_not_about_it() {
        let fields = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "50")];
        let body = r#"{"retry_after": 6}"#;
        for status in [200, 400, 401, 404, 500, 502] {
            assert_eq!(stated(status, &fields, body), None, "{status}");
        }
        for status in [402, 403, 429, 503, 529] {
            assert_eq!(
                stated(status, &fields, body),
                Some((Source::Reset, 50.0, Confidence::Medium))
            );
        }
        assert_eq!(
            stated(404, &[("retry-after", "5")], body),
            Some((Source::RetryAfter, 5.0, Confidence::High)),
            "a wait that was asked for is told, whatever the answer is about"
        );
    }
}
