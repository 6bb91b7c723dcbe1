//! Programs that change how a command runs, and then run it as it stands.

use super::{
    Call, Found, Grammar, Table, Word, interactive, nested, object, starts, tables, unknown_flags,
    writes,
};
use crate::domain::effect::{Effect, Secrets, Tri, Verb};

/// What a prefix is without a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    Nothing,
    Shell,
}

/// A program that takes its flags and some words, and then a command.
struct Prefix {
    flags: Table,
    /// How many words stand between the flags and the command.
    skip: usize,
    alone: Alone,
}

const fn prefix(flags: Table, skip: usize, alone: Alone) -> Prefix {
    Prefix { flags, skip, alone }
}

const BARE: Prefix = prefix(tables::BARE, 0, Alone::Nothing);
const CGEXEC: Prefix = prefix(tables::CGEXEC, 0, Alone::Nothing);
const CPULIMIT: Prefix = prefix(tables::CPULIMIT, 0, Alone::Nothing);
const SYSTEMD_CAT: Prefix = prefix(tables::SYSTEMD_CAT, 0, Alone::Nothing);
const SYSTEMD_INHIBIT: Prefix = prefix(tables::SYSTEMD_INHIBIT, 0, Alone::Nothing);
const CHROOT: Prefix = prefix(tables::CHROOT, 1, Alone::Shell);
const NICE: Prefix = prefix(tables::NICE, 0, Alone::Nothing);
const NOHUP: Prefix = prefix(tables::NOHUP, 0, Alone::Nothing);
const NSENTER: Prefix = prefix(tables::NSENTER, 0, Alone::Shell);
const SETARCH: Prefix = prefix(tables::SETARCH, 0, Alone::Shell);
const SETPRIV: Prefix = prefix(tables::SETPRIV, 0, Alone::Nothing);
const SETSID: Prefix = prefix(tables::SETSID, 0, Alone::Nothing);
const STDBUF: Prefix = prefix(tables::STDBUF, 0, Alone::Nothing);
const TIMEOUT: Prefix = prefix(tables::TIMEOUT, 1, Alone::Nothing);
const UNSHARE: Prefix = prefix(tables::UNSHARE, 0, Alone::Shell);

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "chronic" | "eatmydata" | "catchsegv" | "tini" | "dumb-init" | "dbus-run-session" => {
            |call, found| run(&BARE, call, found)
        }
        "cgexec" => |call, found| run(&CGEXEC, call, found),
        "cpulimit" => |call, found| run(&CPULIMIT, call, found),
        "systemd-cat" => |call, found| run(&SYSTEMD_CAT, call, found),
        "systemd-inhibit" => |call, found| run(&SYSTEMD_INHIBIT, call, found),
        "perf" => perf,
        "prlimit" => prlimit,
        "chroot" => |call, found| {
            rooted(call, found);
            run(&CHROOT, call, found);
        },
        "nice" => |call, found| run_after_number(&NICE, call, found),
        "nohup" => |call, found| run(&NOHUP, call, found),
        "nsenter" => |call, found| run(&NSENTER, call, found),
        "setarch" | "linux32" | "linux64" | "i386" | "x86_64" => {
            |call, found| run(&SETARCH, call, found)
        }
        "setpriv" => |call, found| run(&SETPRIV, call, found),
        "setsid" => |call, found| run(&SETSID, call, found),
        "stdbuf" | "unbuffer" => |call, found| run(&STDBUF, call, found),
        "timeout" => |call, found| run(&TIMEOUT, call, found),
        "unshare" => |call, found| run(&UNSHARE, call, found),
        "time" => time,
        "ionice" => ionice,
        "chrt" => chrt,
        "taskset" => taskset,
        "ssh-agent" | "gpg-agent" => agent,
        "numactl" => numactl,
        "strace" | "ltrace" => trace,
        "flock" => flock,
        _ => return None,
    })
}

fn run(prefix: &Prefix, call: &Call<'_>, found: &mut Found) {
    let parsed = prefix.flags.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["help", "version", "dump"]) {
        return;
    }
    match parsed.words.get(prefix.skip..) {
        Some(command) if !command.is_empty() => nested(command, call, found),
        _ if prefix.alone == Alone::Shell => interactive(call, found),
        _ => {}
    }
}

/// `chroot DIR command`: what programs of other folders do is not described.
fn rooted(call: &Call<'_>, found: &mut Found) {
    let parsed = CHROOT.flags.parse(call.arguments);
    let root = parsed
        .words
        .first()
        .map(|root| root.text().trim_end_matches('/'));
    let described = [
        "",
        "/host",
        "/mnt",
        "/sysroot",
        "/mnt/sysimage",
        "/mnt/sysroot",
        "/target",
        "/rootfs",
    ];
    if root.is_some_and(|root| !described.contains(&root)) {
        found.opaque("whose programs run below another root is not known");
    }
}

/// `nice -10 command`
fn run_after_number(prefix: &Prefix, call: &Call<'_>, found: &mut Found) {
    let number = |word: &Word| {
        word.known()
            .and_then(|text| text.strip_prefix('-'))
            .is_some_and(|text| {
                let digits = text.trim_start_matches(['-', '+']);
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
    };
    let skip = usize::from(call.arguments.first().is_some_and(number));
    let arguments = call.arguments.get(skip..).unwrap_or_default();
    run(prefix, &Call { arguments, ..*call }, found);
}

fn time(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::TIME.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if let Some(file) = parsed.value(&["o", "output"]) {
        writes(file.text(), call, found);
    }
    nested(&parsed.words, call, found);
}

/// A process that runs already gets another priority, or other processors.
fn adjusts(call: &Call<'_>, found: &mut Found) {
    let process = object(
        &call.setting.place,
        "process",
        super::joined(call.arguments).text(),
    );
    found.effect(Effect::change(
        Verb::Update,
        process,
        "set what it was before",
    ));
}

fn ionice(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::IONICE.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    let process = parsed.has(&["p", "pid", "P", "pgid", "u", "uid"]);
    if !process {
        return nested(&parsed.words, call, found);
    }
    if parsed.has(&["c", "class", "n", "classdata"]) {
        adjusts(call, found);
    }
}

fn chrt(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::CHRT.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.has(&["m", "max", "help", "h", "V", "version"]) {
        return;
    }
    match (parsed.has(&["p", "pid"]), parsed.words.len()) {
        (true, 0 | 1) => {}
        (true, _) => adjusts(call, found),
        (false, _) => nested(parsed.words.get(1..).unwrap_or_default(), call, found),
    }
}

fn taskset(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::TASKSET.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    match (parsed.has(&["p", "pid"]), parsed.words.len()) {
        (true, 0 | 1) => {}
        (true, _) => adjusts(call, found),
        (false, _) => nested(parsed.words.get(1..).unwrap_or_default(), call, found),
    }
}

fn numactl(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::NUMACTL.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if !parsed.shows(&["s", "show", "H", "hardware"]) {
        nested(&parsed.words, call, found);
    }
}

/// So much of a text that a process reads or writes is more than its beginning.
const LONG: u32 = 256;

/// `strace`, `ltrace`: they watch what a command does.
fn trace(call: &Call<'_>, found: &mut Found) {
    let flags = if call.program == "strace" {
        &tables::STRACE
    } else {
        &tables::LTRACE
    };
    let parsed = flags.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.has(&["inject", "fault"])
        || parsed
            .values(&["e"])
            .any(|word| word.text().starts_with("inject") || word.text().starts_with("fault"))
    {
        found.unknown_code(
            &call.setting.place,
            call.program,
            "it makes system calls fail",
        );
    }
    let length = parsed.value(&["s", "string-limit"]).map(Word::text);
    let long =
        length.is_some_and(|length| length.parse::<u32>().map_or(true, |length| length >= LONG));
    if long || parsed.has(&["read", "write"]) {
        let process = object(
            &call.setting.place,
            "process",
            super::joined(&parsed.words).text(),
        );
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::Read, process)
        });
    }
    if let Some(file) = parsed.value(&["o", "output"]) {
        match file.known().and_then(|text| text.strip_prefix(['|', '!'])) {
            Some(command) => {
                super::nested_text(&Word::Known(command.to_owned()), call.stdin, call, found);
            }
            None => writes(file.text(), call, found),
        }
    }
    nested(&parsed.words, call, found);
}

/// `flock FILE command`, `flock FILE -c text`, `flock 9`
fn flock(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::FLOCK.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    match parsed.words.get(1..) {
        Some([flag, text, ..]) if matches!(flag.known(), Some("-c" | "--command")) => {
            super::nested_text(text, call.stdin, call, found);
        }
        Some(command) => nested(command, call, found),
        None => {}
    }
}

/// `prlimit --pid 1 --nofile=1024`, `prlimit --nofile=1024 command`
fn prlimit(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::PRLIMIT.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    let sets = parsed.flags.iter().any(|flag| {
        flag.value.is_some() && !matches!(flag.name.as_str(), "p" | "pid" | "o" | "output")
    });
    if parsed.has(&["p", "pid"]) && sets {
        adjusts(call, found);
    }
    nested(&parsed.words, call, found);
}

/// `ssh-agent command`, `gpg-agent --daemon command`: an agent for as long as the command runs, or until somebody ends it.
fn agent(call: &Call<'_>, found: &mut Found) {
    let flags = match call.program {
        "ssh-agent" => &tables::SSH_AGENT,
        _ => &tables::GPG_AGENT,
    };
    let parsed = flags.parse(call.arguments);
    if parsed.shows(&[
        "help",
        "version",
        "gpgconf-list",
        "gpgconf-test",
        "dump-options",
    ]) {
        return;
    }
    unknown_flags(&parsed, call, found);
    let agent = object(&call.setting.place, "agent", call.program);
    if call.program == "ssh-agent" && parsed.has(&["k"]) {
        return found.effect(Effect {
            service_cut: Tri::Yes,
            ..Effect::change(Verb::Delete, agent, "start the agent")
        });
    }
    for flag in ["P", "options", "pinentry-program", "scdaemon-program"] {
        if let Some(value) = parsed.value(&[flag]) {
            starts(
                value.text(),
                call.setting,
                found,
                "it loads what the flag names",
            );
        }
    }
    for file in parsed.values(&["a", "log-file"]) {
        writes(file.text(), call, found);
    }
    found.effect(Effect::change(Verb::Create, agent, "end the agent"));
    if !parsed.words.is_empty() {
        nested(&parsed.words, call, found);
    }
}

/// `perf stat command`, `perf record command`, `perf report`
fn perf(call: &Call<'_>, found: &mut Found) {
    let Some((verb, rest)) = call.arguments.split_first() else {
        return;
    };
    match verb.text() {
        "--version" | "version" | "list" | "report" | "annotate" | "diff" | "evlist" | "top"
        | "help" => {}
        "stat" | "record" | "trace" => {
            let parsed = tables::PERF_STAT.parse(rest);
            unknown_flags(&parsed, call, found);
            let output = parsed.value(&["o", "output"]).map(Word::text);
            if let Some(path) = output.or((verb.text() == "record").then_some("perf.data")) {
                writes(path, call, found);
            }
            nested(&parsed.words, call, found);
        }
        _ => found.unknown_code(
            &call.setting.place,
            "perf",
            format!("what `perf {}` does is not known", verb.text()),
        ),
    }
}
