//! What is wrong with a configuration: all of it, each with its place and a way out.

use std::fmt;

/// Something wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConfigProblem {
    /// Where it comes from: the path of a file, `$VARIABLE`, `--flag`.
    pub origin: String,
    /// In a file; counts from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// In characters; counts from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ConfigProblem {
    pub(super) fn new(origin: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            line: None,
            column: None,
            what: what.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// `file:line:column: what`, as far as the place is known, without the hint.
impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Why the configuration cannot be used. It shows no lines of the file: they may hold what nobody else should see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

impl ConfigError {
    /// Everything wrong: of the file in the order of places, then of variables, of flags, and of values together.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl From<Vec<ConfigProblem>> for ConfigError {
    fn from(problems: Vec<ConfigProblem>) -> Self {
        Self { problems }
    }
}

impl std::error::Error for ConfigError {}

/// One problem is told as it is, several are counted and told in lines of their own, each with its hint below it.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.problems.as_slice() {
            write!(f, "{problem}")?;
            return match &problem.hint {
                Some(hint) => write!(f, "\nhint: {hint}"),
                None => Ok(()),
            };
        }
        write!(f, "the configuration has {} problems", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
            if let Some(hint) = &problem.hint {
                write!(f, "\n    hint: {hint}")?;
            }
        }
        Ok(())
    }
}
