//! Copying, moving, linking and removing files.

use super::{
    super::{
        super::{
            flags::{Parsed, Table},
            found::Found,
            word::{Call, Word},
        },
        Grammar,
        host::{
            does::{Does, act},
            sheet::{asks_for_help, has_word, parse, program, table, words},
        },
        object,
    },
    guard::{guard_of, is_system_folder},
    modes,
    paths::{Write, carried_off, printed, removed, unsure, written},
    secrets::{Sight, discloses_folder, sight},
};
use crate::domain::effect::{Effect, Place, Reach, Reversible, Secrets, Tri, Verb};

const CP: Table = table(
    words!("S t g m o suffix target-directory strip-program group mode owner no-preserve sparse"),
    words!(
        "0 a b c C d D f H h i l L n N p P q r R s T u v x X Z archive attributes-only compare copy-contents debug dereference directory force help \
         interactive keep-directory-symlink link logical no-clobber no-dereference no-target-directory one-file-system parents physical \
         preserve-context preserve-timestamps recursive relative remove-destination strip strip-trailing-slashes symbolic symbolic-link \
         verbose version exchange no-copy"
    ),
    words!("backup context preserve reflink update"),
);

const RM: Table = table(
    words!("n s iterations size random-source"),
    words!(
        "0 a d f h i I p P r R u v x z dir exact force help ignore-fail-on-non-empty no-preserve-root one-file-system parents recursive verbose version zero"
    ),
    words!("interactive preserve-root remove"),
);

/// The grammar of a program that copies, moves, links or removes.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "cp" | "gcp" => copy,
        "mv" | "gmv" => mv,
        "ln" | "link" => ln,
        "install" | "ginstall" => install,
        "rm" | "grm" | "rmdir" | "unlink" | "shred" | "srm" | "wipe" | "trash" | "trash-put" => rm,
        _ => return None,
    })
}

/// What a call with sources and a destination names.
struct Pair<'p> {
    sources: Vec<&'p Word>,
    target: &'p Word,
    how: Write,
}

fn begin(call: &Call<'_>, found: &mut Found) -> Option<Parsed> {
    let parsed = parse(&CP, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if asks_for_help(&parsed) {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
        return None;
    }
    if !parsed.unknown.is_empty() {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
    Some(parsed)
}

fn pair<'p>(parsed: &'p Parsed, call: &Call<'_>, found: &mut Found) -> Option<Pair<'p>> {
    let never = parsed.has(&["n", "no-clobber"])
        || parsed
            .value(&["update"])
            .and_then(Word::known)
            .is_some_and(|value| value.starts_with("none"));
    let how = if never {
        Write::Create
    } else if parsed.has(&["b", "backup", "S", "suffix"]) {
        Write::Keep
    } else {
        Write::Replace
    };
    let words: Vec<&Word> = parsed.words.iter().collect();
    let pair = match parsed.value(&["t", "target-directory"]) {
        Some(target) => Some(Pair {
            sources: words,
            target,
            how,
        }),
        None => words
            .split_last()
            .filter(|(_, sources)| !sources.is_empty())
            .map(|(target, sources)| Pair {
                sources: sources.to_vec(),
                target,
                how,
            }),
    };
    if pair.is_none() {
        act(
            Does::Alter,
            program(&call.setting.place, call),
            Reach::Unknown,
            found,
        );
        if parsed.words.iter().any(|word| word.known().is_none()) {
            found.opaque("what is copied where is not known");
        }
    }
    pair
}

/// The path that a source gets inside a folder.
fn inside(target: &Word, source: &Word) -> Word {
    let name = source
        .text()
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let path = format!("{}/{name}", target.text().trim_end_matches('/'));
    match (target, source) {
        (Word::Unknown(_), _) | (_, Word::Unknown(_)) => Word::Unknown(path),
        (_, Word::Glob(_)) | (Word::Glob(_), _) => Word::Glob(path),
        _ => Word::Known(path),
    }
}

fn is_folder(target: &Word) -> bool {
    let text = target.text();
    text.ends_with('/') || text == "." || text == ".." || text.ends_with("/.")
}

/// Many files go into a folder of the system: any of its files may be replaced.
fn into_system(pair: &Pair<'_>, many: bool, found: &mut Found) {
    let target = pair.target.text();
    let usual =
        "/opt /srv /home /mnt /media /var/lib /var/log /usr/local /usr/local/bin /var /usr/share";
    // `cp -a nginx.conf nginx.conf.old`: beside the original there is no folder.
    let beside = |source: &Word| {
        let rest = source
            .known()
            .and_then(|source| target.strip_prefix(source));
        rest.is_some_and(|rest| rest.starts_with(['.', '-', '_']) && !rest.contains('/'))
    };
    let many = many && !pair.sources.iter().any(|source| beside(source));
    let several = many || pair.sources.iter().any(|source| source.known().is_none());
    if several
        && is_system_folder(target)
        && !has_word(usual, target.trim_end_matches('/'))
        && target.starts_with('/')
    {
        found.opaque("any file of that folder of the system may be replaced");
    }
}

fn copy(call: &Call<'_>, found: &mut Found) {
    let Some(parsed) = begin(call, found) else {
        return;
    };
    let Some(pair) = pair(&parsed, call, found) else {
        return;
    };
    let place = &call.setting.place;
    write_target(&pair, place, found);
    into_system(
        &pair,
        parsed.has(&["r", "R", "recursive", "a", "archive"]),
        found,
    );
    for source in &pair.sources {
        let emptied = ["/dev/null", "/dev/zero", "/dev/urandom"].contains(&source.text());
        if emptied && pair.target.text() != "/dev/null" {
            found.effect(Effect::destructive(
                Verb::FileWrite,
                object(place, "file", pair.target.text()),
            ));
        }
        if pair.target.text() == "/dev/stdout" {
            printed(source, place, found);
        }
        carry(source, pair.target, place, found);
        unsure(source, found);
    }
}

/// The destination is written, whether it is a file or a folder that gets the sources.
fn write_target(pair: &Pair<'_>, place: &Place, found: &mut Found) {
    let mut named = false;
    for source in &pair.sources {
        let whole = inside(pair.target, source);
        if is_folder(pair.target) || (guard_of(pair.target).is_none() && guard_of(&whole).is_some())
        {
            named = true;
            written(&whole, pair.how, place, found);
        }
    }
    if !named || guard_of(pair.target).is_some() {
        written(pair.target, pair.how, place, found);
    }
}

/// Whether a secret ends up where others may read it. A copy beside the original, or where secrets belong, does not.
fn carry(source: &Word, target: &Word, place: &Place, found: &mut Found) {
    let open = [
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/var/www",
        "/srv/www",
        "/usr/share",
        "/mnt",
        "/media",
    ]
    .iter()
    .any(|folder| target.text().starts_with(folder));
    let kept = sight(target) >= Sight::Possible
        || sight(&inside(target, source)) >= Sight::Possible && is_folder(target);
    if kept && !open {
        return;
    }
    carried_off(source, place, found);
    if open && discloses_folder(source.text()) {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::FileRead, object(place, "folder", source.text()))
        });
    }
}

fn mv(call: &Call<'_>, found: &mut Found) {
    let Some(parsed) = begin(call, found) else {
        return;
    };
    let Some(pair) = pair(&parsed, call, found) else {
        return;
    };
    let place = &call.setting.place;
    write_target(&pair, place, found);
    for source in &pair.sources {
        let gone = pair.target.text() == "/dev/null"
            || guard_of(source).is_some_and(|guard| guard >= super::guard::Guard::Breaks);
        if gone
            || is_data_folder(source.text())
            || is_system_folder(source.text())
                && !source.text().is_empty()
                && is_whole_folder(source.text())
        {
            found.effect(Effect {
                service_cut: Tri::Yes,
                ..Effect::destructive(Verb::FileDelete, object(place, "file", source.text()))
            });
        }
        moved_back(source, &pair, place, found);
        carry(source, pair.target, place, found);
        unsure(source, found);
    }
}

/// Whether a path is a folder of the system itself, not a file somewhere in it.
fn is_whole_folder(path: &str) -> bool {
    let path = path.trim_end_matches(['/', '*']);
    path.matches('/').count() <= 1 || path.starts_with("/usr/lib") || path == "/var/lib"
}

/// Whether a path is the folder in which a service keeps its data: who works in it loses it where it is moved.
fn is_data_folder(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.strip_prefix("/var/lib/").is_some_and(|rest| {
        let name = rest.rsplit('/').next().unwrap_or_default();
        !name.is_empty() && !name.contains('.') && rest.matches('/').count() <= 3
    })
}

fn moved_back(source: &Word, pair: &Pair<'_>, place: &Place, found: &mut Found) {
    let undo = match pair.how {
        Write::Create | Write::Keep => {
            Reversible::Undo(format!("move it back to {}", source.text()))
        }
        Write::Replace | Write::Product | Write::Append => return,
    };
    found.effect(Effect {
        reversible: undo,
        ..Effect::read(Verb::Update, object(place, "file", source.text()))
    });
}

fn ln(call: &Call<'_>, found: &mut Found) {
    let Some(parsed) = begin(call, found) else {
        return;
    };
    let place = &call.setting.place;
    let force = parsed.has(&["f", "force"]);
    let here = Word::Known("./".to_owned());
    let pair = match parsed.words.as_slice() {
        [only] if parsed.value(&["t", "target-directory"]).is_none() => Pair {
            sources: vec![only],
            target: &here,
            how: Write::Create,
        },
        _ => match pair(&parsed, call, found) {
            Some(pair) => pair,
            None => return,
        },
    };
    let how = match pair.how {
        Write::Keep => Write::Keep,
        _ if force => Write::Replace,
        _ => Write::Create,
    };
    let pair = Pair { how, ..pair };
    write_target(&pair, place, found);
    for source in &pair.sources {
        carry(source, pair.target, place, found);
        if force && source.text() == "/dev/null" {
            // Whatever stood there is gone, and whoever looks for it finds nothing: so units are masked.
            found.effect(Effect {
                service_cut: Tri::Yes,
                ..Effect::destructive(Verb::FileWrite, object(place, "file", pair.target.text()))
            });
        }
        if parsed.has(&["s", "symbolic"]) && sight(source) >= Sight::Possible {
            carried_off(source, place, found);
        }
        unsure(source, found);
    }
}

fn install(call: &Call<'_>, found: &mut Found) {
    let Some(parsed) = begin(call, found) else {
        return;
    };
    let place = &call.setting.place;
    if let Some(program) = parsed.value(&["strip-program"]) {
        found.unknown_code(
            place,
            program.text(),
            format!("`{}` runs for every file", program.text()),
        );
    }
    let opens = parsed
        .value(&["m", "mode"])
        .is_some_and(|mode| modes::opens(mode.text()));
    if parsed.has(&["d", "directory"]) {
        for folder in &parsed.words {
            written(folder, Write::Create, place, found);
        }
    } else if let Some(pair) = pair(&parsed, call, found) {
        write_target(&pair, place, found);
        for source in &pair.sources {
            carry(source, pair.target, place, found);
            unsure(source, found);
        }
    }
    if opens {
        act(
            Does::Grant,
            object(place, "file", "the installed file"),
            Reach::Exactly(1),
            found,
        );
    }
}

fn rm(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&RM, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if asks_for_help(&parsed) || call.arguments.is_empty() {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    for word in &parsed.words {
        removed(word, place, found);
    }
    if !parsed.unknown.is_empty() {
        act(Does::Remove, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
    if parsed.words.is_empty() {
        act(Does::Remove, program(place, call), Reach::Unknown, found);
    }
}
