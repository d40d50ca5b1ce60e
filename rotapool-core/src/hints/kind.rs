//! What kind of answer it is: by its status, and by its words where the status means several things.

use super::body::Said;
use super::headers::Heard;
use super::verdict::Class;
use super::words::{Word, Words};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Class(Class),
    /// Used up: whether until some time, the rest of the answer has to say.
    UsedUp,
}

impl Kind {
    /// Of an answer whose status is 400 or more. `quoted` are the headers that its body quotes.
    pub(super) fn of(status: u16, heard: &Heard<'_>, said: &Said, quoted: &Heard<'_>) -> Self {
        let code = heard.words.or(said.words);
        let phrase = said.phrases.or(Words::default());
        match status {
            401 | 407 => Self::Class(Class::AuthFailed),
            402 => Self::UsedUp,
            420 | 429 | 509 => match code {
                _ if said.is_daily => Self::UsedUp,
                Some(word @ (Word::Used | Word::Busy)) => word.into(),
                // It is no proof against the credentials, whatever it says.
                _ => Self::Class(Class::OverLimit),
            },
            503 | 529 => Self::Class(Class::Overloaded),
            403 => match code.or(phrase) {
                Some(word) => word.into(),
                None if states_a_limit(heard, said, quoted) => Self::Class(Class::OverLimit),
                None => Self::Class(Class::CallersFault),
            },
            400 => match (code, phrase) {
                (Some(word), _) => word.into(),
                // Anthropic says so of a balance that is too low, and has no code for it.
                (None, Some(Word::Used)) => Self::UsedUp,
                _ => callers_fault(heard),
            },
            408 | 421 | 425 => Self::Class(Class::Transient),
            // Not implemented, HTTP version not supported: asking elsewhere gives the same.
            501 | 505 => Self::Class(Class::CallersFault),
            status if status < 500 => callers_fault(heard),
            // Also what is above 599, as RFC 9110 wants it.
            _ => Self::Class(Class::Transient),
        }
    }
}

impl From<Word> for Kind {
    fn from(word: Word) -> Self {
        match word {
            Word::Used => Self::UsedUp,
            Word::Credentials => Self::Class(Class::AuthFailed),
            Word::Limited => Self::Class(Class::OverLimit),
            Word::Busy => Self::Class(Class::Overloaded),
        }
    }
}

/// Whether a refusal without words is one for a limit, as GitHub's and Azure's are.
fn states_a_limit(heard: &Heard<'_>, said: &Said, quoted: &Heard<'_>) -> bool {
    heard.wait().or(quoted.wait()).is_some()
        || heard.ledger.any_spent()
        || heard.unified.is_rejected()
        || said.wait().is_some()
}

/// Unless the upstream asks for the same request again, as Stripe does after a conflict.
fn callers_fault(heard: &Heard<'_>) -> Kind {
    let repeat = heard.again == Some(true);
    Kind::Class(if repeat { Class::Transient } else { Class::CallersFault })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::clock::Clock;
    use super::*;

    fn kind(status: u16, fields: &[(&str, &str)], body: &str) -> Kind {
        let clock = Clock::new(UNIX_EPOCH, None);
        let mut heard = Heard::default();
        fields.iter().for_each(|(name, value)| heard.field(name, value, &clock));
        let said = Said::in_body(body.as_bytes(), &clock);
        Kind::of(status, &heard, &said, &said.quoted(&clock))
    }

    #[test]
    fn each_status_has_its_kind() {
        use Class::{AuthFailed, CallersFault, OverLimit, Overloaded, Transient};
        for (class, statuses) in [
            (AuthFailed, &[401, 407][..]),
            (OverLimit, &[420, 429, 509]),
            (Overloaded, &[503, 529]),
            (
                Transient,
                &[408, 421, 425, 500, 502, 504, 507, 520, 524, 530, 599, 600, 999, u16::MAX],
            ),
            (CallersFault, &[400, 403, 404, 405, 409, 410, 413, 422, 428, 431, 451, 499, 501, 505]),
        ] {
            for &status in statuses {
                assert_eq!(kind(status, &[], ""), Kind::Class(class), "{status}");
            }
        }
        assert_eq!(kind(402, &[], ""), Kind::UsedUp);
    }

    #[test]
    fn words_decide_where_the_status_means_several_things() {
        let body = |code: &str| format!(r#"{{"error": {{"code": "{code}"}}}}"#);
        for (code, on_429, on_403) in [
            ("insufficient_quota", Kind::UsedUp, Kind::UsedUp),
            ("invalid_api_key", Kind::Class(Class::OverLimit), Kind::Class(Class::AuthFailed)),
            ("rate_limit_exceeded", Kind::Class(Class::OverLimit), Kind::Class(Class::OverLimit)),
            ("engine_overloaded", Kind::Class(Class::Overloaded), Kind::Class(Class::Overloaded)),
            ("model_not_found", Kind::Class(Class::OverLimit), Kind::Class(Class::CallersFault)),
        ] {
            assert_eq!(kind(429, &[], &body(code)), on_429, "{code}");
            assert_eq!(kind(403, &[], &body(code)), on_403, "{code}");
            assert_eq!(kind(400, &[], &body(code)), on_403, "{code}");
            assert_eq!(kind(401, &[], &body(code)), Kind::Class(Class::AuthFailed), "{code}");
            assert_eq!(kind(500, &[], &body(code)), Kind::Class(Class::Transient), "{code}");
        }
        assert_eq!(
            kind(429, &[], r#"{"message": "quota exceeded"}"#),
            Kind::Class(Class::OverLimit)
        );
        assert_eq!(
            kind(400, &[], r#"{"message": "Rate limit exceeded"}"#),
            Kind::Class(Class::CallersFault)
        );
    }

    #[test]
    fn a_refusal_that_states_a_limit_is_one() {
        let limit = Kind::Class(Class::OverLimit);
        assert_eq!(kind(403, &[("retry-after", "5")], ""), limit);
        assert_eq!(kind(403, &[("x-ratelimit-remaining", "0")], ""), limit);
        assert_eq!(kind(403, &[("anthropic-ratelimit-unified-status", "rejected")], ""), limit);
        assert_eq!(kind(403, &[], r#"{"retry_after": 5}"#), limit);
        assert_eq!(kind(403, &[], r#"{"metadata": {"headers": {"Retry-After": "5"}}}"#), limit);
        let fault = Kind::Class(Class::CallersFault);
        assert_eq!(kind(403, &[("retry-after", "0"), ("x-ratelimit-remaining", "1")], ""), fault);
        assert_eq!(kind(400, &[("retry-after", "5"), ("x-ratelimit-remaining", "0")], ""), fault);
    }

    #[test]
    fn what_the_upstream_wants_repeated_is_nobodys_fault() {
        let repeat = [("x-should-retry", " true ")];
        assert_eq!(kind(409, &repeat, ""), Kind::Class(Class::Transient));
        assert_eq!(
            kind(409, &[("stripe-should-retry", "false")], ""),
            Kind::Class(Class::CallersFault)
        );
        assert_eq!(kind(409, &[("x-should-retry", "yes")], ""), Kind::Class(Class::CallersFault));
        assert_eq!(kind(401, &repeat, ""), Kind::Class(Class::AuthFailed));
    }
}
