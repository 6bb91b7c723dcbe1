//! Commands that run later: `at`, `batch`, `crontab`, `systemd-run`.

use super::{
    Call, Found, Grammar, Stdin, Word, content, interactive, nested, nested_text, object, starts,
    tables, unknown_flags,
};
use crate::commands::programs;
use crate::domain::effect::{Effect, Place, Reversible, Verb};

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "at" | "batch" => Some(at),
        "atq" => Some(|_, _| {}),
        "atrm" => Some(removes_jobs),
        "crontab" => Some(crontab),
        "systemd-run" => Some(systemd_run),
        _ => None,
    }
}

fn removes_jobs(call: &Call<'_>, found: &mut Found) {
    found.effect(Effect::destructive(
        Verb::Delete,
        object(
            &call.setting.place,
            "job",
            super::joined(call.arguments).text(),
        ),
    ));
}

fn at(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::AT.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.has(&["r", "d"]) {
        return removes_jobs(call, found);
    }
    if parsed.shows(&["l", "V", "c", "help"]) {
        return;
    }
    let job = object(&call.setting.place, "job", "at");
    found.effect(Effect::change(Verb::Create, job, "atrm it"));
    match parsed.value(&["f"]) {
        Some(file) => from_file(file, call, found),
        None => from_input(call, found),
    }
}

fn from_file(file: &Word, call: &Call<'_>, found: &mut Found) {
    if file.known() == Some("/dev/stdin") && !matches!(call.stdin, Stdin::File(_)) {
        return from_input(call, found);
    }
    match file.known().and_then(|path| content(path, call)) {
        Some(text) => nested_text(&Word::Known(text), &Stdin::Nothing, call, found),
        None => starts(
            file.text(),
            call.setting,
            found,
            "what the file holds is not known",
        ),
    }
}

fn from_input(call: &Call<'_>, found: &mut Found) {
    match call.stdin {
        Stdin::Known(text) => nested_text(&Word::Known(text.clone()), &Stdin::Nothing, call, found),
        Stdin::File(file) => from_file(file, call, found),
        Stdin::Nothing => interactive(call, found),
        Stdin::Piped | Stdin::Downloaded => {
            nested_text(&Word::Unknown(String::new()), &Stdin::Nothing, call, found);
        }
    }
}

fn crontab(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::CRONTAB.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    let table = object(
        &call.setting.place,
        "crontab",
        parsed.value(&["u"]).map_or("own", Word::text),
    );
    if parsed.has(&["r"]) {
        return found.effect(Effect::destructive(Verb::Delete, table));
    }
    if parsed.has(&["e"]) {
        return interactive(call, found);
    }
    if parsed.has(&["l", "V", "T"]) {
        return;
    }
    found.effect(Effect {
        reversible: Reversible::Unknown,
        ..Effect::change(Verb::Update, table, "")
    });
    let nothing = match call.stdin {
        Stdin::Nothing => true,
        Stdin::Known(text) => text.trim().is_empty(),
        Stdin::File(file) => file.known() == Some("/dev/null"),
        Stdin::Piped | Stdin::Downloaded => false,
    };
    // Without a word it reads what comes in, as with a dash.
    let fed = parsed.words.is_empty() && !parsed.has(&["s"]);
    let dashed = parsed.words.first().is_some_and(|word| word.text() == "-");
    let emptied = nothing && (fed || dashed)
        || parsed.words.first().and_then(Word::known) == Some("/dev/null");
    if emptied {
        let all = object(&call.setting.place, "crontab", "every job");
        return found.effect(Effect::destructive(Verb::Delete, all));
    }
    let text = match parsed.words.first().map(|word| (word, word.known())) {
        None | Some((_, Some("-"))) => match call.stdin {
            Stdin::Known(text) => Some(text.clone()),
            _ => None,
        },
        Some((_, path)) => path.and_then(|path| content(path, call)),
    };
    match text {
        Some(text) => jobs(&text, call, found),
        None if *call.stdin == Stdin::Downloaded => {
            nested_text(&Word::Unknown(String::new()), &Stdin::Nothing, call, found);
        }
        None => found.opaque("what the table of jobs holds is not known"),
    }
}

/// The commands of a table of jobs.
fn jobs(text: &str, call: &Call<'_>, found: &mut Found) {
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let times = if line.starts_with('@') { 1 } else { 5 };
        let mut rest = line;
        for _ in 0..times {
            rest = rest
                .split_once([' ', '\t'])
                .map_or("", |(_, rest)| rest.trim_start());
        }
        // `%` ends the command; what follows is its input.
        let command = rest.split('%').next().unwrap_or(rest);
        let variable = line
            .split_once('=')
            .is_some_and(|(name, _)| !name.contains(['*', '/', ' ', '@']));
        if !variable {
            nested_text(
                &Word::Known(command.to_owned()),
                &Stdin::Nothing,
                call,
                found,
            );
        } else if !matches!(
            line.split_once('=').map(|(name, _)| name),
            Some("MAILTO" | "MAILFROM" | "CRON_TZ" | "TZ" | "LANG")
        ) {
            found.opaque(format!("`{line}` changes what the jobs run in"));
        }
    }
}

fn systemd_run(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::SYSTEMD_RUN.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["h", "help", "version"]) {
        return;
    }
    let unit = object(
        &call.setting.place,
        "service",
        parsed.value(&["unit", "u"]).map_or("run", Word::text),
    );
    found.effect(Effect::change(
        Verb::ServiceStart,
        unit,
        "systemctl stop the unit",
    ));
    let properties = parsed.values(&[
        "p",
        "property",
        "timer-property",
        "path-property",
        "socket-property",
    ]);
    for property in
        properties.filter(|word| word.text().starts_with("Exec") || word.known().is_none())
    {
        let command = property
            .text()
            .split_once('=')
            .map_or("", |(_, command)| command);
        let command = command.trim_start_matches(['-', '+', '!', '@', ':']);
        nested_text(&property.with_text(command), &Stdin::Nothing, call, found);
    }
    let elsewhere = parsed
        .value(&["H", "host"])
        .or_else(|| parsed.value(&["M", "machine"]));
    match elsewhere.and_then(|host| {
        call.setting
            .elsewhere(Place::Network(host.text().to_owned()))
    }) {
        Some(setting) => programs::judge(&parsed.words, call.stdin, &setting, found),
        None if parsed.words.is_empty() => interactive(call, found),
        None => nested(&parsed.words, call, found),
    }
}
