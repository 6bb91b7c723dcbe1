//! Programs that turn one text into another, and nothing else: what hides a command is undone here.

use super::quotes::escapes;
use base64::{Engine as _, engine::general_purpose};

/// `echo`
pub(super) fn echo(arguments: &[&str]) -> String {
    let flag = |word: &&&str| {
        word.len() > 1
            && word.starts_with('-')
            && word.chars().skip(1).all(|letter| "neE".contains(letter))
    };
    let flags: String = arguments.iter().take_while(flag).copied().collect();
    let rest: Vec<&str> = arguments.iter().skip_while(flag).copied().collect();
    let mut text = rest.join(" ");
    if flags.rfind('e') > flags.rfind('E') {
        text = escapes(&text).unwrap_or(text);
    }
    if !flags.contains('n') {
        text.push('\n');
    }
    text
}

/// `printf`; none where the format asks for more than texts, numbers and escapes.
pub(super) fn printf(arguments: &[&str]) -> Option<String> {
    let arguments = arguments.strip_prefix(&["--"]).unwrap_or(arguments);
    let (format, words) = arguments.split_first()?;
    if format.starts_with('-') {
        return None;
    }
    let mut words = words.iter().copied();
    let mut text = String::new();
    loop {
        let before = words.len();
        once(format, &mut words, &mut text)?;
        if words.len() == 0 || words.len() == before || text.len() > 65_536 {
            return Some(text);
        }
    }
}

/// The format, once through.
fn once<'w>(
    format: &str,
    words: &mut impl Iterator<Item = &'w str>,
    text: &mut String,
) -> Option<()> {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&escapes(rest.get(..at)?)?);
        let kind = rest.get(at + 1..)?.chars().next()?;
        match kind {
            '%' => text.push('%'),
            's' => text.push_str(words.next().unwrap_or_default()),
            'b' => text.push_str(&escapes(words.next().unwrap_or_default())?),
            'c' => text.extend(words.next().unwrap_or_default().chars().next()),
            'd' | 'i' | 'u' => {
                let number = words.next().unwrap_or("0");
                number.parse::<i64>().ok()?;
                text.push_str(number);
            }
            _ => return None,
        }
        rest = rest.get(at + 1 + kind.len_utf8()..)?;
    }
    text.push_str(&escapes(rest)?);
    Some(())
}

/// `base64`, and with `-d` back again.
pub(super) fn base64(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    if program != "base64" {
        return None;
    }
    let decodes = |word: &&str| matches!(*word, "-d" | "--decode" | "-D" | "-di" | "-id");
    if arguments.iter().any(decodes) {
        let letters: String = input
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        let letters = letters.trim_end_matches('=');
        let bytes = general_purpose::STANDARD_NO_PAD.decode(letters).ok()?;
        return String::from_utf8(bytes).ok();
    }
    matches!(arguments, [] | ["-w0"] | ["-w", "0"])
        .then(|| general_purpose::STANDARD.encode(input) + "\n")
}

/// `xxd -r -p`
pub(super) fn xxd(arguments: &[&str], input: &str) -> Option<String> {
    let flags: String = arguments
        .iter()
        .filter_map(|word| word.strip_prefix('-'))
        .collect();
    let back = flags.contains('r')
        && flags.contains('p')
        && arguments.iter().all(|word| word.starts_with('-'));
    if !back {
        return None;
    }
    let digits: String = input
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    String::from_utf8(hex::decode(digits).ok()?).ok()
}

/// `tr SET SET`, `tr -d SET`
pub(super) fn tr(arguments: &[&str], input: &str) -> Option<String> {
    match arguments {
        ["-d", set] => {
            let set = letters(set)?;
            Some(
                input
                    .chars()
                    .filter(|letter| !set.contains(letter))
                    .collect(),
            )
        }
        [from, to] if !from.starts_with('-') => {
            let (from, to) = (letters(from)?, letters(to)?);
            let last = to.last().copied()?;
            let other = |letter: char| match from.iter().rposition(|own| *own == letter) {
                Some(place) => to.get(place).copied().unwrap_or(last),
                None => letter,
            };
            Some(input.chars().map(other).collect())
        }
        _ => None,
    }
}

/// The letters that a set means.
fn letters(set: &str) -> Option<Vec<char>> {
    let set = match set {
        "[:lower:]" => "a-z".to_owned(),
        "[:upper:]" => "A-Z".to_owned(),
        "[:digit:]" => "0-9".to_owned(),
        _ if set.contains("[:") || set.contains("[=") => return None,
        _ => escapes(set)?,
    };
    let given: Vec<char> = set.chars().collect();
    let (mut letters, mut place) = (Vec::new(), 0);
    while let Some(first) = given.get(place) {
        match (given.get(place + 1), given.get(place + 2)) {
            (Some('-'), Some(last)) if first <= last => {
                letters.extend(*first..=*last);
                place += 3;
            }
            _ => {
                letters.push(*first);
                place += 1;
            }
        }
    }
    (letters.len() <= 4_096).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::{base64, echo, printf, tr, xxd};

    #[test]
    fn texts_are_undone_as_the_programs_do() {
        assert_eq!(echo(&["-ne", "\\x72m"]), "rm");
        assert_eq!(echo(&["-e", "-E", "\\x72"]), "\\x72\n");
        assert_eq!(printf(&["%s-%s\\n", "a", "b", "c"]).unwrap(), "a-b\nc-\n");
        assert_eq!(printf(&["\\162\\x6d %b%%", "\\57"]).unwrap(), "rm /%");
        assert_eq!(printf(&["%x", "3"]), None);
        assert_eq!(
            base64("base64", &["-d"], "cm0gLXJm\nIC9kYXRh\n").unwrap(),
            "rm -rf /data"
        );
        assert_eq!(xxd(&["-r", "-p"], "72 6d\n").unwrap(), "rm");
        assert_eq!(tr(&["a-z", "n-za-m"], "ez -es").unwrap(), "rm -rf");
        assert_eq!(tr(&["-d", "x"], "rxmx").unwrap(), "rm");
        assert_eq!(tr(&["[:upper:]", "[:lower:]"], "RM").unwrap(), "rm");
    }
}
