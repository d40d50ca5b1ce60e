//! All that is wrong with a configuration.

use std::fmt;

use crate::one_line::OneLine;

/// All that is wrong with a configuration, each with its path. Its `Display` is a line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// What is wrong, in the order of the configuration; at least one.
    pub problems: Vec<ConfigProblem>,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where, as in `pools.keys.cooldown_table[2]`; empty for the whole.
    pub path: String,
    /// What was there, and what would be right.
    pub message: String,
}

impl ConfigError {
    /// An error of these problems.
    #[must_use]
    pub fn new(problems: Vec<ConfigProblem>) -> Self {
        Self { problems }
    }

    /// An error of one setting that has to be there and is not.
    #[must_use]
    pub fn missing(path: &str, what: &str) -> Self {
        let message = format!("it is missing: {what}");
        Self::new(vec![ConfigProblem { path: path.to_owned(), message }])
    }

    /// The same of a part that was at `path`, alone.
    #[must_use]
    pub fn within(mut self, path: &str) -> Self {
        for problem in &mut self.problems {
            if let Some(rest) = problem.path.strip_prefix(path) {
                problem.path = rest.trim_start_matches('.').to_owned();
            }
        }
        self
    }

    /// The same as a part of something larger, where it is at `path`.
    #[must_use]
    pub fn under(mut self, path: &str) -> Self {
        for problem in &mut self.problems {
            problem.path = match (path.is_empty(), problem.path.is_empty()) {
                (true, _) => continue,
                (false, true) => path.to_owned(),
                (false, false) if problem.path.starts_with('[') => {
                    format!("{path}{}", problem.path)
                }
                (false, false) => format!("{path}.{}", problem.path),
            };
        }
        self
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => write!(f, "{}", OneLine(&self.message)),
            false => write!(f, "`{}`: {}", OneLine(&self.path), OneLine(&self.message)),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => write!(f, "{one}"),
            many => {
                write!(f, "{} settings are wrong:", many.len())?;
                many.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}
