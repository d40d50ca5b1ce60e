//! Dates: the three forms of HTTP (RFC 9110, section 5.6.7) and RFC 3339.
//!
//! The crate `httpdate` cannot do the first: the century of an RFC 850 year depends on the present, of which it
//! knows nothing, and it refuses a date whose day of the week is wrong. The tests hold the rest against it.

/// Nanoseconds since 1970, UTC.
pub(super) type At = i128;

const SECOND: At = 1_000_000_000;
/// Fifty years: a two-digit year that seems to be further in the future is one of the past.
const FIFTY_YEARS: At = 50 * 31_556_952 * SECOND;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// No date is longer.
const LONGEST: usize = 64;

/// `Thu, 26 Nov 2026 12:00:30 GMT`, `Thursday, 26-Nov-26 12:00:30 GMT` or `Thu Nov 26 12:00:30 2026`.
///
/// The day of the week has to be one, and is not held against the date.
pub(super) fn http(text: &str, now: At) -> Option<At> {
    if text.len() > LONGEST {
        return None;
    }
    let mut words =
        text.split([' ', '\t', ',', '-']).filter(|word| !word.is_empty()).map(str::trim_ascii);
    let (weekday, second, third) = (words.next()?, words.next()?, words.next()?);
    let (fourth, fifth, zone, end) = (words.next()?, words.next()?, words.next(), words.next());
    if !DAYS.iter().any(|day| day.eq_ignore_ascii_case(weekday) || same_start(day, weekday)) {
        return None;
    }
    let (day, month, year, time) = match zone {
        // asctime
        None => (third, second, fifth, fourth),
        Some(zone) if end.is_none() && is_utc(zone) => (second, third, fourth, fifth),
        Some(_) => return None,
    };
    let month = 1 + MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i64;
    let (day, time) = (number(day, 1..=2)?, time_of_day(time)?);
    if year.len() != 2 {
        return at(number(year, 4..=4)?, month, day, time);
    }
    // The latest year with these digits that is no more than fifty years away.
    let this = 1970 + i64::try_from(now / (31_556_952 * SECOND)).unwrap_or(0);
    let year = this - this.rem_euclid(100) + 100 + number(year, 2..=2)?;
    [year, year - 100, year - 200]
        .into_iter()
        .filter_map(|year| at(year, month, day, time))
        .find(|&at| at <= now.saturating_add(FIFTY_YEARS))
}

/// `2026-11-26T12:00:10Z`, with a fraction and another offset if need be.
pub(super) fn rfc3339(text: &str) -> Option<At> {
    if text.len() > LONGEST || text.len() < 20 || !text.is_ascii() {
        return None;
    }
    let (date, rest) = text.split_at(10);
    let (time, zone) = rest.strip_prefix(['T', 't', ' '])?.split_at(8);
    let mut parts = date.splitn(3, '-');
    let year = number(parts.next()?, 4..=4)?;
    let (month, day) = (number(parts.next()?, 2..=2)?, number(parts.next()?, 2..=2)?);
    let seconds = time_of_day(time)?;
    let (fraction, zone) = match zone.strip_prefix('.') {
        Some(rest) => {
            let (digits, zone) = super::number::split_digits(rest);
            (fraction(digits)?, zone)
        }
        None => (0, zone),
    };
    let offset = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let (hours, minutes) = (number(hours, 2..=2)?, number(minutes, 2..=2)?);
            let seconds = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
            if sign == "-" { -seconds } else { seconds }
        }
        _ => return None,
    };
    Some(at(year, month, day, seconds)? - At::from(offset) * SECOND + fraction)
}

/// HTTP has `GMT` alone; some servers write mail's dates.
fn is_utc(zone: &str) -> bool {
    ["GMT", "UTC", "+0000"].iter().any(|utc| utc.eq_ignore_ascii_case(zone))
}

fn at(year: i64, month: i64, day: i64, seconds: i64) -> Option<At> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    let days = (1..=longest).contains(&day).then(|| days_since_1970(year, month, day))?;
    Some((At::from(days) * 86_400 + At::from(seconds)) * SECOND)
}

/// Howard Hinnant's `days_from_civil`: years begin in March, so that the leap day is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// `12:00:30`; a leap second is the one after it.
fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let mut part = |most| number(parts.next()?, 2..=2).filter(|&part| part <= most);
    Some(part(23)? * 3600 + part(59)? * 60 + part(60)?)
}

fn fraction(digits: &str) -> Option<At> {
    let kept = digits.get(..9).unwrap_or(digits);
    let power = 9_u32.checked_sub(u32::try_from(kept.len()).ok()?)?;
    Some(At::from(number(kept, 1..=9)?) * 10_i128.pow(power))
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (digits.contains(&text.len()) && only_digits).then(|| text.parse().ok())?
}

fn same_start(day: &str, word: &str) -> bool {
    word.len() == 3 && day[..3].eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// 2026-11-26, noon.
    const NOW: At = 1_795_694_400 * SECOND;

    #[test]
    fn all_three_forms_of_http_are_the_same_moment() {
        for text in [
            "Thu, 26 Nov 2026 12:00:00 GMT",
            "Thursday, 26-Nov-26 12:00:00 GMT",
            "Thu Nov 26 12:00:00 2026",
            "thu, 26 nov 2026 12:00:00 gmt",
            "Thu, 26 Nov 2026 12:00:00 UTC",
            "Thu, 26 Nov 2026 12:00:00 +0000",
            "Mon, 26 Nov 2026 12:00:00 GMT",
        ] {
            assert_eq!(http(text, NOW), Some(NOW), "{text}");
        }
        let padded = format!("Thu,{}26 Nov 2026 12:00:00 GMT", " ".repeat(LONGEST - 28));
        assert_eq!((padded.len(), http(&padded, NOW)), (LONGEST, Some(NOW)));
        let leap = http("Tue, 29 Feb 2000 00:00:00 GMT", NOW);
        assert_eq!(leap, Some(951_782_400 * SECOND), "a leap year of a whole century");
        assert_eq!(http("Sun Nov  6 08:49:37 1994", NOW), Some(784_111_777 * SECOND));
    }

    #[test]
    fn a_two_digit_year_is_at_most_fifty_years_away() {
        let year = |text| http(text, NOW).map(|at| 1970 + at / (31_556_952 * SECOND));
        assert_eq!(year("Friday, 31-Dec-99 23:59:59 GMT"), Some(1999));
        assert_eq!(year("Friday, 01-Jul-75 00:00:00 GMT"), Some(2075));
        assert_eq!(year("Friday, 01-Jul-77 00:00:00 GMT"), Some(1977));
        let late = http("Mon, 01 Jul 2097 00:00:00 GMT", NOW).unwrap();
        assert_eq!(
            http("Friday, 01-Jul-05 00:00:00 GMT", late),
            http("Fri, 01 Jul 2105 00:00:00 GMT", NOW)
        );
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Thu, 26 Nov 2026 12:00:00 PST",
            "Thu, 26 Nov 2026 12:00:00",
            "Thu, 26 Nov 2026 12:00:00 +0100",
            "Thu, 31 Nov 2026 12:00:00 GMT",
            "Thu, 29 Feb 2027 12:00:00 GMT",
            "Mon, 29 Feb 2100 12:00:00 GMT",
            "Thu, 26 Foo 2026 12:00:00 GMT",
            "Xyz, 26 Nov 2026 12:00:00 GMT",
            "Thu, 26 Nov 2026 24:00:00 GMT",
            "Thu, 26 Nov 2026 12:00 GMT",
            "Thu, 26 Nov 2026 12:00:00 GMT and more",
            "26 Nov 2026 12:00:00 GMT",
        ] {
            assert_eq!(http(text, NOW), None, "{text:?}");
        }
        assert_eq!(http(&format!("Thu, {} Nov 2026", " ".repeat(1 << 16)), NOW), None);
    }

    #[test]
    fn every_day_of_some_centuries_is_what_httpdate_says() {
        for day in (0..130_000).step_by(7) {
            let seconds = day * 86_400 + day % 86_400;
            let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(http(&text, NOW), Some(At::from(seconds) * SECOND), "{text}");
        }
    }

    #[test]
    fn rfc_3339_has_fractions_and_offsets() {
        for (text, expected) in [
            ("2026-11-26T12:00:00Z", NOW),
            ("2026-11-26t12:00:00z", NOW),
            ("2026-11-26 14:00:00+02:00", NOW),
            ("2026-11-26T06:30:00-05:30", NOW),
            ("2026-11-26T12:00:00.123Z", NOW + 123_000_000),
            ("2026-11-26T12:00:00.123456789123+00:00", NOW + 123_456_789),
            ("2026-11-26T11:59:60Z", NOW),
            ("2026-11-26T12:59:00+00:59", NOW),
            ("2026-11-26T12:00:00.0000000000000000000000000000000000000000000Z", NOW),
            ("1969-12-31T23:59:59Z", -SECOND),
        ] {
            assert_eq!(rfc3339(text), Some(expected), "{text}");
        }
        let endless = format!("2026-11-26T12:00:00.{}Z", "0".repeat(LONGEST));
        assert_eq!(rfc3339(&endless), None);
        for text in [
            "",
            "2026-11-26T12:00:00",
            "2026-11-26T12:00:00.Z",
            "2026-11-26T12:00:00+2:00",
            "2026-11-26T12:00:00CET",
            "2026-11-26T12:00:00+24:00",
            "2026-13-26T12:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-11-26T25:00:00Z",
            "2026-11-26",
            "2026-11-2éT12:00:00Z",
            "12026-11-26T12:00:00Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text:?}");
        }
    }
}
