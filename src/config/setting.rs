//! What can be the value of a setting: how it is read, written, and described by a schema.

use std::collections::BTreeMap;
use std::time::Duration;

use rotapool_core::Strategy;

use super::reading::Reading;
use super::span;
use super::tree::Tree;

pub(crate) trait Setting: Sized {
    /// `None` if it is not one, which the reading was told then.
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self>;

    fn write(&self) -> Tree;

    /// Its JSON schema.
    fn schema() -> Tree;
}

macro_rules! whole {
    ($($type:ty),*) => {
        $(impl Setting for $type {
            fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
                let value = match tree {
                    Tree::Whole(value) => Self::try_from(*value).ok(),
                    _ => None,
                };
                if value.is_none() {
                    reading.expected(&format!("a whole number from 0 to {}", Self::MAX), tree);
                }
                value
            }

            fn write(&self) -> Tree {
                Tree::Whole(*self as i128)
            }

            fn schema() -> Tree {
                Tree::map([("type", Tree::text("integer")), ("minimum", Tree::Whole(0))])
            }
        })*
    };
}

whole!(u32, u64, usize);

impl Setting for f64 {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        match tree {
            Tree::Number(value) => Some(*value),
            Tree::Whole(value) => Some(*value as Self),
            _ => {
                reading.expected("a number", tree);
                None
            }
        }
    }

    fn write(&self) -> Tree {
        Tree::Number(*self)
    }

    fn schema() -> Tree {
        Tree::map([("type", Tree::text("number"))])
    }
}

impl Setting for bool {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        match tree {
            Tree::Bool(value) => Some(*value),
            _ => {
                reading.expected("true or false", tree);
                None
            }
        }
    }

    fn write(&self) -> Tree {
        Tree::Bool(*self)
    }

    fn schema() -> Tree {
        Tree::map([("type", Tree::text("boolean"))])
    }
}

impl Setting for String {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        match tree {
            Tree::Text(text) => Some(text.clone()),
            _ => {
                reading.expected("a text", tree);
                None
            }
        }
    }

    fn write(&self) -> Tree {
        Tree::text(self.as_str())
    }

    fn schema() -> Tree {
        Tree::map([("type", Tree::text("string"))])
    }
}

impl Setting for Duration {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        match tree {
            Tree::Text(text) => span::read(text).map_err(|error| reading.wrong(error)).ok(),
            Tree::Whole(_) | Tree::Number(_) => {
                reading.wrong(format!("{tree} has no unit; {}", span::ADVICE));
                None
            }
            _ => {
                reading.expected(&format!("a duration; {}", span::ADVICE), tree);
                None
            }
        }
    }

    fn write(&self) -> Tree {
        Tree::Text(span::write(*self))
    }

    fn schema() -> Tree {
        let examples = ["30s", "1m 30s", "PT1M30S"].map(Tree::text).to_vec();
        // A number alone is no duration; what is one, the reader says.
        let unit = Tree::text("[A-Za-z]");
        let text = ("type", Tree::text("string"));
        Tree::map([text, ("pattern", unit), ("examples", Tree::List(examples))])
    }
}

impl Setting for Strategy {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        match tree {
            Tree::Text(name) => {
                name.parse().map_err(|error| reading.wrong(format!("{error}"))).ok()
            }
            _ => {
                reading.expected("the name of a strategy", tree);
                None
            }
        }
    }

    fn write(&self) -> Tree {
        Tree::text(self.name())
    }

    fn schema() -> Tree {
        let names = Self::ALL.iter().map(|strategy| Tree::text(strategy.name()));
        Tree::map([("enum", Tree::List(names.collect()))])
    }
}

impl<S: Setting> Setting for Vec<S> {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        let Tree::List(values) = tree else {
            reading.expected("a list", tree);
            return None;
        };
        let read = |(place, value): (usize, &Tree)| {
            reading.entry(place, |reading| S::read(value, reading))
        };
        // All of them, also past one that is wrong.
        let read: Vec<Option<S>> = values.iter().enumerate().map(read).collect();
        read.into_iter().collect()
    }

    fn write(&self) -> Tree {
        Tree::List(self.iter().map(S::write).collect())
    }

    fn schema() -> Tree {
        Tree::map([("type", Tree::text("array")), ("items", S::schema())])
    }
}

/// What can be the key of a table.
pub(crate) trait Key: Ord + Sized + ToString {
    /// What it has to be, as a schema has it and an error says it; `None` if any text will do.
    const PATTERN: Option<(&str, &str)> = None;

    fn of(text: &str) -> Option<Self>;
}

impl Key for String {
    fn of(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// An HTTP status.
impl Key for u16 {
    const PATTERN: Option<(&str, &str)> = Some(("^[1-9][0-9]{2}$", "it is no status: 100 to 999"));

    fn of(text: &str) -> Option<Self> {
        text.parse().ok().filter(|status| (100..1000).contains(status) && text.len() == 3)
    }
}

impl<K: Key, S: Setting> Setting for BTreeMap<K, S> {
    fn read(tree: &Tree, reading: &mut Reading) -> Option<Self> {
        let Tree::Map(entries) = tree else {
            reading.expected("a table", tree);
            return None;
        };
        let mut all = Some(Self::new());
        for (key, value) in entries {
            let read = reading.key(key, |reading| {
                let Some(key) = K::of(key) else {
                    reading.wrong(K::PATTERN.map_or("it is no key", |(_, advice)| advice));
                    return None;
                };
                let is_there = all.as_ref().is_some_and(|all| all.contains_key(&key));
                if is_there {
                    reading.wrong("it is there twice");
                }
                Some((key, S::read(value, reading)?))
            });
            match (&mut all, read) {
                (Some(all), Some((key, value))) => drop(all.insert(key, value)),
                _ => all = None,
            }
        }
        all
    }

    fn write(&self) -> Tree {
        Tree::Map(self.iter().map(|(key, value)| (key.to_string(), value.write())).collect())
    }

    fn schema() -> Tree {
        let mut schema = vec![("type".to_owned(), Tree::text("object"))];
        if let Some((pattern, _)) = K::PATTERN {
            let names = Tree::map([("pattern", Tree::text(pattern))]);
            schema.push(("propertyNames".to_owned(), names));
        }
        schema.push(("additionalProperties".to_owned(), S::schema()));
        Tree::Map(schema)
    }
}
