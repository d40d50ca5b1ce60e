//! Structured fields (RFC 9651), as far as `RateLimit` and `RateLimit-Policy` need them: a list of items, or a
//! dictionary of them, with parameters. Inner lists do not occur there and make a line malformed.

/// One member of a list or of a dictionary.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    /// Of a member of a dictionary.
    pub(super) key: Option<&'a str>,
    pub(super) value: Bare<'a>,
    parameters: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare<'a> {
    Integer(i64),
    /// As it is between its quotes: a `"` or a `\` in it has a `\` before it.
    Text(&'a str),
    Token(&'a str),
    /// A decimal, a boolean, bytes, a date, a display string.
    Other,
}

impl Bare<'_> {
    /// A number that counts something.
    pub(super) fn count(self) -> Option<u64> {
        match self {
            Self::Integer(number) => number.try_into().ok(),
            _ => None,
        }
    }
}

impl<'a> Item<'a> {
    /// The last one of that name.
    pub(super) fn parameter(&self, name: &str) -> Option<Bare<'a>> {
        let mut found = None;
        let mut rest = self.parameters;
        while let Some((key, value, behind)) = parameter(rest) {
            found = if key == name { Some(value) } else { found };
            rest = behind;
        }
        found
    }
}

/// Calls `each` with the members of a line, if the line is well-formed as a whole.
pub(super) fn members<'a>(line: &'a str, mut each: impl FnMut(Item<'a>)) {
    if walk(line, &mut |_| ()).is_some() {
        walk(line, &mut each);
    }
}

fn walk<'a>(line: &'a str, each: &mut dyn FnMut(Item<'a>)) -> Option<()> {
    let mut rest = line.trim_ascii();
    while !rest.is_empty() {
        let (item, behind) = member(rest)?;
        each(item);
        rest = behind.trim_ascii_start();
        if let Some(behind) = rest.strip_prefix(',') {
            rest = behind.trim_ascii_start();
            // A comma at the end announces a member that is not there.
            (!rest.is_empty()).then_some(())?;
        } else if !rest.is_empty() {
            return None;
        }
    }
    Some(())
}

fn member(text: &str) -> Option<(Item<'_>, &str)> {
    let (key, text) = match key(text) {
        Some((key, rest)) if rest.starts_with('=') => (Some(key), &rest[1..]),
        _ => (None, text),
    };
    let (value, start) = bare(text)?;
    let mut rest = start;
    while rest.trim_ascii_start().starts_with(';') {
        rest = parameter(rest)?.2;
    }
    let parameters = &start[..start.len() - rest.len()];
    Some((Item { key, value, parameters }, rest))
}

/// `;key=value`, or `;key` for what is true.
fn parameter(text: &str) -> Option<(&str, Bare<'_>, &str)> {
    let text = text.trim_ascii_start().strip_prefix(';')?;
    let (key, rest) = key(text.trim_ascii_start())?;
    match rest.strip_prefix('=') {
        Some(value) => bare(value).map(|(value, rest)| (key, value, rest)),
        None => Some((key, Bare::Other, rest)),
    }
}

fn key(text: &str) -> Option<(&str, &str)> {
    let inside = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*');
    text.starts_with(|first: char| first.is_ascii_lowercase() || first == '*')
        .then(|| split(text, inside))
}

fn bare(text: &str) -> Option<(Bare<'_>, &str)> {
    match text.as_bytes().first()? {
        b'"' => string(&text[1..]),
        b'-' | b'0'..=b'9' => number(text),
        b'a'..=b'z' | b'A'..=b'Z' | b'*' => {
            let (token, rest) = split(text, |byte| {
                byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(byte)
            });
            Some((Bare::Token(token), rest))
        }
        b'?' => text[1..].strip_prefix(['0', '1']).map(|rest| (Bare::Other, rest)),
        b'@' => number(&text[1..]).map(|(_, rest)| (Bare::Other, rest)),
        b':' => text[1..].split_once(':').map(|(_, rest)| (Bare::Other, rest)),
        b'%' => string(text[1..].strip_prefix('"')?).map(|(_, rest)| (Bare::Other, rest)),
        _ => None,
    }
}

/// What is left after the opening quote.
fn string(text: &str) -> Option<(Bare<'_>, &str)> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' | b'\\' if escaped => escaped = false,
            _ if escaped => return None,
            b'"' => return Some((Bare::Text(&text[..at]), &text[at + 1..])),
            b'\\' => escaped = true,
            b' '..=b'~' => {}
            _ => return None,
        }
    }
    None
}

fn number(text: &str) -> Option<(Bare<'_>, &str)> {
    let start = usize::from(text.starts_with('-'));
    let (digits, rest) = split(&text[start..], u8::is_ascii_digit);
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    if let Some(rest) = rest.strip_prefix('.') {
        let (fraction, rest) = split(rest, u8::is_ascii_digit);
        return (1..=3).contains(&fraction.len()).then_some((Bare::Other, rest));
    }
    let value = text[..start + digits.len()].parse().ok()?;
    Some((Bare::Integer(value), rest))
}

fn split(text: &str, inside: impl Fn(&u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| !inside(&byte)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Vec<(Option<&str>, Bare<'_>)> {
        let mut all = Vec::new();
        members(line, |item| all.push((item.key, item.value)));
        all
    }

    #[test]
    fn lists_and_dictionaries_are_told_apart() {
        use Bare::{Integer, Text, Token};
        assert_eq!(
            values("\"burst\";q=100;w=60, \"daily\";q=1000;w=86400"),
            [(None, Text("burst")), (None, Text("daily"))]
        );
        assert_eq!(values("quota;t=1,other"), [(None, Token("quota")), (None, Token("other"))]);
        assert_eq!(
            values("limit=100, remaining=-9"),
            [(Some("limit"), Integer(100)), (Some("remaining"), Integer(-9))]
        );
        assert_eq!(values("*a.b_c-d=5"), [(Some("*a.b_c-d"), Integer(5))]);
        assert_eq!(values("999999999999999"), [(None, Integer(999_999_999_999_999))]);
        assert_eq!(values(" 100, 100;w=60 "), [(None, Integer(100)), (None, Integer(100))]);
        assert_eq!(values(""), []);
    }

    #[test]
    fn parameters_of_every_type_are_passed_over_and_the_last_of_a_name_counts() {
        let line =
            r#""a, \"b\"; r=9";r=1; x;pk=:cHsdsRa894==:;b=?1;d=1.5;n="r=7";at=@5;s=%"x%c3";r=0"#;
        let mut found = None;
        members(line, |item| found = item.parameter("r").and_then(Bare::count));
        assert_eq!(found, Some(0));
        assert_eq!(values(line), [(None, Bare::Text(r#"a, \"b\"; r=9"#))]);
    }

    #[test]
    fn a_malformed_line_says_nothing_at_all() {
        for line in [
            "\"default\";r=50, ",
            "\"default\";r=50 \"other\"",
            "\"default;r=50",
            "\"default\";r=",
            "\"default\";R=50",
            "\"def\\ault\";r=50",
            "\"def\\ault\" \";r=50",
            "\"a\";r=1, (\"b\" \"c\");r=2",
            "\"a\";r=1;t=9999999999999999",
            "\"a\";r=1.2345",
            "\"a\";5=1",
            "5=1",
            "\"a\";pk=:abc",
            "é;r=1",
            "\"a\u{7f}\";r=1",
            "\"a\";d=%x",
            ";r=1",
            "\"a\";r=-",
        ] {
            assert_eq!(values(line), [], "{line}");
        }
    }
}
