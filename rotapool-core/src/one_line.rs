//! Foreign text (ids, reasons) made fit for one line of a log.

use std::fmt;

/// Characters shown of one piece of text.
const SHOWN: usize = 200;

/// Prints text on one line: cut off where it is absurdly long, and with all escaped that would start a new
/// line, control a terminal, or turn the direction of what follows.
#[derive(Debug, Clone, Copy)]
pub struct OneLine<'a>(
    /// The foreign text.
    pub &'a str,
);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shown, character) in self.0.chars().enumerate() {
            if shown == SHOWN {
                return f.write_str("…");
            }
            if character.is_control() || misleads(character) {
                write!(f, "{}", character.escape_debug())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// The separators of lines and paragraphs, and what makes a line read from right to left: with it, an id
/// could pass for another.
fn misleads(character: char) -> bool {
    matches!(
        character,
        '\u{2028}' | '\u{2029}'
            | '\u{61c}'
            | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unicode_breaks_lines_with_or_turns_them_by_is_escaped() {
        let hostile = "a\u{2028}b\u{2029}c\u{202e}d\u{2066}e\u{200f}f\u{61c}g\u{85}h";
        let shown = "a\\u{2028}b\\u{2029}c\\u{202e}d\\u{2066}e\\u{200f}f\\u{61c}g\\u{85}h";
        assert_eq!(OneLine(hostile).to_string(), shown);
    }

    #[test]
    fn what_harms_no_line_is_shown_as_it_is() {
        let harmless = "it's \"C:\\keys\", café, cafe\u{301}";
        assert_eq!(OneLine(harmless).to_string(), harmless);
    }

    #[test]
    fn a_line_break_is_escaped_and_a_megabyte_is_cut() {
        assert_eq!(OneLine("a\nb\u{1b}[0m ü").to_string(), "a\\nb\\u{1b}[0m ü");
        assert_eq!(OneLine("a\u{2028}b\u{202e}").to_string(), "a\\u{2028}b\\u{202e}");
        assert_eq!(OneLine(&"x".repeat(1 << 20)).to_string().chars().count(), SHOWN + 1);
    }
}
