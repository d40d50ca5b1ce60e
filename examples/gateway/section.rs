//! A TOML file read key by key: whatever is wrong is noted with its line, and reading goes on.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// All that is wrong with a file.
#[derive(Debug)]
pub(crate) struct Mistakes {
    file: String,
    found: Vec<(usize, String)>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (line, what)) in self.found.iter().enumerate() {
            let end = if n + 1 < self.found.len() { "\n" } else { "" };
            write!(f, "{}:{line}: {what}{end}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// The text of a file, and what was found to be wrong with it.
struct Text<'t> {
    text: &'t str,
    found: RefCell<Vec<(usize, String)>>,
}

impl Text<'_> {
    fn note(&self, at: Range<usize>, what: String) {
        let line = 1 + self.text[..at.start.min(self.text.len())].matches('\n').count();
        self.found.borrow_mut().push((line, what));
    }
}

/// Reads a file's text by `read`; answers what was read, or all that is wrong.
pub(crate) fn read<R>(
    file: &str,
    text: &str,
    read: impl FnOnce(&mut Section<'_, '_>) -> Option<R>,
) -> Result<R, Mistakes> {
    let source = Text { text, found: RefCell::default() };
    let (root, errors) = DeTable::parse_recoverable(text);
    let is_toml = errors.is_empty();
    for error in errors {
        source.note(error.span().unwrap_or_default(), error.message().to_owned());
    }
    let mut result = None;
    if is_toml {
        let at = root.span();
        let mut section =
            Section { source: &source, path: String::new(), at, table: root.into_inner() };
        result = read(&mut section);
        section.end();
    }
    let mut found = source.found.into_inner();
    found.sort_by_key(|(line, _)| *line);
    match result {
        Some(result) if found.is_empty() => Ok(result),
        _ => Err(Mistakes { file: file.to_owned(), found }),
    }
}

/// One table of the file. Every key is to be taken from it; what is left at the end is unknown.
pub(crate) struct Section<'s, 't> {
    source: &'s Text<'t>,
    path: String,
    at: Range<usize>,
    table: DeTable<'t>,
}

impl<'s, 't> Section<'s, 't> {
    /// What is under this key; `None` if nothing is, or something else than a `T`.
    pub(crate) fn take<T: Deserialize<'t>>(&mut self, key: &str) -> Option<T> {
        let value = self.table.remove(key)?;
        let at = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                let path = self.path_of(key);
                self.source
                    .note(error.span().unwrap_or(at), format!("{path}: {}", error.message()));
                None
            }
        }
    }

    /// As [`take`](Self::take), made into something by `parse`, which says what is wrong.
    pub(crate) fn take_as<T: Deserialize<'t>, R>(
        &mut self,
        key: &str,
        parse: impl FnOnce(T) -> Result<R, String>,
    ) -> Option<R> {
        let at = self.table.get(key)?.span();
        match parse(self.take(key)?) {
            Ok(value) => Some(value),
            Err(what) => {
                self.source.note(at, format!("{}: {what}", self.path_of(key)));
                None
            }
        }
    }

    /// As [`take_as`](Self::take_as) of a text.
    pub(crate) fn take_text<R>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<R, String>,
    ) -> Option<R> {
        self.take_as(key, |text: String| parse(&text))
    }

    /// What [`take`](Self::take) finds, which has to be there.
    pub(crate) fn need<T>(
        &mut self,
        key: &str,
        take: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<T> {
        if self.table.contains_key(key) {
            return take(self, key);
        }
        self.wrong(format!("`{key}` is missing"));
        None
    }

    /// The tables under this key: `[[key]]` in the file.
    pub(crate) fn sections(&mut self, key: &str) -> Vec<Self> {
        let Some(value) = self.table.remove(key) else { return Vec::new() };
        let at = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            self.source.note(at, format!("{} has to be a list: [[{key}]]", self.path_of(key)));
            return Vec::new();
        };
        let numbered = items.into_iter().enumerate();
        numbered.filter_map(|(n, item)| self.as_section(&format!("{key}[{n}]"), item)).collect()
    }

    fn as_section(&self, key: &str, value: Spanned<DeValue<'t>>) -> Option<Self> {
        let (at, path) = (value.span(), self.path_of(key));
        match value.into_inner() {
            DeValue::Table(table) => Some(Self { source: self.source, path, at, table }),
            other => {
                self.source
                    .note(at, format!("{path} has to be a table, and is a {}", other.type_str()));
                None
            }
        }
    }

    /// Notes what is wrong with this table as a whole.
    pub(crate) fn wrong(&self, what: String) {
        let what = if self.path.is_empty() { what } else { format!("{}: {what}", self.path) };
        self.source.note(self.at.clone(), what);
    }

    /// Notes the keys that nobody took.
    pub(crate) fn end(self) {
        for key in self.table.keys() {
            let path = self.path_of(key.get_ref());
            self.source.note(key.span(), format!("{path}: there is no such key"));
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
