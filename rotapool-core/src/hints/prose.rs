//! Waits in messages for people: `Please try again in 6m0s.`, `Please retry in 15.06s.`, `Please retry after 20 seconds.`,
//! `Quota will be replenished in 01:23:45.`

use std::time::Duration;

use super::number::{Decimal, split_digits};
use super::units;
use super::words;

const PHRASES: [&str; 4] = ["try again in ", "retry in ", "retry after ", "replenished in "];

/// The wait behind the first such phrase. Hours and days in words are not read: they are too easily misread.
pub(super) fn wait(message: &str) -> Option<Duration> {
    PHRASES.iter().find_map(|phrase| {
        let start = words::find(message, phrase)? + phrase.len();
        let rest = message.get(start..)?;
        units::at_start(rest).map(|(wait, _)| wait).or_else(|| seconds(rest)).or_else(|| span(rest))
    })
}

/// A span of time as .NET prints it, for Azure: `01:23:45`, with days `2.01:23:45`.
fn span(text: &str) -> Option<Duration> {
    let (first, rest) = split_digits(text);
    let (days, hours, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (hours, rest) = split_digits(rest);
            (first, hours, rest)
        }
        None => ("0", first, rest),
    };
    let (minutes, rest) = split_digits(rest.strip_prefix(':')?);
    let (seconds, _) = split_digits(rest.strip_prefix(':')?);
    let part =
        |text: &str, unit: u64| text.parse::<u32>().ok().map(|number| u64::from(number) * unit);
    let (days, hours) = (part(days, 86_400)?, part(hours, 3600)?);
    Some(Duration::from_secs(days + hours + part(minutes, 60)? + part(seconds, 1)?))
}

fn seconds(text: &str) -> Option<Duration> {
    let (number, rest) = Decimal::at_start(text)?;
    words::contains(rest.get(..7)?, " second").then(|| number.seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_behind_the_phrase_is_read() {
        for (message, milliseconds) in [
            ("Rate limit reached. Please try again in 20ms. Visit https://x", 20),
            ("Please try again in 1.2s", 1_200),
            ("Please try again in 6m0s.", 360_000),
            ("PLEASE RETRY IN 15.5s.", 15_500),
            ("Please retry after 20 seconds.", 20_000),
            ("retry after 1 second", 1_000),
            ("Rate limit is exceeded. Try again in 30 seconds.", 30_000),
            ("Out of call volume quota. Quota will be replenished in 01:23:45.", 5_025_000),
            ("Quota will be replenished in 2.00:00:01.", 172_801_000),
        ] {
            assert_eq!(wait(message), Some(Duration::from_millis(milliseconds)), "{message}");
        }
    }

    #[test]
    fn what_is_said_otherwise_is_not_guessed_at() {
        for message in [
            "",
            "try again in ",
            "try again in 2 days",
            "try again in 20",
            "replenished in 01:23",
            "replenished in :00:05",
            "replenished in 4294967296:00:00",
            "try again in é",
            "retry after 5 é",
            "in 5s",
        ] {
            assert_eq!(wait(message), None, "{message}");
        }
    }
}
