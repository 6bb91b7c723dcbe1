//! find: looks for files, and does something with each.

use super::paths::{Write, looked_at, printed, removed, written};
use crate::commands::found::Found;
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{has_word, program};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;

/// Tests and options that take one word.
const ONE: &str = "-name -iname -path -ipath -wholename -iwholename -regex -iregex -lname -ilname -type -xtype -size -mtime -atime -ctime -mmin \
    -amin -cmin -newer -anewer -cnewer -newermt -newerat -newerct -newerBt -newermm -user -group -uid -gid -perm -maxdepth -mindepth -links \
    -inum -samefile -fstype -printf -regextype -used -context -D -flags";
/// Tests and options that take none.
const NONE: &str = "-print -print0 -ls -prune -empty -not -a -o -and -or ! ( ) , -xdev -mount -depth -d -follow -true -false -readable -writable \
    -executable -nouser -nogroup -daystart -noleaf -ignore_readdir_race -noignore_readdir_race -nowarn -warn -quit -help --help -version --version -X -E -s -x";

/// What the walk says about the files that it comes to.
#[derive(Default)]
struct Walk<'a> {
    starts: Vec<&'a Word>,
    name: Option<&'a Word>,
}

impl Walk<'_> {
    /// A word that stands for any file that is found.
    fn any(&self) -> Word {
        let start = self.starts.first().map_or(".", |word| word.text());
        let name = match self.name {
            Some(Word::Known(name)) => name.as_str(),
            _ => "",
        };
        let text = format!("{}/**{name}", start.trim_end_matches('/'));
        if self.starts.iter().all(|word| word.known().is_some()) && self.starts.len() <= 1 {
            Word::Glob(text)
        } else {
            self.several(name)
        }
    }

    fn several(&self, name: &str) -> Word {
        let unknown = self
            .starts
            .iter()
            .find(|word| matches!(word, Word::Unknown(_)));
        match unknown {
            Some(start) => Word::Unknown(format!("{}/**{name}", start.text())),
            None => Word::Glob(format!("/**{name}")),
        }
    }
}

/// find.
pub(super) fn find(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    let mut walk = Walk::default();
    let mut rest = call.arguments;
    starts(&mut rest, &mut walk, found);
    walk.name = name(rest);
    for word in &walk.starts {
        looked_at(word, place, found);
    }
    while let Some((word, after)) = rest.split_first() {
        rest = expression(word, after, &walk, call, found);
    }
}

/// The places where the walk begins: all words up to the first that begins the expression.
fn starts<'a>(rest: &mut &'a [Word], walk: &mut Walk<'a>, found: &mut Found) {
    while let Some((word, after)) = rest.split_first() {
        let text = word.text();
        match text {
            "-H" | "-L" | "-P" => {}
            _ if text.starts_with("-O") => {}
            _ if text.starts_with(['-', '!', '(', ',']) => return,
            _ => {
                if !is_place(word, walk.starts.is_empty()) {
                    return;
                }
                if matches!(word, Word::Unknown(_)) {
                    found.bounded(format!("`{text}` is not known before it runs"));
                }
                walk.starts.push(word);
            }
        }
        *rest = after;
    }
}

/// Whether a word can only be a place to begin at. A variable alone may also be `-delete`: it is believed at the beginning, by its name.
fn is_place(word: &Word, first: bool) -> bool {
    let Word::Unknown(text) = word else {
        return true;
    };
    if !begins(text) || text.starts_with("$HOME/") || text.starts_with("$PWD/") {
        return true;
    }
    let name: String = text
        .trim_start_matches(['$', '{'])
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .collect::<String>()
        .to_ascii_uppercase();
    let says = [
        "DIR",
        "PATH",
        "FOLDER",
        "ROOT",
        "HOME",
        "BASE",
        "PWD",
        "LOC",
        "TARGET",
        "SRC",
        "SOURCE",
        "DEST",
        "MOUNT",
        "WORKSPACE",
    ];
    first && says.iter().any(|word| name.contains(word))
}

/// The one name that is looked for, if the expression names one.
fn name(expression: &[Word]) -> Option<&Word> {
    let mut names = expression
        .windows(2)
        .filter(|pair| {
            pair.first()
                .is_some_and(|word| has_word("-name -iname", word.text()))
        })
        .filter_map(|pair| pair.last());
    let alternatives = expression
        .iter()
        .any(|word| has_word("-o -or ! -not ,", word.text()));
    let name = names.next()?;
    (names.next().is_none() && !alternatives).then_some(name)
}

fn expression<'a>(
    word: &Word,
    after: &'a [Word],
    walk: &Walk<'_>,
    call: &Call<'_>,
    found: &mut Found,
) -> &'a [Word] {
    let place = &call.setting.place;
    let text = word.text();
    let skip = |count: usize| after.get(count.min(after.len())..).unwrap_or_default();
    if word.known().is_none() && begins(text) {
        found.unknown_code(
            place,
            text,
            format!("`{text}`: what find does with the files is not known"),
        );
        return after;
    }
    match text {
        // What stands in the file is printed, at the latest where there is nothing of that name.
        "-files0-from" => {
            if let Some(file) = after.first() {
                printed(file, place, found);
            }
            return value(after, found);
        }
        "-delete" => removed(&walk.any(), place, found),
        "-exec" | "-execdir" | "-ok" | "-okdir" => return execute(text, after, walk, call, found),
        "-fprint" | "-fprint0" | "-fls" => {
            write(after.first(), call, found);
            return skip(1);
        }
        "-fprintf" => {
            write(after.first(), call, found);
            return skip(2);
        }
        _ if has_word(ONE, text) || text.starts_with("-newer") => return value(after, found),
        _ if has_word(NONE, text) => {}
        _ => {
            act(Does::Alter, program(place, call), Reach::Unknown, found);
            found.opaque(format!("`find`: `{text}` is not known to the gate"));
        }
    }
    after
}

fn begins(text: &str) -> bool {
    text.starts_with(['$', '`', '-'])
}

fn value<'a>(after: &'a [Word], found: &mut Found) -> &'a [Word] {
    let Some((value, rest)) = after.split_first() else {
        return after;
    };
    if let Word::Unknown(text) = value {
        found.bounded(format!("`{text}` is not known before it runs"));
    }
    rest
}

fn write(file: Option<&Word>, call: &Call<'_>, found: &mut Found) {
    if let Some(file) = file {
        written(file, Write::Replace, &call.setting.place, found);
    }
}

/// `-exec COMMAND {} ;`: the command is judged with a word in the place of `{}` that stands for any file found.
fn execute<'a>(
    flag: &str,
    after: &'a [Word],
    walk: &Walk<'_>,
    call: &Call<'_>,
    found: &mut Found,
) -> &'a [Word] {
    let end = after.iter().enumerate().position(|(number, word)| {
        let plus = word.text() == "+"
            && number > 0
            && after
                .get(number - 1)
                .is_some_and(|word| word.text() == "{}");
        word.text() == ";" || word.text() == "\\;" || plus
    });
    let length = end.unwrap_or(after.len());
    let any = match flag {
        "-execdir" | "-okdir" => match walk.any() {
            Word::Glob(text) => Word::Glob(text),
            word => word,
        },
        _ => walk.any(),
    };
    let command: Vec<Word> = after
        .get(..length)
        .unwrap_or_default()
        .iter()
        .map(|word| fill(word, &any))
        .collect();
    match call.setting.deeper() {
        Some(mut setting) if !command.is_empty() => {
            if matches!(flag, "-execdir" | "-okdir") {
                setting.folder.enter(None);
            }
            crate::commands::programs::judge(&command, &Stdin::Nothing, &setting, found);
        }
        Some(_) => {}
        None => found.unknown_code(
            &call.setting.place,
            "find",
            "commands stand too deep in each other",
        ),
    }
    after.get(length + 1..).unwrap_or_default()
}

/// `{}` in a word becomes the file; as a part of a word, or inside the text of a shell, it is not known.
fn fill(word: &Word, any: &Word) -> Word {
    match word.text() {
        "{}" => any.clone(),
        text if text.contains("{}") => Word::Unknown(text.replace("{}", "$FOUND")),
        _ => word.clone(),
    }
}
