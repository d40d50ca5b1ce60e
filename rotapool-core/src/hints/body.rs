//! What a body says: its codes, its messages and its waits.

use std::time::Duration;

use serde_json::Value;

use super::clock::Clock;
use super::headers::Heard;
use super::json::{self, Key, Listener};
use super::number::Decimal;
use super::prose;
use super::units;
use super::words::{Word, Words};

/// Bytes of a body that are read; a larger one is not looked at.
const LONGEST: usize = 64 * 1024;
/// Names of policies that are kept, and their length.
const MOST_POLICIES: usize = 16;
const LONGEST_POLICY: usize = 64;
/// Headers that are kept where a body quotes them.
const MOST_QUOTED: usize = 32;
/// Google sends a delay of seconds with a quota of the day. What is shorter is no end of such a quota.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) words: Words,
    /// What its messages say, where no code says it.
    pub(super) phrases: Words,
    /// By order of belief: `retryDelay`, `resets_in_seconds`, `resets_at`, `retry_after`, `reset_after`.
    waits: [Option<Duration>; 5],
    prose: Option<Duration>,
    /// A quota of the day is used up.
    pub(super) is_daily: bool,
    pub(super) violated: Vec<String>,
    /// Headers of the upstream's own upstream, as OpenRouter quotes them.
    quoted: Vec<(String, String)>,
}

impl Said {
    pub(super) fn in_body(body: &[u8], clock: &Clock<'_>) -> Self {
        let mut hearing = Hearing { said: Self::default(), clock };
        // What is too long, or not JSON to its end, says nothing.
        match body.len() <= LONGEST && json::walk(body, &mut hearing).is_ok() {
            true => hearing.said,
            false => Self::default(),
        }
    }

    /// The stated wait, if one is longer than zero.
    pub(super) fn wait(&self) -> Option<Duration> {
        let [delay, others @ ..] = self.waits;
        let delay = delay.filter(|delay| !self.is_daily || *delay >= AN_HOUR);
        std::iter::once(delay).chain(others).flatten().next()
    }

    /// The wait in a message for people.
    pub(super) fn prose(&self) -> Option<Duration> {
        self.prose.filter(|wait| !self.is_daily || *wait >= AN_HOUR)
    }

    pub(super) fn quoted(&self, clock: &Clock<'_>) -> Heard<'_> {
        let mut heard = Heard::default();
        self.quoted.iter().for_each(|(name, value)| heard.field(name, value, clock));
        heard
    }

    fn text(&mut self, key: Key, text: &str) {
        match key {
            Key::Code => self.words.hear(Word::of_code(text)),
            Key::Message => self.message(text),
            Key::Error => {
                self.words.hear(Word::of_code(text));
                self.message(text);
            }
            Key::RetryDelay => self.later(0, units::whole(text)),
            Key::QuotaId => self.is_daily |= text.contains("PerDay"),
            Key::Violated
                if text.len() <= LONGEST_POLICY && self.violated.len() < MOST_POLICIES =>
            {
                self.violated.push(text.to_owned());
            }
            _ => {}
        }
    }

    /// A field that says when: a number or a text.
    fn when(&mut self, key: Key, value: &Value, clock: &Clock<'_>) {
        let number = |text: &str| {
            let number = Decimal::whole(text)?;
            if key == Key::ResetsAt { clock.moment(number) } else { Some(number.seconds()) }
        };
        let wait = match value {
            Value::Number(written) => number(&written.to_string()),
            Value::String(text) => number(text)
                .or_else(|| units::whole(text).filter(|_| key != Key::ResetsAt))
                .or_else(|| clock.date(text.trim_ascii())),
            _ => None,
        };
        let place = match key {
            Key::ResetsIn => 1,
            Key::ResetsAt => 2,
            Key::RetryAfter => 3,
            _ => 4,
        };
        self.later(place, wait);
    }

    /// A header that is quoted.
    fn quote(&mut self, name: &str, value: Value) {
        if self.quoted.len() == MOST_QUOTED {
            return;
        }
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return,
        };
        self.quoted.push((name.to_ascii_lowercase(), value));
    }

    fn message(&mut self, text: &str) {
        self.phrases.hear(Word::of_code(text).or_else(|| Word::of_message(text)));
        self.prose = self.prose.max(prose::wait(text).filter(|wait| !wait.is_zero()));
    }

    /// Of a field that is there twice, the longer wait. Zero and what is past state nothing.
    fn later(&mut self, place: usize, wait: Option<Duration>) {
        let kept = &mut self.waits[place];
        *kept = (*kept).max(wait.filter(|wait| !wait.is_zero()));
    }
}

/// A body that is being read, at some moment.
struct Hearing<'a, 'c> {
    said: Said,
    clock: &'a Clock<'c>,
}

impl Listener for Hearing<'_, '_> {
    fn text(&mut self, key: Key, text: &str) {
        self.said.text(key, text);
    }

    fn when(&mut self, key: Key, value: &Value) {
        self.said.when(key, value, self.clock);
    }

    fn quote(&mut self, name: &str, value: Value) {
        self.said.quote(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    fn noon() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_694_400)
    }

    fn said(body: &str) -> Said {
        Said::in_body(body.as_bytes(), &Clock::new(noon(), None))
    }

    fn seconds(body: &str) -> Option<f64> {
        said(body).wait().map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn a_wait_is_found_at_the_top_and_wherever_upstreams_put_it() {
        assert_eq!(seconds(r#"{"retry_after": 64.57, "global": false}"#), Some(64.57));
        assert_eq!(seconds(r#"{"error": {"resets_in_seconds": 5681}}"#), Some(5681.0));
        assert_eq!(seconds(r#"{"parameters": {"retry_after": 35}}"#), Some(35.0));
        assert_eq!(seconds(r#"[{"error": {"details": [{"retryDelay": "1.5s"}]}}]"#), Some(1.5));
        assert_eq!(seconds(r#"{"errors": [{"extensions": {"reset_after": "7"}}]}"#), Some(7.0));
        assert_eq!(seconds(r#"{"choices": [{"retry_after": 5}], "x": {"retry_after": 6}}"#), None);
    }

    #[test]
    fn the_wait_that_no_clock_can_spoil_is_believed_first() {
        let both = r#"{"resets_at": 1795700081, "resets_in_seconds": 5681, "retry_after": 1}"#;
        assert_eq!(seconds(both), Some(5681.0));
        assert_eq!(seconds(r#"{"resets_at": 1795694490, "retry_after": 1}"#), Some(90.0));
        assert_eq!(seconds(r#"{"resets_at": "2026-11-26T12:00:09Z"}"#), Some(9.0));
        assert_eq!(seconds(r#"{"resets_at": 1795694490000}"#), Some(90.0));
        assert_eq!(seconds(r#"{"retry_after": 1, "error": {"retry_after": 3}}"#), Some(3.0));
        assert_eq!(seconds(r#"{"retry_after": 1, "reset_after": 3}"#), Some(1.0));
    }

    #[test]
    fn a_value_of_the_wrong_type_or_that_makes_no_sense_is_no_wait() {
        for value in [
            "null",
            "true",
            "-5",
            "0",
            "\"\"",
            "\"soon\"",
            "[5]",
            "{\"seconds\": 5}",
            "-0.5",
            "\"-5\"",
        ] {
            for key in
                ["retry_after", "resets_in_seconds", "resets_at", "reset_after", "retryDelay"]
            {
                assert_eq!(seconds(&format!("{{\"{key}\": {value}}}")), None, "{key}: {value}");
            }
        }
        assert_eq!(seconds(r#"{"resets_at": 60}"#), None);
        assert_eq!(seconds(r#"{"resets_at": "30s"}"#), None, "a wait is no moment");
        assert_eq!(seconds(r#"{"retry_after": "30s"}"#), Some(30.0));
        assert_eq!(seconds(r#"{"resets_in_seconds": 1e300}"#), Some(Duration::MAX.as_secs_f64()));
    }

    #[test]
    fn what_is_not_json_to_its_end_or_too_large_says_nothing() {
        for body in
            ["", "{", r#"{"retry_after": 5"#, r#"{"retry_after": 5} x"#, "retry_after: 5", "5"]
        {
            assert_eq!(seconds(body), None, "{body}");
        }
        let just = format!("{{\"retry_after\": 5}}{}", " ".repeat(LONGEST - 18));
        assert_eq!((just.len(), seconds(&just)), (LONGEST, Some(5.0)));
        let padding = " ".repeat(LONGEST);
        assert_eq!(seconds(&format!("{{\"retry_after\": 5}}{padding}")), None);
        assert_eq!(seconds(&"[".repeat(LONGEST)), None);
        for (opens, closes) in [("{\"error\":", "}"), ("[", "]")] {
            let deep = |levels| {
                let (before, behind) = (opens.repeat(levels), closes.repeat(levels));
                seconds(&format!("{before}{{\"retry_after\": 5}}{behind}"))
            };
            assert_eq!([7, 8, 60].map(deep), [Some(5.0), None, None], "{opens}");
        }
    }

    #[test]
    fn a_quota_of_the_day_outlives_a_delay_of_seconds() {
        let daily = |delay: &str| {
            said(&format!(
                r#"{{"error": {{"message": "Please retry in 38s.", "details": [
                    {{"violations": [{{"quotaId": "GenerateRequestsPerDayPerProject"}}]}},
                    {{"retryDelay": "{delay}"}}]}}}}"#
            ))
        };
        let short = daily("38s");
        assert!(short.is_daily && short.wait().is_none() && short.prose().is_none());
        assert_eq!(daily("3600s").wait(), Some(AN_HOUR));
    }

    #[test]
    fn policies_and_quoted_headers_are_bounded() {
        let names = (0..100).map(|number| format!("\"{number}\"")).collect::<Vec<_>>().join(",");
        let long = "x".repeat(LONGEST_POLICY + 1);
        let just = "y".repeat(LONGEST_POLICY);
        let policies = said(&format!(r#"{{"violated-policies": ["{long}", "{just}", {names}]}}"#));
        assert_eq!(policies.violated.len(), MOST_POLICIES);
        assert_eq!(policies.violated[0], just);
        let deep = [7, 8].map(|levels| {
            let (before, behind) = ("[".repeat(levels), "]".repeat(levels));
            said(&format!(r#"{{"violated-policies": {before}"day"{behind}}}"#)).violated.len()
        });
        assert_eq!(deep, [1, 0]);
        let headers =
            (0..100).map(|number| format!("\"a{number}\": \"b\"")).collect::<Vec<_>>().join(",");
        let quoting =
            said(&format!(r#"{{"error": {{"metadata": {{"headers": {{{headers}}}}}}}}}"#));
        assert_eq!(quoting.quoted.len(), MOST_QUOTED);
    }

    #[test]
    fn codes_messages_policies_and_quoted_headers_are_kept() {
        let said = said(
            r#"{"error": {"code": 429, "type": "insufficient_quota", "message": "Rate limit exceeded.",
                "metadata": {"headers": {"X-RateLimit-Reset": "1795694490000", "X-RateLimit-Remaining": 0,
                "Odd": [1]}}}, "violated-policies": ["day", 5, "min"]}"#,
        );
        assert_eq!(said.words.or(Words::default()), Some(Word::Used));
        assert_eq!(said.phrases.or(Words::default()), Some(Word::Limited));
        assert_eq!(said.violated, ["day", "min"]);
        let heard = said.quoted(&Clock::new(noon(), None));
        assert_eq!(heard.ledger.end(&[]), Some((Duration::from_secs(90), true)));
    }
}
