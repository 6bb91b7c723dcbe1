//! `ssh`: a text that the other host's shell runs, tunnels, sessions.

use super::{
    Call, Found, Grammar, Setting, Stdin, Word, joined, nested_text, object, shell, tables,
    too_deep, unknown_flags,
};
use crate::commands::programs::files::paths::{Write, written};
use crate::domain::effect::{Effect, Place, Reversible, Verb};

/// Options that only say how the connection is made.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "addkeystoagent", "addressfamily", "batchmode", "bindaddress", "canonicalizehostname", "certificatefile", "checkhostip",
    "ciphers", "compression", "connectionattempts", "connecttimeout", "controlmaster", "controlpath", "controlpersist",
    "enableescapecommandline", "escapechar", "exitonforwardfailure", "forwardagent", "forwardx11", "globalknownhostsfile",
    "gssapiauthentication", "hashknownhosts", "hostkeyalgorithms", "hostname", "identitiesonly", "identityagent", "identityfile",
    "ipqos", "kbdinteractiveauthentication", "kexalgorithms", "loglevel", "macs", "nohostauthenticationforlocalhost",
    "numberofpasswordprompts", "passwordauthentication", "port", "preferredauthentications",
    "pubkeyacceptedalgorithms", "pubkeyauthentication", "requesttty", "sendenv", "serveralivecountmax", "serveraliveinterval",
    "stricthostkeychecking", "tcpkeepalive", "updatehostkeys", "user", "userknownhostsfile", "verifyhostkeydns", "visualhostkey",
];

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "ssh" | "autossh" | "slogin" => Some(ssh),
        "sshpass" => Some(sshpass),
        "mosh" => Some(super::interactive),
        _ => None,
    }
}

/// `sshpass -p secret ssh host command`
fn sshpass(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::SSHPASS.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    super::nested(&parsed.words, call, found);
}

fn ssh(call: &Call<'_>, found: &mut Found) {
    let mut parsed = tables::SSH.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    let host = parsed.words.first().cloned();
    // Flags may follow the host too.
    if parsed.before_dashes.is_none()
        && parsed
            .words
            .get(1)
            .is_some_and(|word| word.text().starts_with('-'))
    {
        let more = tables::SSH.parse(parsed.words.get(1..).unwrap_or_default());
        unknown_flags(&more, call, found);
        parsed.flags.extend(more.flags);
        parsed.words = host.iter().cloned().chain(more.words).collect();
    }
    // The log is opened before anything else is done.
    for file in parsed.values(&["E"]) {
        written(file, Write::Append, &call.setting.place, found);
    }
    if parsed.has(&["V", "Q", "G"]) {
        return;
    }
    for way in parsed.values(&["J"]) {
        hop(way, found);
    }
    for option in parsed.values(&["o"]) {
        judge_option(option, call, found);
    }
    if parsed.has(&["F", "I"]) {
        found.opaque("what another configuration makes of the connection is not known");
    }
    let Some(host) = host else {
        return;
    };
    let tunnels = tunnels(&parsed, &host, call, found);
    let Some(setting) = call
        .setting
        .elsewhere(Place::Network(name(host.text()).to_owned()))
    else {
        return too_deep(call, found);
    };
    let command = parsed.words.get(1..).unwrap_or_default();
    let input = if parsed.has(&["n", "f"]) {
        &Stdin::Nothing
    } else {
        call.stdin
    };
    if !command.is_empty() {
        remote(&joined(command), input, &setting, found);
    } else if parsed.has(&["O"]) {
        found.opaque("it speaks to a connection that is open already");
    } else if !parsed.has(&["N"]) && (!tunnels || !parsed.has(&["f"])) {
        session(input, &setting, found);
    }
}

/// The host without the user.
fn name(host: &str) -> &str {
    let host = host.strip_prefix("ssh://").unwrap_or(host);
    host.rsplit('@').next().unwrap_or(host)
}

/// A text that the other host's shell runs. What is not known of it was put in by the shell here.
fn remote(text: &Word, stdin: &Stdin, setting: &Setting<'_>, found: &mut Found) {
    if text.known().is_none() {
        found.opaque("a part of the text that the other host runs is not known");
    }
    shell::judge(text.text(), stdin, setting, found);
}

fn session(stdin: &Stdin, setting: &Setting<'_>, found: &mut Found) {
    match stdin {
        Stdin::Known(text) => shell::judge(text, &Stdin::Piped, setting, found),
        Stdin::Nothing => {
            found.effect(Effect {
                verb: Verb::Exec,
                reversible: Reversible::Unknown,
                ..Effect::read(Verb::Read, object(&setting.place, "program", "shell"))
            });
            found.opaque("what is typed at the other host is not known");
        }
        Stdin::File(_) | Stdin::Piped | Stdin::Downloaded => {
            found.unknown_code(&setting.place, "shell", "the other host runs what comes in");
        }
    }
}

fn judge_option(option: &Word, call: &Call<'_>, found: &mut Found) {
    let text = option.text();
    let (name, value) = text.split_once(['=', ' ']).unwrap_or((text, ""));
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "proxycommand" | "localcommand" | "knownhostscommand" => {
            if value != "none" {
                found.opaque(format!("`{name}` runs a command here"));
                nested_text(&option.with_text(value), &Stdin::Nothing, call, found);
            }
        }
        "remotecommand" => found.unknown_code(
            &call.setting.place,
            "ssh",
            "`RemoteCommand` runs a text there",
        ),
        "localforward" | "remoteforward" | "dynamicforward" => tunnel(value, call, found),
        "proxyjump" => hop(&option.with_text(value), found),
        name if HARMLESS.binary_search(&name).is_ok() => {}
        _ => found.opaque(format!("what `{text}` means to `ssh` is not known")),
    }
}

/// A host on the way: one that begins like a flag is one to the `ssh` that goes there.
fn hop(way: &Word, found: &mut Found) {
    let text = way.text().trim();
    let hosts = || {
        text.split(',')
            .map(|host| host.trim().trim_start_matches("ssh://"))
    };
    if hosts().any(|host| host.starts_with('-')) || way.text().starts_with(['$', '`']) {
        found.opaque(format!("`{text}` is not known to be a host on the way"));
    }
}

/// `-L`, `-R`, `-D`, `-W`, `-w`: ways in that stay open as long as the connection.
fn tunnels(parsed: &super::Parsed, host: &Word, call: &Call<'_>, found: &mut Found) -> bool {
    let mut any = false;
    for way in parsed.values(&["L", "R", "D", "W", "w"]) {
        tunnel(&format!("{} by {}", way.text(), host.text()), call, found);
        any = true;
    }
    any
}

fn tunnel(way: &str, call: &Call<'_>, found: &mut Found) {
    let way = object(&call.setting.place, "tunnel", way);
    found.effect(Effect::change(Verb::Tunnel, way, "end the connection"));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_names_of_options_are_sorted() {
        assert!(super::HARMLESS.is_sorted());
    }
}
