//! The IETF drafts' `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers, 7 to 11).
//!
//! Since draft 8 they are lists of policies (`"burst";r=50;t=30`); draft 7 had a dictionary
//! (`limit=100, remaining=99, reset=3000`). A malformed line is ignored, as the drafts demand.

use std::time::Duration;

use super::allowance::Refill;
use super::ledger::{Ledger, Name, Part, Rank, UNNAMED};
use super::structured::{Bare, members};

/// `RateLimit`: what is left.
pub(super) fn report(line: &str, ledger: &mut Ledger) {
    let mut note = |name, part| ledger.note(name, Rank::Structured, part);
    let reset = |seconds| Part::Reset(Duration::from_secs(seconds), Refill::AtOnce);
    members(line, |item| match (item.key, item.value) {
        (Some(key), value) => {
            let name = Name::Header(UNNAMED);
            match (key, value.count()) {
                ("limit", Some(limit)) => note(name, Part::Limit(limit)),
                ("remaining", Some(remaining)) => note(name, Part::Remaining(remaining)),
                ("reset", Some(seconds)) => note(name, reset(seconds)),
                _ => {}
            }
        }
        (None, Bare::Text(policy) | Bare::Token(policy)) => {
            let name = Name::Policy(policy);
            if let Some(remaining) = item.parameter("r").and_then(Bare::count) {
                note(name, Part::Remaining(remaining));
            }
            if let Some(seconds) = item.parameter("t").and_then(Bare::count) {
                note(name, reset(seconds));
            }
        }
        _ => {}
    });
}

/// `RateLimit-Policy`: what is allowed. Draft 7's, `100;w=60`, has no names and several windows: it says no more
/// than `limit` does.
pub(super) fn policy(line: &str, ledger: &mut Ledger) {
    members(line, |item| {
        let (Bare::Text(policy) | Bare::Token(policy)) = item.value else { return };
        if let (None, Some(limit)) = (item.key, item.parameter("q").and_then(Bare::count)) {
            ledger.note(Name::Policy(policy), Rank::Structured, Part::Limit(limit));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    type Said = (String, Option<u64>, Option<u64>, Option<u64>);

    fn said(lines: &[&str], policies: &[&str]) -> Vec<Said> {
        let mut ledger = Ledger::default();
        lines.iter().for_each(|line| report(line, &mut ledger));
        policies.iter().for_each(|line| policy(line, &mut ledger));
        let seconds = |reset: Duration| reset.as_secs();
        ledger
            .into_allowances()
            .into_iter()
            .map(|one| (one.dimension.into(), one.limit, one.remaining, one.reset.map(seconds)))
            .collect()
    }

    #[test]
    fn a_report_and_its_policy_are_one_allowance() {
        assert_eq!(
            said(
                &["\"default\";r=50;t=30;pk=:cHsdsRa894==:"],
                &["\"default\";q=100;w=60;qu=\"requests\"", "\"daily\";q=1000;w=86400"]
            ),
            [
                ("default".into(), Some(100), Some(50), Some(30)),
                ("daily".into(), Some(1000), None, None)
            ]
        );
    }

    #[test]
    fn draft_7_is_a_dictionary() {
        assert_eq!(
            said(&["limit=100, remaining=99, reset=3000, policy=5"], &["100;w=60, 1000;w=3600"]),
            [("requests".into(), Some(100), Some(99), Some(3000))]
        );
    }

    #[test]
    fn parameters_of_the_wrong_type_are_ignored_and_malformed_lines_whole() {
        assert_eq!(said(&["\"a\";r=\"5\";t=30"], &[]), [("a".into(), None, None, Some(30))]);
        assert_eq!(said(&["\"a\";r=-5;t=1.5"], &[]), []);
        assert_eq!(
            said(&["\"a\";r=5;t=30, oops oops"], &["\"a\";q=1"]),
            [("a".into(), Some(1), None, None)]
        );
        assert_eq!(said(&["5;r=1;t=2"], &["5;q=1"]), []);
    }
}
