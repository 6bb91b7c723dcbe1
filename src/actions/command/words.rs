//! Words of a command line.

use crate::{
    commands::{self, Stdin},
    domain::{expression, secret},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// The longest word that Linux takes (`MAX_ARG_STRLEN`, with its final zero).
const LONGEST: usize = 128 * 1024 - 1;
/// The longest command line; Linux takes more, but environment and words share its room.
const LONGEST_LINE: usize = 1024 * 1024;

/// One word. A number or a truth value, as an expression may give, is written out.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "want a text, a number, or true or false")]
#[schemars(inline)]
pub(crate) enum Word {
    /// As it is.
    Text(String),
    /// In decimal.
    Number(serde_json::Number),
    /// `true` or `false`.
    Truth(bool),
}

impl Word {
    /// As far as it is known: before a run, what a step will leave is not.
    pub(crate) fn judged(&self) -> commands::Word {
        let text = self.to_string();
        if expression::has_unknown(&text) {
            commands::Word::Unknown(expression::readable_unknown(&text))
        } else {
            commands::Word::Known(text)
        }
    }
}

/// What a program is fed, as far as it is known.
pub(crate) fn judged_stdin(text: Option<&str>) -> Stdin {
    match text {
        None => Stdin::Nothing,
        Some(text) if expression::has_unknown(text) => Stdin::Piped,
        Some(text) => Stdin::Known(text.to_owned()),
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Truth(truth) => truth.fmt(f),
        }
    }
}

/// Refuses a command line that no program should see.
pub(super) fn check(argv: &[Word]) -> Result<(), String> {
    let words: Vec<_> = argv.iter().map(ToString::to_string).collect();
    let program = words.first().map(String::as_str).unwrap_or_default();
    if program.is_empty() {
        return Err("in `with`, at `argv`: the program's name is missing".to_owned());
    }
    if program.contains('/') && !program.starts_with('/') {
        return Err(format!(
            "in `with`, at `argv[0]`: `{program}` is a relative path\nhint: name the program by its bare name or its absolute path"
        ));
    }
    if program.starts_with('-') || program.contains(char::is_whitespace) {
        return Err(format!(
            "in `with`, at `argv[0]`: `{program}` is no program\nhint: each argument is an item of its own: `argv: [df, -h]`"
        ));
    }
    if words.iter().map(String::len).sum::<usize>() > LONGEST_LINE {
        return Err(
            "in `with`, at `argv`: longer than 1 MiB\nhint: pass much text by `stdin`".to_owned(),
        );
    }
    words
        .iter()
        .enumerate()
        .try_for_each(|(index, word)| check_word(index, word))
}

fn check_word(index: usize, word: &str) -> Result<(), String> {
    let place = format!("in `with`, at `argv[{index}]`");
    if secret::is_marked(word) {
        return Err(format!(
            "{place}: a secret on a command line can be read by every user of the host\nhint: pass it by `env` or `stdin`"
        ));
    }
    if word.len() > LONGEST {
        return Err(format!(
            "{place}: longer than 128 KiB\nhint: pass much text by `stdin`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Word, check};
    use crate::domain::{name::SecretName, secret::marker};

    fn words(texts: &[&str]) -> Vec<Word> {
        texts
            .iter()
            .map(|text| Word::Text((*text).to_owned()))
            .collect()
    }

    #[test]
    fn a_secret_is_refused_on_the_command_line() {
        let secret = marker(&SecretName::new("db").unwrap());
        let error = check(&words(&["psql", &format!("pg://{secret}@host")])).unwrap_err();
        assert!(
            error.contains("argv[1]") && error.contains("hint: pass it by `env`"),
            "{error}"
        );
    }

    #[test]
    fn a_program_is_named_by_its_name_or_its_path() {
        for good in ["df", "/usr/bin/df", "python3.12"] {
            assert_eq!(check(&words(&[good])), Ok(()), "{good}");
        }
        for bad in ["", "./df", "bin/df", "df -h", "-h"] {
            assert!(check(&words(&[bad])).is_err(), "{bad}");
        }
        assert!(check(&[]).is_err());
    }

    #[test]
    fn a_word_is_not_longer_than_the_system_takes() {
        assert_eq!(check(&words(&["echo", &"x".repeat(131_071)])), Ok(()));
        assert!(check(&words(&["echo", &"x".repeat(131_072)])).is_err());
        let many: Vec<_> = (0..11).map(|_| Word::Text("x".repeat(100_000))).collect();
        assert!(check(&many).is_err());
    }

    #[test]
    fn numbers_and_truths_are_written_out() {
        let words: Vec<Word> = serde_json::from_str(r#"["a", 5, 1.5, true]"#).unwrap();
        let texts: Vec<_> = words.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["a", "5", "1.5", "true"]);
    }
}
