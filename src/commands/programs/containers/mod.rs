//! docker, podman, nerdctl, crictl, ctr and what builds, copies and signs images.

mod access;
mod own;
mod run;

use super::Grammar;
use crate::{
    commands::{
        found::Found,
        programs::handbook::{Book, Handbook},
        word::{Call, Word},
    },
    domain::effect::Place,
};

macro_rules! book {
    ($name:literal, $($text:literal),+) => {
        Book::new($name, concat!($(include_str!($text)),+), own::own)
    };
}

/// The handbooks, by the names of their programs.
static BOOKS: [Book; 9] = [
    book!("docker", "docker.book"),
    book!("nerdctl", "docker.book", "nerdctl.book"),
    book!("podman", "podman.book"),
    book!("crictl", "crictl.book"),
    book!("ctr", "ctr.book"),
    book!("buildah", "buildah.book"),
    book!("skopeo", "skopeo.book"),
    book!("crane", "crane.book"),
    book!("cosign", "cosign.book"),
];

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "docker-compose" | "podman-compose" => Some(compose),
        "docker" | "nerdctl" | "podman" | "crictl" | "ctr" | "buildah" | "skopeo" | "crane"
        | "cosign" => Some(by_book),
        _ => None,
    }
}

fn by_book(call: &Call<'_>, found: &mut Found) {
    // podman hands these on to whichever of the two there is.
    if let ("podman", Some((first, arguments))) = (call.program, call.arguments.split_first())
        && first.known() == Some("compose")
    {
        return compose(&Call { arguments, ..*call }, found);
    }
    let Some(book) = BOOKS.iter().find(|book| book.name == call.program) else {
        return found.opaque(format!("`{}` has no handbook", call.program));
    };
    let engine = engine(book.handbook(), call);
    let setting = engine.map_or_else(
        || Some(call.setting.clone()),
        |place| call.setting.elsewhere(place),
    );
    let Some(setting) = setting else {
        return found.unknown_code(
            &call.setting.place,
            call.program,
            "commands stand too deep in each other",
        );
    };
    let call = Call {
        setting: &setting,
        ..*call
    };
    aimed(book.handbook(), &call, found);
    book.handbook().judge(&call, found, book.own);
}

/// The engine that a flag names instead of the host's own.
fn engine(handbook: &Handbook, call: &Call<'_>) -> Option<Place> {
    let page = handbook.page(call.arguments);
    let flags = ["H", "host", "context", "connection", "url"];
    let named = flags
        .iter()
        .filter(|flag| !page.is_own_flag(flag))
        .find_map(|flag| page.parsed.value(&[flag]))?;
    Some(Place::Network(named.text().to_owned()))
}

/// Says that flags aim a client at another engine than the host's own.
fn aimed(handbook: &Handbook, call: &Call<'_>, found: &mut Found) {
    let flags: &[&str] = match call.program {
        "docker" | "nerdctl" => &["H", "host", "c", "context", "config", "tlscacert"],
        "podman" => &[
            "url",
            "c",
            "connection",
            "config",
            "hooks-dir",
            "conmon",
            "runtime",
            "network-cmd-path",
        ],
        "crictl" => &[
            "r",
            "runtime-endpoint",
            "i",
            "image-endpoint",
            "c",
            "config",
        ],
        "ctr" => &["a", "address"],
        _ => &[],
    };
    let page = handbook.page(call.arguments);
    for flag in flags.iter().filter(|flag| !page.is_own_flag(flag)) {
        let value = page.parsed.value(&[flag]);
        if value.is_some_and(|value| !value.known().is_some_and(is_of_this_host)) {
            found.opaque(format!("`{flag}` decides which engine is asked"));
        }
    }
    // Its `-r` is also a flag of some of its commands, but only an engine has an address.
    let address = |word: &&Word| {
        let text = word.text().trim_start_matches(['-', 'r', 'i', '=']);
        call.program == "crictl" && text.contains("://") && !is_of_this_host(text)
    };
    if let Some(word) = call.arguments.iter().find(address) {
        found.opaque(format!("`{}` decides which engine is asked", word.text()));
    }
}

/// `unix:///run/containerd/containerd.sock`, and the usual files of settings.
fn is_of_this_host(text: &str) -> bool {
    let path = text.strip_prefix("unix://").unwrap_or(text);
    let folders = ["/run/", "/var/run/", "/etc/"];
    text == "default"
        || folders.iter().any(|folder| path.starts_with(folder)) && !path.contains("..")
}

/// `docker-compose …` is `docker compose …`.
fn compose(call: &Call<'_>, found: &mut Found) {
    let mut words = vec![Word::Known("compose".to_owned())];
    words.extend_from_slice(call.arguments);
    by_book(
        &Call {
            program: "docker",
            arguments: &words,
            ..*call
        },
        found,
    );
}

#[cfg(test)]
mod tests {
    use super::BOOKS;
    use crate::commands::programs::handbook::assert_understood;

    #[test]
    fn every_line_of_the_manuals_is_understood() {
        assert_understood(&BOOKS);
    }
}
