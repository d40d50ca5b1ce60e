//! Waits in messages for people: `Please try again in 6m0s.`, `Please retry in 15.06s.`, `Please retry after 20 seconds.`

use std::time::Duration;

use super::number::Decimal;
use super::units;
use super::words;

const PHRASES: [&str; 3] = ["try again in ", "retry in ", "retry after "];

/// The wait behind the first such phrase. Hours and days in words are not read: they are too easily misread.
pub(super) fn wait(message: &str) -> Option<Duration> {
    PHRASES.iter().find_map(|phrase| {
        let start = words::find(message, phrase)? + phrase.len();
        let rest = message.get(start..)?;
        units::at_start(rest).map(|(wait, _)| wait).or_else(|| seconds(rest))
    })
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
            "try again in é",
            "retry after 5 é",
            "in 5s",
        ] {
            assert_eq!(wait(message), None, "{message}");
        }
    }
}
