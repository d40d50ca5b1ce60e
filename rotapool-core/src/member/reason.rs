//! What a reason shows of an error: its whole chain, and nothing of what an URL keeps to itself.

use std::borrow::Cow;
use std::error::Error;

/// As deep as a chain of errors is followed; one that goes in a circle ends there.
const DEPTH: usize = 32;

/// What stands where something secret stood.
pub const HIDDEN: &str = "***";

/// The text of an error and of all that caused it, from the outside in, as a reason shows it.
///
/// An error that repeats what its source says is told once. In every URL the user information and the values of
/// the query are replaced by `***`, as by [`without_url_secrets`].
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    for _ in 0..DEPTH {
        let Some(cause) = next else { break };
        let text = cause.to_string();
        if !told.ends_with(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        next = cause.source();
    }
    match without_url_secrets(&told) {
        Cow::Borrowed(_) => told,
        Cow::Owned(masked) => masked,
    }
}

/// The text with `***` in the place of what URLs keep to themselves: the user information
/// (`http://***@proxy:8080`), the values of the query and what comes after `#` (`https://host/path?key=***`).
/// An URL is what has `://` in it and ends at white space, a quote, or a closing bracket.
#[must_use]
pub fn without_url_secrets(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        masked.push_str(before);
        let end = after.find(ends_a_url).unwrap_or(after.len());
        // What ends the sentence is no part of the URL.
        let end = after[..end].trim_end_matches([':', ',', '.', ';']).len();
        let (url, left) = after.split_at(end);
        mask_url(url, &mut masked);
        rest = left;
    }
    masked.push_str(rest);
    if masked == text { Cow::Borrowed(text) } else { Cow::Owned(masked) }
}

fn ends_a_url(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>' | ')' | ']' | '}')
}

/// Masks what comes after `://`.
fn mask_url(url: &str, masked: &mut String) {
    let path = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, rest) = url.split_at(path);
    match authority.rsplit_once('@') {
        Some((_, host)) => {
            masked.push_str(HIDDEN);
            masked.push('@');
            masked.push_str(host);
        }
        None => masked.push_str(authority),
    }
    let query = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, mut query) = rest.split_at(query);
    masked.push_str(path);
    while let Some(mark) = query.chars().next() {
        masked.push(mark);
        query = &query[mark.len_utf8()..];
        let end = query.find(['&', ';', '#']).unwrap_or(query.len());
        let (pair, left) = query.split_at(end);
        match pair.split_once('=') {
            Some((name, value)) if mark != '#' => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(if value.is_empty() { "" } else { HIDDEN });
            }
            // Without a name, all of it may be the key.
            _ => masked.push_str(if pair.is_empty() { "" } else { HIDDEN }),
        }
        query = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fmt, io};

    #[derive(Debug)]
    struct Outer(io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot send to https://up.stream/v1?key=sk-aaa&model=x")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[derive(Debug)]
    struct Ring;

    impl fmt::Display for Ring {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("round")
        }
    }

    impl Error for Ring {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Self)
        }
    }

    #[test]
    fn a_chain_is_told_from_the_outside_in_without_the_keys_of_its_urls() {
        let error = Outer(io::Error::other("connection refused"));
        assert_eq!(
            chain(&error),
            "cannot send to https://up.stream/v1?key=***&model=***: connection refused"
        );
    }

    #[test]
    fn a_chain_that_goes_in_a_circle_ends() {
        assert_eq!(chain(&Ring), "round");
    }

    #[test]
    fn what_an_url_keeps_to_itself_is_masked_wherever_it_stands() {
        for (text, masked) in [
            ("(http://a?k=1), then b", "(http://a?k=***), then b"),
            ("http://a?k=1: refused, http://a?k=2.", "http://a?k=***: refused, http://a?k=***."),
            ("http://me:word@proxy:80/x", "http://***@proxy:80/x"),
            ("http://me:w@rd@proxy", "http://***@proxy"),
            ("see <ws://h/p?tok&x=&y=2#frag>", "see <ws://h/p?***&x=&y=***#***>"),
            ("http://a?k=ü?=ß https://b?c=d", "http://a?k=*** https://b?c=***"),
            ("http://a/?next=http://b/?k=1", "http://a/?next=***"),
            ("http://a http://b?k=1://c", "http://a http://b?k=***"),
        ] {
            assert_eq!(without_url_secrets(text), masked, "{text}");
            assert_eq!(without_url_secrets(masked), masked, "again: {masked}");
        }
        for plain in ["", "no url? k=v", "https://up.stream/v1", "a: //b?c=d", "://"] {
            assert_eq!(without_url_secrets(plain), plain);
        }
    }
}
