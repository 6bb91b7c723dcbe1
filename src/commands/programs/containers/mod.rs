//! docker, podman, nerdctl, crictl, ctr and what builds, copies and signs images.

mod access;
mod own;
mod run;

use super::Grammar;
use crate::{
    commands::{
        found::Found,
        programs::handbook::Handbook,
        word::{Call, Word},
    },
    domain::effect::Place,
};
use std::sync::LazyLock;

const DOCKER: &str = include_str!("docker.book");
const NERDCTL: &str = concat!(include_str!("docker.book"), include_str!("nerdctl.book"));

/// The handbooks, by the names of their programs.
static HANDBOOKS: [(&str, LazyLock<Handbook>); 9] = [
    ("docker", LazyLock::new(|| Handbook::read(DOCKER))),
    ("nerdctl", LazyLock::new(|| Handbook::read(NERDCTL))),
    (
        "podman",
        LazyLock::new(|| Handbook::read(include_str!("podman.book"))),
    ),
    (
        "crictl",
        LazyLock::new(|| Handbook::read(include_str!("crictl.book"))),
    ),
    (
        "ctr",
        LazyLock::new(|| Handbook::read(include_str!("ctr.book"))),
    ),
    (
        "buildah",
        LazyLock::new(|| Handbook::read(include_str!("buildah.book"))),
    ),
    (
        "skopeo",
        LazyLock::new(|| Handbook::read(include_str!("skopeo.book"))),
    ),
    (
        "crane",
        LazyLock::new(|| Handbook::read(include_str!("crane.book"))),
    ),
    (
        "cosign",
        LazyLock::new(|| Handbook::read(include_str!("cosign.book"))),
    ),
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
    let Some((_, handbook)) = HANDBOOKS.iter().find(|(name, _)| *name == call.program) else {
        return found.opaque(format!("`{}` has no handbook", call.program));
    };
    let engine = engine(handbook, call);
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
    handbook.judge(&call, found, own::own);
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
    use super::{DOCKER, Handbook, NERDCTL};

    #[test]
    fn every_line_of_the_manuals_is_understood() {
        for text in [
            DOCKER,
            NERDCTL,
            include_str!("podman.book"),
            include_str!("crictl.book"),
            include_str!("ctr.book"),
            include_str!("buildah.book"),
            include_str!("skopeo.book"),
            include_str!("crane.book"),
            include_str!("cosign.book"),
        ] {
            assert_eq!(Handbook::checked(text).1, Vec::<&str>::new());
        }
    }
}
