//! What the headers say: one pass over them, each field by its name.

use std::time::Duration;

use http::HeaderMap;

use super::allowance::Refill;
use super::clock::Clock;
use super::ledger::{Ledger, Name, Part, Rank, UNNAMED};
use super::number::{Decimal, count};
use super::ratelimit;
use super::unified::Unified;
use super::units;
use super::words::{Word, Words};

/// Characters of a header's value that are looked at; a longer one is ignored. `RateLimit` is a list and may be longer.
const LONGEST: usize = 256;
const LONGEST_LIST: usize = 2048;

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Heard<'a> {
    /// `retry-after-ms`, `x-ms-retry-after-ms`, `x-amz-retry-after`, `grpc-retry-pushback-ms`, in this order.
    milliseconds: [Option<Duration>; 4],
    retry_after: Option<Duration>,
    pub(super) ledger: Ledger,
    pub(super) unified: Unified<'a>,
    /// What `x-amzn-errortype` calls it.
    pub(super) words: Words,
    /// Whether the upstream wants the request repeated, where it says so.
    pub(super) again: Option<bool>,
}

impl<'a> Heard<'a> {
    pub(super) fn from(headers: &'a HeaderMap, clock: &Clock<'_>) -> Self {
        let mut heard = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            // Spares all others, `content-type` and the like, the look at their values.
            if name.starts_with(['r', 'x', 'a', 's', 'g']) {
                if let Ok(value) = value.to_str() {
                    heard.field(name, value, clock);
                }
            }
        }
        heard
    }

    /// One field; its name is in lower case.
    pub(super) fn field(&mut self, name: &'a str, value: &'a str, clock: &Clock<'_>) {
        if value.len() > LONGEST_LIST || (value.len() > LONGEST && !name.starts_with("ratelimit")) {
            return;
        }
        let milliseconds = || Decimal::whole(value).map(Decimal::milliseconds);
        match name {
            "retry-after" => later(&mut self.retry_after, clock.retry_after(value)),
            "retry-after-ms" => later(&mut self.milliseconds[0], milliseconds()),
            "x-ms-retry-after-ms" => later(&mut self.milliseconds[1], milliseconds()),
            "x-amz-retry-after" => later(&mut self.milliseconds[2], milliseconds()),
            "grpc-retry-pushback-ms" => match milliseconds() {
                Some(wait) => later(&mut self.milliseconds[3], Some(wait)),
                // What is negative or no number means: do not repeat it.
                None => self.again = Some(false),
            },
            "x-should-retry" | "stripe-should-retry" => match value.trim_ascii() {
                "true" => self.again = Some(true),
                "false" => self.again = Some(false),
                _ => {}
            },
            "x-amzn-errortype" => self.words.hear(Word::of_code(value)),
            "x-shopify-shop-api-call-limit" => self.ratio(value),
            "ratelimit" => ratelimit::report(value, &mut self.ledger),
            "ratelimit-policy" => ratelimit::policy(value, &mut self.ledger),
            _ => self.family(name, value, clock),
        }
    }

    /// The stated wait, if one is longer than zero.
    pub(super) fn wait(&self) -> Option<(Duration, bool)> {
        let milliseconds = self.milliseconds.iter().flatten().next();
        let milliseconds = milliseconds.map(|&wait| (wait, true));
        milliseconds.or_else(|| self.retry_after.map(|wait| (wait, false)))
    }

    /// Shopify's `32/40`: used, and the limit.
    fn ratio(&mut self, value: &str) {
        let Some((used, limit)) = value.split_once('/') else { return };
        if let (Some(used), Some(limit)) = (count(used), count(limit)) {
            let name = Name::Header(UNNAMED);
            self.ledger.note(name, Rank::Unnamed, Part::Limit(limit));
            self.ledger.note(name, Rank::Unnamed, Part::Remaining(limit.saturating_sub(used)));
        }
    }

    /// The fields that are called limit, remaining and reset, with or without a dimension.
    fn family(&mut self, name: &'a str, value: &'a str, clock: &Clock<'_>) {
        if let Some(rest) = name.strip_prefix("anthropic-ratelimit-unified-") {
            return self.unified.field(rest, value, clock);
        }
        let found = FAMILIES.into_iter().find_map(|(prefix, unnamed, fills)| {
            Some((name.strip_prefix(prefix)?, unnamed, fills))
        });
        let Some((rest, unnamed, fills)) = found else { return };
        let Some((kind, dimension)) = split(rest) else { return };
        let rank = match kind {
            Kind::ResetAfter => Rank::Wait,
            Kind::ResetTime => Rank::Again,
            _ if dimension.is_some() => Rank::Named,
            _ => unnamed,
        };
        // Who writes the time with its unit reports a bucket that fills, too (OpenAI, Groq).
        let fills = fills || (dimension.is_some() && units::whole(value).is_some());
        let reset = |wait| Part::Reset(wait, if fills { Refill::Gradual } else { Refill::AtOnce });
        let part = match kind {
            Kind::Limit => count(value).map(Part::Limit),
            Kind::Remaining => count(value).map(Part::Remaining),
            Kind::Reset => clock.reset(value).map(reset),
            Kind::ResetAfter => clock.retry_after(value).map(reset),
            Kind::ResetTime => clock.date(value.trim_ascii()).map(reset),
        };
        if let Some(part) = part {
            self.ledger.note(Name::Header(dimension.unwrap_or(UNNAMED)), rank, part);
        }
    }
}

/// How their names begin, what the fields without a dimension are worth, and whether they report buckets that fill.
const FAMILIES: [(&str, Rank, bool); 4] = [
    ("x-ratelimit-", Rank::Unnamed, false),
    ("anthropic-ratelimit-", Rank::Unnamed, true),
    ("ratelimit-", Rank::Draft, false),
    ("x-rate-limit-", Rank::Unnamed, false),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Limit,
    Remaining,
    Reset,
    /// Discord: a wait, however large.
    ResetAfter,
    /// GitLab: a date.
    ResetTime,
}

/// `limit`, `limit-tokens` or `tokens-limit`: what is said, and of what.
fn split(rest: &str) -> Option<(Kind, Option<&str>)> {
    match rest {
        "reset-after" => return Some((Kind::ResetAfter, None)),
        "resettime" => return Some((Kind::ResetTime, None)),
        _ => {}
    }
    let kinds = [("limit", Kind::Limit), ("remaining", Kind::Remaining), ("reset", Kind::Reset)];
    kinds.into_iter().find_map(|(word, kind)| {
        if let Some(behind) = rest.strip_prefix(word) {
            return match behind.strip_prefix('-') {
                Some(dimension) => Some((kind, Some(dimension))),
                None => behind.is_empty().then_some((kind, None)),
            };
        }
        let dimension = rest.strip_suffix(word)?.strip_suffix('-')?;
        Some((kind, Some(dimension)))
    })
}

/// Of a field that comes twice, the longer wait.
fn later(kept: &mut Option<Duration>, said: Option<Duration>) {
    // Zero and what is past state nothing.
    *kept = (*kept).max(said.filter(|wait| !wait.is_zero()));
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::super::allowance::Allowance;
    use super::*;

    fn noon() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_694_400)
    }

    fn heard<'a>(fields: &[(&'a str, &'a str)]) -> Heard<'a> {
        let mut heard = Heard::default();
        for (name, value) in fields {
            heard.field(name, value, &Clock::new(noon(), None));
        }
        heard
    }

    fn allowances(fields: &[(&str, &str)]) -> Vec<Allowance> {
        heard(fields).ledger.into_allowances()
    }

    type Said = (String, Option<u64>, Option<u64>, Option<u64>, Refill);

    fn said(fields: &[(&str, &str)]) -> Vec<Said> {
        let millis = |reset: Duration| reset.as_millis() as u64;
        allowances(fields)
            .into_iter()
            .map(|one| {
                (one.dimension.into(), one.limit, one.remaining, one.reset.map(millis), one.refill)
            })
            .collect()
    }

    #[test]
    fn a_wait_in_milliseconds_is_believed_before_one_in_seconds() {
        let wait = |fields: &[(&'static str, &'static str)]| heard(fields).wait();
        let ms = Duration::from_millis;
        assert_eq!(
            wait(&[("retry-after", "37"), ("retry-after-ms", "36500")]),
            Some((ms(36_500), true))
        );
        assert_eq!(
            wait(&[("x-ms-retry-after-ms", "7"), ("retry-after-ms", "5")]),
            Some((ms(5), true))
        );
        assert_eq!(
            wait(&[("x-amz-retry-after", "5000"), ("retry-after", "9")]),
            Some((ms(5_000), true))
        );
        assert_eq!(
            wait(&[("retry-after-ms", "0"), ("retry-after", "9")]),
            Some((ms(9_000), false))
        );
        assert_eq!(wait(&[("retry-after-ms", "-5"), ("retry-after", "x")]), None);
        assert_eq!(
            wait(&[("retry-after", "3"), ("retry-after", "9"), ("retry-after", "5")]),
            Some((ms(9_000), false))
        );
    }

    #[test]
    fn grpc_says_when_or_that_it_is_not_to_be_repeated() {
        let heard = |value| {
            let heard = heard(&[("grpc-retry-pushback-ms", value)]);
            (heard.wait().map(|(wait, _)| wait), heard.again)
        };
        assert_eq!(heard("250"), (Some(Duration::from_millis(250)), None));
        assert_eq!(heard("0"), (None, None));
        assert_eq!(heard("-1"), (None, Some(false)));
        assert_eq!(heard("soon"), (None, Some(false)));
    }

    #[test]
    fn the_last_word_on_whether_to_repeat_it_counts() {
        let again = |fields: &[(&'static str, &'static str)]| heard(fields).again;
        let (yes, no) = (("x-should-retry", "true"), ("stripe-should-retry", "false"));
        assert_eq!(again(&[no, yes]), Some(true));
        assert_eq!(again(&[yes, no]), Some(false));
        assert_eq!(again(&[yes, ("x-should-retry", "maybe")]), Some(true));
    }

    #[test]
    fn amazon_names_the_error_in_a_header() {
        let value = "ThrottlingException:http://internal.amazon.com/coral/";
        let words = heard(&[("x-amzn-errortype", value)]).words;
        assert_eq!(words.or(Words::default()), Some(Word::Limited));
    }

    #[test]
    fn who_names_the_dimension_is_believed_before_who_names_none() {
        let (named, unnamed) = ("x-ratelimit-limit-requests", "x-ratelimit-limit");
        for fields in [[(named, "60"), (unnamed, "40")], [(unnamed, "40"), (named, "60")]] {
            assert_eq!(said(&fields)[0].1, Some(60));
        }
    }

    #[test]
    fn the_dimension_stands_before_or_behind_the_word_or_nowhere() {
        let at_once = Refill::AtOnce;
        assert_eq!(
            said(&[
                ("x-ratelimit-requests-limit", "10"),
                ("x-ratelimit-requests-reset", "1795694490000")
            ]),
            [("requests".into(), Some(10), None, Some(90_000), at_once)]
        );
        assert_eq!(
            said(&[
                ("x-ratelimit-limit-req-10-second", "60"),
                ("x-ratelimit-tokens-query-cost", "68")
            ]),
            [("req_10_second".into(), Some(60), None, None, at_once)]
        );
        assert_eq!(
            said(&[("x-rate-limit-remaining", "847"), ("x-rate-limit-reset", "1795694490")]),
            [("requests".into(), None, Some(847), Some(90_000), at_once)]
        );
        assert_eq!(
            said(&[
                ("x-ratelimit-remaining-minute", "4"),
                ("x-ratelimit-used", "3"),
                ("x-ratelimit-limits", "1")
            ]),
            [("minute".into(), None, Some(4), None, at_once)]
        );
        assert_eq!(
            said(&[("x-shopify-shop-api-call-limit", "32/40")]),
            [("requests".into(), Some(40), Some(8), None, at_once)]
        );
    }

    #[test]
    fn a_reset_with_a_unit_is_of_a_bucket_that_fills() {
        assert_eq!(
            said(&[("x-ratelimit-limit-tokens", "9"), ("x-ratelimit-reset-tokens", "6m0s")]),
            [("tokens".into(), Some(9), None, Some(360_000), Refill::Gradual)]
        );
        assert_eq!(
            said(&[("x-ratelimit-reset-tokens", "12")]),
            [("tokens".into(), None, None, Some(12_000), Refill::AtOnce)]
        );
    }

    #[test]
    fn what_azure_does_not_know_is_no_dimension() {
        assert_eq!(
            said(&[
                ("x-ratelimit-limit-tokens", "-1"),
                ("x-ratelimit-remaining-tokens", "-1"),
                ("x-ratelimit-reset-tokens", "0")
            ]),
            []
        );
    }

    #[test]
    fn discords_wait_and_gitlabs_date_stand_in_for_the_reset() {
        assert_eq!(
            said(&[("x-ratelimit-reset", "1795694490"), ("x-ratelimit-reset-after", "1.5")])[0].3,
            Some(1_500)
        );
        assert_eq!(
            said(&[("ratelimit-resettime", "Thu, 26 Nov 2026 12:00:30 GMT")])[0].3,
            Some(30_000)
        );
        assert_eq!(
            said(&[
                ("ratelimit-resettime", "Thu, 26 Nov 2026 12:00:59 GMT"),
                ("ratelimit-reset", "1795694431")
            ])[0]
                .3,
            Some(31_000)
        );
    }

    #[test]
    fn a_value_of_absurd_length_is_not_read() {
        let long = format!("{}5", "0".repeat(LONGEST));
        assert_eq!(heard(&[("retry-after", &long)]).wait(), None);
        assert!(heard(&[("retry-after", &long[1..])]).wait().is_some());
        let list = format!("\"a\";r=1{}", ",\"b\";r=2".repeat(LONGEST_LIST));
        assert_eq!(allowances(&[("ratelimit", &list)]), []);
        let list = |blanks| format!("\"a\";r=1{}", " ".repeat(blanks));
        let just = LONGEST_LIST - list(0).len();
        let [read, unread] =
            [just, just + 1].map(|blanks| allowances(&[("ratelimit", &list(blanks))]));
        assert_eq!((read.len(), unread.len()), (1, 0));
    }
}
