//! Programs that make files, fill them, or change what stands in them.

use super::{
    super::{
        super::{
            flags::Table,
            found::Found,
            word::{Call, Word},
        },
        Grammar,
        host::{
            does::{Does, act},
            sheet::{Sheet, asks_for_help, has_word, parse, program, table, words},
        },
        object,
    },
    guard::is_device,
    looks::from_stdin,
    patches::patch,
    paths::{Write, printed, written},
};
use crate::domain::effect::{Effect, Reach, Reversible, Tri, Verb};

/// The grammar of a program that writes files.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "tee" => tee,
        "touch" | "mkdir" | "mkfifo" => make,
        "mktemp" | "tempfile" => mktemp,
        "mknod" => |call, found| act(Does::Alter, program_of(call), Reach::Exactly(1), found),
        "truncate" => truncate,
        "fallocate" => fallocate,
        "dd" => dd,
        "dos2unix" | "unix2dos" | "mac2unix" | "todos" | "fromdos" => rewrite,
        "patch" => patch,
        "sensible-editor" | "editor" | "hexedit" | "jed" | "ne" => edit,
        "crudini" => crudini,
        "ncdu" | "ranger" => |call, found| BROWSER.judge(call, found),
        "updatedb" | "updatedb.plocate" => {
            |call, found| act(Does::Renew, program_of(call), Reach::Exactly(1), found)
        }
        "rename" | "prename" | "mmv" => |call, found| RENAME.judge(call, found),
        _ => return None,
    })
}

fn program_of(call: &Call<'_>) -> crate::domain::effect::Object {
    program(&call.setting.place, call)
}
const BROWSER: Sheet = Sheet {
    outputs: words!("o"),
    ..Sheet::of(
        "folder",
        table(words!("o f"), words!("x r q e help version v V h"), &[]),
        Does::Ask,
    )
};
const RENAME: Sheet = Sheet {
    dry: words!("n nono no-act"),
    ..Sheet::of(
        "file",
        table(
            words!("e E"),
            words!(
                "0 d f i n o s u v V h nono no-act force verbose help version symlink interactive no-overwrite"
            ),
            &[],
        ),
        Does::Run,
    )
};

fn tee(call: &Call<'_>, found: &mut Found) {
    const TEE: Table = table(
        &[],
        words!("a i p append ignore-interrupts help version"),
        words!("output-error"),
    );
    let parsed = parse(&TEE, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if asks_for_help(&parsed) || parsed.words.is_empty() {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    let how = if parsed.has(&["a", "append"]) {
        Write::Append
    } else {
        Write::Replace
    };
    for file in &parsed.words {
        written(file, how, place, found);
    }
    from_stdin(call, found);
    unknown(&parsed.unknown, call, found);
}

pub(super) fn unknown(unknown: &[String], call: &Call<'_>, found: &mut Found) {
    if !unknown.is_empty() {
        act(Does::Alter, program_of(call), Reach::Unknown, found);
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            unknown.join(" ")
        ));
    }
}

/// touch, mkdir, mkfifo: what is there stays.
fn make(call: &Call<'_>, found: &mut Found) {
    const MAKE: Table = table(
        words!("d m r t date mode reference time"),
        words!("a c f h p v Z help no-create no-dereference parents verbose version"),
        words!("context"),
    );
    let parsed = parse(&MAKE, call.arguments);
    found.line(&parsed, |_| false);
    if asks_for_help(&parsed) {
        return act(Does::Look, program_of(call), Reach::Exactly(1), found);
    }
    for file in &parsed.words {
        written(file, Write::Create, &call.setting.place, found);
    }
    if parsed
        .value(&["m", "mode"])
        .is_some_and(|mode| super::modes::opens(mode.text()))
    {
        act(Does::Grant, program_of(call), Reach::Exactly(1), found);
    }
    unknown(&parsed.unknown, call, found);
}

fn mktemp(call: &Call<'_>, found: &mut Found) {
    const MKTEMP: Sheet = Sheet {
        dry: words!("u dry-run"),
        ..Sheet::of(
            "file",
            table(
                words!("p suffix"),
                words!("d q t u V directory dry-run quiet help version"),
                words!("tmpdir"),
            ),
            Does::Undo("remove the file that it names"),
        )
    };
    MKTEMP.judge(call, found);
}

/// truncate: a file that is made longer keeps what stands in it; a shorter one does not.
fn truncate(call: &Call<'_>, found: &mut Found) {
    const TRUNCATE: Table = table(
        words!("r s reference size"),
        words!("c o io-blocks no-create help version"),
        &[],
    );
    let parsed = parse(&TRUNCATE, call.arguments);
    found.line(&parsed, |_| false);
    if asks_for_help(&parsed) {
        return act(Does::Look, program_of(call), Reach::Exactly(1), found);
    }
    let size = parsed.value(&["s", "size"]).map_or("", Word::text).trim();
    let longer = size.starts_with(['+', '>']);
    for file in &parsed.words {
        let place = &call.setting.place;
        if longer {
            written(file, Write::Append, place, found);
        } else {
            found.effect(Effect::destructive(
                Verb::FileWrite,
                object(place, "file", file.text()),
            ));
            super::paths::unsure(file, found);
        }
    }
    unknown(&parsed.unknown, call, found);
}

fn fallocate(call: &Call<'_>, found: &mut Found) {
    const FALLOCATE: Table = table(
        words!("l o length offset"),
        words!(
            "c d i n p v x z collapse-range dig-holes insert-range keep-size posix punch-hole verbose zero-range help version"
        ),
        &[],
    );
    let parsed = parse(&FALLOCATE, call.arguments);
    found.line(&parsed, |_| false);
    let holes = parsed.has(&[
        "c",
        "p",
        "z",
        "collapse-range",
        "punch-hole",
        "zero-range",
        "i",
        "insert-range",
    ]);
    for file in &parsed.words {
        let place = &call.setting.place;
        if holes {
            found.effect(Effect::destructive(
                Verb::FileWrite,
                object(place, "file", file.text()),
            ));
        } else {
            written(file, Write::Append, place, found);
        }
    }
    unknown(&parsed.unknown, call, found);
}

/// dd: `of=` decides.
fn dd(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let operand = |name: &str| {
        let mut values = call.arguments.iter().filter_map(|word| {
            word.text()
                .strip_prefix(name)
                .map(|value| word.with_text(value))
        });
        values.next_back()
    };
    if call
        .arguments
        .iter()
        .any(|word| word.text() == "--help" || word.text() == "--version")
        && call.arguments.len() == 1
    {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    match operand("of=") {
        Some(file) => {
            dd_writes(&file, call, found);
            // Nothing is copied, and what stood there is cut off.
            let keeps = call
                .arguments
                .iter()
                .any(|word| word.text().contains("notrunc"));
            if operand("if=").is_some_and(|source| source.text() == "/dev/null") && !keeps {
                found.effect(Effect::destructive(
                    Verb::FileWrite,
                    object(place, "file", file.text()),
                ));
            }
            if let Some(source) = operand("if=") {
                super::paths::carried_off(&source, place, found);
            }
        }
        None => match operand("if=") {
            Some(file) => printed(&file, place, found),
            None => from_stdin(call, found),
        },
    }
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    if let Some(word) = call
        .arguments
        .iter()
        .find(|word| !word.text().contains('=') || begins_hazy(word))
    {
        act(Does::Remove, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`dd`: `{}` is not known before it runs",
            word.text()
        ));
    }
}

fn begins_hazy(word: &Word) -> bool {
    matches!(word, Word::Unknown(text) if text.starts_with(['$', '`']))
}

fn dd_writes(file: &Word, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let lost = match file {
        Word::Known(path) => is_device(path),
        Word::Glob(_) | Word::Unknown(_) => true,
    };
    if lost && file.text() != "/dev/null" {
        found.effect(Effect {
            service_cut: Tri::Unknown,
            reversible: Reversible::No,
            ..Effect::destructive(Verb::FileWrite, object(place, "device", file.text()))
        });
        super::paths::unsure(file, found);
    } else {
        written(file, Write::Replace, place, found);
    }
}

/// Programs that rewrite the files that they are given.
fn rewrite(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    if call.arguments.is_empty() {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if call.arguments.len() == 1
        && call
            .arguments
            .iter()
            .any(|word| has_word("--help --version -h -V", word.text()))
    {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    for file in call
        .arguments
        .iter()
        .filter(|word| !word.text().starts_with('-'))
    {
        written(file, Write::Keep, place, found);
    }
}

/// Editors wait for somebody; those that are given commands run them.
fn edit(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    if call.arguments.len() == 1
        && call
            .arguments
            .iter()
            .any(|word| has_word("--help --version -h", word.text()))
    {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    for word in call.arguments {
        let text = word.text();
        if text.starts_with('+')
            && !text
                .trim_start_matches('+')
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b',')
            || has_word(
                "-c -s -S -es -Es -u --cmd --eval -e --batch --script -batch -W -w",
                text,
            ) && call.program != "nano"
        {
            found.unknown_code(place, text, "an editor's commands may run programs");
        }
        if !text.starts_with(['-', '+']) {
            written(word, Write::Replace, place, found);
        }
    }
    act(Does::Ask, program(place, call), Reach::Exactly(1), found);
}

fn crudini(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let mut words = call
        .arguments
        .iter()
        .filter(|word| !has_word("--inplace --verbose --list", word.text()));
    let verb = words.next().map_or("", Word::text);
    let Some(file) = words.next() else {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    };
    match verb {
        "--get" => printed(file, place, found),
        "--set" => written(file, Write::Keep, place, found),
        "--merge" => written(file, Write::Replace, place, found),
        "--del" => found.effect(Effect::destructive(
            Verb::FileWrite,
            object(place, "file", file.text()),
        )),
        _ => {
            written(file, Write::Replace, place, found);
            found.opaque(format!("`crudini {verb}` is not known to the gate"));
        }
    }
}
