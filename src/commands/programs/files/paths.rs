//! Effects on files: what reading, writing and removing a path means, whatever is known of the word that names it.

use super::guard::{Guard, guard_of, is_device, is_disk};
use super::pattern;
use super::secrets::{Sight, discloses_folder, holds_secrets, sight};
use crate::commands::found::{Found, object};
use crate::commands::programs::host::sheet::{begins_unknown, has_word};
use crate::commands::word::Word;
use crate::domain::effect::{Effect, Place, Reach, Reversible, Secrets, Tri, Verb};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Write {
    /// What was in it is gone.
    Replace,
    /// Something is added at its end.
    Append,
    /// What a program makes of its own: a dump, an archive, a report. Under a name that says so nothing else is expected.
    Product,
    /// Only where nothing was.
    Create,
    /// What was in it is kept beside it.
    Keep,
}

/// Files that swallow what is written, or show it.
const SINKS: [&str; 8] = [
    "/dev/null",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/tty",
    "/dev/zero",
    "/dev/full",
    "-",
    "/dev/fd/1",
];

/// Whether what is written to a path is shown.
pub(in crate::commands::programs) fn is_shown(path: &str) -> bool {
    let terminals =
        "- /dev/stdout /dev/stderr /dev/tty /dev/fd/1 /dev/fd/2 /proc/self/fd/1 /proc/self/fd/2";
    has_word(terminals, path)
}

/// A file's contents are printed.
pub(in crate::commands) fn printed(word: &Word, place: &Place, found: &mut Found) {
    let read = Effect::read(Verb::FileRead, object(place, "file", word.text()));
    let secret = Effect {
        secrets: Secrets::Values,
        ..read.clone()
    };
    match sight_in_line(word, found) {
        Sight::Plain if is_disk(word.text()) => found.effect(secret),
        Sight::Plain => found.effect(read),
        Sight::Hazy => {
            found.effect(read);
            found.bounded(format!(
                "`{}`: which file is read is not known",
                word.text()
            ));
        }
        Sight::Blind => {
            found.effect(read);
            found.opaque(format!(
                "`{}`: which file is read is not known",
                word.text()
            ));
        }
        Sight::Possible => {
            found.effect(secret);
            found.opaque(format!("`{}` may name a secret", word.text()));
        }
        Sight::Secret => found.effect(secret),
    }
}

/// What a word says where nothing of it is known: if the line looks for a secret elsewhere, that is what it may name.
pub(in crate::commands::programs) fn sight_in_line(word: &Word, found: &Found) -> Sight {
    match sight(word) {
        Sight::Blind if found.calls_after(0).iter().any(|words| lists_secret(words)) => {
            Sight::Possible
        }
        sight => sight,
    }
}

/// `find /etc -name shadow | xargs cat`: a program that prints names was told the name of a secret, or lists a whole folder in which some are.
fn lists_secret(words: &[String]) -> bool {
    let lists = words.first().is_some_and(|program| {
        has_word(
            "find locate plocate ls echo printf fd fdfind",
            program.rsplit('/').next().unwrap_or_default(),
        )
    });
    let program = words
        .first()
        .map_or("", |program| program.rsplit('/').next().unwrap_or_default());
    let picks =
        |word: &String| word.contains("name") || word.contains("path") || word.contains("regex");
    let whole = has_word("find fd fdfind", program)
        && !words.iter().any(picks)
        && words.iter().skip(1).any(|word| holds_secrets(word));
    whole
        || lists
            && words.iter().skip(1).any(|word| {
                let glob = word.contains(['*', '?', '[']);
                sight(&if glob {
                    Word::Glob(word.clone())
                } else {
                    Word::Known(word.clone())
                }) >= Sight::Possible
            })
}

/// Something about a file is looked at, not what stands in it.
pub(in crate::commands::programs) fn looked_at(word: &Word, place: &Place, found: &mut Found) {
    found.effect(Effect::read(Verb::Read, object(place, "file", word.text())));
    if matches!(word, Word::Unknown(_)) {
        found.bounded(format!("`{}` is not known before it runs", word.text()));
    }
}

/// A file is written.
pub(in crate::commands) fn written(word: &Word, how: Write, place: &Place, found: &mut Found) {
    let text = word.text();
    if SINKS.contains(&text) || text.starts_with(">(") {
        return;
    }
    let dated = pattern::with_date(word);
    let guard = guard_of(&dated);
    let plain = Effect {
        verb: Verb::FileWrite,
        reversible: undo(text, &dated, how),
        reach: if dated.known().is_some() {
            Reach::Exactly(1)
        } else {
            Reach::Unknown
        },
        ..Effect::read(Verb::FileWrite, object(place, "file", text))
    };
    match guard {
        None => found.effect(plain),
        Some(guard) => guarded(guard, how, is_device(text), plain, found),
    }
    unsure(word, found);
}

fn guarded(guard: Guard, how: Write, on_device: bool, plain: Effect, found: &mut Found) {
    let unknown = Effect {
        reversible: Reversible::Unknown,
        ..plain
    };
    match (guard, how) {
        (Guard::Access, _) => found.effect(Effect {
            access_change: Tri::Yes,
            ..unknown
        }),
        (Guard::Breaks, Write::Append | Write::Create) if !on_device => {
            found.effect(unknown);
            found.opaque(
                "what it says decides whether the host, or what keeps its data there, starts again",
            );
        }
        (Guard::Breaks, _) => found.effect(Effect {
            data_loss: Tri::Yes,
            reversible: Reversible::No,
            ..unknown
        }),
        (Guard::Runs, _) => {
            found.effect(unknown);
            found.opaque("what stands in the file is run later");
        }
        (Guard::Tunes, _) => {
            found.effect(unknown);
            found.bounded("it sets a value of the running kernel");
        }
    }
}

fn undo(text: &str, dated: &Word, how: Write) -> Reversible {
    match how {
        Write::Create => Reversible::Undo(format!("remove {text}")),
        Write::Append => Reversible::Undo(format!("cut {text} to its former length")),
        Write::Keep => Reversible::Undo(format!("put back the copy kept beside {text}")),
        Write::Replace if is_new_by_name(dated.text()) => {
            Reversible::Undo(format!("remove {text}"))
        }
        Write::Product if is_product(dated.text()) => Reversible::Undo(format!("remove {text}")),
        Write::Replace | Write::Product => Reversible::Unknown,
    }
}

/// Words in the name of a file, or of its folder, that say that it was made to be kept apart from what it was made of.
const PRODUCTS: &str = "new backup backups bak dump dumps snapshot snapshots snap export exports archive archives sbom report reports";

/// Words in a name that say that it is written again and again.
const ROLLING: &str = "latest current last newest";

/// Ends of names of archives and recordings: they are made of something else.
const PACKED: [&str; 13] = [
    ".csr", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".zip", ".sql.gz",
    ".dump", ".pcap", ".hprof", ".sarif",
];

/// Ends of names of what is run or obeyed.
const OBEYED: [&str; 13] = [
    ".sh", ".bash", ".py", ".pl", ".rb", ".js", ".conf", ".cfg", ".ini", ".cron", ".service",
    ".timer", ".env",
];

/// Folders in which names say something else.
const TAKEN: [&str; 10] = [
    "/etc/",
    "/usr/",
    "/bin/",
    "/sbin/",
    "/lib",
    "/boot/",
    "/dev/",
    "/sys/",
    "/proc/",
    "/var/lib/",
];

/// Whether a name says that the file is a copy, a dump, an archive or a report, each of its own.
pub(in crate::commands::programs) fn is_product(path: &str) -> bool {
    if is_new_by_name(path) {
        return true;
    }
    let taken = TAKEN.iter().any(|folder| path.starts_with(folder));
    let obeyed = OBEYED.iter().any(|end| path.ends_with(end));
    let said = |list: &str| {
        let mut words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.any(|word| has_word(list, &word.to_ascii_lowercase()))
    };
    let named = path.rsplit('/').next().is_some_and(|name| !name.is_empty());
    let packed = PACKED.iter().any(|end| path.ends_with(end));
    named && !taken && !obeyed && (packed || said(PRODUCTS)) && !said(ROLLING)
}

/// Files that people name so that nothing is overwritten: copies kept beside the original, dated ones, those in a folder for passing things.
fn is_new_by_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let copy = [".bak", ".backup", ".orig", ".old", ".save", ".disabled"]
        .iter()
        .any(|end| name.ends_with(end));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let beside = ["-before", "-backup", "-orig", "-old"]
        .iter()
        .any(|end| stem.ends_with(end));
    copy || beside
        || path.split('/').any(is_dated)
        || path.starts_with("/tmp/")
        || path.starts_with("/var/tmp/")
}

fn is_dated(name: &str) -> bool {
    let digits: String = name
        .chars()
        .filter(|letter| !matches!(letter, '-' | '_'))
        .collect();
    let bytes = digits.as_bytes();
    bytes.windows(8).any(|window| {
        let month = window.get(4..6).unwrap_or_default();
        window.iter().all(u8::is_ascii_digit)
            && window.starts_with(b"20")
            && (b"01".as_slice()..=b"12".as_slice()).contains(&month)
    })
}

/// A file is removed.
pub(in crate::commands::programs) fn removed(word: &Word, place: &Place, found: &mut Found) {
    found.effect(Effect {
        reach: if word.known().is_some() {
            Reach::Exactly(1)
        } else {
            Reach::Unknown
        },
        ..Effect::destructive(Verb::FileDelete, object(place, "file", word.text()))
    });
    unsure(word, found);
}

/// What a word that is not fully known means where something is changed.
pub(in crate::commands::programs) fn unsure(word: &Word, found: &mut Found) {
    let text = word.text();
    match &*pattern::with_date(word) {
        Word::Known(_) => {}
        Word::Glob(_) => found.bounded(format!("`{text}` stands for several files")),
        Word::Unknown(_)
            if begins_unknown(word)
                && pattern::of_unknown(text)
                    .trim_matches(['*', '/', '.'])
                    .is_empty() =>
        {
            found.opaque(format!("`{text}`: which file it is is not known"));
        }
        Word::Unknown(_) => found.bounded(format!("`{text}`: which file it is is not fully known")),
    }
}

/// A secret leaves its place: it is copied where others may read it, or sent away.
pub(in crate::commands::programs) fn carried_off(word: &Word, place: &Place, found: &mut Found) {
    match sight(word) {
        Sight::Plain | Sight::Hazy | Sight::Blind => {}
        Sight::Possible => {
            found.effect(secret(word, place));
            found.opaque(format!("`{}` may name a secret", word.text()));
        }
        Sight::Secret => found.effect(secret(word, place)),
    }
}

/// A file is carried off, or a folder with all that stands in it.
pub(in crate::commands::programs) fn carried_off_whole(
    word: &Word,
    place: &Place,
    found: &mut Found,
) {
    carried_off(word, place, found);
    if holds_secrets(word.text()) {
        found.effect(secret(word, place));
    }
}

/// A file goes into an archive, or a folder with all that stands in it: whoever may read the archive reads it. A backup of a wide folder
/// holds secrets among much else, as a dump of a database does, and is judged like one.
pub(in crate::commands::programs) fn packed(word: &Word, place: &Place, found: &mut Found) {
    carried_off(word, place, found);
    if discloses_folder(word.text()) {
        found.effect(secret(word, place));
    }
}

fn secret(word: &Word, place: &Place) -> Effect {
    Effect {
        secrets: Secrets::Values,
        ..Effect::read(Verb::FileRead, object(place, "file", word.text()))
    }
}
/// Whether a path leads where others may write: the folders of temporary files, and wherever one happens to stand.
pub(in crate::commands) fn others_may_write(path: &str) -> bool {
    path.contains("..") && path.contains('/')
        || is_shared(path)
        || path.contains('/') && !path.starts_with(['/', '~', '-', '$']) && !path.contains("://")
}

/// Whether a path leads into a folder of temporary files, where everybody may write.
pub(in crate::commands) fn is_shared(path: &str) -> bool {
    let shared = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/lock/"];
    let path = pattern::plain(path);
    shared.iter().any(|folder| path.starts_with(folder))
}
