//! How a value is judged once it was read: all that is wrong is kept, each with its path.

use rotapool_core::{ConfigError, ConfigProblem};

use super::tree::Tree;

/// What is wrong so far, and where the reader is.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    path: String,
    problems: Vec<ConfigProblem>,
}

impl Reading {
    pub(crate) fn wrong(&mut self, message: impl Into<String>) {
        self.problems.push(ConfigProblem { path: self.path.clone(), message: message.into() });
    }

    /// What was there, and what would be right.
    pub(crate) fn expected(&mut self, what: &str, there: &Tree) {
        self.wrong(format!("{there} is not {what}"));
    }

    /// What is wrong besides; of what could not be read nothing more is said.
    pub(crate) fn also(&mut self, error: ConfigError) {
        let is_new =
            |problem: &ConfigProblem| self.problems.iter().all(|it| it.path != problem.path);
        let new: Vec<_> = error.problems.into_iter().filter(is_new).collect();
        self.problems.extend(new);
    }

    /// Reads what is in a table under this key.
    pub(crate) fn key<R>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.path.len();
        if before > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        let result = read(self);
        self.path.truncate(before);
        result
    }

    /// Reads what is in a list at this place.
    pub(crate) fn entry<R>(&mut self, place: usize, read: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.path.len();
        self.path.push_str(&format!("[{place}]"));
        let result = read(self);
        self.path.truncate(before);
        result
    }

    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigError> {
        match (value, self.problems.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(ConfigError::new(self.problems)),
        }
    }
}
