//! Text that others wrote, made fit to be shown to a model or to a person: short, on one line, and without anything hidden in it.

use crate::domain::{mask::Masker, secret};

/// The longest text that is shown, in characters.
pub const LONGEST: usize = 500;
/// Names no longer than this may stand by themselves.
const LONGEST_WORD: usize = 253;
const CUT: &str = " [cut]";

/// The text without secrets, with everything but letters, digits, ASCII's visible characters and spaces escaped, cut at
/// [`LONGEST`].
pub fn shown(text: &str, masker: &Masker) -> String {
    let text = masker.mask(&secret::readable(text));
    let mut shown = String::new();
    let mut length = 0;
    for c in text.chars() {
        let piece = escaped(c);
        length += piece.chars().count();
        if length > LONGEST {
            shown.push_str(CUT);
            break;
        }
        shown.push_str(&piece);
    }
    shown
}

fn escaped(c: char) -> String {
    match c {
        '\\' | '\n' | '\t' | '\r' => c.escape_default().to_string(),
        ' ' => c.to_string(),
        _ if c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric()) => c.to_string(),
        _ => c.escape_unicode().to_string(),
    }
}

/// Whether a text is one word that says nothing but itself: a name, a path, a number with a unit.
pub(super) fn is_word(text: &str) -> bool {
    (1..=LONGEST_WORD).contains(&text.len())
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"._/:@=+-".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, is_word, shown};
    use crate::domain::{mask::Masker, name::SecretName, secret};
    use proptest::prelude::*;

    fn plain(text: &str) -> String {
        shown(text, &Masker::new(&[]))
    }

    #[test]
    fn what_is_hidden_becomes_visible() {
        assert_eq!(plain("Größe 5, ok?"), "Größe 5, ok?");
        assert_eq!(
            plain("a\nb\u{202e}c\u{200b}\u{1b}[2J\\"),
            "a\\nb\\u{202e}c\\u{200b}\\u{1b}[2J\\\\"
        );
        assert_eq!(plain("\u{e0041}"), "\\u{e0041}");
    }

    #[test]
    fn a_secret_is_named_or_masked_but_not_shown() {
        let name = SecretName::new("db").unwrap();
        let value = secret::SecretValue::new("hunter22".to_owned());
        let text = format!("{} and hunter22", secret::marker(&name));
        assert_eq!(
            shown(&text, &Masker::new(&[value])),
            "secret(\"db\") and ***"
        );
    }

    proptest! {
        #[test]
        fn no_text_is_shown_at_length_or_on_two_lines(text in "\\PC{0,600}|(\\p{Any}){0,600}") {
            let text = plain(&text);
            prop_assert!(text.chars().count() <= LONGEST + 6);
            prop_assert!(text.chars().all(|c| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric()));
        }
    }

    #[test]
    fn a_word_is_a_name_and_no_sentence() {
        for word in ["web", "/var/lib/x.db", "app=web", "10.0.0.1:80", "a_b-c"] {
            assert!(is_word(word), "{word}");
        }
        for other in ["", "two words", "a\nb", "ä", "{x}", "a,b", &"a".repeat(254)] {
            assert!(!is_word(other), "{other}");
        }
    }
}
