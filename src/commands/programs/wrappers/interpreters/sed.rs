//! `sed`: its script is read command by command; `w` writes files, `e` runs commands, `-i` edits the files themselves.

use super::{Call, Found, Word, own_content, reads, starts};
use crate::commands::programs::files::paths::printed;
use crate::commands::programs::wrappers::{nested_text, tables, unknown_flags, writes};
use crate::commands::word::Stdin;

/// What a script does beside printing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Deed {
    Reads(String),
    Writes(String),
    Runs(String),
    RunsLines,
    Unknown(String),
}

pub(super) fn sed(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::SED.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["help", "version"]) {
        return;
    }
    let mut scripts: Vec<Word> = parsed.values(&["e", "expression"]).cloned().collect();
    for file in parsed.values(&["f", "file"]) {
        match file.known().and_then(|path| own_content(path, call)) {
            Some(text) => scripts.push(Word::Known(text)),
            None => starts(
                file.text(),
                call.setting,
                found,
                "what the script holds is not known",
            ),
        }
    }
    let from_flags = parsed.has(&["e", "expression", "f", "file"]);
    let files = if from_flags {
        &parsed.words[..]
    } else {
        scripts.extend(parsed.words.first().cloned());
        parsed.words.get(1..).unwrap_or_default()
    };
    let script = scripts
        .iter()
        .map(Word::text)
        .collect::<Vec<_>>()
        .join("\n");
    if scripts.iter().any(|script| script.known().is_none()) {
        if scripts.iter().any(|script| script.text().starts_with('$')) {
            found.unknown_code(&call.setting.place, "sed", "the script is not known");
        }
        found.opaque("a part of the script is not known");
    }
    for deed in deeds(&script) {
        carry_out(deed, call, found);
    }
    let in_place = parsed
        .flags
        .iter()
        .rev()
        .find(|flag| flag.name == "i" || flag.name == "in-place");
    match in_place {
        Some(flag) => {
            let ending = flag.value.as_ref().map_or("", Word::text);
            for file in files {
                super::perl::in_place(file, ending, call, found);
            }
        }
        None => reads(files, call, found),
    }
}

fn carry_out(deed: Deed, call: &Call<'_>, found: &mut Found) {
    match deed {
        Deed::Reads(path) => printed(&Word::Known(path), &call.setting.place, found),
        Deed::Writes(path) => writes(&path, call, found),
        Deed::Runs(command) => nested_text(&Word::Known(command), &Stdin::Nothing, call, found),
        Deed::RunsLines => {
            found.unknown_code(&call.setting.place, "sed", "`e` runs lines as commands");
        }
        Deed::Unknown(rest) => found.unknown_code(
            &call.setting.place,
            "sed",
            format!("what `{rest}` means in a script of `sed` is not known"),
        ),
    }
}

/// What a script does, until the first command that is not known.
fn deeds(script: &str) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let mut rest = script;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', ';', '}']);
        if rest.is_empty() {
            return deeds;
        }
        match command(rest, &mut deeds) {
            Some(more) => rest = more,
            None => {
                deeds.push(Deed::Unknown(rest.chars().take(40).collect()));
                return deeds;
            }
        }
    }
}

/// Reads one command; what follows it.
fn command<'s>(text: &'s str, deeds: &mut Vec<Deed>) -> Option<&'s str> {
    let text = address(text)?;
    let mut letters = text.chars();
    let name = letters.next()?;
    let rest = letters.as_str();
    match name {
        '{' | '=' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x' | 'z' | 'F' => {
            Some(rest)
        }
        'l' | 'q' | 'Q' | 'L' => {
            Some(rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ' '))
        }
        '#' => Some(line(rest).1),
        ':' | 'b' | 't' | 'T' | 'v' => {
            Some(rest.trim_start_matches(|letter| !matches!(letter, ';' | '\n' | '}')))
        }
        'a' | 'i' | 'c' => Some(inserted(rest)),
        'r' | 'R' => {
            let (path, rest) = line(rest);
            deeds.push(Deed::Reads(path.trim().to_owned()));
            Some(rest)
        }
        'w' | 'W' => {
            let (path, rest) = line(rest);
            deeds.push(Deed::Writes(path.trim().to_owned()));
            Some(rest)
        }
        'e' => {
            let (command, rest) = line(rest);
            deeds.push(match command.trim() {
                "" => Deed::RunsLines,
                command => Deed::Runs(command.to_owned()),
            });
            Some(rest)
        }
        's' => substitution(rest, deeds),
        'y' => {
            let mark = rest.chars().next()?;
            let rest = until(rest.get(mark.len_utf8()..)?, mark, false)?;
            until(rest, mark, false)
        }
        _ => None,
    }
}

/// The rest of the line, and what follows it.
fn line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// The text of `a`, `i` and `c`: to the end of the line, and on where that ends in a backslash.
fn inserted(text: &str) -> &str {
    let mut rest = text;
    loop {
        let (first, more) = line(rest);
        rest = more;
        if !first.ends_with('\\') || rest.is_empty() {
            return rest;
        }
    }
}

fn substitution<'s>(text: &'s str, deeds: &mut Vec<Deed>) -> Option<&'s str> {
    let mark = text
        .chars()
        .next()
        .filter(|mark| *mark != '\n' && *mark != '\\')?;
    let rest = until(text.get(mark.len_utf8()..)?, mark, true)?;
    let mut rest = until(rest, mark, false)?;
    loop {
        let flag = rest.chars().next();
        match flag {
            Some('g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9') => {}
            Some('e') => deeds.push(Deed::RunsLines),
            Some('w') => {
                let (path, more) = line(rest.get(1..)?);
                deeds.push(Deed::Writes(path.trim().to_owned()));
                return Some(more);
            }
            None | Some(';' | '\n' | '}' | ' ' | '\t' | '#') => return Some(rest),
            Some(_) => return None,
        }
        rest = rest.get(1..)?;
    }
}

/// What follows the next mark that is not escaped; in a pattern, brackets hide it.
fn until(text: &str, mark: char, pattern: bool) -> Option<&str> {
    let mut letters = text.char_indices();
    let mut bracket = false;
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if !bracket => {
                letters.next();
            }
            letter if letter == mark && !bracket => return text.get(at + letter.len_utf8()..),
            '[' if pattern && !bracket && mark != '[' => {
                bracket = text
                    .get(at..)
                    .is_some_and(|rest| rest.trim_start_matches(['[', '^', ']']).contains(']'));
            }
            ']' if bracket => {
                bracket = text
                    .get(..at)
                    .is_some_and(|before| before.ends_with('[') || before.ends_with("[^"));
            }
            _ => {}
        }
    }
    None
}

/// Takes off the lines that a command is for.
fn address(text: &str) -> Option<&str> {
    let mut rest = one_address(text)?.trim_start_matches([' ', '\t']);
    if let Some(more) = rest.strip_prefix(',') {
        let more = more
            .trim_start_matches([' ', '\t'])
            .trim_start_matches(['+', '~']);
        rest = one_address(more)?.trim_start_matches([' ', '\t']);
    }
    Some(rest.trim_start_matches(['!', ' ', '\t']))
}

fn one_address(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    let rest = match first {
        '0'..='9' => {
            return Some(
                text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '~'),
            );
        }
        '$' => return text.get(1..),
        '/' => until(text.get(1..)?, '/', true)?,
        '\\' => {
            let mark = text.chars().nth(1)?;
            until(text.get(1 + mark.len_utf8()..)?, mark, true)?
        }
        _ => return Some(text),
    };
    Some(rest.trim_start_matches(['I', 'M']))
}

#[cfg(test)]
mod tests {
    use super::{Deed, deeds};

    #[test]
    fn scripts_that_only_print_do_nothing_else() {
        for script in [
            "s/a/b/g",
            "1,10p",
            "/^#/d",
            "$!d",
            "s|/usr|/opt|gI;5q",
            "/a/,/b/{s/x/y/;p}",
            "y/abc/def/",
            "1~2p",
            "/x/I,+3p",
            "s/[/]/x/",
            "s/a\\/b/c/2",
            ":a;N;$!ba;s/\\n/ /g",
            "1i\\hello",
            "a text w /etc/passwd",
            "\\%x%d",
            "/[]/]/d",
            "$p",
            "2q5",
            "s/x/y/;#e",
            "/e/p",
            "/w/d",
            "/a/!p",
            "1!G;h;$!d",
            "/foo/ s//bar/",
        ] {
            assert_eq!(deeds(script), vec![], "{script}");
        }
    }

    #[test]
    fn scripts_that_write_and_run_are_seen() {
        let writes = |path: &str| vec![Deed::Writes(path.to_owned())];
        assert_eq!(deeds("s/a/b/w /tmp/x"), writes("/tmp/x"));
        assert_eq!(deeds("/x/w /tmp/x"), writes("/tmp/x"));
        assert_eq!(deeds("p;w/tmp/x\np"), writes("/tmp/x"));
        assert_eq!(
            deeds("1e rm -rf /"),
            vec![Deed::Runs("rm -rf /".to_owned())]
        );
        assert_eq!(deeds("s/a/b/e"), vec![Deed::RunsLines]);
        assert_eq!(deeds("s/a/b/ge"), vec![Deed::RunsLines]);
        assert_eq!(deeds("/x/e"), vec![Deed::RunsLines]);
        assert_eq!(deeds("s,[,],b,e"), vec![Deed::RunsLines]);
        assert!(matches!(deeds("k")[..], [Deed::Unknown(_)]));
    }
}
