//! Foreign text (ids, reasons) made fit for one line of a log.

use std::fmt;

/// Characters shown of one piece of text.
const SHOWN: usize = 200;

/// Prints text with its control characters escaped, and cut off where it is absurdly long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shown, character) in self.0.chars().enumerate() {
            if shown == SHOWN {
                return f.write_str("…");
            }
            if character.is_control() {
                write!(f, "{}", character.escape_debug())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_is_escaped_and_a_megabyte_is_cut() {
        assert_eq!(OneLine("a\nb\u{1b}[0m ü").to_string(), "a\\nb\\u{1b}[0m ü");
        assert_eq!(OneLine(&"x".repeat(1 << 20)).to_string().chars().count(), SHOWN + 1);
    }
}
