//! Moments, as upstreams write them, and how far they are away.

use std::cell::OnceCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::date::{self, At};
use super::number::{Decimal, duration};
use super::units;

/// What moments count from: the answer's own `Date` where it has one, else the reader's wall clock.
///
/// So a clock that runs ahead or behind, here or there, changes no wait.
#[derive(Debug)]
pub(super) struct Clock<'a> {
    now: SystemTime,
    date: Option<&'a str>,
    /// Known once somebody asked: most answers state no moment.
    base: OnceCell<At>,
}

impl<'a> Clock<'a> {
    pub(super) fn new(now: SystemTime, date: Option<&'a str>) -> Self {
        Self { now, date, base: OnceCell::new() }
    }

    fn base(&self) -> At {
        *self.base.get_or_init(|| {
            let nanos = |span: Duration| At::try_from(span.as_nanos()).unwrap_or(At::MAX);
            let now = match self.now.duration_since(UNIX_EPOCH) {
                Ok(since) => nanos(since),
                Err(before) => -nanos(before.duration()),
            };
            self.date.and_then(|text| date::http(text.trim_ascii(), now)).unwrap_or(now)
        })
    }

    /// How far `at` is away; zero if it has passed.
    fn until(&self, at: At) -> Duration {
        duration(u128::try_from(at.saturating_sub(self.base())).unwrap_or(0))
    }

    /// A `Retry-After`: a number is seconds from now, however large.
    pub(super) fn retry_after(&self, text: &str) -> Option<Duration> {
        let text = text.trim_ascii();
        let number = Decimal::whole(text).map(Decimal::seconds);
        number.or_else(|| units::whole(text)).or_else(|| self.date(text))
    }

    /// A `reset` of whatever shape: `50`, `6m0s`, `1795694490`, `1795694490000`, a date.
    pub(super) fn reset(&self, text: &str) -> Option<Duration> {
        let text = text.trim_ascii();
        match Decimal::whole(text) {
            Some(number) => self.number(number),
            None => units::whole(text).or_else(|| self.date(text)),
        }
    }

    /// A bare number: its size tells seconds from now from a moment.
    ///
    /// Below 10⁹ it is seconds from now (32 years), then a moment in seconds, milliseconds,
    /// microseconds or nanoseconds. What lies between them is none of these.
    pub(super) fn number(&self, number: Decimal) -> Option<Duration> {
        if number.nanos(1) < 1_000_000_000 {
            return Some(number.seconds());
        }
        self.moment(number)
    }

    /// A bare number that can be only a moment.
    pub(super) fn moment(&self, number: Decimal) -> Option<Duration> {
        let unit = match number.nanos(1) {
            1_000_000_000..100_000_000_000 => 1_000_000_000,
            1_000_000_000_000..100_000_000_000_000 => 1_000_000,
            1_000_000_000_000_000..100_000_000_000_000_000 => 1_000,
            1_000_000_000_000_000_000..100_000_000_000_000_000_000 => 1,
            _ => return None,
        };
        Some(self.until(At::try_from(number.nanos(unit)).ok()?))
    }

    pub(super) fn date(&self, text: &str) -> Option<Duration> {
        let at = date::rfc3339(text).or_else(|| date::http(text, self.base()))?;
        Some(self.until(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_694_400)
    }

    #[test]
    fn the_size_of_a_number_tells_what_it_is() {
        let clock = Clock::new(noon(), None);
        let seconds = |text| clock.reset(text).map(|span| span.as_secs());
        assert_eq!(seconds("50"), Some(50));
        assert_eq!(seconds("604800"), Some(604_800), "a week");
        assert_eq!(seconds("999999999"), Some(999_999_999), "32 years");
        assert_eq!(seconds("1000000000"), Some(0), "of 2001");
        assert_eq!(seconds("1795694490"), Some(90));
        assert_eq!(seconds("1795694490.0"), Some(90));
        assert_eq!(seconds("1795694490000"), Some(90));
        assert_eq!(seconds("1795694490000000"), Some(90));
        assert_eq!(seconds("1795694490000000000"), Some(90));
        assert_eq!(seconds("1470173023"), Some(0), "past");
        assert_eq!(seconds("500000000000"), None, "neither seconds nor milliseconds");
        assert_eq!(seconds("99999999999999999999999999"), None);
        assert_eq!(seconds("-1"), None);
        assert_eq!(clock.reset("1795694401.5"), Some(Duration::from_millis(1500)));
        assert_eq!(Decimal::whole("60").and_then(|number| clock.moment(number)), None);
    }

    #[test]
    fn moments_count_from_the_date_of_the_answer() {
        let clock = Clock::new(noon(), Some("Thu, 26 Nov 2026 11:00:00 GMT"));
        let wait = Some(Duration::from_secs(30));
        assert_eq!(clock.retry_after("Thu, 26 Nov 2026 11:00:30 GMT"), wait);
        assert_eq!(clock.reset("2026-11-26T11:00:30Z"), wait);
        assert_eq!(clock.reset("1795690830"), wait);
        assert_eq!(clock.retry_after("30"), wait);
        let clock = Clock::new(noon(), Some("no date"));
        assert_eq!(clock.retry_after("Thu, 26 Nov 2026 12:00:30 GMT"), wait);
    }

    #[test]
    fn a_wall_clock_before_1970_or_after_everything_is_no_panic() {
        let before = Clock::new(UNIX_EPOCH - Duration::from_secs(10), None);
        assert_eq!(before.date("1970-01-01T00:00:00Z"), Some(Duration::from_secs(10)));
        let after = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64 / 2);
        let clock = Clock::new(after, None);
        assert!(clock.retry_after("Thursday, 26-Nov-26 12:00:30 GMT").is_some());
        assert_eq!(clock.date("9999-12-31T23:59:59Z"), Some(Duration::ZERO));
    }
}
