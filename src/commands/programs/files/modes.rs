//! Who may do what with a file: chmod, chown, access lists, attributes.

use super::{
    super::{
        super::{
            flags::Table,
            found::Found,
            word::{Call, Word},
        },
        host::{
            does::{Does, act},
            sheet::{named, parse, program, table, words},
        },
    },
    guard::{Guard, guard_of, is_program, is_system_folder, is_system_path},
    paths::unsure,
    secrets::{Sight, sight},
};
use crate::domain::effect::Reach;

const CHOWN: Table = table(
    words!("from reference"),
    words!(
        "c f H h L P R v x changes dereference help no-dereference no-preserve-root preserve-root quiet recursive silent verbose version"
    ),
    &[],
);

const SETFACL: Table = table(
    words!("m M x X set set-file restore modify modify-file remove remove-file"),
    words!(
        "b k n d R L P v h default logical mask no-mask physical recursive remove-all remove-default test version help"
    ),
    &[],
);

/// What a mode means for others than the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nobody but the owner may do anything.
    Tight,
    /// The usual.
    Usual,
    /// Everybody may write, or the file runs with its owner's rights.
    Open,
}

/// Whether a mode lets everybody write, or lets a program run with the rights of its owner.
pub(super) fn opens(mode: &str) -> bool {
    read_mode(mode) == Mode::Open
}

fn read_mode(mode: &str) -> Mode {
    if !mode.is_empty() && mode.bytes().all(|byte| byte.is_ascii_digit()) {
        return octal(mode);
    }
    let clauses: Vec<Mode> = mode.split(',').map(clause).collect();
    if clauses.contains(&Mode::Open) {
        Mode::Open
    } else if clauses.contains(&Mode::Usual) {
        Mode::Usual
    } else {
        Mode::Tight
    }
}

fn octal(mode: &str) -> Mode {
    let Ok(bits) = u32::from_str_radix(mode, 8) else {
        return Mode::Open;
    };
    match bits {
        bits if bits & 0o6002 != 0 => Mode::Open,
        bits if bits % 0o100 == 0 => Mode::Tight,
        _ => Mode::Usual,
    }
}

/// One clause: `u+x`, `go-rwx`, `a=rX`.
fn clause(clause: &str) -> Mode {
    let Some(place) = clause.find(['+', '-', '=']) else {
        return Mode::Open;
    };
    let (who, change) = clause.split_at(place);
    let others = who.contains(['o', 'a']);
    let more = others || who.contains('g') || who.is_empty();
    let mut adds = true;
    let mut mode = Mode::Tight;
    for letter in change.chars() {
        match letter {
            '+' | '=' => adds = true,
            '-' => adds = false,
            _ if !adds => {}
            's' => return Mode::Open,
            'w' if others => return Mode::Open,
            'u' | 'g' | 'o' if others => return Mode::Open,
            _ if more => mode = Mode::Usual,
            _ => {}
        }
    }
    mode
}

/// chmod.
pub(super) fn chmod(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let mut asked = Asked::default();
    for word in call.arguments {
        asked.take(word);
    }
    if matches!(call.arguments, [word] if word.text() == "--help" || word.text() == "--version") {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if let Some(unknown) = asked.unknown {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`chmod`: the flag `{unknown}` is not known to the gate"
        ));
    }
    let mode = match asked.mode {
        Some(Word::Known(mode)) => read_mode(mode),
        None if asked.reference => Mode::Usual,
        Some(_) | None => Mode::Open,
    };
    if asked.reference {
        found.opaque("the rights are those of another file");
    }
    if asked.mode.is_some_and(|mode| mode.known().is_none()) {
        found.opaque("which rights are given is not known");
    }
    for file in &asked.files {
        let does = rights(file, mode, asked.recursive);
        changed(does, file, asked.recursive, call, found);
    }
}

#[derive(Default)]
struct Asked<'a> {
    mode: Option<&'a Word>,
    files: Vec<&'a Word>,
    recursive: bool,
    dashes: bool,
    /// The rights are those of another file.
    reference: bool,
    unknown: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn take(&mut self, word: &'a Word) {
        let text = word.text();
        let flag = !self.dashes && text.len() > 1 && text.starts_with('-');
        match text {
            "--" if flag => self.dashes = true,
            _ if flag && text.starts_with("--") => self.long(text),
            _ if flag
                && text
                    .chars()
                    .skip(1)
                    .all(|letter| "cfvRHLPh".contains(letter)) =>
            {
                self.recursive |= text.contains('R');
            }
            // `-x` and `-rw` are modes.
            _ if flag
                && text
                    .chars()
                    .skip(1)
                    .all(|letter| "rwxXstugo,+=-".contains(letter)) =>
            {
                self.mode = Some(word);
            }
            _ if flag => self.unknown = Some(text),
            _ if self.mode.is_none() && !self.reference => self.mode = Some(word),
            _ => self.files.push(word),
        }
    }

    fn long(&mut self, text: &'a str) {
        let name = text.trim_start_matches('-');
        match name {
            _ if name.len() >= 3 && "recursive".starts_with(name) => self.recursive = true,
            _ if name.starts_with("reference=") => self.reference = true,
            "changes" | "quiet" | "silent" | "verbose" | "preserve-root" | "no-preserve-root" => {}
            _ => self.unknown = Some(text),
        }
    }
}

fn rights(file: &Word, mode: Mode, recursive: bool) -> Does {
    let path = file.text();
    let own_key = path.contains(".ssh") || sight(file) >= Sight::Possible;
    let of_system = is_system_path(path) || is_system_folder(path);
    match mode {
        Mode::Open => Does::Grant,
        Mode::Tight if own_key && !of_system => tighter(recursive),
        _ if of_system || own_key || guard_of(file).is_some() && !is_program(path) => Does::Grant,
        _ => tighter(recursive),
    }
}

fn tighter(recursive: bool) -> Does {
    if recursive {
        Does::Alter
    } else {
        Does::Undo("give {} the rights back that `stat` shows before")
    }
}

fn changed(does: Does, file: &Word, recursive: bool, call: &Call<'_>, found: &mut Found) {
    let reach = if recursive || file.known().is_none() {
        Reach::Unknown
    } else {
        Reach::Exactly(1)
    };
    act(does, named("file", file, &call.setting.place), reach, found);
    unsure(file, found);
}

/// chown and chgrp.
pub(super) fn chown(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&CHOWN, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if parsed.shows(&["help", "version"]) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if !parsed.unknown.is_empty() {
        act(Does::Grant, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
    let recursive = parsed.has(&["R", "recursive"]);
    let skipped = usize::from(parsed.value(&["reference"]).is_none());
    if let Some(word @ Word::Unknown(_)) = parsed.words.first() {
        found.bounded(format!(
            "`{}`: to whom the files go is not known",
            word.text()
        ));
    }
    for file in parsed.words.iter().skip(skipped) {
        let path = file.text();
        let of_system = is_system_path(path) || recursive && is_system_folder(path);
        let guarded = guard_of(file).is_some_and(|guard| guard >= Guard::Breaks);
        let does = match of_system || guarded || sight(file) >= Sight::Possible {
            true => Does::Grant,
            false if recursive => Does::Alter,
            false => Does::Undo("give {} back to the owner that `stat` shows before"),
        };
        changed(does, file, recursive, call, found);
    }
}

/// setfacl: access lists are about access, whoever owns the file.
pub(super) fn setfacl(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&SETFACL, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if parsed.unknown.is_empty() && parsed.shows(&["test", "help", "version"]) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    for file in &parsed.words {
        act(
            Does::Grant,
            named("file", file, place),
            Reach::Exactly(1),
            found,
        );
        unsure(file, found);
    }
    if parsed.words.is_empty() || !parsed.unknown.is_empty() {
        act(Does::Grant, program(place, call), Reach::Unknown, found);
    }
}

/// chattr.
pub(super) fn chattr(call: &Call<'_>, found: &mut Found) {
    let is_change = |word: &&Word| word.text().starts_with(['+', '=', '-']);
    let recursive = call.arguments.iter().any(|word| word.text() == "-R");
    let freezes = call
        .arguments
        .iter()
        .any(|word| word.text().starts_with(['+', '=']) && word.text().contains(['i', 'a']));
    let place = &call.setting.place;
    for file in call.arguments.iter().filter(|word| !is_change(word)) {
        let grave = is_system_path(file.text())
            || guard_of(file).is_some()
            || sight(file) >= Sight::Possible;
        let does = match grave {
            true => Does::Grant,
            // A service that may no longer write its data stops.
            false if freezes && file.text().starts_with("/var/") => Does::Cut,
            false if recursive => Does::Alter,
            false => Does::Undo("set the attributes of {} that `lsattr` shows before"),
        };
        act(does, named("file", file, place), Reach::Exactly(1), found);
        unsure(file, found);
    }
    if call.arguments.iter().all(|word| is_change(&word)) {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, read_mode};

    #[test]
    fn modes_are_read_as_chmod_reads_them() {
        for mode in [
            "777",
            "0777",
            "666",
            "4755",
            "2755",
            "u+s",
            "a+w",
            "o+rw",
            "a+rwx",
            "ugo=rwx",
            "u=rwx,o=u",
            "02755",
            "99",
        ] {
            assert_eq!(read_mode(mode), Mode::Open, "{mode}");
        }
        for mode in ["600", "0400", "700", "go-rwx", "u=rw,go=", "u+x", "o-w"] {
            assert_eq!(read_mode(mode), Mode::Tight, "{mode}");
        }
        for mode in ["644", "755", "+x", "a+x", "g+w", "ug+rwX", "-w", "1755"] {
            let read = read_mode(mode);
            assert!(read == Mode::Usual || mode == "-w", "{mode}: {read:?}");
        }
    }
}
