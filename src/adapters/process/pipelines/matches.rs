//! Names of files that match a pattern (POSIX shell, 2.13): `*`, `?`, `[a-z]`, `[!a-z]`; in the order of their bytes.

use super::words::Letter;
use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
};

/// One part of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Atom {
    /// This character.
    One(char),
    /// Any character.
    Any,
    /// Any characters.
    Many,
    /// One of these, or none of these.
    Class {
        among: Vec<(char, char)>,
        wanted: bool,
    },
}

/// The files that match, seen from a folder; none where nothing in the word is a pattern.
pub(super) fn of(word: &[Letter], folder: &Path) -> Vec<OsString> {
    let mut found = vec![Vec::new()];
    let mut matched = false;
    for part in word.split_inclusive(|letter| letter.byte == b'/') {
        let slashed = part.last().is_some_and(|letter| letter.byte == b'/');
        let name = part
            .get(..part.len() - usize::from(slashed))
            .unwrap_or(part);
        match atoms(name) {
            Some(atoms) => {
                matched = true;
                found = found
                    .iter()
                    .flat_map(|start| names(start, &atoms, folder))
                    .collect();
            }
            None => found.iter_mut().for_each(|start| start.extend(bytes(name))),
        }
        if slashed {
            found.iter_mut().for_each(|start| start.push(b'/'));
        }
    }
    found.retain(|path| matched && exists(path, folder));
    found.sort();
    found.into_iter().map(OsString::from_vec).collect()
}

fn bytes(letters: &[Letter]) -> impl Iterator<Item = u8> {
    letters.iter().map(|letter| letter.byte)
}

fn place(path: &[u8], folder: &Path) -> std::path::PathBuf {
    folder.join(std::ffi::OsStr::from_bytes(path))
}

fn exists(path: &[u8], folder: &Path) -> bool {
    place(path, folder).symlink_metadata().is_ok()
}

/// What stands in a folder and fits, each with the way to it before it.
fn names(start: &[u8], atoms: &[Atom], folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(place(start, folder)) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let hidden = name.as_bytes().starts_with(b".") && atoms.first() != Some(&Atom::One('.'));
        let letters: Vec<char> = name.to_string_lossy().chars().collect();
        if !hidden && fits(atoms, &letters) {
            names.push([start, name.as_bytes()].concat());
        }
    }
    names
}

/// The parts of a pattern; none where every character stands for itself.
fn atoms(name: &[Letter]) -> Option<Vec<Atom>> {
    let bytes: Vec<u8> = bytes(name).collect();
    let text = std::str::from_utf8(&bytes).ok()?;
    let letters: Vec<(char, bool)> = text
        .char_indices()
        .map(|(place, letter)| (letter, name.get(place).is_none_or(|at| at.itself)))
        .collect();
    let (mut atoms, mut place, mut pattern) = (Vec::new(), 0, false);
    while let Some((letter, itself)) = letters.get(place) {
        let class = (!itself && *letter == '[')
            .then(|| class(&letters, place + 1))
            .flatten();
        pattern |= !itself && matches!(letter, '*' | '?') || class.is_some();
        match (letter, itself, class) {
            (_, _, Some((class, end))) => {
                atoms.push(class);
                place = end;
                continue;
            }
            ('*', false, _) => atoms.push(Atom::Many),
            ('?', false, _) => atoms.push(Atom::Any),
            (letter, ..) => atoms.push(Atom::One(*letter)),
        }
        place += 1;
    }
    pattern.then_some(atoms)
}

/// `[…]` from behind its bracket, and the place behind it; none where nothing closes it.
fn class(letters: &[(char, bool)], from: usize) -> Option<(Atom, usize)> {
    let wanted = letters.get(from) != Some(&('!', false));
    let first = from + usize::from(!wanted);
    let (mut place, mut among) = (first, Vec::new());
    loop {
        let (letter, itself) = *letters.get(place)?;
        if letter == ']' && !itself && place > first {
            return Some((Atom::Class { among, wanted }, place + 1));
        }
        let ranges = letters.get(place + 1) == Some(&('-', false));
        match letters.get(place + 2).filter(|_| ranges) {
            Some((last, itself)) if *last != ']' || *itself => {
                among.push((letter, *last));
                place += 3;
            }
            _ => {
                among.push((letter, letter));
                place += 1;
            }
        }
    }
}

fn fits(atoms: &[Atom], name: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    // Where the last `*` stands, and how much of the name it has taken.
    let mut many: Option<(usize, usize)> = None;
    while let Some(letter) = name.get(place) {
        match atoms.get(at) {
            Some(Atom::Many) => {
                many = Some((at, place));
                at += 1;
            }
            Some(atom) if is(atom, *letter) => {
                at += 1;
                place += 1;
            }
            _ => match &mut many {
                Some((star, taken)) => {
                    *taken += 1;
                    (at, place) = (*star + 1, *taken);
                }
                None => return false,
            },
        }
    }
    atoms
        .get(at..)
        .unwrap_or_default()
        .iter()
        .all(|atom| *atom == Atom::Many)
}

fn is(atom: &Atom, letter: char) -> bool {
    match atom {
        Atom::One(one) => *one == letter,
        Atom::Any | Atom::Many => true,
        Atom::Class { among, wanted } => {
            among
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&letter))
                == *wanted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Letter, of};
    use std::{fs, os::unix::fs::symlink};

    fn word(text: &str) -> Vec<Letter> {
        let bytes = text.bytes();
        bytes
            .map(|byte| Letter {
                byte,
                itself: false,
            })
            .collect()
    }

    #[test]
    fn patterns_stand_for_the_files_that_match() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.log",
            "b.log",
            "B.log",
            ".c.log",
            "d[1]",
            "é",
            "sub/x.log",
            "sub/y",
            "tail-",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        symlink("/nowhere", folder.path().join("gone")).unwrap();
        for (pattern, wanted) in [
            ("*.log", "B.log a.log b.log"),
            ("[ab].log", "a.log b.log"),
            ("[!a-b].log", "B.log"),
            ("[A-Z].log", "B.log"),
            (".*.log", ".c.log"),
            ("?", "é"),
            ("*/", "sub/"),
            ("*/*", "sub/x.log sub/y"),
            ("s?b/y", "sub/y"),
            ("s*/z", ""),
            ("gon?", "gone"),
            ("gon?/x", ""),
            ("d[[]1]", "d[1]"),
            ("d[", ""),
            ("a.log", ""),
            ("tail[a-]", "tail-"),
            ("*a*l*", "a.log tail-"),
            ("./*.log", "./B.log ./a.log ./b.log"),
        ] {
            let found = of(&word(pattern), folder.path());
            let found: Vec<_> = found.iter().map(|name| name.to_str().unwrap()).collect();
            assert_eq!(found.join(" "), wanted, "{pattern}");
        }
    }
}
