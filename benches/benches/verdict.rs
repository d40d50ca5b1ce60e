//! What reading an answer costs, and which answers are read right: beside the crate `rate-limits`.
//!
//! `cargo bench -p rotapool-benches --bench verdict`, some seconds once built. Moments are made relative to the present,
//! for `rate-limits` reads the clock by itself.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use rate_limits::{RateLimit, Status};
use rotapool::hints::Verdict;

const SAMPLES: usize = 101;
const READS: u32 = 1_000;

/// What every answer carries besides: a typical one has a dozen of these.
const USUAL: [(&str, &str); 12] = [
    ("date", "Thu, 26 Nov 2026 12:00:00 GMT"),
    ("content-type", "application/json"),
    ("content-length", "1834"),
    ("connection", "keep-alive"),
    ("cache-control", "no-cache, no-store"),
    ("server", "cloudflare"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("x-content-type-options", "nosniff"),
    ("x-request-id", "req_0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    ("cf-cache-status", "DYNAMIC"),
    ("cf-ray", "8f0a1b2c3d4e5f60-FRA"),
    ("alt-svc", "h3=\":443\"; ma=86400"),
];

struct Answer {
    name: &'static str,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<&'static str>,
    /// The end that is stated, in milliseconds.
    end: Option<u64>,
    /// Limit, remaining and milliseconds to the reset, of each dimension.
    left: Vec<(Option<u64>, Option<u64>, Option<u64>)>,
}

fn main() {
    // Not measured by `cargo test`, which runs benches too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!(
        "{:<34} {:>8} {:>12}   {:<10} rate-limits reads",
        "ns an answer", "rotapool", "rate-limits", "reads"
    );
    let answers = answers();
    // At once: what counts from the clock is read before measuring takes its time.
    let grades: Vec<(String, String)> = answers
        .iter()
        .map(|answer| {
            let headers = answer.map();
            let body = answer.body.map(str::as_bytes);
            let read = Verdict::read(answer.status, &headers, body, SystemTime::now());
            (answer.grade(&read), answer.grade_of_peer(RateLimit::new(&headers).ok()))
        })
        .collect();
    for (answer, (ours_reads, theirs_reads)) in answers.iter().zip(grades) {
        let headers = answer.map();
        let body = answer.body.map(str::as_bytes);
        let ours = time(|| {
            let now = black_box(UNIX_EPOCH + Duration::from_secs(1_795_694_400));
            black_box(Verdict::read(answer.status, black_box(&headers), body, now));
        });
        let theirs = time(|| drop(black_box(RateLimit::new(black_box(&headers)))));
        println!(
            "{:<34} {ours:>8.0} {theirs:>12.0}   {ours_reads:<10} {theirs_reads}",
            answer.name,
        );
    }
}

/// Nanoseconds a call: the median of the samples, or the fastest with `FASTEST=1`.
fn time(mut act: impl FnMut()) -> f64 {
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let start = Instant::now();
            (0..READS).for_each(|_| act());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(READS)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    let fastest = std::env::var_os("FASTEST").is_some_and(|value| value != "0");
    samples[if fastest { 0 } else { SAMPLES / 2 }]
}

impl Answer {
    /// Without `Date`, which the peer does not read, so that both count from the present.
    fn map(&self) -> HeaderMap {
        let fields = USUAL.iter().skip(1).map(|(name, value)| (*name, *value));
        fields
            .chain(self.headers.iter().map(|(name, value)| (*name, &**value)))
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
            })
            .collect()
    }

    fn grade(&self, read: &Verdict) -> String {
        let millis = |span: Duration| span.as_nanos().div_ceil(1_000_000) as u64;
        let end = near(self.end, read.stated.map(|stated| millis(stated.after)));
        let found = read
            .allowances
            .iter()
            .filter(|one| {
                self.left.iter().any(|(limit, remaining, reset)| {
                    one.limit == *limit
                        && one.remaining == *remaining
                        && near(*reset, one.reset.map(millis))
                })
            })
            .count();
        self.grade_of(end, found)
    }

    fn grade_of_peer(&self, read: Option<RateLimit>) -> String {
        let Some(read) = read else { return self.grade_of(self.end.is_none(), 0) };
        let millis = |span: Duration| span.as_nanos().div_ceil(1_000_000) as u64;
        // Of a success it says that nothing has to be waited for; of a limit, how long.
        let end = match read.status() {
            Status::Wait(wait) => near(self.end, Some(millis(wait))),
            _ => self.end.is_none(),
        };
        let count = |number: Option<usize>| number.map(|number| number as u64);
        let reset = millis(read.reset().duration());
        let found = self.left.iter().any(|one| {
            (one.0, one.1) == (count(read.limit()), count(read.remaining()))
                && near(one.2, Some(reset))
        });
        self.grade_of(end, usize::from(found))
    }

    fn grade_of(&self, end: bool, found: usize) -> String {
        match (end, found == self.left.len()) {
            (true, true) => "all".to_owned(),
            (end, _) if self.left.len() > 1 || (end && found > 0) => {
                format!("{found} of {}{}", self.left.len(), if end { "" } else { ", no end" })
            }
            (true, false) => "no report".to_owned(),
            (false, _) if found > 0 => "no end".to_owned(),
            (false, _) => "nothing".to_owned(),
        }
    }
}

/// What counts from the clock is a little later by now.
fn near(expected: Option<u64>, read: Option<u64>) -> bool {
    match (expected, read) {
        (Some(expected), Some(read)) => (expected.saturating_sub(100)..=expected).contains(&read),
        (expected, read) => expected == read,
    }
}

fn answers() -> Vec<Answer> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = since.as_secs();
    // To the moment that is 90 whole seconds after the last whole second.
    let soon = 90_000 - u64::from(since.subsec_millis());
    let text = |pairs: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    let answer = |name, status, headers| Answer {
        name,
        status,
        headers,
        body: None,
        end: None,
        left: vec![],
    };
    let limited = |name, headers, end| Answer { end, ..answer(name, 429, headers) };
    let later = rfc3339(now + 90);
    vec![
        answer("200 without limits", 200, vec![]),
        Answer {
            left: vec![
                (Some(5000), Some(4999), Some(12)),
                (Some(800_000), Some(799_976), Some(360_000)),
            ],
            ..answer(
                "200 of OpenAI",
                200,
                text(&[
                    ("x-ratelimit-limit-requests", "5000"),
                    ("x-ratelimit-remaining-requests", "4999"),
                    ("x-ratelimit-reset-requests", "12ms"),
                    ("x-ratelimit-limit-tokens", "800000"),
                    ("x-ratelimit-remaining-tokens", "799976"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ]),
            )
        },
        Answer {
            left: vec![
                (Some(1000), Some(999), Some(soon)),
                (Some(80_000), Some(79_000), Some(soon)),
            ],
            ..answer(
                "200 of Anthropic",
                200,
                text(&[
                    ("anthropic-ratelimit-requests-limit", "1000"),
                    ("anthropic-ratelimit-requests-remaining", "999"),
                    ("anthropic-ratelimit-requests-reset", &later),
                    ("anthropic-ratelimit-input-tokens-limit", "80000"),
                    ("anthropic-ratelimit-input-tokens-remaining", "79000"),
                    ("anthropic-ratelimit-input-tokens-reset", &later),
                ]),
            )
        },
        Answer {
            left: vec![(Some(100), Some(50), Some(30_000))],
            ..answer(
                "200 of IETF draft 8",
                200,
                text(&[
                    ("ratelimit", "\"default\";r=50;t=30"),
                    ("ratelimit-policy", "\"default\";q=100;w=60"),
                ]),
            )
        },
        Answer {
            left: vec![(Some(100), Some(99), Some(50_000))],
            ..answer(
                "200 of IETF draft 6",
                200,
                text(&[
                    ("ratelimit-limit", "100, 100;w=60"),
                    ("ratelimit-remaining", "99"),
                    ("ratelimit-reset", "50"),
                ]),
            )
        },
        Answer {
            left: vec![(Some(5000), Some(0), Some(soon))],
            ..limited(
                "429 of GitHub: epoch",
                text(&[
                    ("x-ratelimit-limit", "5000"),
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-used", "5000"),
                    ("x-ratelimit-reset", &(now + 90).to_string()),
                ]),
                Some(soon),
            )
        },
        limited("429 with Retry-After: 30", text(&[("retry-after", "30")]), Some(30_000)),
        limited("429 with Retry-After: 2.0", text(&[("retry-after", "2.0")]), Some(2_000)),
        limited(
            "429 with RFC 850 date",
            text(&[("retry-after", "Friday, 31-Dec-66 23:59:59 GMT")]),
            Some((3_061_065_599 - now - 90) * 1000 + soon),
        ),
        limited(
            "429 with retry-after-ms",
            text(&[("retry-after-ms", "36500"), ("retry-after", "37")]),
            Some(36_500),
        ),
        Answer {
            body: Some(
                r#"{"error": {"type": "usage_limit_reached", "plan_type": "plus", "resets_in_seconds": 5681}}"#,
            ),
            ..limited("429 of Codex: body", vec![], Some(5_681_000))
        },
        Answer {
            body: Some(
                r#"{"error": {"code": 429, "message": "Please retry in 38.2s.", "status": "RESOURCE_EXHAUSTED", "details": [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerMinute"}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38s"}]}}"#,
            ),
            ..limited("429 of Gemini: body", vec![], Some(38_000))
        },
    ]
}

/// RFC 3339 of some seconds since 1970.
fn rfc3339(seconds: u64) -> String {
    jiff::Timestamp::from_second(seconds as i64).expect("a moment of this millennium").to_string()
}
