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
///
/// An URL is what has `://` in it. It ends at white space, a control character, `"`, `<`, `>` or a backtick, and
/// before what closes a sentence there, such as `).`. Other brackets and quotes may be part of a password or a
/// value, so what follows them may be hidden too.
///
/// User information with a `/`, `?` or `#` in it that is not percent-encoded is not recognised: by the rules for
/// URLs the authority ends there, and what stands before it is taken for the host and shown.
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
        let end = after[..end].trim_end_matches(CLOSES_A_SENTENCE).len();
        let (url, left) = after.split_at(end);
        mask_url(url, &mut masked);
        rest = left;
    }
    masked.push_str(rest);
    if masked == text { Cow::Borrowed(text) } else { Cow::Owned(masked) }
}

/// At the end of an URL; a secret may have them within it.
const CLOSES_A_SENTENCE: [char; 8] = [':', ',', '.', ';', ')', ']', '}', '\''];

fn ends_a_url(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '"' | '<' | '>' | '`')
}

/// Masks what comes after `://`.
fn mask_url(url: &str, masked: &mut String) {
    let query = url.find(['?', '#']).unwrap_or(url.len());
    let (url, query) = url.split_at(query);
    // Another one may follow with nothing between that ends the first.
    url.split_inclusive("://").for_each(|url| mask_user(url, masked));
    mask_query(query, masked);
}

fn mask_user(url: &str, masked: &mut String) {
    let path = url.find('/').unwrap_or(url.len());
    let (authority, path) = url.split_at(path);
    match authority.rsplit_once('@') {
        Some((_, host)) => {
            masked.push_str(HIDDEN);
            masked.push('@');
            masked.push_str(host);
        }
        None => masked.push_str(authority),
    }
    masked.push_str(path);
}

fn mask_query(mut query: &str, masked: &mut String) {
    while let Some(mark) = query.chars().next() {
        masked.push(mark);
        query = &query[mark.len_utf8()..];
        let end = query.find(['&', ';', '#']).unwrap_or(query.len());
        let (pair, left) = query.split_at(end);
        match pair.split_once('=') {
            Some((name, value)) if mark != '#' && name.chars().all(names_a_value) => {
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

/// Anything else may be the end of a secret, or another URL.
fn names_a_value(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(character, '-' | '_' | '.' | '~' | '%' | '+' | '$' | '[' | ']')
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
            ("http://me:pa)ss@proxy:80", "http://***@proxy:80"),
            ("http://me:pa'ss@proxy:80", "http://***@proxy:80"),
            ("postgres://u:p]w@h", "postgres://***@h"),
            ("http://u:p}w@[::1]:80/x", "http://***@[::1]:80/x"),
            ("(https://h/p?key=abc)def)", "(https://h/p?key=***)"),
            ("'https://h/p?key=abc'def', then", "'https://h/p?key=***', then"),
            ("[http://h/?k=1]", "[http://h/?k=***]"),
            (
                "<http://a?k=1>b \"http://a?k=1\"b `http://a?k=1`b",
                "<http://a?k=***>b \"http://a?k=***\"b `http://a?k=***`b",
            ),
            ("http://a?k=1\0b", "http://a?k=***\0b"),
            // One after the other, with nothing between that ends the first.
            ("['http://u:p@a','http://u:p@b/x']", "['http://***@a','http://***@b/x']"),
            ("(http://a/b)(http://u:p@c)", "(http://a/b)(http://***@c)"),
            ("['http://a?tok','http://u:p@b?k=1']", "['http://a?***']"),
            ("http://a?page[size]=1&b.c=2", "http://a?page[size]=***&b.c=***"),
        ] {
            assert_eq!(without_url_secrets(text), masked, "{text}");
            assert_eq!(without_url_secrets(masked), masked, "again: {masked}");
        }
        for plain in ["", "no url? k=v", "https://up.stream/v1", "a: //b?c=d", "://"] {
            assert_eq!(without_url_secrets(plain), plain);
        }
    }
}
