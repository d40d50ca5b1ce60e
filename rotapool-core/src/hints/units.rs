//! Durations with their units, as Go prints them: `20ms`, `6m0s`, `1h2m3.5s`.

use std::time::Duration;

use super::number::{Decimal, duration};

/// Nanoseconds in a unit. `m` comes after `ms`: the longest name wins.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// All of `text`, which has a unit at least.
pub(super) fn whole(text: &str) -> Option<Duration> {
    let (duration, rest) = at_start(text.trim_ascii())?;
    rest.is_empty().then_some(duration)
}

/// The longest duration at the start of `text`, and what follows it.
pub(super) fn at_start(text: &str) -> Option<(Duration, &str)> {
    let (mut nanos, mut rest) = part(text)?;
    while let Some((more, behind)) = part(rest) {
        nanos = nanos.saturating_add(more);
        rest = behind;
    }
    Some((duration(nanos), rest))
}

fn part(text: &str) -> Option<(u128, &str)> {
    let (number, rest) = Decimal::at_start(text)?;
    let (unit, rest) = UNITS
        .iter()
        .find_map(|&(name, unit)| Some((unit, rest.strip_prefix(name)?)))
        // `5min` is no `5m`.
        .filter(|(_, rest)| !rest.starts_with(char::is_alphabetic))?;
    Some((number.nanos(unit), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_that_was_seen_in_the_wild_is_read_exactly() {
        let micros = Duration::from_micros;
        for (text, expected) in [
            ("20ms", micros(20_000)),
            ("0s", Duration::ZERO),
            ("172.799999ms", Duration::from_nanos(172_799_999)),
            ("7.66s", micros(7_660_000)),
            ("2m59.56s", micros(179_560_000)),
            ("6m0s", micros(360_000_000)),
            ("1h2m3.5s", micros(3_723_500_000)),
            ("1m", micros(60_000_000)),
            ("1d2h", micros(93_600_000_000)),
            ("500µs", micros(500)),
            ("45.837906927s", Duration::from_nanos(45_837_906_927)),
            (" 38s ", micros(38_000_000)),
        ] {
            assert_eq!(whole(text), Some(expected), "{text}");
        }
        assert_eq!(whole(&format!("{}d", "9".repeat(60))), Some(Duration::MAX));
    }

    #[test]
    fn what_has_no_unit_or_more_than_units_is_none() {
        for text in ["", "30", "s", "-5s", "5min", "5 s", "6m0", "1e3s", "6m0s.", "ms5"] {
            assert_eq!(whole(text), None, "{text:?}");
        }
        assert_eq!(at_start("6m0s. Visit"), Some((Duration::from_secs(360), ". Visit")));
    }
}
