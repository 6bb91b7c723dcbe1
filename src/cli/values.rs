//! What arguments may be: texts of the command line as values, and the words that help and completions list.

use crate::{
    domain::{occurrence::NotRun, run::RunOutcome},
    history::RunStatus,
};
use clap::builder::{PossibleValuesParser, RangedU64ValueParser};

/// The longest list that an agent gives at once.
const LONGEST_LIST: u64 = 1000;

/// Splits `KEY=VALUE`.
pub(super) fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.trim().is_empty())
        .ok_or_else(|| format!("`{text}` is not KEY=VALUE"))?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// How many things of a list are wanted.
pub(super) fn how_many() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=LONGEST_LIST)
}

/// How a run may have ended, and the word for all that did not end well.
pub(super) fn outcomes() -> PossibleValuesParser {
    let words = RunOutcome::ALL.map(RunOutcome::as_str);
    PossibleValuesParser::new(["failures"].into_iter().chain(words))
}

/// Where a run may be.
pub(super) fn statuses() -> PossibleValuesParser {
    PossibleValuesParser::new(RunStatus::ALL.map(RunStatus::as_str))
}

/// Why an occurrence did not run.
pub(super) fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(NotRun::ALL.map(NotRun::as_str))
}

#[cfg(test)]
mod tests {
    use super::key_and_value;

    #[test]
    fn a_setting_is_split_at_its_first_equals_sign() {
        assert_eq!(
            key_and_value("a=b=c"),
            Ok(("a".to_owned(), "b=c".to_owned()))
        );
        assert_eq!(key_and_value("a="), Ok(("a".to_owned(), String::new())));
        assert!(key_and_value("a").is_err());
        assert!(key_and_value("=a").is_err());
    }
}
