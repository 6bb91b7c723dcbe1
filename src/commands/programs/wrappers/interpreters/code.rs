//! A program read word by word: it is harmless if every function that it calls, every member that it asks for and every module that it
//! loads is on a list. Nothing is run, nothing is understood beyond that; what is not on a list is named.

use crate::commands::programs::files::secrets::discloses;

/// What a language calls things, and which of them only compute and print.
#[derive(Debug)]
pub(super) struct Language {
    pub(super) name: &'static str,
    /// What begins a comment.
    pub(super) comment: &'static str,
    /// Words of the language itself.
    pub(super) keywords: &'static [&'static str],
    /// Functions, and names that may stand alone.
    pub(super) names: &'static [&'static str],
    /// What may follow a dot.
    pub(super) members: &'static [&'static str],
    /// What may be loaded.
    pub(super) modules: &'static [&'static str],
    /// Names that may not even be mentioned, where other names may.
    pub(super) forbidden: &'static [&'static str],
    /// What inside double quotation marks is code again.
    pub(super) interpolates: &'static [&'static str],
    /// Marks that begin what is not read here.
    pub(super) marks: &'static [&'static str],
    /// A word alone may be a call.
    pub(super) calls_without_brackets: bool,
}

/// A piece of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'c> {
    Word(&'c str),
    Text(&'c str),
    Mark(char),
    End,
}

impl Language {
    /// Whether a program only computes and prints; otherwise the word that says it may not.
    pub(super) fn look<'c>(&self, code: &'c str) -> Result<(), &'c str> {
        if let Some(mark) = self
            .marks
            .iter()
            .find_map(|mark| code.find(mark).and_then(|at| code.get(at..at + mark.len())))
        {
            return Err(mark);
        }
        let pieces = self.pieces(code)?;
        let own = bound(&pieces);
        for (place, piece) in pieces.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|place| pieces.get(place));
            let after = pieces.get(place + 1);
            match piece {
                Piece::Word(word) => self.word(word, before, after, &own, &pieces, place)?,
                // `x["y"]()`, `f()()`: what is called was computed.
                Piece::Mark('(') if matches!(before, Some(Piece::Mark(')' | ']'))) => {
                    return Err("a call of what was computed");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn word<'c>(
        &self,
        word: &'c str,
        before: Option<&Piece<'c>>,
        after: Option<&Piece<'c>>,
        own: &[&str],
        pieces: &[Piece<'c>],
        place: usize,
    ) -> Result<(), &'c str> {
        let listed = |list: &[&str]| list.contains(&word);
        let refuse = |fine: bool| if fine { Ok(()) } else { Err(word) };
        if word.starts_with(|letter: char| letter.is_ascii_digit()) {
            return Ok(());
        }
        if before == Some(&Piece::Mark('.')) {
            return refuse(listed(self.members));
        }
        if matches!(word, "import" | "from") && listed(self.keywords) {
            return self.import(pieces, place);
        }
        if matches!(word, "require" | "include") {
            let text = pieces
                .iter()
                .skip(place + 1)
                .find(|piece| **piece != Piece::Mark('('));
            return match text {
                Some(Piece::Text(text)) if discloses(text) => Err(word),
                Some(Piece::Text(text))
                    if self.modules.contains(text)
                        || text
                            .rsplit_once('.')
                            .is_some_and(|(_, ending)| ending == "json") =>
                {
                    Ok(())
                }
                _ => Err(word),
            };
        }
        let called = after == Some(&Piece::Mark('('));
        // `{name: value}`
        if after == Some(&Piece::Mark(':')) && !called {
            return refuse(!listed(self.forbidden));
        }
        if called || self.calls_without_brackets {
            return refuse(listed(self.names) || listed(self.keywords) || own.contains(&word));
        }
        refuse(!listed(self.forbidden) && !word.starts_with("__"))
    }

    /// `import a, b as c`, `from a import b`: the modules must be on the list, and so must the names taken from them.
    fn import<'c>(&self, pieces: &[Piece<'c>], place: usize) -> Result<(), &'c str> {
        let from = pieces.get(place) == Some(&Piece::Word("from"));
        let mut rest = pieces
            .iter()
            .skip(place + 1)
            .take_while(|piece| **piece != Piece::End && **piece != Piece::Mark(';'))
            .peekable();
        let mut first = true;
        while let Some(piece) = rest.next() {
            let Piece::Word(word) = piece else {
                first = *piece == Piece::Mark(',') || first && *piece != Piece::Mark('.');
                continue;
            };
            match *word {
                "import" if from => return Ok(()),
                "as" => {
                    rest.next();
                }
                word if first => {
                    if !self.modules.contains(&word) {
                        return Err(word);
                    }
                    first = false;
                }
                word if self.members.contains(&word) => {}
                word => return Err(word),
            }
        }
        Ok(())
    }

    fn pieces<'c>(&self, code: &'c str) -> Result<Vec<Piece<'c>>, &'c str> {
        let mut pieces = Vec::new();
        let mut rest = code;
        while let Some(letter) = rest.chars().next() {
            let length = if rest.starts_with(self.comment) {
                rest.find('\n').unwrap_or(rest.len())
            } else if letter == '"' || letter == '\'' {
                let (text, length) = quoted(rest, letter).ok_or("a text that does not end")?;
                let formatted = matches!(pieces.last(), Some(Piece::Word(prefix)) if self.name == "python" && prefix.len() <= 2 && prefix.to_ascii_lowercase().contains('f'));
                let single = letter == '\'' && self.name != "python";
                if formatted && text.contains('{')
                    || !single && self.interpolates.iter().any(|mark| text.contains(mark))
                {
                    self.interpolated(text)?;
                }
                if formatted
                    || matches!(pieces.last(), Some(Piece::Word("r" | "b" | "u" | "rb" | "br")) if self.name == "python")
                {
                    pieces.pop();
                }
                pieces.push(Piece::Text(text));
                length
            } else if letter.is_alphanumeric() || letter == '_' {
                let end = rest
                    .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                    .unwrap_or(rest.len());
                pieces.push(Piece::Word(rest.get(..end).unwrap_or_default()));
                end
            } else {
                match letter {
                    '\n' => pieces.push(Piece::End),
                    letter if letter.is_whitespace() => {}
                    letter => pieces.push(Piece::Mark(letter)),
                }
                letter.len_utf8()
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(pieces)
    }

    /// Code inside a text: `f"{x}"`, `"#{x}"`. Only names and members stand there.
    fn interpolated<'c>(&self, text: &'c str) -> Result<(), &'c str> {
        for part in text.split('{').skip(1) {
            let (code, _) = part.split_once('}').ok_or(text)?;
            let plain = code.chars().all(|letter| {
                letter.is_ascii_alphanumeric() || "_.:,%<>^+-*/ []()'\"".contains(letter)
            });
            if !plain || code.contains('(') {
                return Err(text);
            }
            for member in code.split('.').skip(1) {
                let member = member.trim_end_matches(|letter: char| {
                    !letter.is_ascii_alphabetic() && letter != '_'
                });
                if member
                    .chars()
                    .all(|letter| letter.is_ascii_alphabetic() || letter == '_')
                    && !member.is_empty()
                    && !self.members.contains(&member)
                    && !member.ends_with('f')
                {
                    return Err(text);
                }
            }
            let name = code.split(['.', ':', '[', ' ']).next().unwrap_or_default();
            if self.forbidden.contains(&name) || name.starts_with("__") {
                return Err(text);
            }
        }
        Ok(())
    }
}

/// A text between quotation marks, and how long it is with them.
fn quoted(rest: &str, mark: char) -> Option<(&str, usize)> {
    let triple = if mark == '"' { "\"\"\"" } else { "'''" };
    if let Some(inner) = rest.strip_prefix(triple) {
        let end = inner.find(triple)?;
        return Some((inner.get(..end)?, end + 6));
    }
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == mark {
            return Some((rest.get(1..at)?, at + 1));
        }
    }
    None
}

/// Names that the program gives to its own things.
fn bound<'c>(pieces: &[Piece<'c>]) -> Vec<&'c str> {
    let mut own = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let Piece::Word(word) = piece else {
            continue;
        };
        let before = place.checked_sub(1).and_then(|place| pieces.get(place));
        let assigned = pieces.get(place + 1) == Some(&Piece::Mark('='))
            && pieces.get(place + 2) != Some(&Piece::Mark('='));
        let named = matches!(
            before,
            Some(Piece::Word(
                "def" | "as" | "for" | "lambda" | "let" | "const" | "var" | "function" | "local"
            ))
        ) || matches!(before, Some(Piece::Mark('|')));
        if (assigned || named) && before != Some(&Piece::Mark('.')) {
            own.push(*word);
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use crate::commands::programs::wrappers::interpreters::languages::{PHP, PYTHON, RUBY, SCRIPT};

    #[test]
    fn programs_that_only_compute_and_print_are_harmless() {
        for code in [
            "print(1+1)",
            "import json,sys; print(json.load(sys.stdin)[\"a\"][0])",
            "import sys, json\nfor x in json.load(sys.stdin)['items']:\n  print(x['name'], f\"{x['a']}\")",
            "import sys,json; d=json.load(sys.stdin); print('\\n'.join(i['name'] for i in d['items']))",
            "import datetime; print(datetime.datetime.now().isoformat())",
            "from datetime import datetime; print(datetime.now())",
            "import base64,sys; sys.stdout.write(base64.b64decode(sys.stdin.read()).decode())",
        ] {
            assert_eq!(PYTHON.look(code), Ok(()), "{code}");
        }
        assert_eq!(RUBY.look("puts 1+1"), Ok(()));
        assert_eq!(
            RUBY.look("require 'json'; puts JSON.parse(STDIN.read)['a']"),
            Ok(())
        );
        assert_eq!(SCRIPT.look("console.log(JSON.stringify({a: 1}))"), Ok(()));
        assert_eq!(
            SCRIPT.look("console.log(require('./package.json').version)"),
            Ok(())
        );
        assert_eq!(PHP.look("echo PHP_VERSION;"), Ok(()));
    }

    #[test]
    fn everything_else_is_not() {
        for code in [
            "import os",
            "__import__('os').system('x')",
            "exec('x')",
            "open('/etc/passwd','w')",
            "import sys; sys.modules['os'].system('x')",
            "map(exec, ['x'])",
            "f = eval; f('x')",
            "getattr(x, 'y')",
            "print.__self__",
            "[c for c in ().__class__.__bases__]",
            "import json; json.codecs.open('x','w')",
            "from os import system",
            "import json as j, os as o",
            "print(f\"{__import__('os').system('x')}\")",
            "import urllib.request",
            "x['f']()",
        ] {
            assert!(PYTHON.look(code).is_err(), "{code}");
        }
        for code in [
            "system('x')",
            "system 'x'",
            "`x`",
            "%x(ls)",
            "puts \"#{`x`}\"",
            "Kernel.exec 'x'",
            "send(:system, 'x')",
            "File.delete 'x'",
        ] {
            assert!(RUBY.look(code).is_err(), "{code}");
        }
        for code in [
            "require('fs').rmSync('x')",
            "process.env",
            "[]['filter']['constructor']('x')()",
            "Function('x')()",
            "eval('x')",
            "`${x}`",
        ] {
            assert!(SCRIPT.look(code).is_err(), "{code}");
        }
        for code in [
            "system('x');",
            "`x`;",
            "$f='sys'.'tem'; $f('x');",
            "unlink('x');",
            "eval('x');",
        ] {
            assert!(PHP.look(code).is_err(), "{code}");
        }
    }
}
