//! Copying between hosts: rsync, scp, sftp.

use super::{
    super::{
        super::{
            flags::{Parsed, Table},
            found::Found,
            word::{Call, Stdin, Word},
        },
        host::{
            does::{Does, act},
            sheet::{asks_for_help, has_word, parse, program, table, words},
        },
        object,
    },
    paths::{Write, carried_off, carried_off_whole, unsure, written},
};
use crate::domain::effect::{Effect, Place, Reach, Reversible, Verb};

const RSYNC: Table = table(
    words!(
        "B e f M T @ address backup-dir block-size bwlimit checksum-choice cc checksum-seed chmod chown compare-dest compress-choice zc \
         compress-level zl compress-threads config contimeout copy-as copy-dest debug early-input exclude exclude-from files-from filter groupmap iconv \
         include include-from info link-dest log-file log-file-format max-alloc max-delete max-size min-size modify-window only-write-batch \
         out-format outbuf partial-dir password-file port protocol read-batch remote-option rsh rsync-path skip-compress sockopts stderr \
         stop-after stop-at suffix temp-dir timeout usermap write-batch dparam"
    ),
    words!(
        "0 4 6 8 A a b C c D d E F g H h I i J k K L l m N n O o P p q R r S s t U u V v W X x y z 8-bit-output acls append append-verify archive \
         atimes backup blocking-io checksum compress copy-devices copy-dirlinks copy-links copy-unsafe-links crtimes cvs-exclude daemon del \
         delay-updates delete delete-after delete-before delete-delay delete-during delete-excluded delete-missing-args devices dirs dry-run \
         executability existing fake-super force from0 fsync fuzzy group hard-links help human-readable ignore-errors ignore-existing \
         ignore-missing-args ignore-non-existing ignore-times inc-recursive inplace ipv4 ipv6 itemize-changes keep-dirlinks links list-only \
         mkpath munge-links no-g no-group no-h no-human-readable no-i-r no-implied-dirs no-motd no-o no-owner no-p no-perms no-t no-times no-relative no-whole-file \
         no-compress numeric-ids old-args omit-dir-times omit-link-times one-file-system open-noatime owner partial perms preallocate \
         progress protect-args prune-empty-dirs quiet recursive relative remove-source-files remove-sent-files safe-links secluded-args size-only sparse specials \
         stats super times trust-sender update verbose version whole-file write-devices xattrs no-r no-recursive no-inc-recursive no-links no-l no-D no-devices no-v no-verbose"
    ),
    &[],
);

const DELETING: &[&str] = words!(
    "del delete delete-after delete-before delete-delay delete-during delete-excluded delete-missing-args remove-source-files \
     remove-sent-files force"
);

/// rsync.
pub(super) fn rsync(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&RSYNC, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    // These are written even by a run that only shows what it would do.
    let batches = parsed.values(&["write-batch", "only-write-batch"]);
    for file in parsed.values(&["log-file"]).chain(batches) {
        written(file, Write::Append, place, found);
    }
    // One word lists; so does asking for nothing but that.
    let lists = parsed.has(&["list-only"]) || parsed.words.len() == 1;
    if asks_for_help(&parsed) || (parsed.unknown.is_empty() && lists && !parsed.has(&["daemon"])) {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
        return shell(&parsed, call, found);
    }
    shell(&parsed, call, found);
    if !parsed.unknown.is_empty() {
        act(Does::Remove, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`rsync`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
    if parsed.unknown.is_empty() && parsed.shows(&["n", "dry-run"]) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if parsed.has(&["daemon"]) {
        act(Does::Tunnel, program(place, call), Reach::Unknown, found);
    }
    copied(&parsed, call, found);
}

/// What runs on either side.
fn shell(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for word in parsed.values(&["e", "rsh"]) {
        if !is_plain_ssh(word) {
            found.unknown_code(
                place,
                word.text(),
                format!("`-e {}` runs that program", word.text()),
            );
        }
    }
    for word in parsed.values(&["rsync-path", "M", "remote-option"]) {
        let plain = has_word("rsync /usr/bin/rsync /usr/local/bin/rsync", word.text())
            || word.text() == "sudo rsync";
        if !plain {
            found.unknown_code(
                place,
                word.text(),
                format!("`{}` runs on the other host", word.text()),
            );
        }
    }
    if parsed
        .values(&["config", "dparam", "early-input"])
        .next()
        .is_some()
    {
        found.opaque("what the daemon does is not known");
    }
}

/// `ssh -p 22 -i key -o StrictHostKeyChecking=no`: nothing but ssh, and no option that runs a program.
fn is_plain_ssh(word: &Word) -> bool {
    let Some(text) = word.known() else {
        return word.text().starts_with("ssh -p $") || word.text().starts_with("ssh -i $");
    };
    let mut words = text.split_whitespace();
    matches!(words.next(), Some("ssh" | "/usr/bin/ssh"))
        && words.all(is_plain_option)
        && !text.contains(['\'', '"', ';', '`', '$', '|', '&'])
}

fn is_plain_option(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    ![
        "proxycommand",
        "localcommand",
        "knownhostscommand",
        "proxyusefdpass",
        "include",
        "match",
        "pkcs11",
        "securitykeyprovider",
    ]
    .iter()
    .any(|option| word.contains(option))
        && !word.starts_with("-f")
}

fn copied(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let Some((target, sources)) = parsed.words.split_last() else {
        return act(
            Does::Look,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    };
    let how = match parsed.has(&["ignore-existing"]) {
        true => Write::Create,
        false if parsed.has(&["b", "backup"]) => Write::Keep,
        false => Write::Replace,
    };
    transfer(sources, target, how, call, found);
    if parsed.has(DELETING) {
        found.effect(Effect {
            reach: Reach::Unknown,
            ..Effect::destructive(
                Verb::FileDelete,
                object(&call.setting.place, "file", target.text()),
            )
        });
    }
}

/// The host and the path of `host:path`, `user@host::module`, `rsync://host/path`, `scp://host/path`.
fn remote(text: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = text.split_once("://") {
        return Some(rest.split_once('/').unwrap_or((rest, "")));
    }
    let (host, path) = text.split_once(':')?;
    (!host.contains('/') && !host.is_empty()).then(|| (host, path.trim_start_matches(':')))
}

/// Files go from one place to another; here and elsewhere may be either.
fn transfer(sources: &[Word], target: &Word, how: Write, call: &Call<'_>, found: &mut Found) {
    let here = &call.setting.place;
    let (place, path) = match remote(target.text()) {
        Some((host, path)) => (Place::Network(host.to_owned()), target.with_text(path)),
        None => (here.clone(), target.clone()),
    };
    let away = place != *here;
    let several = sources.len() > 1 || sources.iter().any(|source| source.text().ends_with('/'));
    if several || away || how == Write::Replace {
        let mut inner = Found::default();
        written(&path, how, &place, &mut inner);
        keep_grave(inner, &path, &place, how, found);
    } else {
        written(&path, how, &place, found);
    }
    for source in sources {
        if away {
            send(source, here, found);
        } else if let Some((_, path)) = remote(source.text()) {
            carried_off(&source.with_text(path), here, found);
        }
        let name = source.text().rsplit('/').next().unwrap_or_default();
        if !name.is_empty() {
            let inside = path.with_text(&format!("{}/{name}", path.text().trim_end_matches('/')));
            if super::guard::guard_of(&inside).is_some() {
                written(&inside, how, &place, found);
            }
        }
        unsure(source, found);
    }
}

/// Many files may be written: how many, and what was there, is not known.
fn keep_grave(inner: Found, path: &Word, place: &Place, how: Write, found: &mut Found) {
    let analysis = inner.into_analysis(None);
    for effect in analysis.effects.items {
        found.effect(Effect {
            reach: Reach::Unknown,
            reversible: if how == Write::Replace {
                Reversible::Unknown
            } else {
                effect.reversible
            },
            ..effect
        });
    }
    for reason in analysis.effects.reasons {
        found.opaque(reason);
    }
    if path.text().is_empty() {
        found.effect(Effect {
            reach: Reach::Unknown,
            reversible: Reversible::Unknown,
            ..Effect::read(Verb::FileWrite, object(place, "folder", "home"))
        });
    }
}

/// A file is sent to another host.
fn send(source: &Word, place: &Place, found: &mut Found) {
    carried_off_whole(source, place, found);
}

const SCP: Table = table(
    words!("c D F i J l o P S X"),
    words!("1 2 3 4 6 A B C O p q R r s T v"),
    &[],
);

/// scp.
pub(super) fn scp(call: &Call<'_>, found: &mut Found) {
    let parsed = SCP.parse(call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    connection(&parsed, call, found);
    let Some((target, sources)) = parsed.words.split_last() else {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    };
    transfer(sources, target, Write::Replace, call, found);
}

/// Options of the connection that run a program, or read settings that may.
fn connection(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for word in parsed.values(&["S", "D"]) {
        found.unknown_code(
            place,
            word.text(),
            format!("`{}` runs as the connection", word.text()),
        );
    }
    for word in parsed.values(&["o"]) {
        if !word.known().is_some_and(is_plain_option) {
            found.unknown_code(
                place,
                word.text(),
                format!("`-o {}` may run a program", word.text()),
            );
        }
    }
    if parsed.values(&["F"]).next().is_some() {
        found.opaque("the settings of the connection stand in a file");
    }
    if !parsed.unknown.is_empty() {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
}

/// sftp: what is typed into it, or stands in its batch file, decides.
pub(super) fn sftp(call: &Call<'_>, found: &mut Found) {
    const SFTP: Table = table(
        words!("B b c D F i J l o P R S s X"),
        words!("4 6 A a C f N p q r v"),
        &[],
    );
    let parsed = SFTP.parse(call.arguments);
    found.line(&parsed, |_| false);
    connection(&parsed, call, found);
    let batch = parsed.values(&["b"]).next().is_some();
    match call.stdin {
        Stdin::Nothing if !batch => act(
            Does::Ask,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        ),
        Stdin::Known(text) if !batch => commands(text, call, found),
        _ => {
            act(
                Does::Remove,
                program(&call.setting.place, call),
                Reach::Unknown,
                found,
            );
            found.opaque("which commands sftp is given is not known");
        }
    }
}

fn commands(text: &str, call: &Call<'_>, found: &mut Found) {
    for line in text.lines() {
        let verb = line
            .trim_start()
            .trim_start_matches(['-', '@'])
            .split_whitespace()
            .next()
            .unwrap_or_default();
        let does = match verb {
            "" | "#" | "ls" | "dir" | "pwd" | "lpwd" | "cd" | "lcd" | "lls" | "df" | "version"
            | "bye" | "exit" | "quit" | "help" | "?" | "progress" => Does::Look,
            "get" | "reget" | "mget" | "put" | "reput" | "mput" | "mkdir" | "lmkdir" | "rename"
            | "ln" | "symlink" => Does::Alter,
            "chmod" | "chown" | "chgrp" => Does::Grant,
            _ => Does::Remove,
        };
        act(
            does,
            program(&call.setting.place, call),
            Reach::Unknown,
            found,
        );
        if let Some(file) = line
            .split_whitespace()
            .nth(1)
            .filter(|_| verb.ends_with("put") || verb.ends_with("get"))
        {
            carried_off(&Word::Known(file.to_owned()), &call.setting.place, found);
        }
    }
}
