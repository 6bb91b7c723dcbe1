//! Commands at a terminal of their own: `watch`, `script`, `expect`, `tmux`, `screen`.

use super::{
    Call, Found, Grammar, Stdin, Word, interactive, joined, nested, nested_text, object, starts,
    tables, unknown_flags, writes,
};
use crate::domain::effect::{Effect, Verb};

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "watch" => Some(watch),
        "script" => Some(script),
        "expect" => Some(expect),
        "tmux" => Some(tmux),
        "screen" => Some(screen),
        _ => None,
    }
}

fn watch(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::WATCH.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.has(&["x", "exec"]) {
        return nested(&parsed.words, call, found);
    }
    if parsed.words.is_empty() {
        return;
    }
    match joined(&parsed.words) {
        text @ Word::Known(_) => nested_text(&text, call.stdin, call, found),
        // What the shell put in is one word for it, but a text again for `watch`.
        _ if parsed.words.len() > 1 => {
            found.opaque("a part of the text that `watch` runs is not known");
            nested(&parsed.words, call, found);
        }
        text => {
            found.opaque("a part of the text that `watch` runs is not known");
            nested_text(
                &Word::Known(text.text().to_owned()),
                call.stdin,
                call,
                found,
            );
        }
    }
}

fn script(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::SCRIPT.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    let logs = parsed.values(&[
        "I",
        "log-in",
        "O",
        "log-out",
        "B",
        "log-io",
        "T",
        "log-timing",
    ]);
    for file in parsed.words.iter().chain(logs) {
        writes(file.text(), call, found);
    }
    if parsed.words.is_empty() && !parsed.has(&["O", "log-out", "B", "log-io"]) {
        writes("typescript", call, found);
    }
    match parsed.value(&["c", "command"]) {
        Some(text) => nested_text(text, call.stdin, call, found),
        None => super::shells::from_input(call, found),
    }
}

fn expect(call: &Call<'_>, found: &mut Found) {
    match call.arguments.iter().map(Word::text).collect::<Vec<_>>()[..] {
        ["-v" | "-version"] => {}
        [path, ..]
            if !path.starts_with('-') && call.arguments.first().and_then(Word::known).is_some() =>
        {
            starts(
                path,
                call.setting,
                found,
                "what the script holds is not known",
            );
        }
        _ => found.unknown_code(
            &call.setting.place,
            "expect",
            "the language of `expect` is not known to the gate",
        ),
    }
}

/// What only shows something.
#[rustfmt::skip]
const TMUX_SHOWS: [&str; 31] = [
    "ls", "list-sessions", "list-windows", "lsw", "list-panes", "lsp", "list-clients", "lsc", "list-keys", "lsk", "list-commands", "lscm",
    "list-buffers", "lsb", "show-options", "show", "show-environment", "showenv", "show-buffer", "showb", "show-window-options", "showw",
    "show-messages", "showmsgs", "display-message", "display", "info", "has-session", "has", "capture-pane", "capturep",
];

/// What starts a command.
#[rustfmt::skip]
const TMUX_STARTS: [&str; 14] = [
    "new-session", "new", "new-window", "neww", "split-window", "splitw", "respawn-pane", "respawnp", "respawn-window", "respawnw",
    "run-shell", "run", "popup", "display-popup",
];

fn tmux_starts(words: &[Word], call: &Call<'_>, found: &mut Found) {
    let parsed = tables::TMUX_VERB.parse(words);
    unknown_flags(&parsed, call, found);
    let session = object(&call.setting.place, "session", "tmux");
    found.effect(Effect::change(Verb::Create, session, "tmux kill-session"));
    if !parsed.words.is_empty() {
        nested_text(&joined(&parsed.words), &Stdin::Nothing, call, found);
    } else if !parsed.has(&["d"]) {
        interactive(call, found);
    }
}

fn tmux(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::TMUX_GLOBAL.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed
        .value(&["f"])
        .is_some_and(|file| file.known() != Some("/dev/null"))
    {
        let reason = "its settings may name commands to run";
        found.unknown_code(&call.setting.place, "tmux", reason);
    }
    if let Some(text) = parsed.value(&["c"]) {
        return nested_text(text, call.stdin, call, found);
    }
    let Some((verb, rest)) = parsed.words.split_first() else {
        return if parsed.has(&["V"]) {
        } else {
            interactive(call, found);
        };
    };
    let session = || object(&call.setting.place, "session", "tmux");
    match verb.text() {
        verb if TMUX_SHOWS.contains(&verb) => {
            // `#(…)` in a format runs a command.
            if rest.iter().any(|word| word.text().contains("#(")) {
                found.unknown_code(&call.setting.place, "tmux", "a format that runs a command");
            }
        }
        "kill-session" | "kill-server" | "kill-window" | "killw" | "kill-pane" | "killp" => {
            found.effect(Effect::destructive(Verb::ProcessKill, session()));
        }
        verb if TMUX_STARTS.contains(&verb) => tmux_starts(rest, call, found),
        "send-keys" | "send" => {
            let parsed = tables::TMUX_VERB.parse(rest);
            found.opaque("what runs at the terminal that gets the keys is not known");
            typed(&parsed.words, call, found);
        }
        "attach" | "attach-session" | "a" | "switch-client" => interactive(call, found),
        _ => {
            found.unknown_code(
                &call.setting.place,
                "tmux",
                format!("what `tmux {}` does is not known", verb.text()),
            );
        }
    }
}

/// Keys that are typed at a shell somewhere.
fn typed(keys: &[Word], call: &Call<'_>, found: &mut Found) {
    let mut text = String::new();
    let mut known = true;
    for key in keys {
        known &= key.known().is_some();
        match key.text() {
            "Enter" | "C-m" | "KPEnter" => text.push('\n'),
            "Space" => text.push(' '),
            "C-c" | "C-d" | "Escape" | "C-l" | "q" | "Up" | "Down" => {}
            key => text.push_str(&key.replace("\\n", "\n").replace("^M", "\n")),
        }
    }
    found.effect(Effect {
        reversible: crate::domain::effect::Reversible::Unknown,
        ..Effect::change(
            Verb::Exec,
            object(&call.setting.place, "session", call.program),
            "",
        )
    });
    let word = if known {
        Word::Known(text)
    } else {
        Word::Unknown(text)
    };
    nested_text(&word, &Stdin::Nothing, call, found);
}

fn screen(call: &Call<'_>, found: &mut Found) {
    let texts: Vec<&str> = call.arguments.iter().map(Word::text).collect();
    if let ["-ls" | "-list" | "-v" | "--version" | "--help"] = texts[..] {
        return;
    }
    if let Some(place) = texts.iter().position(|text| *text == "-X") {
        let rest = call.arguments.get(place + 1..).unwrap_or_default();
        return match rest.first().map(Word::text) {
            Some("stuff") => {
                found.opaque("what runs at the terminal that gets the keys is not known");
                typed(rest.get(1..).unwrap_or_default(), call, found);
            }
            Some("quit" | "kill") => {
                let session = object(&call.setting.place, "session", "screen");
                found.effect(Effect::destructive(Verb::ProcessKill, session));
            }
            Some("hardcopy" | "log" | "logfile" | "info" | "windows" | "title") => {
                writes("hardcopy", call, found);
            }
            _ => found.unknown_code(
                &call.setting.place,
                "screen",
                "what this command of `screen` does is not known",
            ),
        };
    }
    let parsed = tables::SCREEN.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.has(&["r", "x", "R"]) || parsed.words.is_empty() {
        return interactive(call, found);
    }
    let session = object(&call.setting.place, "session", "screen");
    found.effect(Effect::change(Verb::Create, session, "screen -X quit"));
    nested(&parsed.words, call, found);
}
