//! What is left of what is allowed, per dimension, and how several reports of it become one.

use std::borrow::Cow;
use std::time::Duration;

/// Dimensions that are kept of one answer.
const MOST: usize = 16;
/// Characters of a dimension's name; a longer one is not reported.
const LONGEST_NAME: usize = 64;

/// The dimension of headers that name none: all that send them count requests.
pub(super) const UNNAMED: &str = "requests";

/// Dimensions that many upstreams report. Their names cost no allocation.
const KNOWN: [&str; 8] = [
    UNNAMED,
    "tokens",
    "default",
    "input_tokens",
    "output_tokens",
    "project_tokens",
    "requests_day",
    "tokens_minute",
];

/// What an upstream reports of one dimension of its limits.
///
/// Each part is there only where the upstream stated it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allowance {
    /// What is counted: the name of the policy (`RateLimit: "burst";r=0`), or that in the header's name with
    /// `_` for `-` (`input_tokens`, `req_10_second`). Headers that name nothing count `requests`.
    pub dimension: Cow<'static, str>,
    /// How much is allowed.
    pub limit: Option<u64>,
    /// How much is left.
    pub remaining: Option<u64>,
    /// The time to the reset; zero if it has passed. What happens then, [`refill`](Self::refill) says.
    pub reset: Option<Duration>,
    /// How what was used comes back.
    pub refill: Refill,
}

/// How an allowance comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refill {
    /// All at once, at the reset.
    AtOnce,
    /// Bit by bit, and all of it is there at the reset: a leaky or token bucket, as of OpenAI, Groq and Anthropic.
    Gradual,
}

impl Allowance {
    /// How long until `amount` is left, by what is reported; `None` if that does not say, or if `amount` is more
    /// than is ever allowed.
    ///
    /// A gradual refill takes `reset × missing / used`: the reset is when the bucket is full.
    ///
    /// ```
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// # use rotapool_core::hints::Verdict;
    /// # let mut headers = http::HeaderMap::new();
    /// # headers.insert("x-ratelimit-limit-requests", http::HeaderValue::from_static("60"));
    /// # headers.insert("x-ratelimit-remaining-requests", http::HeaderValue::from_static("0"));
    /// # headers.insert("x-ratelimit-reset-requests", http::HeaderValue::from_static("1m0s"));
    /// // limit 60, remaining 0, and full again in `1m0s`
    /// let verdict = Verdict::read(200_u16, &headers, None, UNIX_EPOCH);
    /// assert_eq!(verdict.allowances[0].ready_in(1), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn ready_in(&self, amount: u64) -> Option<Duration> {
        let remaining = self.remaining?;
        if remaining >= amount {
            return Some(Duration::ZERO);
        }
        let reset = self.reset?;
        match (self.limit, self.refill) {
            (Some(limit), _) if amount > limit => None,
            (Some(limit), Refill::Gradual) => {
                let (missing, used) =
                    (u128::from(amount - remaining), u128::from(limit - remaining));
                // At most `reset`, since `amount` is at most `limit`.
                let nanos = reset.as_nanos().checked_mul(missing).map(|all| all.div_ceil(used));
                Some(nanos.map_or(reset, super::number::duration))
            }
            _ => Some(reset),
        }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.remaining == Some(0)
    }

    fn says_nothing(&self) -> bool {
        self.limit.is_none()
            && self.remaining.is_none()
            && self.reset.unwrap_or_default() == Duration::ZERO
    }
}

/// Where a report comes from. Of two that disagree on a part, the earlier in this order is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// `RateLimit`, `RateLimit-Policy`: drafts 7 and later.
    Structured,
    /// `RateLimit-Limit` and the like: drafts up to 6.
    Draft,
    /// A vendor's header that names its dimension.
    Named,
    /// `X-RateLimit-Reset-After`: a wait beside the moment of the same dimension.
    Wait,
    /// A vendor's header that names none.
    Unnamed,
    /// A second form of what was said before: `RateLimit-ResetTime`.
    Again,
}

/// One thing that is said of a dimension.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Limit(u64),
    Remaining(u64),
    Reset(Duration, Refill),
}

/// The reports of one answer.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    allowances: Vec<Allowance>,
    /// By the place of the allowance.
    ranks: [Ranks; MOST],
}

#[derive(Debug, Default, Clone, Copy)]
struct Ranks {
    limit: Option<Rank>,
    remaining: Option<Rank>,
    reset: Option<Rank>,
}

impl Ledger {
    /// Where one header comes twice, the tighter of both counts: less is left, and it takes longer.
    pub(super) fn note(&mut self, name: Name<'_>, rank: Rank, part: Part) {
        let Some((allowance, ranks)) = self.entry(name) else { return };
        match part {
            Part::Limit(limit) => {
                settle(&mut allowance.limit, &mut ranks.limit, rank, limit, u64::min);
            }
            Part::Remaining(remaining) => {
                settle(&mut allowance.remaining, &mut ranks.remaining, rank, remaining, u64::min);
            }
            Part::Reset(reset, refill) => {
                settle(&mut allowance.reset, &mut ranks.reset, rank, reset, Duration::max);
                if ranks.reset == Some(rank) {
                    allowance.refill = refill;
                }
            }
        }
    }

    fn entry(&mut self, name: Name<'_>) -> Option<(&mut Allowance, &mut Ranks)> {
        let known = self.allowances.iter().position(|one| name.is(&one.dimension));
        let place = known.unwrap_or(self.allowances.len());
        let ranks = self.ranks.get_mut(place)?;
        if known.is_none() {
            (1..=LONGEST_NAME).contains(&name.text().len()).then_some(())?;
            let (limit, remaining, reset) = (None, None, None);
            let dimension = name.to_dimension();
            let refill = Refill::AtOnce;
            self.allowances.push(Allowance { dimension, limit, remaining, reset, refill });
        }
        Some((self.allowances.get_mut(place)?, ranks))
    }

    /// When everything that is spent is back: the latest reset of what has nothing left, or, where that is not
    /// known, of what does not say how much it has left. The flag tells the first from the second.
    pub(super) fn end(&self, violated: &[String]) -> Option<(Duration, bool)> {
        let latest = |counts: &dyn Fn(&Allowance) -> bool| {
            let all = self.allowances.iter();
            let resets = all.filter(|one| counts(one)).filter_map(|one| one.reset);
            resets.max().filter(|reset| !reset.is_zero())
        };
        let is_violated = |one: &Allowance| violated.iter().any(|name| *name == one.dimension);
        let spent = latest(&|one| one.is_spent() || is_violated(one)).map(|reset| (reset, true));
        spent.or_else(|| latest(&|one| one.remaining.is_none()).map(|reset| (reset, false)))
    }

    pub(super) fn any_spent(&self) -> bool {
        self.allowances.iter().any(Allowance::is_spent)
    }

    pub(super) fn into_allowances(mut self) -> Vec<Allowance> {
        self.allowances.retain(|allowance| !allowance.says_nothing());
        self.allowances
    }
}

fn settle<V: Copy>(
    kept: &mut Option<V>,
    by: &mut Option<Rank>,
    rank: Rank,
    value: V,
    tighter: fn(V, V) -> V,
) {
    *kept = match (*kept, *by) {
        (Some(_), Some(earlier)) if earlier < rank => return,
        (Some(old), Some(same)) if same == rank => Some(tighter(old, value)),
        _ => Some(value),
    };
    *by = Some(rank);
}

/// The name of a dimension, where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name<'a> {
    /// In the name of a header: `input-tokens`.
    Header(&'a str),
    /// In a structured field.
    Policy(&'a str),
}

impl Name<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Header(text) | Self::Policy(text) => text,
        }
    }

    fn is(&self, dimension: &str) -> bool {
        match self {
            Self::Header(text) => {
                let name = text.bytes().map(|byte| if byte == b'-' { b'_' } else { byte });
                name.eq(dimension.bytes())
            }
            Self::Policy(text) if text.contains('\\') => self.to_dimension() == dimension,
            Self::Policy(text) => *text == dimension,
        }
    }

    fn to_dimension(self) -> Cow<'static, str> {
        let known = KNOWN.iter().find(|known| match self {
            Self::Policy(text) => text == **known,
            Self::Header(_) => self.is(known),
        });
        match (known, self) {
            (Some(known), _) => Cow::Borrowed(known),
            (None, Self::Header(text)) => Cow::Owned(text.replace('-', "_")),
            (None, Self::Policy(text)) => {
                Cow::Owned(text.replace("\\\"", "\"").replace("\\\\", "\\"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn only(ledger: Ledger) -> Allowance {
        let mut all = ledger.into_allowances();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn the_earlier_rank_is_believed_and_of_one_rank_the_tighter() {
        let mut ledger = Ledger::default();
        let name = Name::Header("requests");
        ledger.note(name, Rank::Unnamed, Part::Remaining(5));
        ledger.note(name, Rank::Draft, Part::Remaining(9));
        ledger.note(name, Rank::Unnamed, Part::Remaining(1));
        ledger.note(name, Rank::Draft, Part::Remaining(7));
        ledger.note(name, Rank::Draft, Part::Remaining(8));
        ledger.note(name, Rank::Unnamed, Part::Reset(S(5), Refill::Gradual));
        ledger.note(name, Rank::Unnamed, Part::Reset(S(9), Refill::Gradual));
        ledger.note(name, Rank::Again, Part::Reset(S(99), Refill::AtOnce));
        let one = only(ledger);
        assert_eq!((one.remaining, one.reset, one.refill), (Some(7), Some(S(9)), Refill::Gradual));
    }

    #[test]
    fn names_are_bounded_in_length_and_number() {
        let mut ledger = Ledger::default();
        ledger.note(Name::Policy(&"x".repeat(65)), Rank::Structured, Part::Limit(1));
        ledger.note(Name::Policy(""), Rank::Structured, Part::Limit(1));
        for number in 0..100 {
            ledger.note(Name::Policy(&number.to_string()), Rank::Structured, Part::Limit(1));
        }
        assert_eq!(ledger.into_allowances().len(), MOST);
    }

    #[test]
    fn the_end_is_the_latest_reset_of_what_is_spent() {
        let mut ledger = Ledger::default();
        for (name, remaining, reset) in
            [("day", Some(100), 36_000), ("min", Some(0), 5), ("sec", Some(0), 1), ("odd", None, 7)]
        {
            if let Some(remaining) = remaining {
                ledger.note(Name::Policy(name), Rank::Structured, Part::Remaining(remaining));
            }
            ledger.note(
                Name::Policy(name),
                Rank::Structured,
                Part::Reset(S(reset), Refill::AtOnce),
            );
        }
        assert_eq!(ledger.end(&[]), Some((S(5), true)));
        assert_eq!(ledger.end(&["day".into()]), Some((S(36_000), true)));
        let mut ledger = Ledger::default();
        ledger.note(Name::Policy("odd"), Rank::Structured, Part::Reset(S(7), Refill::AtOnce));
        assert_eq!(ledger.end(&[]), Some((S(7), false)));
    }

    #[test]
    fn a_gradual_refill_is_ready_before_it_is_full() {
        let mut one = Allowance {
            dimension: "tokens".into(),
            limit: Some(100),
            remaining: Some(40),
            reset: Some(S(60)),
            refill: Refill::Gradual,
        };
        assert_eq!(one.ready_in(40), Some(Duration::ZERO));
        assert_eq!(one.ready_in(50), Some(S(10)));
        assert_eq!(one.ready_in(100), Some(S(60)));
        assert_eq!(one.ready_in(101), None);
        one.refill = Refill::AtOnce;
        assert_eq!(one.ready_in(50), Some(S(60)));
        (one.refill, one.limit, one.remaining) = (Refill::Gradual, Some(u64::MAX), Some(0));
        one.reset = Some(Duration::MAX);
        assert_eq!(one.ready_in(u64::MAX), Some(Duration::MAX));
    }

    #[test]
    fn a_name_in_a_header_is_spelled_with_underscores_and_a_policy_as_it_is() {
        assert_eq!(Name::Header("req-10-second").to_dimension(), "req_10_second");
        assert_eq!(Name::Policy("per-ip").to_dimension(), "per-ip");
        assert_eq!(Name::Policy(r#"a\"b\\c"#).to_dimension(), r#"a"b\c"#);
        let known =
            [Name::Header("input-tokens").to_dimension(), Name::Policy("default").to_dimension()];
        assert!(known.iter().all(|name| matches!(name, Cow::Borrowed(_))));
    }
}
