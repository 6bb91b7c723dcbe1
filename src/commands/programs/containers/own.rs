//! What engines of containers do where their handbooks are not enough: running things in containers, copying, scaling.

use super::{
    access::{self, Access},
    run::{build, exec, exec_effect, new_words, run},
};
use crate::{
    commands::{
        found::{Found, object},
        programs::handbook::{Handbook, Page, file_written, guarded_file},
        programs::{self, files::secrets},
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Reversible, Secrets, Tri, Verb},
};

/// How many services of a line are looked at one by one.
const MOST: usize = 64;

/// Signals that ask a program to read its configuration again, or to say how it is.
const MILD_SIGNALS: [&str; 6] = ["HUP", "USR1", "USR2", "WINCH", "CONT", "0"];

/// The commands that the handbooks leave open.
pub(super) fn own(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let name = page.parsed.words.first().map_or("", Word::text);
    let container = object(&call.setting.place, "container", name);
    if page.path.starts_with("compose ") && page.parsed.shows(&["dry-run"]) {
        return found.effect(Effect::read(Verb::Read, container));
    }
    match page.path.rsplit(' ').next().unwrap_or("") {
        "create" if page.path == "volume create" => volume(page, call, found),
        "run" | "create" | "runlabel" => run(page, call, found),
        "inspect" | "inspecti" | "inspectp" => inspect(page, container, found),
        "exec" => exec(page, container, call, found),
        "attach" => attach(page, container, found),
        "cp" => copy(page, call, found),
        "top" if page.path.starts_with("compose ") => {
            found.effect(Effect::read(Verb::List, container));
        }
        "top" => {
            found.effect(Effect::read(Verb::List, container));
            processes(page, call, found);
        }
        "kill" => kill(page, container, found),
        "build" | "b" => build(page, call, found),
        "scale" => scale(page, call, found),
        "up" => up(page, call, found),
        "update" => update(page, call, found),
        "config" => config(page, call, found),
        "unshare" => match call.setting.deeper() {
            Some(setting) if !page.parsed.words.is_empty() => {
                programs::judge(&page.parsed.words, call.stdin, &setting, found);
            }
            _ => found.unknown_code(
                &call.setting.place,
                "unshare",
                "what is typed into a shell is not known",
            ),
        },
        _ => found.unknown_code(
            &call.setting.place,
            page.path,
            "a command that the gate does not know",
        ),
    }
}

/// `volume create`: with an option it is a folder of the host.
fn volume(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let name = page.parsed.words.first().map_or("", Word::text);
    let volume = object(&call.setting.place, "volume", name);
    let undo = format!("{} volume rm", call.program);
    let mut effect = Effect::change(Verb::Create, volume, &undo);
    let options = page.parsed.values(&["o", "opt"]);
    let device =
        options.filter_map(|option| Some(option.with_text(option.text().strip_prefix("device=")?)));
    match device.map(|device| access::of_folder(&device)).max() {
        Some(Access::Host) => effect.access_change = Tri::Yes,
        Some(Access::Unknown) => effect.access_change = Tri::Unknown,
        Some(Access::None | Access::Network) | None => {}
    }
    found.effect(effect);
    for word in &page.parsed.words {
        found.doubt(word);
    }
}

/// `top CONTAINER e`: what follows the container is for ps.
fn processes(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let rest = call.arguments.iter().rev().take_while(|word| {
        let container = page.parsed.words.first().map_or("", Word::text);
        word.text() != container
    });
    let mut words: Vec<Word> = rest.cloned().collect();
    words.push(Word::Known("ps".to_owned()));
    words.reverse();
    if let Some(setting) = call.setting.deeper().filter(|_| words.len() > 1) {
        programs::judge(&words, call.stdin, &setting, found);
    }
}

fn attach(page: &Page<'_>, container: Object, found: &mut Found) {
    if page.parsed.has(&["no-stdin"]) {
        return found.effect(Effect::read(Verb::Read, container));
    }
    found.effect(exec_effect(&container));
    found.opaque("what is typed into a running program is not known");
}

/// `inspect`: a form that asks for the environment shows the secrets that stand in it.
fn inspect(page: &Page<'_>, container: Object, found: &mut Found) {
    let form = page.parsed.value(&["f", "format", "template"]);
    let kind = match page.path.split_once(' ') {
        Some((kind, _)) => kind,
        None => "container",
    };
    let asked = |form: &Word| form.text() == "json" || shows_environment(form.text());
    found.effect(Effect {
        secrets: if form.is_some_and(asked) {
            Secrets::Values
        } else {
            Secrets::None
        },
        ..Effect::read(
            Verb::Read,
            Object {
                kind: kind.to_owned(),
                ..container
            },
        )
    });
}

/// Parts of what is inspected in which the environment stands, or what it was made from.
const AROUND: [&str; 8] = [
    ".Config",
    ".ContainerConfig",
    ".Spec",
    ".PreviousSpec",
    ".TaskTemplate",
    ".ContainerSpec",
    ".CreateCommand",
    ".config",
];

/// Whether a form prints the environment, by itself or with all that stands around it. A full stop alone is the whole,
/// unless it stands in a `range` or `with` of something else.
fn shows_environment(form: &str) -> bool {
    let mut moved: Vec<bool> = Vec::new();
    for block in form.split("{{").skip(1) {
        let block = block.split("}}").next().unwrap_or_default();
        let parts =
            || block.split(|letter: char| letter.is_whitespace() || "()|,-=:".contains(letter));
        let whole = |part: &str| {
            matches!(
                part,
                "$" | "\"Env\"" | "\"Config\"" | "`Env`" | "`Config`" | "\"Spec\"" | "\"envs\""
            ) || AROUND.iter().any(|around| part.ends_with(around))
                || part.contains(".Env")
                || part.contains(".envs")
                || !moved.contains(&true) && part == "."
        };
        if parts().any(whole) {
            return true;
        }
        match parts().find(|part| !part.is_empty()) {
            Some("range" | "with") => moved.push(true),
            Some("if") => moved.push(false),
            Some("end") => drop(moved.pop()),
            _ => {}
        }
    }
    false
}

/// `cp FROM TO`, where a colon names a container and `-` is the terminal.
fn copy(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let [from, to] = page.parsed.words.as_slice() else {
        return found.unknown_code(
            &call.setting.place,
            "cp",
            "it does not say from where to where",
        );
    };
    let path = |word: &Word| {
        word.text()
            .rsplit_once(':')
            .map_or(word.text().to_owned(), |(_, path)| path.to_owned())
    };
    let mut effect = match to.text() {
        "-" => Effect::read(
            Verb::Read,
            object(&call.setting.place, "container", from.text()),
        ),
        text if text.contains(':') => exec_effect(&object(&call.setting.place, "container", text)),
        text => {
            guarded_file(to, &call.setting.place, found);
            file_written(&call.setting.place, text)
        }
    };
    if secrets::discloses(&path(from)) {
        effect.secrets = Secrets::Values;
    }
    found.effect(effect);
    found.doubt(from);
    found.doubt(to);
}

/// `kill`: a mild signal is a request.
fn kill(page: &Page<'_>, container: Object, found: &mut Found) {
    let signal = page
        .parsed
        .value(&["s", "signal"])
        .map_or("KILL", Word::text);
    let signal = signal.strip_prefix("SIG").unwrap_or(signal);
    if MILD_SIGNALS.contains(&signal) || signal == "1" {
        return found.effect(Effect {
            reversible: Reversible::Recreated,
            ..Effect::read(Verb::Restart, container)
        });
    }
    found.effect(stopped(container));
}

fn stopped(object: Object) -> Effect {
    Effect {
        data_loss: Tri::No,
        service_cut: Tri::Yes,
        reversible: Reversible::Undo("start it again".to_owned()),
        ..Effect::destructive(Verb::ServiceStop, object)
    }
}

/// `scale web=3 api=0`.
fn scale(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    if page.parsed.words.is_empty() {
        found.opaque("it names no service");
    }
    for word in page.parsed.words.iter().take(MOST) {
        scaled(word, call, found);
    }
    if page.parsed.words.len() > MOST {
        found.unknown_code(
            &call.setting.place,
            "scale",
            "it names more services than the gate looks at",
        );
    }
}

fn scaled(word: &Word, call: &Call<'_>, found: &mut Found) {
    let (name, count) = word.text().split_once('=').unwrap_or((word.text(), ""));
    let service = object(&call.setting.place, "service", name);
    let count = word.known().and_then(|_| count.parse::<u32>().ok());
    if count.is_none() {
        found.opaque(format!(
            "`{}`: how many are wanted is not known",
            word.text()
        ));
    }
    found.effect(Effect::change(
        Verb::ScaleTo(count.unwrap_or(0)),
        service,
        "scale back to the former number",
    ));
}

/// `compose up`: what stands in the project's files is started.
fn up(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    let project = object(
        &call.setting.place,
        "project",
        parsed.value(&["p", "project-name"]).map_or("", Word::text),
    );
    let mut effect = Effect::change(Verb::ServiceStart, project, "docker compose down");
    if parsed.has(&["V", "renew-anon-volumes", "remove-orphans"]) {
        effect.data_loss = Tri::Yes;
    }
    found.effect(effect);
    found.opaque("what a project holds stands in files that the gate does not read");
    for word in parsed.values(&["scale"]) {
        scaled(word, call, found);
    }
}

/// `service update` and `node update`.
fn update(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    let name = parsed.words.last().map_or("", Word::text);
    let node = page.path.starts_with("node");
    let mut effect = Effect::change(
        Verb::Update,
        object(
            &call.setting.place,
            if node { "node" } else { "service" },
            name,
        ),
        if node {
            "set the former values again"
        } else {
            "docker service rollback"
        },
    );
    let value = |flag: &str| parsed.value(&[flag]);
    if let Some(replicas) = value("replicas") {
        effect.verb = Verb::ScaleTo(
            replicas
                .known()
                .and_then(|count| count.parse().ok())
                .unwrap_or(0),
        );
    }
    // A node that is paused keeps what it runs, and gets no more.
    let stays = ["active", "pause"];
    if value("availability").is_some_and(|word| !word.known().is_some_and(|to| stays.contains(&to)))
    {
        effect.service_cut = Tri::Yes;
    }
    // What reached it no longer does.
    if value("publish-rm").is_some() || value("network-rm").is_some() {
        effect.service_cut = Tri::Yes;
    }
    if value("constraint-add").is_some() {
        found.opaque("whether a node is left on which it may run is not known");
    }
    new_words(parsed, call, found);
    if value("role").is_some() || access::of(parsed) >= Access::Unknown {
        effect.access_change = Tri::Yes;
    }
    found.effect(effect);
    for word in &parsed.words {
        found.doubt(word);
    }
}

/// `crictl config`: without a value it shows.
fn config(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    let file = object(&call.setting.place, "file", "/etc/crictl.yaml");
    let sets = parsed.value(&["set"]).is_some() || parsed.words.len() > 1;
    found.effect(if sets {
        Effect::change(Verb::FileWrite, file, "set the former value again")
    } else {
        Effect::read(Verb::Read, file)
    });
}
