//! Words whose letters only look like those of a command.

/// Letters of other alphabets, and the Latin ones that people take them for.
const LIKE: &str = "аa вb сc ԁd еe ғf ԍg һh іi јj кk ӏl мm пn оo рp ԛq гr ѕs тt ѵv ԝw хx уy нh АA ВB СC ЕE НH ІI ЈJ КK МM ОO РP ЅS ТT ХX УY \
    αa οo ρp νv κk τt υu χx ιi εe ηn γy βb ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX";

/// The word that a reader sees where its letters are of alphabets that share shapes with the Latin one. A word that is written in another
/// alphabet alone, such as one of a sentence, is not meant to be taken for another.
pub(super) fn as_it_looks(word: &str) -> Option<String> {
    let mut pieces = word.split(|letter: char| !letter.is_alphabetic());
    (!word.is_ascii() && pieces.any(is_mixed)).then(|| word.chars().map(latin).collect())
}

fn is_mixed(piece: &str) -> bool {
    let plain = piece.chars().any(|letter| letter.is_ascii());
    let drawn = piece.chars().any(|letter| drawn(letter).is_some());
    drawn || plain && piece.chars().any(|letter| latin(letter) != letter)
}

fn latin(letter: char) -> char {
    let like = || {
        let mut pairs = LIKE.split(' ').map(str::chars);
        pairs.find_map(|mut pair| (pair.next() == Some(letter)).then(|| pair.next()).flatten())
    };
    drawn(letter).or_else(like).unwrap_or(letter)
}

/// Latin letters drawn another way: full width, and those of mathematics, of which each fifty-two make an alphabet.
fn drawn(letter: char) -> Option<char> {
    let number = u32::from(letter);
    let code = match number {
        0xff21..=0xff3a | 0xff41..=0xff5a => number - 0xff21 + u32::from('A'),
        0x1d400..=0x1d6a3 => match (number - 0x1d400) % 52 {
            capital @ 0..26 => u32::from('A') + capital,
            small => u32::from('a') + small - 26,
        },
        _ => return None,
    };
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::as_it_looks;

    #[test]
    fn letters_that_stand_for_others_are_seen() {
        for (word, seen) in [
            ("d\u{435}lete", "delete"),
            ("\u{ff52}\u{ff4d}", "rm"),
            ("r\u{1d426}", "rm"),
            ("\u{43a}ubectl", "kubectl"),
        ] {
            assert_eq!(as_it_looks(word).as_deref(), Some(seen), "{word}");
        }
        let meant = [
            "delete",
            "gr\u{f6}\u{df}er",
            "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}",
            "\u{3bc}s",
            "\u{2713} ok",
        ];
        for word in meant {
            assert_eq!(as_it_looks(word), None, "{word}");
        }
    }
}
