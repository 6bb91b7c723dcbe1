//! Commands inside pods, and ways into them: `exec`, `run`, `debug`, `attach`, `cp`, `port-forward`, `proxy`.

use super::delete::dry;
use super::manifest::overridden;
use super::starts::new_pod_starts;
use super::targets::{Target, Targets, unknown_change};
use super::writes::new_object;
use super::{Line, cluster};
use crate::commands::programs::kubernetes::kinds::Kind;
use crate::{
    commands::{
        found::{Found, object},
        programs::handbook::{Page, file_written, guarded_file, lists_names},
        programs::{self, files::secrets, images::Meant},
        word::{Call, Stdin, Word},
    },
    domain::effect::{Class, Effect, Object, Reach, Reversible, Scope, Secrets, Tri, Verb, Which},
};

/// Programs that read commands from whoever is there.
const SHELLS: [&str; 9] = [
    "sh", "bash", "ash", "dash", "zsh", "ksh", "fish", "busybox", "pwsh",
];

/// A pod of which nothing more is known.
pub(in crate::commands::programs::kubernetes) fn pod(kind: &str) -> Object {
    let mut object = unknown_change(Verb::Exec).object;
    object.kind = kind.to_owned();
    object
}

/// `exec POD -- COMMAND`.
pub(super) fn exec(line: &Line<'_>, found: &mut Found) {
    let parsed = &line.page.parsed;
    let from_file = line.value(&["f", "filename"]).is_some();
    let at = parsed
        .before_dashes
        .unwrap_or(usize::from(!from_file))
        .min(parsed.words.len());
    let (names, command_words) = parsed.words.split_at(at);
    let target = pod_of(line, names, found);
    if let Some(word) = names
        .iter()
        .find(|word| word.may_be_flag() && !lists_names(word))
    {
        // It could hold `--` and another command.
        found.opaque(format!("`{}` is not known before it runs", word.text()));
    }
    if command_words.is_empty() {
        found.effect(exec_effect(&target));
        return found.opaque("it names no command");
    }
    command(
        command_words,
        line.has(&["i", "stdin"]),
        &target,
        line.call,
        found,
    );
}

fn pod_of(line: &Line<'_>, names: &[Word], found: &mut Found) -> Object {
    let word = names.first();
    let targets = match word {
        Some(word) if word.text().contains('/') => line.targets(names.get(..1).unwrap_or(&[])),
        Some(word) => line.targets(&[Word::Known("pods".to_owned()), word.clone()]),
        None => Targets::default(),
    };
    if let Some(reason) = targets.vague.or(targets.unknown) {
        found.bounded(reason);
    }
    targets
        .all
        .into_iter()
        .next()
        .map_or_else(|| pod("pod"), |target| target.object)
}

/// Judges a command that runs inside a pod.
pub(in crate::commands::programs::kubernetes) fn command(
    words: &[Word],
    stdin: bool,
    target: &Object,
    call: &Call<'_>,
    found: &mut Found,
) {
    let Some(setting) = call.setting.elsewhere(cluster()) else {
        return found.unknown_code(&cluster(), "pod", "commands stand too deep in each other");
    };
    let given = if stdin { call.stdin } else { &Stdin::Nothing };
    if is_bare_shell(words) && *given == Stdin::Nothing {
        found.call(words.iter().map(|word| word.text().to_owned()).collect());
        found.effect(exec_effect(target));
        return found.opaque("what is typed into a shell is not known");
    }
    let mut inner = found.inner();
    programs::judge(words, given, &setting, &mut inner);
    // A command that only reads leaves the pod as it is.
    found.effect(match inner.class() {
        Class::Read => Effect::read(Verb::Read, target.clone()),
        Class::Change | Class::Destructive => exec_effect_of(target, &inner),
    });
    found.absorb(inner);
}

/// Somebody types commands there.
pub(super) fn typed(target: &Object, found: &mut Found) {
    found.effect(exec_effect(target));
    found.opaque("what is typed into a shell is not known");
}

/// A shell without a script reads what somebody types.
pub(super) fn is_bare_shell(words: &[Word]) -> bool {
    let Some((Word::Known(first), rest)) = words.split_first() else {
        return false;
    };
    let name = first.rsplit('/').next().unwrap_or(first);
    let rest: Vec<_> = rest.iter().map(Word::text).collect();
    SHELLS.contains(&name)
        && rest
            .iter()
            .all(|word| matches!(*word, "-l" | "-i" | "--login" | "-li" | "-il" | "sh"))
}

/// A command inside changes something: what undoes that undoes all of it.
fn exec_effect_of(target: &Object, inner: &Found) -> Effect {
    let mut effect = exec_effect(target);
    if inner.can_be_undone() {
        effect.reversible = Reversible::Undo("undo what the command inside changes".to_owned());
    }
    effect
}

fn exec_effect(target: &Object) -> Effect {
    Effect {
        reversible: Reversible::Unknown,
        ..Effect::read(Verb::Exec, target.clone())
    }
}

/// What an image runs: the gate need not know the image's own programs, but what destroys counts.
pub(super) fn command_of_image(words: &[Word], call: &Call<'_>, found: &mut Found) {
    let Some(setting) = call.setting.elsewhere(cluster()) else {
        return found.opaque("commands stand too deep in each other");
    };
    if words.is_empty() || is_bare_shell(words) {
        return;
    }
    let mut inner = found.inner();
    programs::judge(words, &Stdin::Nothing, &setting, &mut inner);
    if inner.class() == Class::Destructive || !inner.is_opaque() {
        found.absorb(inner);
    } else {
        found.leave(&inner);
    }
}

/// `attach`: without `-i` it only listens.
pub(super) fn attach(line: &Line<'_>, found: &mut Found) {
    let target = pod_of(line, &line.page.parsed.words, found);
    if !line.has(&["i", "stdin"]) {
        return found.effect(Effect::read(Verb::Read, target));
    }
    found.effect(exec_effect(&target));
    found.opaque("what is typed into a running program is not known");
}

/// `run NAME --image=IMAGE [-- COMMAND]`.
pub(super) fn run(line: &Line<'_>, found: &mut Found) {
    let parsed = &line.page.parsed;
    // What follows the name is the command, with or without `--`.
    let at = parsed
        .before_dashes
        .unwrap_or(1)
        .clamp(0, 1)
        .min(parsed.words.len());
    let (names, command_words) = parsed.words.split_at(at);
    let mut effect = new_object(line, "pods", names.first());
    if line.is_dry() {
        found.effect(Effect::read(Verb::Read, effect.object));
        return dry(line, &Targets::default(), found);
    }
    if line.has(&["rm"]) {
        effect.reversible = Reversible::Recreated;
    }
    if line.has(&["privileged"]) {
        effect.access_change = Tri::Yes;
    }
    if let Some(overrides) = line.value(&["overrides"]) {
        effect = overridden(effect, overrides, line, found);
    }
    for word in names {
        found.doubt(word);
    }
    let pod = effect.object.clone();
    found.effect(effect);
    if line.has(&["expose"]) {
        found.effect(new_object(line, "services", names.first()));
    }
    let typed = line.has(&["i", "stdin"]);
    match command_words {
        [] if typed => found.opaque("what is typed into the image's program is not known"),
        [] => {}
        words => new_pod_command(words, typed, &pod, line, found),
    }
}

/// A command in a pod of its own.
fn new_pod_command(words: &[Word], typed: bool, pod: &Object, line: &Line<'_>, found: &mut Found) {
    if is_bare_shell(words) {
        return command(words, typed, pod, line.call, found);
    }
    let meant = if line.has(&["command"]) {
        Meant::Program
    } else {
        Meant::Arguments
    };
    let stdin = if typed {
        line.call.stdin
    } else {
        &Stdin::Nothing
    };
    new_pod_starts(
        line.value(&["image"]),
        words,
        meant,
        stdin,
        line.call,
        found,
    );
}

/// `oc debug`: the same with flags of its own.
pub(in crate::commands::programs::kubernetes) fn debug_page(
    page: &Page<'_>,
    call: &Call<'_>,
    found: &mut Found,
) {
    debug(&Line { page, call }, found);
}

/// `debug POD` and `debug node/NODE`.
pub(super) fn debug(line: &Line<'_>, found: &mut Found) {
    let parsed = &line.page.parsed;
    let at = parsed.before_dashes.unwrap_or(1).min(parsed.words.len());
    let (names, command_words) = parsed.words.split_at(at);
    let target = pod_of(line, names, found);
    let mut effect = exec_effect(&target);
    effect.verb = Verb::Create;
    if line
        .value(&["profile"])
        .is_some_and(|profile| profile.known() == Some("sysadmin"))
    {
        effect.access_change = Tri::Yes;
    }
    if line.has(&["replace"]) {
        effect.data_loss = Tri::Yes;
    }
    found.effect(effect);
    if line.value(&["custom"]).is_some() {
        found.opaque("what a profile file adds is not known");
    }
    match command_words {
        [] => found.opaque("what is typed into a debugging shell is not known"),
        words => command(words, line.has(&["i", "stdin"]), &target, line.call, found),
    }
}

/// `cp`.
pub(super) fn copy(line: &Line<'_>, found: &mut Found) {
    let [from, to] = line.page.parsed.words.as_slice() else {
        found.effect(exec_effect(&pod("pod")));
        return found.opaque("it does not say from where to where");
    };
    if from.known().is_none() || to.known().is_none() {
        found.bounded("what is copied is not known before it runs");
    }
    let path = |word: &Word| {
        word.text()
            .rsplit_once(':')
            .map_or(word.text().to_owned(), |(_, path)| path.to_owned())
    };
    let into_pod = to.text().contains(':');
    let mut effect = if into_pod {
        exec_effect(&pod_named(line, to))
    } else {
        guarded_file(to, &line.call.setting.place, found);
        file_written(&line.call.setting.place, to.text())
    };
    if secrets::discloses(&path(from)) {
        effect.secrets = Secrets::Values;
    }
    if into_pod && path(from) == "/dev/null" {
        // Nothing takes the place of what stood there.
        (effect.data_loss, effect.reversible) = (Tri::Yes, Reversible::No);
    }
    found.effect(effect);
}

/// The pod of `shop/web-0:/etc/x`.
fn pod_named(line: &Line<'_>, word: &Word) -> Object {
    let name = word.text().split(':').next().unwrap_or("");
    let (scope, name) = match name.split_once('/') {
        Some((namespace, name)) => (Scope::Namespace(namespace.to_owned()), name),
        None => (line.namespace(), name),
    };
    let which = Which::Named(name.to_owned());
    Target::new(Kind::of("pods"), scope, which, Reach::Exactly(1)).object
}

/// `port-forward` and `proxy`: a way in, for as long as they run.
pub(super) fn tunnel(line: &Line<'_>, found: &mut Found) {
    let undo = "end the command";
    let address = line
        .value(&["address"])
        .map_or("127.0.0.1", |word| word.text());
    let local = address
        .split(',')
        .all(|address| matches!(address, "127.0.0.1" | "localhost" | "::1"));
    if line.page.path == "port-forward" {
        let target = pod_of(line, line.page.parsed.words.get(..1).unwrap_or(&[]), found);
        let mut effect = Effect::change(Verb::Tunnel, target, undo);
        if !local {
            // Who comes in through it is not known.
            effect.reach = Reach::Unknown;
        }
        return found.effect(effect);
    }
    let mut effect = Effect::change(
        Verb::Tunnel,
        object(&cluster(), "api", "through a proxy"),
        undo,
    );
    if !local || line.has(&["accept-hosts", "disable-filter", "accept-paths"]) {
        // Whoever reaches it acts with the step's own rights.
        effect.access_change = Tri::Yes;
    }
    found.effect(effect);
}
