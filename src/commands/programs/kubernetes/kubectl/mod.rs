//! kubectl: what its verbs do to which objects.
//!
//! ```text
//! handbook (flags, verbs) ─▶ refusals ─▶ dry run? ─▶ targets (kinds, names, files) ─▶ the verb's effects
//! ```
//! Reading verbs on kinds that no table knows stay reads: no spelling of `secret` escapes the table, and nothing else that they print is
//! a secret's value. Writing verbs on such kinds are opaque.

mod controllers;
mod create;
pub mod deeds;
mod delete;
pub(super) mod inside;
mod losses;
mod manifest;
mod nodes;
mod openings;
mod output;
mod patch;
pub(super) mod raw;
mod reads;
mod rollout;
mod starts;
mod targets;
mod weakness;
mod writes;

use crate::commands::{
    found::{Found, object},
    programs::{
        files::paths::printed,
        handbook::{Handbook, Page, file_made},
    },
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Place, Scope, Verb};
use std::sync::LazyLock;

/// What kubectl's own commands and flags are.
pub(super) static HANDBOOK: LazyLock<Handbook> =
    LazyLock::new(|| Handbook::read(include_str!("kubectl.book")));
/// Plugins that operators often use.
pub(super) static PLUGINS: LazyLock<Handbook> =
    LazyLock::new(|| Handbook::read(include_str!("plugins.book")));

/// A kubectl line with its verb found.
struct Line<'a> {
    page: &'a Page<'a>,
    call: &'a Call<'a>,
}

/// Judges a call of kubectl.
pub(super) fn kubectl(call: &Call<'_>, found: &mut Found) {
    let page = HANDBOOK.page(call.arguments);
    if page.path.is_empty() && is_plugin(&page) {
        return PLUGINS.judge(call, found, plugin);
    }
    judge(&page, call, found);
}

/// A call of `kubectl-…`: the same as a plugin.
pub(super) fn plugin_program(call: &Call<'_>, found: &mut Found) {
    let name = call
        .program
        .strip_prefix("kubectl-")
        .unwrap_or(call.program);
    let mut words: Vec<Word> = name
        .split('-')
        .map(|word| Word::Known(word.replace('_', "-")))
        .collect();
    words.extend_from_slice(call.arguments);
    let call = Call {
        arguments: &words,
        ..*call
    };
    PLUGINS.judge(&call, found, plugin);
}

fn is_plugin(page: &Page<'_>) -> bool {
    page.parsed.verb().is_some_and(|verb| verb != "help") && page.parsed.unknown.is_empty()
        || page.parsed.verb().is_some_and(|verb| PLUGINS.knows(verb))
}

/// Plugins that run a command on a node, change what kubectl speaks to, or print what another line of kubectl would.
fn plugin(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let words = &page.parsed.words;
    match page.path {
        "exec-as" | "node-shell" => {
            let command = page
                .parsed
                .before_dashes
                .and_then(|at| words.get(at..))
                .unwrap_or(&[]);
            match command {
                [] => inside::typed(&inside::pod("node"), found),
                command => inside::command(command, true, &inside::pod("node"), call, found),
            }
        }
        "ns" | "ctx" => switched(words, call, found),
        path if path.starts_with("rook-ceph ") => {
            let program = path.rsplit(' ').next().unwrap_or(path);
            let mut line = vec![Word::Known(program.to_owned())];
            line.extend_from_slice(words);
            inside::command(&line, false, &inside::pod("pod"), call, found);
        }
        _ => {
            let at = call.arguments.iter().position(|word| word.text() == "neat");
            let inner = at
                .and_then(|at| call.arguments.get(at + 1..))
                .unwrap_or(&[]);
            match call.setting.deeper() {
                Some(setting) if !words.is_empty() || page.path == "neat get" => {
                    let call = Call {
                        arguments: inner,
                        setting: &setting,
                        ..*call
                    };
                    kubectl(&call, found);
                }
                _ => found.effect(Effect::read(
                    Verb::Read,
                    object(&cluster(), "object", "standard input"),
                )),
            }
        }
    }
}

/// `kubectl ns`, `kubens`, `kubectx`: without a word they list, with one they switch.
pub(super) fn switched(words: &[Word], call: &Call<'_>, found: &mut Found) {
    let kubeconfig = object(&call.setting.place, "kubeconfig", "current");
    found.effect(match words {
        [] => Effect::read(Verb::List, kubeconfig),
        _ => Effect::change(Verb::Update, kubeconfig, "switch back to the former one"),
    });
}

/// Judges a line whose verb is found in kubectl's handbook.
pub(super) fn judge(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    if page.path == "auth can-i" {
        // It asks what somebody may do, and does nothing; for whom is part of the question.
        return found.effect(Effect::read(
            Verb::Read,
            object(&cluster(), "access", "rights"),
        ));
    }
    if page
        .parsed
        .value(&["kuberc"])
        .is_some_and(|value| value.text() != "off")
    {
        found.opaque("`--kuberc` names a file that may give other meanings to verbs");
    }
    if let Some(file) = page.parsed.value(&["profile-output"]) {
        file_made(file, &call.setting.place, found);
    }
    templates(page, call, found);
    HANDBOOK.judge_page(page, call, found, own);
}

/// Files that hold a template: what stands in them is shown.
fn templates(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let Some(format) = page.parsed.value(&["o", "output"]) else {
        return;
    };
    let (name, path) = format.text().split_once('=').unwrap_or((format.text(), ""));
    if !name.ends_with("file") {
        return;
    }
    if !path.is_empty() {
        printed(&format.with_text(path), &call.setting.place, found);
    }
    for file in page.parsed.values(&["template"]) {
        printed(file, &call.setting.place, found);
    }
}

/// The verbs that need more than the handbook says.
fn own(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    verb(handbook, page, call, found);
    for value in page
        .parsed
        .flags
        .iter()
        .filter_map(|flag| flag.value.as_ref())
    {
        if value.known().is_none() && page.path != "get" {
            found.bounded(format!("`{}` is not known before it runs", value.text()));
        }
    }
}

fn verb(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let line = Line { page, call };
    match page.path {
        "get" => reads::get(&line, found),
        "describe"
        | "logs"
        | "wait"
        | "rollout status"
        | "rollout history"
        | "apply view-last-applied" => {
            reads::look(&line, found);
        }
        "cluster-info dump" => reads::dump(&line, found),
        "diff" | "kustomize" => reads::render(&line, found),
        "apply" => manifest::apply(&line, found),
        "create" => manifest::create(&line, found),
        "replace" => manifest::replace(&line, found),
        "auth reconcile" => manifest::reconcile(&line, found),
        "apply set-last-applied" => manifest::last_applied(&line, found),
        "edit" | "apply edit-last-applied" => writes::edit(&line, found),
        "delete" => delete::delete(&line, found),
        "patch" => patch::patch(&line, found),
        "label" | "annotate" => writes::label(&line, found),
        "scale" => writes::scale(&line, found),
        "autoscale" => writes::autoscale(&line, found),
        "expose" => writes::expose(&line, found),
        "set image" | "set env" | "set resources" | "set selector" | "set serviceaccount"
        | "set subject" => {
            rollout::set(&line, found);
        }
        "rollout restart" | "rollout undo" | "rollout pause" | "rollout resume" => {
            rollout::rollout(&line, found);
        }
        "drain" | "cordon" | "uncordon" => nodes::drain(&line, found),
        "taint" => nodes::taint(&line, found),
        "certificate approve" | "certificate deny" => nodes::certificate(&line, found),
        "exec" => inside::exec(&line, found),
        "attach" => inside::attach(&line, found),
        "run" => inside::run(&line, found),
        "debug" => inside::debug(&line, found),
        "cp" => inside::copy(&line, found),
        "port-forward" | "proxy" => inside::tunnel(&line, found),
        path if path.starts_with("create ") => create::create(&line, found),
        _ => found.unknown_code(
            &cluster(),
            page.path,
            "a verb of kubectl that the gate does not know",
        ),
    }
}

/// The cluster that kubectl speaks to when no flag names another; flags that do are refused.
fn cluster() -> Place {
    Place::Cluster("default".to_owned())
}

impl Line<'_> {
    /// Whether one of these flags is given.
    fn has(&self, names: &[&str]) -> bool {
        self.page.parsed.has(names)
    }

    /// The value of the last of these flags.
    fn value(&self, names: &[&str]) -> Option<&Word> {
        self.page.parsed.value(names)
    }

    /// Whether nothing is done: `--dry-run=client` or `=server` and nothing else, or `--local`, on a verb that knows them.
    fn is_dry(&self) -> bool {
        let flags = (self.page.parsed.flags.iter()).filter(|flag| flag.name == "dry-run");
        let values: Vec<_> = flags
            .map(|flag| flag.value.as_ref().and_then(Word::known))
            .collect();
        let dry = match values.split_first() {
            None => false,
            Some((first, rest)) => {
                matches!(first, Some("client" | "server"))
                    && rest.iter().all(|value| value == first)
            }
        };
        dry || self.page.is_own_flag("local")
            && self.page.path != "wait"
            && self.page.parsed.shows(&["local"])
    }

    /// The namespace of objects that name none themselves.
    fn namespace(&self) -> Scope {
        if self.has(&["A", "all-namespaces"]) {
            return Scope::AllNamespaces;
        }
        match self.value(&["n", "namespace"]) {
            None => Scope::Namespace("default".to_owned()),
            Some(Word::Known(name)) => Scope::Namespace(name.clone()),
            Some(Word::Glob(_) | Word::Unknown(_)) => Scope::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
