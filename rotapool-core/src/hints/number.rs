//! Numbers as they were written: exact, of any length, never negative.

use std::time::Duration;

/// Digits that are kept; those behind them only move the exponent.
const KEPT: u64 = 10_u64.pow(18);

/// `digits × 10^exponent`. A float would turn `172.799999` milliseconds into something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u64,
    exponent: i32,
    /// Something other than zeros was behind the digits that are kept.
    more: bool,
}

impl Decimal {
    /// All of `text`: `30`, `2.0`, `.5`, `1e3`. Space around it counts for nothing.
    pub(super) fn whole(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let (mut number, rest) = Self::at_start(text.strip_prefix('+').unwrap_or(text))?;
        if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
            number.exponent = number.exponent.saturating_add(signed(exponent)?);
        } else if !rest.is_empty() {
            return None;
        }
        Some(number)
    }

    /// The longest number at the start of `text`, without sign or exponent, and what follows it.
    pub(super) fn at_start(text: &str) -> Option<(Self, &str)> {
        let mut number = Self { digits: 0, exponent: 0, more: false };
        let (whole, rest) = split_digits(text);
        whole.bytes().for_each(|digit| number.push(digit, false));
        let Some((fraction, rest)) = rest.strip_prefix('.').map(split_digits) else {
            return (!whole.is_empty()).then_some((number, rest));
        };
        fraction.bytes().for_each(|digit| number.push(digit, true));
        (!whole.is_empty() || !fraction.is_empty()).then_some((number, rest))
    }

    fn push(&mut self, digit: u8, fraction: bool) {
        let digit = digit - b'0';
        if self.digits < KEPT {
            self.digits = self.digits * 10 + u64::from(digit);
            self.exponent = self.exponent.saturating_sub(i32::from(fraction));
        } else {
            self.more |= digit != 0;
            self.exponent = self.exponent.saturating_add(i32::from(!fraction));
        }
    }

    /// So many of `unit` nanoseconds, rounded up to the nanosecond.
    pub(super) fn nanos(self, unit: u64) -> u128 {
        let product = u128::from(self.digits) * u128::from(unit);
        if self.exponent == 0 {
            return product;
        }
        let power = 10_u128.checked_pow(self.exponent.unsigned_abs());
        match (self.exponent, power) {
            (_, _) if product == 0 => 0,
            (0.., power) => product.saturating_mul(power.unwrap_or(u128::MAX)),
            (_, None) => 1,
            (_, Some(power)) if self.more => product / power + 1,
            (_, Some(power)) => product.div_ceil(power),
        }
    }

    pub(super) fn seconds(self) -> Duration {
        duration(self.nanos(1_000_000_000))
    }

    pub(super) fn milliseconds(self) -> Duration {
        duration(self.nanos(1_000_000))
    }
}

/// What is longer than the longest duration is the longest.
pub(super) fn duration(nanos: u128) -> Duration {
    // 584 years, and the common case: it divides much faster.
    if let Ok(nanos) = u64::try_from(nanos) {
        return Duration::from_nanos(nanos);
    }
    let seconds = u64::try_from(nanos / 1_000_000_000);
    seconds.map_or(Duration::MAX, |seconds| {
        Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
    })
}

/// A count, of which upstreams write more than the number: `100`, `100, 100;w=60`, `4999.0`.
///
/// `None` for what is negative (Azure's "unknown") or no number.
pub(super) fn count(text: &str) -> Option<u64> {
    let (whole, rest) = split_digits(text.trim_ascii());
    let rest = rest.strip_prefix('.').map_or(rest, |rest| split_digits(rest).1);
    let ends = rest.is_empty() || rest.starts_with([',', ';', ' ', '\t']);
    // Digits that do not parse are more than fit.
    (ends && !whole.is_empty()).then(|| whole.parse().unwrap_or(u64::MAX))
}

pub(super) fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn signed(text: &str) -> Option<i32> {
    let (digits, sign) = match text.strip_prefix('-') {
        Some(digits) => (digits, -1),
        None => (text.strip_prefix('+').unwrap_or(text), 1),
    };
    let (all, rest) = split_digits(digits);
    // An absurd exponent is a very large one.
    (rest.is_empty() && !all.is_empty()).then(|| sign * all.parse().unwrap_or(i32::MAX / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<Duration> {
        Decimal::whole(text).map(Decimal::seconds)
    }

    #[test]
    fn a_number_is_read_to_its_last_digit() {
        assert_eq!(seconds("30"), Some(Duration::from_secs(30)));
        assert_eq!(seconds(" \t30 "), Some(Duration::from_secs(30)));
        assert_eq!(seconds("2.0"), Some(Duration::from_secs(2)));
        assert_eq!(seconds(".5"), Some(Duration::from_millis(500)));
        assert_eq!(seconds("1e3"), Some(Duration::from_secs(1_000)));
        assert_eq!(seconds("15E-1"), Some(Duration::from_millis(1_500)));
        assert_eq!(seconds("45.837906927"), Some(Duration::new(45, 837_906_927)));
        assert_eq!(seconds("1.0000000001"), Some(Duration::new(1, 1)), "rounded up");
        assert_eq!(seconds("1.0000000000000000000001"), Some(Duration::new(1, 1)), "rounded up");
        assert_eq!(seconds("1.00000000000000000000011"), Some(Duration::new(1, 1)), "rounded up");
        assert_eq!(seconds(&format!("0.{}1", "0".repeat(500))), Some(Duration::from_nanos(1)));
        let zeros = format!("1.{}", "0".repeat(500));
        assert_eq!(seconds(&zeros), Some(Duration::from_secs(1)), "zeros are no rest");
        assert_eq!(seconds(&"0".repeat(500)), Some(Duration::ZERO));
    }

    #[test]
    fn what_does_not_fit_is_the_longest_time_and_not_a_short_one() {
        for text in ["1e400", "1e999999999999999999", &"9".repeat(60), "18446744073709551699"] {
            assert_eq!(seconds(text), Some(Duration::MAX), "{text}");
        }
        assert_eq!(seconds("99999999999"), Some(Duration::from_secs(99_999_999_999)));
        assert_eq!(seconds("99999999999.5"), Some(Duration::new(99_999_999_999, 500_000_000)));
        assert_eq!(seconds("0e999999999999"), Some(Duration::ZERO));
        assert_eq!(seconds("0e-999999999999"), Some(Duration::ZERO));
        assert_eq!(seconds("1e-999999999999"), Some(Duration::from_nanos(1)));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in
            ["", " ", "-1", "-0", "inf", "NaN", "1e", "e3", ".", "0x10", "1_000", "5 5", "५"]
        {
            assert_eq!(Decimal::whole(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_count_is_the_leading_number() {
        assert_eq!(count(" 5000 "), Some(5000));
        assert_eq!(count("100, 100;w=60"), Some(100));
        assert_eq!(count("10;w=1"), Some(10));
        assert_eq!(count("4999.7"), Some(4999));
        assert_eq!(count("99999999999999999999999"), Some(u64::MAX));
        for text in ["", "-1", "unlimited", "10k", "1e3", ";w=60"] {
            assert_eq!(count(text), None, "{text:?}");
        }
    }
}
