//! `$(date +%F)`: the one substitution that needs no shell, because nothing but digits and what is written here can come of it.

use crate::domain::pipeline::{Moment, Zone};

/// Conversions of date(1) that become digits alone, or digits with `-` and `:` between them, in every language.
const CONVERSIONS: &str = "YmdHMSFTsjyuVG%";
/// What may stand between them. A blank is one word only within quotation marks.
const BETWEEN: &str = "_-.:@+,";

/// What a substitution's text prints, if it asks for the time alone. What is `quoted` stays one word whatever it holds.
pub(super) fn of(text: &str, quoted: bool) -> Option<Moment> {
    let rest = text.trim().strip_prefix("date")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let universal = ["-u", "--utc", "--universal"]
        .iter()
        .find_map(|flag| rest.strip_prefix(flag)?.strip_prefix([' ', '\t']));
    let (zone, word) = match universal {
        Some(rest) => (Zone::Universal, rest.trim_start()),
        None => (Zone::Local, rest),
    };
    let format = unquoted(word)?;
    is_plain(&format, quoted).then_some(Moment { format, zone })
}

/// `+%F`, `"+%F"`, `+'%F'`: one word.
fn unquoted(word: &str) -> Option<String> {
    let (plus, body) = match word.strip_prefix('+') {
        Some(body) => (true, body),
        None => (false, word),
    };
    let inner = ['"', '\'']
        .iter()
        .find_map(|mark| body.strip_prefix(*mark)?.strip_suffix(*mark));
    let text = match inner {
        Some(inner) => inner,
        None if body.contains([' ', '\t']) => return None,
        None => body,
    };
    let format = if plus { text } else { text.strip_prefix('+')? };
    (!format.is_empty()).then(|| format.to_owned())
}

fn is_plain(format: &str, quoted: bool) -> bool {
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        let plain = match letter {
            '%' => letters
                .next()
                .is_some_and(|next| CONVERSIONS.contains(next)),
            ' ' => quoted,
            _ => letter.is_ascii_alphanumeric() || BETWEEN.contains(letter),
        };
        if !plain {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(text: &str) -> Option<String> {
        of(text, false).map(|moment| moment.format)
    }

    #[test]
    fn the_time_in_digits_is_known_by_its_format() {
        for text in [
            "date +%F",
            " date '+%F' ",
            "date +\"%F\"",
            "date -u \"+%F\"",
        ] {
            assert_eq!(format(text).as_deref(), Some("%F"), "{text}");
        }
        assert_eq!(
            format("date +%Y%m%d-%H%M%S").as_deref(),
            Some("%Y%m%d-%H%M%S")
        );
        assert_eq!(of("date --utc +%s", false).unwrap().zone, Zone::Universal);
        assert!(of("date '+%F %T'", true).is_some());
    }

    #[test]
    fn what_else_date_can_do_is_none_of_it() {
        for text in [
            "date",
            "date -u",
            "date +",
            "date +%A",
            "date +%F -d yesterday",
            "date -d yesterday +%F",
            "date '+%F %T'",
            "date -s 12:00",
            "date +%F; id",
            "date +%F | cat",
            "date +$(id)",
            "date +../%F",
            "date +%F > x",
            "date +'%F'\"%T\"",
            "date +%-d",
            "datex +%F",
            "./date +%F",
        ] {
            assert_eq!(format(text), None, "{text}");
        }
    }
}
