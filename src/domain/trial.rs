//! First runs: a runbook that is new or changed asks people for its first changes, whatever the autonomy level.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A definition that has not proven itself yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The commit that brought it.
    pub revision: String,
    /// Who made it, as far as is known.
    pub author: String,
    /// Whether another definition of the same runbook has proven itself.
    pub is_changed: bool,
    /// Runs with an effect that ended well, so far.
    pub runs: u32,
    /// So many are needed.
    pub wanted: u32,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_changed { "changed" } else { "new" };
        let revision: String = self.revision.chars().take(12).collect();
        write!(f, "{what} since revision {revision}")?;
        let authors: Vec<&str> = self.author.lines().collect();
        if !authors.is_empty() {
            write!(f, " by {}", authors.join(", "))?;
        }
        match self.wanted {
            1 => f.write_str(": first run"),
            wanted => write!(f, ": run {} of the first {wanted}", self.runs + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Trial;

    #[test]
    fn it_says_what_brought_it_and_who() {
        let trial = Trial {
            revision: "0123456789abcdef".to_owned(),
            author: "Ada <ada@example.org>\nBob".to_owned(),
            is_changed: true,
            runs: 0,
            wanted: 1,
        };
        assert_eq!(
            trial.to_string(),
            "changed since revision 0123456789ab by Ada <ada@example.org>, Bob: first run"
        );
        let new = Trial {
            author: String::new(),
            is_changed: false,
            wanted: 3,
            ..trial
        };
        assert_eq!(
            new.to_string(),
            "new since revision 0123456789ab: run 1 of the first 3"
        );
    }
}
