//! Foreign text (ids, reasons) made fit for one line of a log.

use std::fmt;

/// Characters shown of one piece of text.
const SHOWN: usize = 200;

/// Prints text on one line: cut off where it is absurdly long, and with all escaped that would start a new
/// line, control a terminal, turn the direction of what follows, or show nothing at all.
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
                match character {
                    // Not `escape_debug` alone: it leaves some of them, such as variation selectors, as they are.
                    _ if misleads(character) => write!(f, "{}", character.escape_unicode())?,
                    _ => write!(f, "{}", character.escape_debug())?,
                }
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// The separators of lines and paragraphs, what makes a line read from right to left, and what is not seen at
/// all: with these, an id could pass for another.
///
/// What is not seen are the characters that Unicode 16 has as `Default_Ignorable_Code_Point`, those that it
/// reserves for such included, and the rest of its category `Cf` that has no shape of its own.
fn misleads(character: char) -> bool {
    matches!(
        character,
        '\u{2028}' | '\u{2029}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
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
    fn what_is_not_seen_is_escaped() {
        for code in [
            0xad, 0x34f, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x200b, 0x200c, 0x200d, 0x2060,
            0x2064, 0x206f, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0x1bca0,
            0x1d173, 0xe0001, 0xe0041, 0xe007f, 0xe0100, 0xe01ef,
        ] {
            let character = char::from_u32(code).unwrap();
            let shown = OneLine(&format!("key{character}-1")).to_string();
            assert_eq!(shown, format!("key\\u{{{code:x}}}-1"));
        }
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
