//! Archives other than those of tar: zip, cpio, ar, 7z.

use super::{
    super::{
        super::{
            flags::Table,
            found::Found,
            word::{Call, Stdin, Word},
        },
        host::{
            does::{Does, act},
            sheet::{Sheet, asks_for_help, has_word, parse, program, table, words},
        },
    },
    archives::{hazy, unpacked},
    looks::from_stdin,
    paths::{Write, carried_off_whole, packed, printed, written},
};
use crate::domain::effect::Reach;

pub(super) const SEVEN: Sheet = Sheet::with_verbs(
    "archive",
    table(
        words!("p o m t x i w si so"),
        words!("y r bd bb aoa aos aou aot slt"),
        &[],
    ),
    &[
        ("l t i b h", Does::Look),
        ("a u x e rn", Does::Alter),
        ("d", Does::Remove),
    ],
);

/// zip.
pub(super) fn zip(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let mut words = Vec::new();
    let mut alone = false;
    for word in call.arguments {
        let text = word.text();
        match text {
            "-h" | "-h2" | "-sf" | "--show-files" | "-L" | "-v" | "--version" | "--help"
                if call.arguments.len() == 1 || text == "-sf" || text == "--show-files" =>
            {
                alone = true;
            }
            "-TT" | "--unzip-command" => {
                found.unknown_code(place, text, "it runs a command to test the archive");
            }
            "-d" | "--delete" | "--move" => {
                act(Does::Remove, program(place, call), Reach::Unknown, found);
            }
            _ if text.starts_with("--") => zip_long(text, call, found),
            _ if text.len() > 1 && text.starts_with('-') => zip_short(text, call, found),
            _ => words.push(word),
        }
    }
    match words.first() {
        Some(file) if !alone && file.text() != "-" => {
            written(file, Write::Product, place, found);
            let sources = words.iter().skip(1);
            sources.for_each(|source| packed(source, place, found));
        }
        _ => {
            act(Does::Look, program(place, call), Reach::Exactly(1), found);
            for source in words.iter().skip(1) {
                carried_off_whole(source, place, found);
            }
        }
    }
}

fn zip_long(text: &str, call: &Call<'_>, found: &mut Found) {
    let known = "--recurse-paths --quiet --exclude --include --junk-paths --encrypt --password --update --freshen --filesync --symlinks --test \
        --verbose --no-dir-entries --split-size --compression-method --no-extra --grow --latest-time --out --output-file --names-stdin --recurse-patterns --fifo";
    if !has_word(known, text.split('=').next().unwrap_or_default()) {
        act(
            Does::Remove,
            program(&call.setting.place, call),
            Reach::Unknown,
            found,
        );
        found.opaque(format!("`zip`: the flag `{text}` is not known to the gate"));
    }
}

fn zip_short(text: &str, call: &Call<'_>, found: &mut Found) {
    let letters = text.trim_start_matches('-');
    if letters.starts_with(['x', 'i', 'P', 's', 'n', 't', 'b', 'O', 'Z']) {
        return;
    }
    if letters.contains(['m', 'd']) && !has_word("db dc dd dg du dv", letters) {
        return act(
            Does::Remove,
            program(&call.setting.place, call),
            Reach::Unknown,
            found,
        );
    }
    if letters.contains("TT")
        || !letters
            .chars()
            .all(|letter| "rqv0123456789jyuefxiXDoTgklnRSzAJcFL@".contains(letter))
    {
        act(
            Does::Remove,
            program(&call.setting.place, call),
            Reach::Unknown,
            found,
        );
        found.opaque(format!("`zip`: the flag `{text}` is not known to the gate"));
    }
}

/// unzip.
pub(super) fn unzip(call: &Call<'_>, found: &mut Found) {
    const UNZIP: Table = table(
        words!("d P x O I"),
        words!("a b B c C D f h j l K L M n o p q s t T u U v V W X Z z 1 2 : ^"),
        &[],
    );
    let place = &call.setting.place;
    let parsed = UNZIP.parse(call.arguments);
    found.line(&parsed, |_| false);
    if parsed.has(&["l", "t", "v", "Z", "z", "h"]) || parsed.words.is_empty() {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
    } else if parsed.has(&["p", "c"]) {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
        for member in parsed.words.iter().skip(1) {
            printed(member, place, found);
        }
    } else {
        let here = Word::Known(".".to_owned());
        unpacked(
            parsed.value(&["d"]).unwrap_or(&here),
            parsed.has(&["n"]),
            call,
            found,
        );
    }
    if !parsed.unknown.is_empty() {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`unzip`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
    hazy(&parsed.words, found);
}

/// cpio.
pub(super) fn cpio(call: &Call<'_>, found: &mut Found) {
    const CPIO: Table = table(
        words!(
            "C D E F H I K M O R block-size directory file format io-size message pattern-file owner rsh-command"
        ),
        words!(
            "0 6 A B L S V a b c d f i k l m n o p r s t u v absolute-filenames append create dereference dot extract force-local help link list \
             make-directories no-absolute-filenames no-preserve-owner nonmatching null numeric-uid-gid only-verify-crc pass-through \
             preserve-modification-time quiet rename reset-access-time sparse swap swap-bytes swap-halfwords to-stdout unconditional verbose version"
        ),
        &[],
    );
    let parsed = parse(&CPIO, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if let Some(program) = parsed.value(&["rsh-command"]) {
        found.unknown_code(place, program.text(), "it runs as the connection");
    }
    let lists = parsed.has(&["t", "list", "only-verify-crc", "to-stdout"])
        && !parsed.has(&["p", "pass-through", "o", "create"]);
    let to_stdout = parsed.has(&["o", "create"]) && !parsed.has(&["O", "F", "file", "A", "append"]);
    if parsed.unknown.is_empty() && (lists || to_stdout || asks_for_help(&parsed)) {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
    } else {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
    }
    if parsed.has(&["o", "create"]) && !asks_for_help(&parsed) {
        for file in parsed.values(&["O", "F", "file"]) {
            written(file, Write::Replace, place, found);
        }
        listed(call, found);
    }
    from_stdin(call, found);
}

/// What goes into the archive is told through standard input: by whatever looked for it before, or by a list that nobody reads here.
fn listed(call: &Call<'_>, found: &mut Found) {
    let names: Vec<Word> = match call.stdin {
        Stdin::Known(text) => text
            .lines()
            .map(|line| Word::Known(line.to_owned()))
            .collect(),
        Stdin::Piped => {
            found.bounded("what goes into the archive is found when it runs");
            let words = found.calls_after(0).iter().flatten();
            words.map(|word| Word::Known(word.clone())).collect()
        }
        Stdin::Nothing | Stdin::File(_) | Stdin::Downloaded => {
            found.opaque("what goes into the archive stands in a list that is not known");
            Vec::new()
        }
    };
    for name in &names {
        packed(name, &call.setting.place, found);
    }
}

/// ar: the letters of its first word decide.
pub(super) fn ar(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let letters = call
        .arguments
        .first()
        .map_or("", Word::text)
        .trim_start_matches('-');
    let does = match letters.chars().next() {
        None | Some('t' | 'p' | 'V' | 'h') => Does::Look,
        Some('d') => Does::Remove,
        Some('r' | 'q' | 'm' | 's' | 'x') => Does::Alter,
        Some(_) => {
            found.opaque(format!("`ar {letters}` is not known to the gate"));
            Does::Remove
        }
    };
    act(does, program(place, call), Reach::Exactly(1), found);
}
