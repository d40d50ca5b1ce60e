//! How several reports of one dimension become one allowance.

use std::borrow::Cow;
use std::time::Duration;

use super::allowance::{Allowance, Refill};

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
        assert_eq!(ledger.allowances, []);
        ledger.note(Name::Policy(&"x".repeat(64)), Rank::Structured, Part::Limit(1));
        assert_eq!(ledger.allowances.len(), 1);
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
    fn a_name_in_a_header_is_spelled_with_underscores_and_a_policy_as_it_is() {
        assert_eq!(Name::Header("req-10-second").to_dimension(), "req_10_second");
        assert_eq!(Name::Policy("per-ip").to_dimension(), "per-ip");
        assert_eq!(Name::Policy(r#"a\"b\\c"#).to_dimension(), r#"a"b\c"#);
        let known =
            [Name::Header("input-tokens").to_dimension(), Name::Policy("default").to_dimension()];
        assert!(known.iter().all(|name| matches!(name, Cow::Borrowed(_))));
    }
}
