//! Anthropic's subscriptions: `anthropic-ratelimit-unified-*`, windows of some hours and of some days.
//!
//! All windows have to allow a request. A rejected request comes back when the last window that rejects has reset.
//! What they use is a share (`-5h-utilization: 0.42`), not a count, so it is no [`Allowance`](super::Allowance).

use std::time::Duration;

use super::clock::Clock;

/// Windows that are kept; there are about four.
const MOST: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Unified<'a> {
    rejected: Option<bool>,
    claim: Option<&'a str>,
    reset: Option<Duration>,
    windows: Vec<Window<'a>>,
}

#[derive(Debug)]
struct Window<'a> {
    name: &'a str,
    rejected: bool,
    reset: Option<Duration>,
}

impl<'a> Unified<'a> {
    /// A field, by what follows `anthropic-ratelimit-unified-`.
    pub(super) fn field(&mut self, name: &'a str, value: &'a str, clock: &Clock<'_>) {
        let value = value.trim_ascii();
        match name {
            "status" => self.rejected = Some(value == "rejected"),
            "reset" => self.reset = self.reset.max(clock.reset(value)),
            "representative-claim" => self.claim = Some(value),
            _ => {
                if let Some(window) =
                    name.strip_suffix("-status").and_then(|name| self.window(name))
                {
                    window.rejected |= value == "rejected";
                } else if let Some(window) =
                    name.strip_suffix("-reset").and_then(|name| self.window(name))
                {
                    window.reset = window.reset.max(clock.reset(value));
                }
            }
        }
    }

    /// When it is back: the latest reset of the windows that reject; if none says so, of the window that the
    /// upstream calls the reason; else the reset of it all.
    pub(super) fn end(&self) -> Option<Duration> {
        let rejecting = self.windows.iter().filter(|window| window.rejected);
        let latest = rejecting.filter_map(|window| window.reset).max();
        let named = || {
            let claim = window_of_claim(self.claim?);
            self.windows.iter().find(|window| same(window.name, &claim))?.reset
        };
        let told = || if self.rejected? { named().or(self.reset) } else { None };
        latest.or_else(told).filter(|reset| !reset.is_zero())
    }

    /// Whether it says that the request was rejected for its limits.
    pub(super) fn is_rejected(&self) -> bool {
        self.rejected == Some(true) || self.windows.iter().any(|window| window.rejected)
    }

    fn window(&mut self, name: &'a str) -> Option<&mut Window<'a>> {
        if let Some(at) = self.windows.iter().position(|window| window.name == name) {
            return self.windows.get_mut(at);
        }
        if self.windows.len() == MOST {
            return None;
        }
        self.windows.push(Window { name, rejected: false, reset: None });
        self.windows.last_mut()
    }
}

/// `five_hour` is the window `5h`, `seven_day_opus` is `7d_opus`; any other is called as its window is.
fn window_of_claim(claim: &str) -> (&str, &str) {
    match (claim.strip_prefix("five_hour"), claim.strip_prefix("seven_day")) {
        (Some(rest), _) => ("5h", rest),
        (_, Some(rest)) => ("7d", rest),
        _ => (claim, ""),
    }
}

fn same(window: &str, (start, end): &(&str, &str)) -> bool {
    let underscored = |byte: u8| if byte == b'-' { b'_' } else { byte };
    window.bytes().map(underscored).eq(start.bytes().chain(end.bytes()))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn end(fields: &[(&str, &str)]) -> Option<u64> {
        let mut unified = Unified::default();
        let clock = Clock::new(UNIX_EPOCH + Duration::from_secs(1_795_694_400), None);
        fields.iter().for_each(|(name, value)| unified.field(name, value, &clock));
        unified.end().map(|end| end.as_secs())
    }

    #[test]
    fn the_latest_window_that_rejects_decides() {
        let fields = [
            ("status", "rejected"),
            ("5h-status", "rejected"),
            ("5h-reset", "1795701600"),
            ("7d-status", "allowed"),
            ("7d-reset", "1795994400"),
        ];
        assert_eq!(end(&fields), Some(7_200));
        assert_eq!(
            end(&[&fields[..3], &[("7d-status", "rejected"), fields[4]]].concat()),
            Some(300_000)
        );
    }

    #[test]
    fn without_a_window_that_rejects_the_claim_decides_and_then_the_reset_of_all() {
        let overage =
            [("status", "rejected"), ("representative-claim", "overage"), ("overage-reset", "7")];
        assert_eq!(end(&overage), Some(7));
        let windows = [("5h-reset", "1795701600"), ("7d_opus-reset", "2026-11-26T12:00:09Z")];
        let said = |more: &[(&'static str, &'static str)]| end(&[&windows[..], more].concat());
        assert_eq!(
            said(&[("status", "rejected"), ("representative-claim", "five_hour")]),
            Some(7_200)
        );
        assert_eq!(
            said(&[("status", "rejected"), ("representative-claim", "seven_day_opus")]),
            Some(9)
        );
        assert_eq!(said(&[("status", "rejected"), ("reset", "1795694405")]), Some(5));
        assert_eq!(said(&[("status", "rejected")]), None);
        assert_eq!(said(&[("status", "allowed"), ("reset", "1795694405")]), None);
        assert_eq!(said(&[("reset", "1795694405")]), None);
    }

    #[test]
    fn a_reset_that_has_passed_is_no_end_and_windows_are_bounded() {
        assert_eq!(end(&[("5h-status", "rejected"), ("5h-reset", "1700000000")]), None);
        let names: Vec<String> = (0..100).map(|number| format!("{number}-reset")).collect();
        let mut unified = Unified::default();
        let clock = Clock::new(UNIX_EPOCH, None);
        names.iter().for_each(|name| unified.field(name, "5", &clock));
        assert_eq!(unified.windows.len(), MOST);
    }
}
