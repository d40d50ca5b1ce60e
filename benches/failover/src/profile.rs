//! What goes wrong, by name. The bench and the test in virtual time play the same profiles.

use std::time::Duration;

/// How long requests arrive.
pub(crate) const LASTS: Duration = Duration::from_secs(12);
/// How long a caller waits, from the arrival of the request.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);
/// How long after the deadline the caller still listens, so that a client's own timeout is heard.
pub(crate) const GRACE: Duration = ms(100);
/// How long a good answer takes: anything in between, with the same chance.
pub(crate) const ANSWERS_IN: [Duration; 2] = [ms(20), ms(60)];
/// How long a refusal takes: it costs the upstream no work.
pub(crate) const REFUSES_IN: Duration = ms(2);

/// An upstream and its load.
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Requests a second.
    pub(crate) rate: f64,
    /// The chance that a good key answers 503.
    pub(crate) hiccups: f64,
    pub(crate) keys: &'static [Key],
}

/// How the upstream treats one key.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    /// Calls that it serves in every second of the clock; the others are told to come back in the next.
    pub(crate) room: Option<u32>,
    pub(crate) trouble: Option<Trouble>,
}

/// What is wrong with a key, for calls that begin in this time.
#[derive(Clone, Copy)]
pub(crate) struct Trouble {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 401.
    Revoked,
    /// 429, with the time until the trouble is over as `Retry-After`.
    Limited,
    /// 503 at once.
    Failing,
    /// A good answer, after so long.
    Slow(Duration),
    /// Never an answer.
    Hanging,
}

const HOUR: Duration = Duration::from_secs(3600);
const FINE: Key = Key { room: None, trouble: None };
const LIMITED: Key = Key { room: Some(11), trouble: None };
const REVOKED: Key = FINE.with(Kind::Revoked, ms(0), HOUR);
const SPENT: Key = FINE.with(Kind::Limited, ms(0), HOUR);
const REVOKED_SOON: Key = FINE.with(Kind::Revoked, ms(1_000), HOUR);
const CLOSED_AT_FIRST: Key =
    Key { room: Some(10), trouble: None }.with(Kind::Limited, ms(0), ms(2_000));

/// One bad key of several is the first: a strategy that goes by the order would never meet the last.
pub(crate) const ALL: &[Profile] = &[
    Profile {
        name: "storm",
        about: "five keys of 11 calls a second each and one revoked, 3 % answers of 503",
        rate: 40.0,
        hiccups: 0.03,
        keys: &[LIMITED, LIMITED, LIMITED, LIMITED, LIMITED, REVOKED],
    },
    Profile {
        name: "surge",
        about: "the same at 90 % of what the limits allow: 49.5 requests a second",
        rate: 49.5,
        hiccups: 0.03,
        keys: &[LIMITED, LIMITED, LIMITED, LIMITED, LIMITED, REVOKED],
    },
    Profile {
        name: "brownout",
        about: "one key of five takes 3 s for an answer, for six of the twelve seconds",
        rate: 40.0,
        hiccups: 0.0,
        keys: &[FINE.with(Kind::Slow(ms(3_000)), ms(3_000), ms(9_000)), FINE, FINE, FINE, FINE],
    },
    Profile {
        name: "flap",
        about: "one key of five fails at once, for three seconds",
        rate: 40.0,
        hiccups: 0.0,
        keys: &[FINE.with(Kind::Failing, ms(4_000), ms(7_000)), FINE, FINE, FINE, FINE],
    },
    Profile {
        name: "herd",
        about: "five keys, all limited for two seconds, then room for ten calls a second each",
        rate: 40.0,
        hiccups: 0.0,
        keys: &[CLOSED_AT_FIRST; 5],
    },
    Profile {
        name: "revoked",
        about: "five keys of six are revoked at second 1",
        rate: 40.0,
        hiccups: 0.0,
        keys: &[REVOKED_SOON, REVOKED_SOON, REVOKED_SOON, FINE, REVOKED_SOON, REVOKED_SOON],
    },
    Profile {
        name: "quota",
        about: "two keys of five are out for an hour",
        rate: 40.0,
        hiccups: 0.0,
        keys: &[FINE, SPENT, FINE, SPENT, FINE],
    },
    Profile {
        name: "blackhole",
        about: "one key of five never answers, from second 3 on",
        rate: 40.0,
        hiccups: 0.0,
        keys: &[FINE.with(Kind::Hanging, ms(3_000), HOUR), FINE, FINE, FINE, FINE],
    },
];

impl Key {
    const fn with(self, kind: Kind, from: Duration, until: Duration) -> Self {
        Self { trouble: Some(Trouble { from, until, kind }), ..self }
    }

    /// What is wrong with it at that time.
    pub(crate) fn trouble_at(&self, now: Duration) -> Option<&Trouble> {
        self.trouble.as_ref().filter(|trouble| (trouble.from..trouble.until).contains(&now))
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
