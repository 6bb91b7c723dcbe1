//! `awk`: its program is read token by token; `print >` writes files, `|` and `system` run commands.

use super::{Call, Found, Word, own_content, reads, starts};
use crate::commands::programs::files::paths::printed;
use crate::commands::programs::wrappers::{nested_text, tables, unknown_flags, writes};
use crate::commands::{found::object, shell, word::Stdin};
use crate::domain::effect::{Effect, Secrets, Verb};

pub(super) fn awk(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::AWK.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["help", "version", "h", "V", "C", "copyright"]) {
        return;
    }
    let loaded = parsed.values(&["i", "include", "l", "load"]);
    let (in_place, loaded): (Vec<&Word>, Vec<&Word>) =
        loaded.partition(|word| matches!(word.known(), Some("inplace" | "inplace.awk")));
    if !loaded.is_empty() {
        found.unknown_code(
            &call.setting.place,
            call.program,
            "it loads code that is not known",
        );
    }
    let mut programs: Vec<Word> = parsed.values(&["e", "source"]).cloned().collect();
    for file in parsed.values(&["f", "file", "E", "exec"]) {
        match file.known().and_then(|path| own_content(path, call)) {
            Some(text) => programs.push(Word::Known(text)),
            None => starts(
                file.text(),
                call.setting,
                found,
                "what the program holds is not known",
            ),
        }
    }
    let from_flags = parsed.has(&["e", "source", "f", "file", "E", "exec"]);
    let own = usize::from(!from_flags);
    programs.extend(parsed.words.iter().take(own).cloned());
    for program in &programs {
        judge(program, call, found);
    }
    let files = parsed.words.get(own..).unwrap_or_default();
    if in_place.is_empty() {
        reads(files, call, found);
    }
    for file in files.iter().filter(|_| !in_place.is_empty()) {
        super::perl::in_place(file, "", call, found);
    }
}

fn judge(program: &Word, call: &Call<'_>, found: &mut Found) {
    if program.known().is_none() {
        if program.text().starts_with('$') {
            return found.unknown_code(
                &call.setting.place,
                call.program,
                "the program is not known",
            );
        }
        found.opaque("a part of the program is not known");
    }
    let Some(tokens) = tokens(program.text()) else {
        return found.unknown_code(
            &call.setting.place,
            call.program,
            "the program cannot be read",
        );
    };
    Reader {
        tokens: &tokens,
        call,
    }
    .read(found);
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'p> {
    Name(&'p str),
    Number,
    Text(String),
    Pattern,
    Mark(&'p str),
    End,
}

const MARKS: [&str; 22] = [
    "|&", "||", "&&", ">>", ">=", "<=", "==", "!=", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=",
    "**", "!~", "|", ">", "<", "@",
];

fn tokens(program: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = program;
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '\n' => {
                tokens.push(Token::End);
                1
            }
            '\\' if rest.starts_with("\\\n") => 2,
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let (text, length) = between(rest, '"')?;
                tokens.push(Token::Text(shell::escapes(text)?));
                length
            }
            '/' if begins_pattern(tokens.last())? => {
                let (_, length) = pattern(rest)?;
                tokens.push(Token::Pattern);
                length
            }
            letter if letter.is_whitespace() => letter.len_utf8(),
            letter if letter.is_ascii_digit() => {
                tokens.push(Token::Number);
                rest.len()
                    - rest
                        .trim_start_matches(|letter: char| {
                            letter.is_ascii_alphanumeric() || letter == '.'
                        })
                        .len()
            }
            letter if letter.is_alphabetic() || letter == '_' => {
                let end = rest
                    .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                    .unwrap_or(rest.len());
                tokens.push(Token::Name(rest.get(..end)?));
                end
            }
            letter => {
                let mark = MARKS
                    .iter()
                    .find(|mark| rest.starts_with(**mark))
                    .map_or(letter.len_utf8(), |mark| mark.len());
                tokens.push(Token::Mark(rest.get(..mark)?));
                mark
            }
        };
        rest = rest.get(length..)?;
    }
    tokens.push(Token::End);
    Some(tokens)
}

/// Whether a slash here begins a pattern, or divides. After `)` it could be both: then nobody knows what follows.
fn begins_pattern(before: Option<&Token<'_>>) -> Option<bool> {
    match before {
        Some(Token::Mark(")")) => None,
        Some(Token::Name(name)) => Some(matches!(
            *name,
            "print" | "printf" | "return" | "in" | "case" | "getline" | "else" | "do"
        )),
        Some(Token::Number | Token::Text(_) | Token::Mark("]" | "$" | "++" | "--")) => Some(false),
        _ => Some(true),
    }
}

fn between(rest: &str, mark: char) -> Option<(&str, usize)> {
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == mark {
            return Some((rest.get(1..at)?, at + 1));
        } else if letter == '\n' {
            return None;
        }
    }
    None
}

/// A pattern: brackets hide its end.
fn pattern(rest: &str) -> Option<(&str, usize)> {
    let mut letters = rest.char_indices().skip(1).peekable();
    let mut bracket = false;
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '[' if !bracket => {
                bracket = true;
                while letters.next_if(|(_, letter)| *letter == '^').is_some() {}
                letters.next_if(|(_, letter)| *letter == ']');
            }
            ']' => bracket = false,
            '/' if !bracket => return Some((rest.get(1..at)?, at + 1)),
            '\n' => return None,
            _ => {}
        }
    }
    None
}

struct Reader<'r, 'p> {
    tokens: &'r [Token<'p>],
    call: &'r Call<'r>,
}

impl Reader<'_, '_> {
    fn read(&self, found: &mut Found) {
        // How deep brackets stood where the statement began that prints.
        let mut printing = None;
        let mut depth = 0_usize;
        for (place, token) in self.tokens.iter().enumerate() {
            match token {
                Token::Mark("(" | "[") => depth += 1,
                Token::Mark(")" | "]") => depth = depth.saturating_sub(1),
                Token::Mark(";" | "{" | "}") => printing = None,
                Token::End if self.at(place, -1) != Some(&Token::Mark(",")) => printing = None,
                Token::Name("print" | "printf") => printing = Some(depth),
                Token::Name("system") => self.system(place, found),
                Token::Name("getline") => self.read_from(place, found),
                Token::Name("ARGV") => self.operand(place, found),
                Token::Name("ENVIRON") => self.environment(place, found),
                Token::Mark("@" | "|&") => self.unknown("it calls what is not known", found),
                Token::Mark("|") => self.pipe(place, found),
                Token::Mark(">" | ">>") if printing == Some(depth) => self.written(place, found),
                _ => {}
            }
        }
    }

    fn at(&self, place: usize, by: isize) -> Option<&Token<'_>> {
        place
            .checked_add_signed(by)
            .and_then(|place| self.tokens.get(place))
    }

    fn unknown(&self, reason: &str, found: &mut Found) {
        found.unknown_code(&self.call.setting.place, self.call.program, reason);
    }

    /// Whether the token ends what stands before it.
    fn ends(token: Option<&Token<'_>>) -> bool {
        matches!(
            token,
            None | Some(Token::End | Token::Mark(";" | "}" | ")"))
        )
    }

    fn runs(&self, text: &str, stdin: &Stdin, found: &mut Found) {
        nested_text(&Word::Known(text.to_owned()), stdin, self.call, found);
    }

    /// `system("command")`
    fn system(&self, place: usize, found: &mut Found) {
        match (self.at(place, 1), self.at(place, 2), self.at(place, 3)) {
            (Some(Token::Mark("(")), Some(Token::Text(text)), Some(Token::Mark(")"))) => {
                self.runs(text, &Stdin::Piped, found);
            }
            _ => self.unknown("`system` runs a text that is not known", found),
        }
    }

    /// `"command" | getline`, `print | "command"`
    fn pipe(&self, place: usize, found: &mut Found) {
        if self.at(place, 1) == Some(&Token::Name("getline")) {
            let alone = matches!(
                self.at(place, -2),
                None | Some(Token::End | Token::Mark(";" | "{" | "(" | "!"))
            );
            return match self.at(place, -1) {
                Some(Token::Text(text)) if alone => self.runs(text, &Stdin::Nothing, found),
                _ => self.unknown("`getline` runs a text that is not known", found),
            };
        }
        match self.at(place, 1) {
            Some(Token::Text(text)) if Self::ends(self.at(place, 2)) => {
                self.runs(text, &Stdin::Piped, found);
            }
            _ => self.unknown("`|` runs a text that is not known", found),
        }
    }

    /// `getline line < "file"`
    fn read_from(&self, place: usize, found: &mut Found) {
        let rest = self.tokens.get(place + 1..).unwrap_or_default();
        let ends = |token: &&Token<'_>| {
            !matches!(
                token,
                Token::End | Token::Mark(";" | "{" | "}" | ")" | "&&" | "||" | "," | ">")
            )
        };
        let length = rest.iter().take_while(ends).count();
        let from = rest
            .iter()
            .take(length)
            .position(|token| *token == Token::Mark("<"));
        let Some(from) = from else {
            return;
        };
        self.shown(place + 2 + from, found);
    }

    /// `ARGV[1] = "file"` is read as if it had been given.
    fn operand(&self, place: usize, found: &mut Found) {
        self.shown(place + 5, found);
        if self.at(place, 3) != Some(&Token::Mark("]"))
            || self.at(place, 4) != Some(&Token::Mark("="))
        {
            found.opaque("which files are read is not known");
        }
    }

    /// A text that names a file which is read.
    fn shown(&self, place: usize, found: &mut Found) {
        match self.tokens.get(place) {
            Some(Token::Text(path)) if Self::ends(self.tokens.get(place + 1)) => {
                printed(&Word::Known(path.clone()), &self.call.setting.place, found);
            }
            _ => found.opaque("which file is read is not known"),
        }
    }

    /// `print > "file"`
    fn written(&self, place: usize, found: &mut Found) {
        match self.at(place, 1) {
            Some(Token::Text(path)) if Self::ends(self.at(place, 2)) => {
                writes(path, self.call, found);
            }
            _ => {
                writes("(unknown)", self.call, found);
                found.opaque("which file is written is not known");
            }
        }
    }

    /// `ENVIRON["HOME"]`
    fn environment(&self, place: usize, found: &mut Found) {
        let named = match (self.at(place, 1), self.at(place, 2)) {
            (Some(Token::Mark("[")), Some(Token::Text(name))) => !shell::is_secret(name),
            _ => false,
        };
        if !named {
            found.effect(Effect {
                secrets: Secrets::Values,
                ..Effect::read(
                    Verb::Read,
                    object(&self.call.setting.place, "environment", "every variable"),
                )
            });
        }
    }
}
