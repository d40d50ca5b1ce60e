//! What to do about a verdict: a table from classes to signals, as plain data.

use std::fmt;
use std::time::Duration;

use super::verdict::{Class, Stated, Verdict};
use crate::member::signal::Signal;

/// What a verdict means for the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reaction {
    /// Nothing: the answer is the caller's, whatever it says.
    Nothing,
    /// Try again, here or elsewhere; the resource stays as it is.
    Retry,
    /// Cool down as long as was stated, else as the pool's table says.
    CoolDown,
    /// Cool down as long as was stated, else this long, which reports call guessed.
    CoolDownOr(Duration),
    /// Cool down as long as was stated; else just try again.
    CoolDownIfStated,
    /// Take it out until somebody enables it.
    Disable,
}

/// The table from verdicts to signals: a [`Reaction`] per class, other ones for single statuses, and how much of a
/// stated end is believed. One table serves one kind of upstream; a pool of several has one for each.
///
/// | class | by default |
/// |---|---|
/// | fine, the caller's own fault | nothing |
/// | over its limit | cools down as stated, else as the pool's table says |
/// | quota used up | cools down for an hour: it may be filled up by then, and if not, one attempt an hour is lost |
/// | credentials refused | disabled |
/// | overloaded, transient | cools down if an end is stated; else just another try: an outage of the upstream says nothing of the resource |
///
/// | stated by | believed up to, by default |
/// |---|---|
/// | a header | 6 h |
/// | a body | 24 h |
/// | whatever, of an overloaded or transient answer | 10 min |
///
/// What is longer is held to that, and the signal's reason says so.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use rotapool_core::Signal;
/// use rotapool_core::hints::{Class, Reaction, Reactions, Verdict};
///
/// let reactions = Reactions::default()
///     .on(Class::QuotaGone, Reaction::Disable)
///     .on_status(404, Reaction::Retry); // a model that not all keys can see
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("retry-after", http::HeaderValue::from_static("56"));
/// let verdict = Verdict::read(429_u16, &headers, None, SystemTime::now());
///
/// let signal = reactions.signal(&verdict).unwrap();
/// assert_eq!(signal.to_string(), "cooldown of 56.0s (429: over its limit; 56s by retry-after)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactions {
    by_class: [Reaction; Class::ALL.len()],
    by_status: Vec<(u16, Reaction)>,
    most_of_header: Duration,
    most_of_body: Duration,
    most_of_outage: Duration,
}

impl Default for Reactions {
    fn default() -> Self {
        Self {
            by_class: Class::ALL.map(usual),
            by_status: Vec::new(),
            most_of_header: Duration::from_secs(6 * 3600),
            most_of_body: Duration::from_secs(24 * 3600),
            most_of_outage: Duration::from_secs(600),
        }
    }
}

impl Reactions {
    /// Reacts to `class` in another way.
    #[must_use]
    pub fn on(mut self, class: Class, reaction: Reaction) -> Self {
        self.by_class[class as usize] = reaction;
        self
    }

    /// Reacts to `status` in this way, whatever the class of the answer is.
    #[must_use]
    pub fn on_status(mut self, status: u16, reaction: Reaction) -> Self {
        self.by_status.retain(|(other, _)| *other != status);
        self.by_status.push((status, reaction));
        self
    }

    /// Believes a header up to `most`. Zero: no header at all.
    #[must_use]
    pub fn most_of_header(mut self, most: Duration) -> Self {
        self.most_of_header = most;
        self
    }

    /// Believes a body up to `most`. Zero: no body at all.
    #[must_use]
    pub fn most_of_body(mut self, most: Duration) -> Self {
        self.most_of_body = most;
        self
    }

    /// Believes an overloaded or transient answer up to `most`, if that is less than the header or body it is in.
    #[must_use]
    pub fn most_of_outage(mut self, most: Duration) -> Self {
        self.most_of_outage = most;
        self
    }

    /// What the table says of a class, where it says nothing of the status.
    #[must_use]
    pub fn reaction_to(&self, class: Class) -> Reaction {
        self.by_class[class as usize]
    }

    /// The statuses of which the table says something, whatever the class, and what.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, Reaction)> {
        self.by_status.iter().copied()
    }

    /// Up to how much a header is believed.
    #[must_use]
    pub fn longest_of_header(&self) -> Duration {
        self.most_of_header
    }

    /// Up to how much a body is believed.
    #[must_use]
    pub fn longest_of_body(&self) -> Duration {
        self.most_of_body
    }

    /// Up to how much an overloaded or transient answer is believed.
    #[must_use]
    pub fn longest_of_outage(&self) -> Duration {
        self.most_of_outage
    }

    /// What the table says of a verdict.
    #[must_use]
    pub fn reaction(&self, verdict: &Verdict) -> Reaction {
        let status = self.by_status.iter().find(|(status, _)| *status == verdict.status);
        status.map_or(self.by_class[verdict.class as usize], |(_, reaction)| *reaction)
    }

    /// The stated end, as far as it is believed.
    #[must_use]
    pub fn believed(&self, verdict: &Verdict) -> Option<Duration> {
        let stated = verdict.stated?;
        let most = if stated.source.is_body() { self.most_of_body } else { self.most_of_header };
        let most = match verdict.class {
            Class::Overloaded | Class::Transient => most.min(self.most_of_outage),
            _ => most,
        };
        Some(stated.after.min(most)).filter(|after| !after.is_zero())
    }

    /// The signal to give, if any. Its reason says the status, the class, and what was stated by whom; no text of
    /// the upstream's is in it.
    #[must_use]
    pub fn signal(&self, verdict: &Verdict) -> Option<Signal> {
        let after = self.believed(verdict);
        let reason = |after| Reason { verdict, after };
        let cool_down =
            |after: Option<Duration>| Signal::cooldown_for(after, reason(after).to_string());
        match (self.reaction(verdict), after) {
            (Reaction::Nothing, _) => None,
            (Reaction::Disable, _) => Some(Signal::disable(reason(None).to_string())),
            (Reaction::CoolDown, after) => Some(cool_down(after)),
            (Reaction::CoolDownOr(_) | Reaction::CoolDownIfStated, Some(after)) => {
                Some(cool_down(Some(after)))
            }
            (Reaction::CoolDownOr(after), None) => {
                Some(Signal::cooldown_guess(after, reason(None).to_string()))
            }
            (Reaction::Retry | Reaction::CoolDownIfStated, _) => {
                Some(Signal::retry(reason(None).to_string()))
            }
        }
    }
}

fn usual(class: Class) -> Reaction {
    match class {
        Class::Fine | Class::CallersFault => Reaction::Nothing,
        Class::OverLimit => Reaction::CoolDown,
        Class::QuotaGone => Reaction::CoolDownOr(Duration::from_secs(3600)),
        Class::AuthFailed => Reaction::Disable,
        Class::Overloaded | Class::Transient => Reaction::CoolDownIfStated,
    }
}

struct Reason<'a> {
    verdict: &'a Verdict,
    /// What was believed of the stated end, where the signal rests on it.
    after: Option<Duration>,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict.status, self.verdict.class)?;
        let (Some(Stated { after, source, .. }), Some(believed)) =
            (self.verdict.stated, self.after)
        else {
            return Ok(());
        };
        write!(f, "; {} by {source}", Seconds(after))?;
        if believed < after { write!(f, ", held to {}", Seconds(believed)) } else { Ok(()) }
    }
}

/// To the millisecond, rounded up: `56s`, `0.02s`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_nanos().div_ceil(1_000_000);
        let (seconds, rest) = (millis / 1000, millis % 1000);
        if rest == 0 {
            return write!(f, "{seconds}s");
        }
        let rest = format!("{rest:03}");
        write!(f, "{seconds}.{}s", rest.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::{Confidence, Source};
    use super::*;

    fn verdict(status: u16, class: Class, stated: Option<(u64, Source)>) -> Verdict {
        let stated = stated.map(|(seconds, source)| Stated {
            after: Duration::from_secs(seconds),
            source,
            confidence: Confidence::High,
        });
        Verdict { status, class, stated, allowances: Vec::new(), repeat: None }
    }

    fn said(verdict: &Verdict) -> Option<String> {
        Reactions::default().signal(verdict).map(|signal| signal.to_string())
    }

    #[test]
    fn each_class_has_its_place_in_the_table() {
        for (place, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place);
        }
        assert_eq!(said(&verdict(200, Class::Fine, None)), None);
        assert_eq!(said(&verdict(404, Class::CallersFault, None)), None);
        assert_eq!(
            said(&verdict(429, Class::OverLimit, None)).as_deref(),
            Some("cooldown (429: over its limit)")
        );
        assert_eq!(
            said(&verdict(402, Class::QuotaGone, None)).as_deref(),
            Some("cooldown of 3600.0s, guessed (402: quota used up)")
        );
        assert_eq!(
            said(&verdict(401, Class::AuthFailed, None)).as_deref(),
            Some("disable (401: credentials refused)")
        );
        assert_eq!(
            said(&verdict(503, Class::Overloaded, None)).as_deref(),
            Some("retry (503: upstream overloaded)")
        );
        assert_eq!(
            said(&verdict(503, Class::Overloaded, Some((10, Source::RetryAfter)))).as_deref(),
            Some("cooldown of 10.0s (503: upstream overloaded; 10s by retry-after)")
        );
    }

    #[test]
    fn what_is_held_back_is_told() {
        let day = 86_400;
        let over = |source| verdict(429, Class::OverLimit, Some((3 * day, source)));
        assert_eq!(
            said(&over(Source::RetryAfter)).as_deref(),
            Some(
                "cooldown of 21600.0s (429: over its limit; 259200s by retry-after, held to 21600s)"
            )
        );
        assert_eq!(
            said(&over(Source::Body)).as_deref(),
            Some("cooldown of 86400.0s (429: over its limit; 259200s by the body, held to 86400s)")
        );
        let outage = verdict(503, Class::Overloaded, Some((day, Source::RetryAfter)));
        assert_eq!(Reactions::default().believed(&outage), Some(Duration::from_secs(600)));
        let minute = Duration::from_secs(60);
        let reactions = Reactions::default().most_of_body(minute);
        assert_eq!(reactions.believed(&over(Source::Message)), Some(minute));
        let reactions = Reactions::default().most_of_outage(minute);
        assert_eq!(reactions.believed(&outage), Some(minute));
        let none = Reactions::default().most_of_header(Duration::ZERO);
        assert_eq!(none.believed(&over(Source::RetryAfter)), None);
    }

    #[test]
    fn a_status_outranks_its_class_and_the_last_word_counts() {
        let reactions = Reactions::default()
            .on(Class::OverLimit, Reaction::Disable)
            .on_status(429, Reaction::Nothing)
            .on_status(429, Reaction::Retry);
        let limited = verdict(429, Class::OverLimit, None);
        assert!(matches!(reactions.signal(&limited), Some(Signal::Retry { .. })));
        let reactions =
            reactions.on_status(404, Reaction::CoolDown).on(Class::Fine, Reaction::Retry);
        let told = |verdict: &Verdict| reactions.signal(verdict).map(|signal| signal.to_string());
        assert_eq!(
            told(&verdict(404, Class::CallersFault, None)).as_deref(),
            Some("cooldown (404: the request's own fault)")
        );
        assert_eq!(told(&verdict(200, Class::Fine, None)).as_deref(), Some("retry (200: fine)"));
        let forbidden = verdict(403, Class::OverLimit, None);
        assert!(matches!(reactions.signal(&forbidden), Some(Signal::Disable { .. })));
    }

    #[test]
    fn fractions_of_a_second_are_told_without_noise() {
        let shown = |micros| Seconds(Duration::from_micros(micros)).to_string();
        assert_eq!(shown(20_000), "0.02s");
        assert_eq!(shown(172_799), "0.173s");
        assert_eq!(shown(56_000_000), "56s");
    }
}
