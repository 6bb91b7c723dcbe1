//! Archives: tar, zip, cpio, ar, 7z.

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
    guard::is_system_path,
    paths::{Write, carried_off_whole, packed, printed, written},
    pattern, zips,
};
use crate::domain::effect::{Effect, Reach, Reversible, Verb};

/// The grammar of a program for archives.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "tar" | "gtar" | "bsdtar" => tar,
        "zip" => zips::zip,
        "unzip" => zips::unzip,
        "zipinfo" | "zipnote" | "lsar" => {
            |call, found| act(Does::Look, program_of(call), Reach::Exactly(1), found)
        }
        "cpio" => zips::cpio,
        "ar" => zips::ar,
        "7z" | "7za" | "7zr" | "7zz" => |call, found| zips::SEVEN.judge(call, found),
        _ => return None,
    })
}

fn program_of(call: &Call<'_>) -> crate::domain::effect::Object {
    program(&call.setting.place, call)
}

const TAR: Table = table(
    words!(
        "b C f F g H I K L N T V X add-file after-date blocking-factor checkpoint-action directory exclude exclude-from exclude-ignore \
         exclude-ignore-recursive exclude-tag exclude-tag-all exclude-tag-under file files-from format group group-map index-file info-script \
         label level listed-incremental mode mtime new-volume-script newer newer-mtime no-quote-chars owner owner-map pax-option quote-chars \
         quoting-style record-size rmt-command rsh-command starting-file strip-components suffix tape-length to-command transform \
         use-compress-program volno-file warning xattrs-exclude xattrs-include xform sort hole-detection sparse-version"
    ),
    words!(
        "0 1 2 3 4 5 6 7 a A B c d G h i j J k l m M n O o p P r R s S t u U v w W x z Z absolute-names anchored append auto-compress acls block-number \
         bzip2 catenate check-device check-links clamp-mtime compare compress concatenate confirmation create delay-directory-restore delete \
         dereference diff exclude-backups exclude-caches exclude-caches-all exclude-caches-under exclude-vcs exclude-vcs-ignores extract \
         force-local full-time get gunzip gzip hard-dereference help ignore-case ignore-command-error ignore-failed-read ignore-zeros \
         incremental interactive keep-directory-symlink keep-newer-files keep-old-files list lzip lzma lzop multi-volume no-acls no-anchored \
         no-auto-compress no-check-device no-delay-directory-restore no-ignore-case no-ignore-command-error no-null no-overwrite-dir \
         no-recursion no-same-owner no-same-permissions no-seek no-selinux no-unquote no-verbatim-files-from no-wildcards \
         no-wildcards-match-slash no-xattrs null numeric-owner old-archive one-file-system overwrite overwrite-dir portability posix \
         preserve-order preserve-permissions read-full-records recursion recursive-unlink remove-files restrict same-order same-owner \
         same-permissions seek selinux show-defaults show-omitted-dirs show-stored-names show-transformed-names skip-old-files sparse \
         test-label to-stdout touch uncompress ungzip unlink-first unquote update usage utc verbatim-files-from verbose verify version \
         wildcards wildcards-match-slash xattrs xz zstd"
    ),
    words!("atime-preserve backup checkpoint occurrence one-top-level totals"),
);

/// `tar czf x.tgz dir` as `tar -c -z -f x.tgz dir`.
fn with_dashes(arguments: &[Word]) -> Vec<Word> {
    let Some((Word::Known(first), rest)) = arguments.split_first() else {
        return arguments.to_vec();
    };
    if first.starts_with('-') || first.is_empty() {
        return arguments.to_vec();
    }
    let mut rest = rest.iter().cloned();
    let mut words = Vec::new();
    for letter in first.chars() {
        words.push(Word::Known(format!("-{letter}")));
        if TAR.valued.contains(&letter.to_string().as_str()) {
            words.extend(rest.next());
        }
    }
    words.extend(rest);
    words
}

fn tar(call: &Call<'_>, found: &mut Found) {
    let arguments = with_dashes(call.arguments);
    let parsed = parse(&TAR, &arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if asks_for_help(&parsed) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if !parsed.unknown.is_empty() {
        act(Does::Remove, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`tar`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
    commands(&parsed, call, found);
    if parsed.has(&["remove-files", "recursive-unlink", "delete"]) {
        act(Does::Remove, program(place, call), Reach::Unknown, found);
    }
    for file in parsed.values(&["g", "listed-incremental", "index-file", "volno-file"]) {
        written(file, Write::Replace, place, found);
    }
    if parsed.has(&["c", "create"]) {
        create(&parsed, call, found);
    } else if parsed.has(&["r", "append", "u", "update", "A", "catenate", "concatenate"]) {
        archive(&parsed, Write::Append, call, found);
    } else if parsed.has(&["x", "extract", "get"]) {
        extract(&parsed, call, found);
    } else {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
        if parsed
            .value(&["f", "file"])
            .is_some_and(|file| is_far(file, &parsed))
        {
            found.opaque("the archive lies on another host");
        }
        if let Some(word) = parsed
            .words
            .iter()
            .find(|word| matches!(word, Word::Unknown(text) if text.starts_with(['$', '`'])))
        {
            act(Does::Alter, program(place, call), Reach::Unknown, found);
            found.opaque(format!("`{}` is not known before it runs", word.text()));
        }
    }
}

/// Programs that tar runs.
fn commands(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for word in parsed.values(&["I", "use-compress-program"]) {
        let packer = word
            .known()
            .and_then(|text| text.split(' ').next())
            .unwrap_or_default();
        let packer = packer.rsplit('/').next().unwrap_or_default();
        let plain = has_word(
            "zstd pzstd pigz lz4 xz pxz pixz bzip2 pbzip2 lbzip2 gzip lzop lzip plzip lrzip unpigz zstdmt brotli",
            packer,
        );
        if !plain || word.text().contains([';', '|', '&', '$', '`']) {
            found.unknown_code(
                place,
                word.text(),
                format!("`{}` runs on the archive", word.text()),
            );
        }
    }
    for word in parsed.values(&[
        "to-command",
        "F",
        "info-script",
        "new-volume-script",
        "rsh-command",
        "rmt-command",
    ]) {
        found.unknown_code(place, word.text(), format!("`{}` runs", word.text()));
    }
    for word in parsed.values(&["checkpoint-action"]) {
        if !word.known().is_some_and(|action| {
            has_word(
                "dot bell echo ttyout totals",
                action.split('=').next().unwrap_or_default(),
            )
        }) {
            found.unknown_code(
                place,
                word.text(),
                format!("`--checkpoint-action={}` runs", word.text()),
            );
        }
    }
}

fn create(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    archive(parsed, Write::Product, call, found);
    let shown = parsed
        .value(&["f", "file"])
        .is_none_or(|file| file.text() == "-");
    let taken = if shown { carried_off_whole } else { packed };
    for source in &parsed.words {
        taken(source, place, found);
        for folder in parsed.values(&["C", "directory"]) {
            let path = format!("{}/{}", folder.text().trim_end_matches('/'), source.text());
            let inside = if folder.known().is_some() {
                source.with_text(&path)
            } else {
                folder.with_text(&path)
            };
            taken(&inside, place, found);
        }
    }
    hazy(&parsed.words, found);
}

/// Words that could be flags.
pub(super) fn hazy(words: &[Word], found: &mut Found) {
    for word in words {
        match word {
            Word::Unknown(text) if text.starts_with(['$', '`']) && !text.contains('/') => {
                found.opaque(format!("`{text}` is not known before it runs"));
            }
            Word::Unknown(text) => found.bounded(format!("`{text}` is not known before it runs")),
            Word::Known(_) | Word::Glob(_) => {}
        }
    }
}

/// The archive is written: to a file, or to standard output.
fn archive(parsed: &Parsed, how: Write, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    match parsed.value(&["f", "file"]) {
        Some(file) if !has_word("- /dev/null", file.text()) => {
            let far = is_far(file, parsed);
            written(file, how, place, found);
            if far {
                found.opaque("the archive lies on another host");
            }
        }
        _ => act(Does::Look, program(place, call), Reach::Exactly(1), found),
    }
}

/// `host:path`: tar asks that host for it by a shell.
fn is_far(file: &Word, parsed: &Parsed) -> bool {
    let host = file.text().split('/').next();
    host.is_some_and(|host| host.contains(':')) && !parsed.has(&["force-local"])
}

fn extract(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    if parsed.has(&["O", "to-stdout"]) {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
        for member in &parsed.words {
            printed(member, place, found);
        }
        return;
    }
    let here = Word::Known(".".to_owned());
    let folder = parsed.value(&["C", "directory"]).unwrap_or(&here);
    let kept = parsed.has(&["k", "keep-old-files", "skip-old-files"]);
    unpacked(folder, kept, call, found);
    if parsed.has(&["P", "absolute-names"]) {
        act(Does::Grant, program(place, call), Reach::Unknown, found);
        found.opaque("the archive says where its files go");
    }
    for member in &parsed.words {
        let path = member.with_text(&format!(
            "{}/{}",
            folder.text().trim_end_matches('/'),
            member.text()
        ));
        if super::guard::guard_of(&path).is_some() {
            written(&path, Write::Replace, place, found);
        }
    }
    hazy(&parsed.words, found);
}

/// Files appear in a folder.
pub(super) fn unpacked(folder: &Word, kept: bool, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let path = pattern::plain(folder.text());
    let path = path.trim_end_matches('/');
    let grave = path.is_empty()
        || is_system_path(path)
        || has_word("/usr /root /var /home ~ ~/.ssh", path)
            && path != "/home"
            && path != "~"
            && path != "/var";
    let thing = object(place, "folder", folder.text());
    if grave && folder.text().starts_with(['/', '~']) {
        act(Does::Grant, thing, Reach::Unknown, found);
    } else if kept {
        act(
            Does::Undo("remove from {} what the archive holds"),
            thing,
            Reach::Unknown,
            found,
        );
    } else {
        found.effect(Effect {
            reach: Reach::Unknown,
            reversible: Reversible::Unknown,
            ..Effect::read(Verb::FileWrite, thing)
        });
    }
    if super::guard::guard_of(folder).is_some() {
        written(folder, Write::Replace, place, found);
    }
    super::paths::unsure(folder, found);
}
