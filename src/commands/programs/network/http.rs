//! What a request over HTTP does, by its method, address and body; and httpie.

use super::{
    super::{
        super::{
            flags::Table,
            found::{Found, object},
            word::{Call, Stdin, Word},
        },
        files::paths::{Write, carried_off, printed, written},
        host::{
            does::{Does, act},
            sheet::{has_word, parse, program, table, words},
        },
    },
    url::{Address, Answer},
};
use crate::domain::effect::{Place, Reach};

/// One request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The method, if it is known.
    pub(super) method: Option<String>,
    pub(super) address: &'a Word,
    /// Bodies that are known.
    pub(super) bodies: Vec<&'a str>,
    /// Whether it goes to a socket of this host that commands a daemon.
    pub(super) daemon: bool,
}

/// Puts in what a request does.
pub(super) fn request(request: &Request<'_>, call: &Call<'_>, found: &mut Found) {
    let address = Address::new(request.address);
    let place = Place::Network(address.host.clone());
    let thing = object(&place, "url", request.address.text());
    if address.is_engine() {
        found.opaque(format!(
            "`{}`: who answers there runs containers",
            request.address.text()
        ));
    }
    let asked = asked(request, &address);
    if asked == Does::Remove
        && let Some(mut effect) = address.removed()
    {
        // A path of the Kubernetes API, whatever cluster answers there.
        effect.object.place = Place::Cluster(address.host.clone());
        found.effect(effect);
    }
    let does = match address.answer(request.address) {
        Answer::Secrets if matches!(asked, Does::Look | Does::Remove) => match asked {
            Does::Remove => Does::Remove,
            _ => Does::Reveal,
        },
        Answer::Secrets => {
            act(asked, thing.clone(), Reach::Exactly(1), found);
            Does::Reveal
        }
        Answer::File => {
            return printed(&address.file(request.address), &call.setting.place, found);
        }
        Answer::Odd => {
            found.opaque(format!(
                "`{}` is no address of the web",
                request.address.text()
            ));
            Does::Remove
        }
        Answer::Plain => asked,
    };
    if request.daemon && !matches!(does, Does::Look | Does::Reveal) {
        found.opaque("a daemon of this host is told what to do");
    }
    act(does, thing, Reach::Exactly(1), found);
    if request.method.is_none() {
        found.opaque("the method of the request is not known");
    }
    if matches!(request.address, Word::Unknown(_)) {
        let text = request.address.text();
        if text.starts_with(['$', '`']) && address.hazy_host() {
            found.opaque(format!("`{text}`: which host is asked is not known"));
        } else {
            found.bounded(format!("`{text}` is not known before it runs"));
        }
    }
}

fn asked(request: &Request<'_>, address: &Address) -> Does {
    let method = request.method.as_deref().map(str::to_ascii_uppercase);
    match method.as_deref() {
        None
        | Some(
            "DELETE" | "PURGE" | "BAN" | "FLUSH" | "UNLINK" | "CANCEL" | "SHUTDOWN" | "DESTROY",
        ) => Does::Remove,
        Some("GET" | "HEAD" | "OPTIONS" | "TRACE" | "PROPFIND" | "REPORT" | "SEARCH" | "LIST") => {
            Does::Look
        }
        Some(_) if address.removes() || request.bodies.iter().any(|body| is_grave(body)) => {
            Does::Remove
        }
        Some(_) if address.grants() => Does::Grant,
        Some("POST" | "PUT") if address.reloads() => Does::Restart,
        Some(_) => Does::Send,
    }
}

/// Whether a body asks for something to be removed.
fn is_grave(body: &str) -> bool {
    let body = body.to_ascii_lowercase();
    let sql = [
        "drop table",
        "drop database",
        "drop user",
        "drop schema",
        "truncate ",
        "delete from",
        "drop keyspace",
        "flushall",
        "flushdb",
        "system shutdown",
    ];
    let graph = body.contains("mutation")
        && ["delete", "remove", "destroy"]
            .iter()
            .any(|word| body.contains(word));
    let action = [
        "\"action\":\"delete",
        "\"action\": \"delete",
        "\"op\":\"remove",
        "\"op\": \"remove",
        "\"replicas\":0",
        "\"replicas\": 0",
        "\"delete\":",
        "\"command\":\"rm",
        "\"privileged\":true",
        "\"privileged\": true",
    ];
    graph || sql.iter().chain(&action).any(|word| body.contains(word))
}

/// Whether a header changes the method behind the back of the line.
pub(super) fn overrides_method(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    header.starts_with("x-http-method") || header.starts_with("x-method-override")
}

/// httpie: the method may stand before the address; `name=value` makes it a POST.
pub(super) fn httpie(call: &Call<'_>, found: &mut Found) {
    const HTTPIE: Table = table(
        words!(
            "A a o p s style auth auth-type bearer output print session session-read-only pretty proxy verify cert cert-key ssl timeout max-redirects max-headers boundary raw ciphers response-charset response-mime format-options default-scheme"
        ),
        words!(
            "F I b c d f h j m q v x all body check-status continue debug download follow form headers help ignore-netrc ignore-stdin json meta multipart offline path-as-is quiet sorted stream unsorted verbose version traceback no-verify"
        ),
        &[],
    );
    let parsed = parse(&HTTPIE, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let mut words = parsed.words.as_slice();
    let method = words
        .first()
        .and_then(Word::known)
        // A word of letters before another word is a method, in whatever case.
        .filter(|word| words.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic()));
    if method.is_some() {
        words = words.get(1..).unwrap_or_default();
    }
    let Some((address, items)) = words.split_first() else {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    };
    let sends = items.iter().any(|item| is_body(item.text()))
        || parsed.value(&["raw"]).is_some()
        || !matches!(call.stdin, Stdin::Nothing);
    if let Stdin::File(file) = call.stdin
        && !parsed.has(&["I", "ignore-stdin"])
    {
        carried_off(file, place, found);
    }
    let implied = if sends { "POST" } else { "GET" };
    for item in items {
        if let Some((_, file)) = item.text().split_once('@') {
            carried_off(&item.with_text(file), place, found);
        }
    }
    if items.iter().any(|item| overrides_method(item.text())) {
        act(Does::Remove, program(place, call), Reach::Unknown, found);
    }
    let bodies = items.iter().filter_map(Word::known).collect();
    if parsed.has(&["offline"]) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    request(
        &Request {
            method: Some(method.unwrap_or(implied).to_owned()),
            address,
            bodies,
            daemon: false,
        },
        call,
        found,
    );
    if let Some(file) = parsed.value(&["o", "output"]) {
        written(file, Write::Replace, place, found);
    } else if parsed.has(&["d", "download"]) {
        written(
            &Word::Known("./download".to_owned()),
            Write::Create,
            place,
            found,
        );
    }
    if !parsed.unknown.is_empty() {
        act(Does::Send, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
}

/// `name=value` and `name:=value` are a body; `name==value` is asked, `Name:value` a header.
fn is_body(item: &str) -> bool {
    let equals = item.find('=');
    let header = item
        .find(':')
        .filter(|colon| equals.is_none_or(|equals| *colon < equals) && !item.contains(":="));
    (equals.is_some() && !item.contains("==") && header.is_none())
        || item.contains('@') && header.is_none()
}

/// Whether a word is a method that only asks.
pub(super) fn only_asks(method: &str) -> bool {
    has_word("GET HEAD OPTIONS", &method.to_ascii_uppercase())
}
