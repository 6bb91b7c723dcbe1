//! What is refused before any parser sees it: texts too long or too deep, characters that no reader sees, places that nobody filled in.
//!
//! One pass, without recursion, that knows only quotation marks, here-documents and where commands begin.

/// The longest text that is looked at.
const LONGEST: usize = 16 * 1024;

/// How deep brackets may stand in each other.
const DEEPEST: usize = 32;

/// The longest name that somebody puts between brackets for somebody else to fill in.
const LONGEST_NAME: usize = 48;

/// Why nobody may consent to this text, if so.
pub(super) fn refuse(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("the text is longer than {LONGEST} bytes"));
    }
    if let Some(hidden) = text.chars().find(|letter| hidden(*letter)) {
        return Err(format!(
            "the text holds the character U+{:04X}, which no reader sees",
            u32::from(hidden)
        ));
    }
    if depth(text) > DEEPEST {
        return Err(format!(
            "its brackets stand more than {DEEPEST} deep in each other"
        ));
    }
    Ok(())
}

/// Why nobody may consent to these words, if so. They are of any length: no parser sees them.
pub(super) fn refuse_words(words: &[String]) -> Result<(), String> {
    for word in words {
        if let Some(hidden) = word.chars().find(|letter| hidden(*letter)) {
            return Err(format!(
                "`{}` holds the character U+{:04X}, which no reader sees",
                word.escape_debug(),
                u32::from(hidden)
            ));
        }
    }
    match placeholder(&quoted(words)) {
        Some(place) => Err(format!("`{place}` was not filled in")),
        None => Ok(()),
    }
}

/// Words as a shell would be given them.
pub(super) fn quoted(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
        .collect();
    quoted.join(" ")
}

/// Whether a character changes what a reader sees, or is not seen at all.
fn hidden(letter: char) -> bool {
    match letter {
        '\n' | '\t' | ' '..='~' => false,
        // Controls, among them NUL, carriage return, escape.
        letter if letter.is_control() => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            true
        }
        '\u{180b}'..='\u{180f}' => true,
        // Zero width, direction, separators of lines, invisible operators.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{fe00}'..='\u{fe0d}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

/// Whether a reader sees all of a text, and none of it stands for something else: characters for private use stand for secrets.
pub(super) fn is_readable(text: &str) -> bool {
    let private =
        |letter: char| matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}');
    text.len() <= LONGEST && !text.chars().any(|letter| hidden(letter) || private(letter))
}

/// How deep brackets stand in each other, whatever is quoted.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The first place that somebody should have filled in: `<name>`, `{name}`, `{{ name }}`.
pub(super) fn placeholder(text: &str) -> Option<&str> {
    if !text.contains(['<', '{']) {
        return None;
    }
    let mut scan = Scan {
        text,
        at: 0,
        quote: None,
        speaks: false,
        word_from: None,
        documents: Vec::new(),
        markup: text.contains("</"),
    };
    scan.first()
}

/// Programs whose words are texts, or programs in languages of their own: what stands in brackets there is theirs.
#[rustfmt::skip]
const SPEAKERS: &[&str] = &[
    "ack", "ag", "ansible", "ansible-playbook", "awk", "echo", "egrep", "fgrep", "gawk", "git", "grep", "jq", "logger", "lua",
    "mawk", "mlr", "nawk", "node", "perl", "pgrep", "php", "printf", "python", "python2", "python3", "rg", "ruby", "sed", "tr",
    "vegeta", "wall", "xmllint", "xmlstarlet", "yq", "zgrep",
];

struct Scan<'t> {
    text: &'t str,
    at: usize,
    quote: Option<u8>,
    /// Whether a program of [`SPEAKERS`] stands in this command.
    speaks: bool,
    word_from: Option<usize>,
    /// The ends of the here-documents that begin with the next line.
    documents: Vec<&'t str>,
    /// Whether quoted `<names>` are tags.
    markup: bool,
}

impl<'t> Scan<'t> {
    fn first(&mut self) -> Option<&'t str> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at).copied() {
            if matches!(byte, b'<' | b'{') {
                if let Some(found) = self.bracket(byte) {
                    return Some(found);
                }
                if byte == b'<' && self.quote.is_none() {
                    self.document();
                }
            }
            self.step(byte);
        }
        None
    }

    fn step(&mut self, byte: u8) {
        match (self.quote, byte) {
            (Some(quote), byte) if quote == byte => self.quote = None,
            (Some(b'\''), _) => {}
            (_, b'\\') => self.at += 1,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => {
                self.quote = Some(byte);
                self.word_from.get_or_insert(self.at + 1);
            }
            (None, b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b'(' | b')' | b'`') => {
                self.separator(byte);
            }
            (None, _) => {
                self.word_from.get_or_insert(self.at);
            }
        }
        self.at += 1;
        if byte == b'\n' && self.quote.is_none() && !self.documents.is_empty() {
            self.skip_documents();
        }
    }

    fn separator(&mut self, byte: u8) {
        let word = self
            .word_from
            .take()
            .and_then(|from| self.text.get(from..self.at));
        let word = word.map(|word| word.trim_end_matches(['"', '\'']));
        let name = word
            .and_then(|word| word.rsplit('/').next())
            .unwrap_or_default();
        self.speaks |= SPEAKERS.binary_search(&name).is_ok();
        if !matches!(byte, b' ' | b'\t') {
            self.speaks = false;
        }
    }

    /// A bracket that somebody should have filled in, if it is one.
    fn bracket(&self, byte: u8) -> Option<&'t str> {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|at| self.text.as_bytes().get(at))
            .copied();
        let rest = self.text.get(self.at..)?;
        let (inner, length) = if let Some(rest) = rest.strip_prefix("{{") {
            let inner = between(rest, "}}")?;
            (inner.trim().split('|').next()?.trim(), inner.len() + 4)
        } else {
            let close = if byte == b'<' { ">" } else { "}" };
            let inner = between(rest.get(1..)?, close)?;
            (inner, inner.len() + 2)
        };
        let double = rest.starts_with("{{");
        let fits = if byte == b'<' {
            before != Some(b'<') && angled(inner) && !(self.quote.is_some() && self.markup)
        } else {
            (double || !matches!(before, Some(b'$' | b'%' | b'@' | b'\\' | b'{' | b'#')))
                && braced(inner, double)
        };
        let own = self.quote.is_some() && self.speaks;
        let place = rest.get(..length)?;
        (fits && !own && !self.replaced(place)).then_some(place)
    }

    /// `xargs -I{pod} kubectl logs {pod}`: a name that the text itself fills in.
    fn replaced(&self, place: &str) -> bool {
        let head = self
            .text
            .split(place)
            .next()
            .unwrap_or_default()
            .trim_end_matches(['"', '\'', ' ', '=']);
        head.ends_with("-I") || head.ends_with("--replace")
    }

    /// Notes a here-document, so that its lines are not taken for commands.
    fn document(&mut self) {
        let Some(rest) = self
            .text
            .get(self.at..)
            .and_then(|rest| rest.strip_prefix("<<"))
        else {
            return;
        };
        let rest = rest
            .strip_prefix('-')
            .unwrap_or(rest)
            .trim_start_matches([' ', '\t']);
        let near = rest
            .char_indices()
            .nth(LONGEST_NAME)
            .map_or(rest.len(), |(end, _)| end);
        let rest = rest.get(..near).unwrap_or_default();
        let end = rest
            .find([' ', '\t', '\n', ';', '|', '&', '>', ')'])
            .unwrap_or(rest.len());
        let name = rest
            .get(..end)
            .unwrap_or_default()
            .trim_matches(['"', '\'', '\\']);
        if !rest.starts_with('<') && !name.is_empty() && self.documents.len() < 8 {
            self.documents.push(name);
        }
        self.at += 1;
    }

    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.documents) {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let mut length = 0;
            for line in rest.split_inclusive('\n') {
                length += line.len();
                if line.trim_matches(['\t', '\n']) == end {
                    break;
                }
            }
            self.at += length;
        }
    }
}

fn between<'t>(text: &'t str, close: &str) -> Option<&'t str> {
    let near = text
        .char_indices()
        .nth(LONGEST_NAME)
        .map_or(text.len(), |(end, _)| end);
    let near = text.get(..near)?;
    near.get(..near.find(close)?)
}

/// A name as people write it between `<` and `>`.
fn angled(inner: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || " _-.:/|".contains(letter);
    // `sort <in 2>err` is two redirections.
    let number = inner
        .rsplit(' ')
        .next()
        .is_some_and(|last| inner.contains(' ') && last.bytes().all(|byte| byte.is_ascii_digit()));
    inner.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && inner.ends_with(|letter: char| letter.is_ascii_alphanumeric())
        && inner.chars().all(plain)
        && !number
}

/// A name as people write it between braces; not a template's own words.
fn braced(inner: &str, double: bool) -> bool {
    let mut letters = inner.chars();
    let first = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_');
    let name = |letter: char| {
        letter.is_ascii_alphanumeric()
            || letter == '_'
            || letter == '-'
            || letter == '.'
            || letter == ' ' && double
    };
    let own = [
        "end", "else", "print", "println", "now", "break", "continue",
    ];
    let template = inner.contains(" .") || inner.contains("..");
    first && letters.all(name) && !own.contains(&inner) && !template
}

#[cfg(test)]
mod tests {
    use super::{placeholder, refuse};

    #[test]
    fn the_names_of_speakers_are_sorted() {
        assert!(super::SPEAKERS.is_sorted());
    }

    #[test]
    fn places_that_were_not_filled_in_are_found() {
        for (text, place) in [
            ("kubectl logs <pod-name> -n x", "<pod-name>"),
            ("describe node <node name>", "<node name>"),
            ("get -n {namespace}", "{namespace}"),
            ("get -n {{ inputs.namespace }}", "{{ inputs.namespace }}"),
            ("get -n ${{ inputs.namespace }}", "{{ inputs.namespace }}"),
            ("get -n '{{ns}}'", "{{ns}}"),
            ("echo ok; kubectl get '<x>'", "<x>"),
            ("grep x | kubectl get '<x>'", "<x>"),
            ("echo <x>", "<x>"),
        ] {
            assert_eq!(placeholder(text), Some(place), "{text}");
        }
    }

    #[test]
    fn the_shells_own_brackets_are_left_alone() {
        for text in [
            "echo ${X} {a,b} {1..3} stash@{0} %{http_code} {}",
            "kubectl get -o jsonpath={.items[0]} -o jsonpath='{range .items[*]}{.a}{end}'",
            "docker ps --format '{{.Names}} {{json .}} {{range .x}}{{end}}'",
            "grep '<html>' x; sudo grep \"{name}\" x",
            "sort <in >out 2>err <&1",
            "cat <<EOF>/tmp/x\n<config>\nEOF\nls",
            "ls | xargs -I{pod} kubectl logs {pod}",
            "diff <(ls a) <(ls b)",
        ] {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }

    #[test]
    fn words_are_looked_at_one_by_one() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert!(super::refuse_words(&words(&["kubectl", "logs", "<pod>"])).is_err());
        assert!(super::refuse_words(&words(&["kubectl", "get", "-n{{ ns }}"])).is_err());
        assert!(super::refuse_words(&words(&["ls", "a\rb"])).is_err());
        assert!(super::refuse_words(&words(&["grep", "<pod>", "it's"])).is_ok());
        assert!(super::refuse_words(&words(&["psql", "-c", "select 1 < 2 and 3 > 2"])).is_ok());
    }

    #[test]
    fn long_and_deep_texts_are_refused() {
        assert!(refuse(&"x".repeat(1 << 20)).is_err());
        assert!(refuse(&"(".repeat(5_000)).is_err());
        assert!(refuse(&"$(".repeat(33)).is_err());
        assert!(refuse("echo ((1))").is_ok());
    }

    #[test]
    fn characters_that_nobody_sees_are_refused() {
        for letter in [
            '\0', '\r', '\u{1b}', '\u{7f}', '\u{202e}', '\u{200b}', '\u{2066}', '\u{feff}',
            '\u{ad}',
        ] {
            assert!(refuse(&format!("ls{letter}x")).is_err(), "{letter:?}");
        }
        assert!(refuse("echo 'größer ✓ \u{fe0f}'\n\tls").is_ok());
    }
}
