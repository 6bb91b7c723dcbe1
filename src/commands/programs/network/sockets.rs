//! Bare connections: netcat, socat, telnet. What goes through them is not theirs to say.

use crate::commands::flags::Table;
use crate::commands::found::{Found, object};
use crate::commands::programs::files::paths::carried_off;
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{
    asks_for_help, doubt, has_word, parse, program, table, words,
};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::{Place, Reach};

const NETCAT: Table = table(
    words!(
        "G I M m O P p q s T V W X x e i w g o exec sh-exec lua-exec proxy proxy-type proxy-auth source source-port idle-timeout wait output delay hex-dump allow deny allowfile denyfile max-conns ssl-cert ssl-key ssl-trustfile ssl-ciphers ssl-alpn ssl-servername"
    ),
    words!(
        "4 6 8 A B D c d E F h K k l L N n R r S t U u v y Z z C b a listen keep-open udp sctp ssl ssl-verify telnet chat broker verbose nodns crlf zero \
         recv-only send-only no-shutdown help version vsock unixsock append-output"
    ),
    &[],
);

/// Questions that daemons answer on a bare connection without changing anything.
const QUESTIONS: &str = "ruok stat srvr mntr conf cons dump envi wchs isro stats version info ping status help quit \\n show";

/// netcat, of whichever sort.
pub(super) fn netcat(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let runs = call.program == "ncat" || call.program == "nc.traditional";
    let arguments: Vec<Word> = call.arguments.to_vec();
    let parsed = parse(&NETCAT, &arguments);
    found.line(&parsed, |_| false);
    if asks_for_help(&parsed) || parsed.has(&["h"]) && parsed.words.is_empty() {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    let executes = parsed
        .values(&["e", "exec", "sh-exec", "lua-exec"])
        .next()
        .is_some();
    let shell = arguments
        .iter()
        .any(|word| word.text() == "-c" || runs && word.text().starts_with("-c"))
        && (runs || arguments.len() > 1 && has_value(&arguments));
    if executes || shell {
        found.unknown_code(
            place,
            call.program,
            "whoever is at the other end runs a program here",
        );
        act(Does::Grant, program(place, call), Reach::Unknown, found);
        return;
    }
    if !parsed.unknown.is_empty() {
        act(Does::Tunnel, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
    if parsed.has(&["z", "zero"]) {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
        return doubt(&parsed.words, false, true, found);
    }
    if parsed.has(&["l", "listen", "L", "k"]) {
        act(Does::Tunnel, program(place, call), Reach::Exactly(1), found);
        return found.opaque("who connects, and what comes then, is not known");
    }
    let host = parsed.words.first().map_or("", Word::text);
    said(host, call, found);
}

/// Whether a bare `-c` is followed by something that is no port: a command.
fn has_value(arguments: &[Word]) -> bool {
    let place = arguments.iter().position(|word| word.text() == "-c");
    let next = place.and_then(|place| arguments.get(place + 1));
    next.is_some_and(|word| {
        word.text().contains(['/', ' ']) || has_word("sh bash ash zsh cmd", word.text())
    })
}

/// What is sent into a connection.
fn said(host: &str, call: &Call<'_>, found: &mut Found) {
    let thing = object(&Place::Network(host.to_owned()), "port", host);
    match call.stdin {
        Stdin::Known(text) => {
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let asks = lines.all(|line| {
                line.split_whitespace()
                    .next()
                    .is_some_and(|word| has_word(QUESTIONS, &word.to_ascii_lowercase()))
                    || line.starts_with("GET ")
                    || line.starts_with("HEAD ")
                    || line.starts_with("Host:")
            });
            let grave = [
                "flush",
                "delete",
                "drop",
                "shutdown",
                "kill",
                "config set",
                "rmr",
                "debug",
                "quitquit",
                "disable",
                "set server",
                "del ",
                "clear ",
            ]
            .iter()
            .any(|word| text.to_ascii_lowercase().contains(word));
            let does = match () {
                () if asks && !grave => Does::Look,
                () if grave => Does::Remove,
                () => Does::Send,
            };
            act(does, thing, Reach::Exactly(1), found);
        }
        Stdin::File(file) => {
            carried_off(file, &call.setting.place, found);
            act(Does::Send, thing, Reach::Exactly(1), found);
        }
        Stdin::Piped | Stdin::Downloaded => act(Does::Send, thing, Reach::Exactly(1), found),
        Stdin::Nothing => {
            act(Does::Tunnel, thing, Reach::Exactly(1), found);
            found.opaque("what goes through the connection is not known");
        }
    }
}

/// socat: its two addresses decide.
pub(super) fn socat(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    if call.arguments.len() <= 1
        && call
            .arguments
            .iter()
            .all(|word| word.text().starts_with('-'))
    {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    let mut runs = false;
    for word in call.arguments {
        let text = word.text().to_ascii_lowercase();
        let kind = text.split([':', ',']).next().unwrap_or_default();
        runs |= ["exec", "system", "shell", "e"].contains(&kind.trim_start_matches('-'))
            && text.contains(':')
            || text.contains("exec:")
            || text.contains("system:")
            || text.contains("shell:");
        if word.known().is_none() {
            found.opaque(format!("`{}` is not known before it runs", word.text()));
        }
        if let Some(path) = word
            .text()
            .split_once(':')
            .filter(|_| has_word("open file creat create gopen", kind))
            .map(|(_, path)| path)
        {
            let path = path.split(',').next().unwrap_or_default();
            crate::commands::programs::files::paths::written(
                &word.with_text(path),
                crate::commands::programs::files::paths::Write::Replace,
                place,
                found,
            );
            carried_off(&word.with_text(path), place, found);
        }
    }
    let asks = call
        .arguments
        .iter()
        .filter(|word| !word.text().starts_with('-') || word.text() == "-")
        .all(|word| is_client(word.text()));
    if asks && !runs && matches!(call.stdin, Stdin::Known(_)) {
        return said(call.arguments.last().map_or("", Word::text), call, found);
    }
    if runs {
        found.unknown_code(
            place,
            "socat",
            "whoever is at the other end runs a program here",
        );
    }
    act(Does::Tunnel, program(place, call), Reach::Exactly(1), found);
}

/// Addresses of socat that only connect.
fn is_client(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    let kind = address.split([':', ',']).next().unwrap_or_default();
    address.starts_with('/')
        || has_word(
            "- stdio stdin stdout unix unix-connect unix-client tcp tcp4 tcp6 tcp-connect udp openssl ssl",
            kind,
        )
}

/// telnet.
pub(super) fn telnet(call: &Call<'_>, found: &mut Found) {
    let host = call
        .arguments
        .iter()
        .find(|word| !word.text().starts_with('-'))
        .map_or("", Word::text)
        .to_owned();
    said(&host, call, found);
}

/// websocat and wscat.
pub(super) fn websocket(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let runs = call.arguments.iter().any(|word| {
        let text = word.text();
        text.starts_with("exec:")
            || text.starts_with("sh-c:")
            || text.starts_with("cmd:")
            || has_word("-e --exec", text)
    });
    if runs {
        found.unknown_code(
            place,
            call.program,
            "whoever is at the other end runs a program here",
        );
    }
    let only_help =
        matches!(call.arguments, [word] if has_word("--help --version -h -V", word.text()));
    act(
        if only_help { Does::Look } else { Does::Tunnel },
        program(place, call),
        Reach::Exactly(1),
        found,
    );
}
