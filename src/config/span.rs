//! Durations as people write them.

use std::time::Duration;

/// How a duration may be written.
pub(super) const ADVICE: &str =
    "write text with a unit, such as \"30s\", \"1m 30s\" or \"PT1M30S\"";

/// Reads `30s`, `1m 30s` or `PT1M30S`.
pub(super) fn read(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    if let Some(iso) = trimmed.strip_prefix(['P', 'p']) {
        return read_iso(iso).ok_or_else(|| {
            format!(
                "{text:?} is no duration of ISO 8601 that has one length; days, hours, minutes and seconds do, \
                 as in \"P1DT2H30M0.5S\""
            )
        });
    }
    if trimmed == "0" || trimmed.parse::<f64>().is_ok() {
        return Err(format!("{text:?} has no unit; {ADVICE}"));
    }
    humantime::parse_duration(trimmed)
        .map_err(|error| format!("{text:?} is no duration: {error}; {ADVICE}"))
}

/// What follows the `P`. Years, months and weeks beside others are left out: nobody knows how long a month is.
fn read_iso(text: &str) -> Option<Duration> {
    const DATE: &[(char, u64)] = &[('W', 7 * 24 * 60 * 60), ('D', 24 * 60 * 60)];
    const TIME: &[(char, u64)] = &[('H', 60 * 60), ('M', 60), ('S', 1)];
    let (date, time) = match text.split_once(['T', 't']) {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    read_units(date, DATE)?.checked_add(read_units(time, TIME)?)
}

/// Numbers, each with its unit, the larger unit first.
fn read_units(mut text: &str, mut units: &[(char, u64)]) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    while !text.is_empty() {
        let end = text.find(|it: char| !it.is_ascii_digit() && it != '.' && it != ',')?;
        let (number, rest) = text.split_at(end);
        let letter = rest.chars().next()?.to_ascii_uppercase();
        let at = units.iter().position(|(unit, _)| *unit == letter)?;
        let seconds = units[at].1;
        text = rest.get(1..)?;
        units = &units[at + 1..];
        let part = match number.split_once(['.', ',']) {
            // Only the least unit may have a fraction, and that is the last one.
            Some((whole, fraction)) if seconds == 1 && !fraction.is_empty() => {
                let nanos = format!("{fraction:0<9}");
                let nanos = nanos.get(..9).filter(|_| fraction.len() <= 9)?.parse().ok()?;
                Duration::new(whole.parse().ok()?, nanos)
            }
            Some(_) => return None,
            None => Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?),
        };
        sum = sum.checked_add(part)?;
    }
    Some(sum)
}

/// Writes `1m 30s`.
pub(super) fn write(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_and_as_the_standard_write_them() {
        for (text, millis) in [
            ("30s", 30_000),
            (" 1m 30s ", 90_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("0s", 0),
            ("PT1M30S", 90_000),
            ("pt0.25s", 250),
            ("PT1,5S", 1_500),
            ("P1DT2H", 93_600_000),
            ("P2W", 1_209_600_000),
            ("P1D", 86_400_000),
        ] {
            assert_eq!(read(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        let most = Duration::MAX;
        assert_eq!(read(&write(most)), Ok(most), "whatever is written can be read");
    }

    #[test]
    fn what_is_no_duration_says_what_would_be() {
        for text in [
            "",
            "30",
            "0",
            "1.5",
            "-5s",
            "5 parsecs",
            "P",
            "PT",
            "P1M",
            "P1Y",
            "PT1S1M",
            "PT1.5M",
            "PT.S",
            "P1D1D",
            "PT1.0000000001S",
            "PT99999999999999999999S",
            "P1S",
            "1s2",
            "99999999999999999999s",
            "PT1é",
            "é",
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains("as in") || error.contains("such as"), "{error}");
        }
        assert!(read("30").unwrap_err().contains("has no unit"));
    }
}
