//! Foreign text (ids, reasons) made fit for one line of a log.

use std::fmt;

/// Characters shown of one piece of text.
const SHOWN: usize = 200;

/// Prints text with all escaped that breaks a line or turns it around, and cut off where it is absurdly
/// long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shown, character) in self.0.chars().enumerate() {
            if shown == SHOWN {
                return f.write_str("…");
            }
            if is_unfit(character) {
                write!(f, "{}", character.escape_debug())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// Control characters, the separators of lines and paragraphs, and the marks that order text from
/// right to left, by which text can pass itself off as another.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_is_escaped_and_a_megabyte_is_cut() {
        assert_eq!(OneLine("a\nb\u{1b}[0m ü").to_string(), "a\\nb\\u{1b}[0m ü");
        assert_eq!(OneLine("a\u{2028}b\u{202e}").to_string(), "a\\u{2028}b\\u{202e}");
        assert_eq!(OneLine(&"x".repeat(1 << 20)).to_string().chars().count(), SHOWN + 1);
    }
}
