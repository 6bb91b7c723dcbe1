//! Commands in containers, old and new, and in those that build images.

use super::access::{self, Access};
use crate::{
    commands::{
        flags::Parsed,
        found::{Found, object},
        programs::{
            self,
            files::secrets::{Sight, is_variables, sight},
            handbook::{Page, file_made, lists_names},
            images::{Meant, started},
        },
        shell,
        word::{Call, Setting, Stdin, Word},
    },
    domain::effect::{Class, Effect, Object, Place, Reversible, Secrets, Tri, Verb},
};

/// Programs that read commands from whoever is there.
const SHELLS: [&str; 9] = [
    "sh", "bash", "ash", "dash", "zsh", "ksh", "fish", "busybox", "pwsh",
];

/// `run`: a new container, with what it gets of the host, and what it runs.
pub(super) fn run(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    let name = parsed.value(&["name"]).or(parsed.words.first());
    let (kind, undo) = if page.path == "service create" {
        ("service", "docker service rm")
    } else {
        ("container", "stop and remove the container")
    };
    let mut effect = Effect::change(
        Verb::Create,
        object(&call.setting.place, kind, name.map_or("", Word::text)),
        undo,
    );
    match access::of(parsed) {
        Access::None => {}
        Access::Network => effect.reversible = Reversible::Unknown,
        Access::Unknown => {
            effect.access_change = Tri::Unknown;
            found.opaque("which folder of the host the container gets is not known");
        }
        Access::Host => {
            effect.access_change = Tri::Yes;
            effect.reversible = Reversible::Unknown;
        }
    }
    let image = parsed.words.first().map_or("", Word::text);
    let creates = page.path.ends_with("create");
    if !has_version(image) && !creates {
        effect.reversible = Reversible::Unknown;
        found.bounded(format!("which version of `{image}` runs is not known"));
    }
    if parsed.values(&["env-file", "label-file"]).any(carries_off) {
        effect.secrets = Secrets::Values;
    }
    found.effect(effect);
    let values = parsed.flags.iter().filter_map(|flag| flag.value.as_ref());
    for word in parsed.words.iter().take(1).chain(values) {
        if access::is_here(word) {
            found.bounded(format!("`{}` is not known before it runs", word.text()));
        } else {
            found.doubt(word);
        }
    }
    for file in parsed.values(&["cidfile", "pidfile", "conmon-pidfile"]) {
        file_made(file, &call.setting.place, found);
    }
    let typed = parsed.has(&["i", "interactive"]) && !parsed.has(&["d", "detach"]) && !creates;
    image_command(&starts(page, call), typed, parsed, call, found);
}

/// What a new container starts. `ctr run` names the container after its image; `runlabel` names a label.
fn starts(page: &Page<'_>, call: &Call<'_>) -> Vec<Word> {
    let parsed = &page.parsed;
    let before = match page.path {
        "container runlabel" => return Vec::new(),
        "run" | "containers create" if call.program == "ctr" => 2,
        _ => 1,
    };
    let words = parsed.words.get(before..).unwrap_or_default();
    let image = parsed.words.first().map_or("", Word::text);
    match parsed.value(&["entrypoint"]) {
        // It takes the place of the image's own program.
        Some(entry) => {
            let entry = (!entry.text().is_empty()).then(|| entry.clone());
            let words: Vec<Word> = entry.into_iter().chain(words.iter().cloned()).collect();
            started(image, &words, Meant::Program)
        }
        None => started(image, words, Meant::Arguments),
    }
}

/// Whether an image is named with its digest, or with a tag that says a version.
fn has_version(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    let tag = name.split_once(':').map(|(_, tag)| tag);
    image.contains("@sha256:")
        || tag.is_some_and(|tag| tag.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Whether a file of variables is one that was never meant for containers.
fn carries_off(file: &Word) -> bool {
    sight(file) == Sight::Secret && !is_variables(file.text())
}

/// Words of a service's containers, given as one text: `--args 'run --fast'`, `--entrypoint '/bin/x -v'`.
pub(super) fn new_words(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    for text in parsed.values(&["entrypoint", "args"]) {
        match (text.known(), call.setting.elsewhere(inside("a service"))) {
            (Some(text), Some(setting)) => shell::judge(text, &Stdin::Nothing, &setting, found),
            _ => found.opaque("what the containers of the service start is not known"),
        }
    }
}

/// What a new container starts: all of it counts, since it has a network, and often folders that stay.
fn image_command(words: &[Word], typed: bool, parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let nobody_types = matches!(call.stdin, Stdin::Known(_) | Stdin::File(_));
    if typed && !nobody_types && (words.is_empty() || is_bare_shell(words)) {
        return found.opaque("what is typed into a container is not known");
    }
    if words.is_empty() {
        return;
    }
    let Some(mut setting) = call.setting.elsewhere(inside("a new container")) else {
        return found.opaque("commands stand too deep in each other");
    };
    stands(parsed, &mut setting);
    let stdin = if typed { call.stdin } else { &Stdin::Nothing };
    programs::judge(words, stdin, &setting, found);
}

/// `exec CONTAINER COMMAND`: the container is there and serves.
pub(super) fn exec(page: &Page<'_>, container: Object, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    let latest = parsed.has(&["l", "latest"])
        && !page.path.starts_with("compose")
        && call.program.starts_with("podman");
    let skip = usize::from(!latest);
    let command = parsed
        .words
        .get(skip.min(parsed.words.len())..)
        .unwrap_or(&[]);
    match parsed.words.first() {
        Some(word) if word.may_be_flag() && !lists_names(word) => {
            found.opaque("which container is meant, and what follows, is not known before it runs");
        }
        Some(word) if word.known().is_none() => {
            found.bounded("which container is meant is not known before it runs");
        }
        Some(_) | None => {}
    }
    if parsed.has(&["privileged"]) {
        found.effect(Effect {
            access_change: Tri::Yes,
            ..exec_effect(&container)
        });
    }
    let typed = parsed.has(&["i", "interactive", "stdin"]) || page.path.starts_with("compose");
    if command.is_empty() || (is_bare_shell(command) && (!typed || *call.stdin == Stdin::Nothing)) {
        found.effect(exec_effect(&container));
        return found.opaque("what is typed into a shell is not known");
    }
    let Some(mut setting) = call
        .setting
        .elsewhere(inside(&format!("container {}", container_name(&container))))
    else {
        return found.unknown_code(
            &call.setting.place,
            call.program,
            "commands stand too deep in each other",
        );
    };
    stands(parsed, &mut setting);
    let mut inner = found.inner();
    let stdin = if typed { call.stdin } else { &Stdin::Nothing };
    programs::judge(command, stdin, &setting, &mut inner);
    found.effect(match inner.class() {
        Class::Read => Effect::read(Verb::Read, container),
        Class::Change | Class::Destructive => exec_effect_of(&container, &inner),
    });
    found.absorb(inner);
}

fn container_name(container: &Object) -> &str {
    match &container.which {
        crate::domain::effect::Which::Named(name) => name,
        _ => "",
    }
}

fn inside(name: &str) -> Place {
    Place::Network(name.to_owned())
}

/// A shell without a script reads what somebody types.
fn is_bare_shell(words: &[Word]) -> bool {
    let Some((Word::Known(first), rest)) = words.split_first() else {
        return false;
    };
    let name = first.rsplit('/').next().unwrap_or(first);
    SHELLS.contains(&name)
        && rest
            .iter()
            .all(|word| matches!(word.text(), "-l" | "-i" | "--login" | "-li" | "-il" | "sh"))
}

/// Where a flag says that the command stands.
fn stands(parsed: &Parsed, setting: &mut Setting<'_>) {
    if let Some(folder) = parsed.value(&["w", "workdir", "cwd"]) {
        setting.folder.enter(folder.known());
    }
}

/// A command inside changes something: what undoes that undoes all of it.
fn exec_effect_of(container: &Object, inner: &Found) -> Effect {
    let mut effect = exec_effect(container);
    if inner.can_be_undone() {
        effect.reversible = Reversible::Undo("undo what the command inside changes".to_owned());
    }
    effect
}

pub(super) fn exec_effect(container: &Object) -> Effect {
    Effect {
        reversible: Reversible::Unknown,
        ..Effect::read(Verb::Exec, container.clone())
    }
}

/// `build`: what a file of instructions says runs in containers of their own.
pub(super) fn build(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    let tag = parsed.value(&["t", "tag"]).map_or("", Word::text);
    let image = object(&call.setting.place, "image", tag);
    let only_checks = parsed.shows(&["check"])
        || parsed
            .value(&["call"])
            .is_some_and(|call| call.known() != Some("build"));
    if only_checks {
        return found.effect(Effect::read(Verb::Read, image));
    }
    found.effect(Effect::change(
        Verb::Create,
        image.clone(),
        "remove the image, or tag the former one again",
    ));
    let out = parsed
        .values(&["o", "output"])
        .find(|out| out.text() != "type=docker");
    if parsed.has(&["push"]) || out.is_some() {
        found.effect(Effect {
            reversible: Reversible::Unknown,
            ..Effect::read(Verb::NetworkSend, image.clone())
        });
    }
    let context = parsed.words.last().map_or("", Word::text);
    let downloaded = context.contains("://")
        || context.starts_with("git@")
        || context == "-" && *call.stdin == Stdin::Downloaded;
    let strong = parsed
        .value(&["allow", "security-opt", "cap-add", "device"])
        .is_some();
    if downloaded || strong {
        found.unknown_code(
            &call.setting.place,
            "build",
            "what is built comes from elsewhere, or may touch the host",
        );
    }
    let network = parsed
        .value(&["network", "net"])
        .is_some_and(|network| network.text() == "host");
    if network || parsed.value(&["secret", "ssh"]).is_some() {
        found.bounded(
            "what its instructions do with secrets or the host's network is not looked at",
        );
    }
}
