//! What a command line does, by its program's handbook.

use super::{
    Deed, Handbook, Home, Page,
    deed::{Mark, What, file_made, file_written, guarded_file},
    marks::{names_only, reach, worsens},
};
use crate::commands::{
    found::{Found, object},
    programs::files::{paths::carried_off_whole, pattern},
    shell,
    word::{Call, Setting, Word},
};
use crate::domain::effect::{
    Effect, Object, Place, Reach, Reversible, Scope, Secrets, Tri, Verb, Which,
};

/// What a program's own grammar says of the commands that its handbook leaves to it.
pub(in crate::commands::programs) type Own = fn(&Handbook, &Page<'_>, &Call<'_>, &mut Found);

/// Words in an unknown command that say what it would do at the worst.
const GRAVE: [&str; 16] = [
    "delete",
    "remove",
    "destroy",
    "purge",
    "drop",
    "kill",
    "terminate",
    "rm",
    "prune",
    "reset",
    "stop",
    "uninstall",
    "wipe",
    "revoke",
    "disable",
    "evict",
];

impl Handbook {
    /// Judges a call of this program.
    pub(in crate::commands::programs) fn judge(
        &self,
        call: &Call<'_>,
        found: &mut Found,
        own: Own,
    ) {
        let page = self.page(call.arguments);
        self.judge_page(&page, call, found, own);
    }

    /// Judges a call whose command is found.
    pub(in crate::commands::programs) fn judge_page(
        &self,
        page: &Page<'_>,
        call: &Call<'_>,
        found: &mut Found,
        own: Own,
    ) {
        self.refuse(page, found);
        found.line(&page.parsed, |flag| self.describes(flag, page));
        for flag in &page.parsed.unknown {
            found.opaque(format!(
                "`{}`: the gate does not know the flag `{flag}`",
                call.program
            ));
        }
        if page.asks_for_help() {
            return found.effect(Effect::read(
                Verb::Read,
                object(&call.setting.place, "help", call.program),
            ));
        }
        self.run(page, call, found);
        match page.deed {
            Some(deed) if deed.is_own() => own(self, page, call, found),
            Some(deed) => self.plain(deed, page, call, found),
            None => self.unknown_command(page, call, found),
        }
    }

    /// Whether the handbook says what is done with the value of a flag.
    fn describes(&self, flag: &str, page: &Page<'_>) -> bool {
        let marks = page.deed.map_or(&[][..], |deed| &deed.marks);
        self.refused.contains(&flag) && !page.is_own_flag(flag)
            || self.runs.contains(&flag)
            || self.namespace_flags.contains(&flag)
            || marks.iter().any(|mark| mark.names(flag))
    }

    /// Flags that change the target or the identity: nobody may consent to them.
    pub(in crate::commands::programs) fn refuse(&self, page: &Page<'_>, found: &mut Found) {
        for flag in &page.parsed.flags {
            let name = flag.name.as_str();
            if self.refused.contains(&name) && !page.is_own_flag(name) {
                let dashes = if name.len() == 1 { "-" } else { "--" };
                found.refuse(format!(
                    "`{dashes}{name}` changes the target or the identity of the step"
                ));
            }
        }
    }

    /// Flags that name a command: what it prints is a password, what it does is its own matter.
    fn run(&self, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
        for text in page.parsed.values(&self.runs) {
            match (text.known(), call.setting.deeper()) {
                (Some(text), Some(setting)) => self.run_text(text, call, &setting, found),
                _ => found.unknown_code(
                    &call.setting.place,
                    call.program,
                    "a flag names a command that is not known before it runs",
                ),
            }
        }
    }

    fn run_text(&self, text: &str, call: &Call<'_>, setting: &Setting<'_>, found: &mut Found) {
        let mut inner = found.inner();
        shell::judge(text, call.stdin, setting, &mut inner);
        // A password that only the program sees is not shown.
        if inner.only_shows_secrets() {
            found.leave(&inner);
        } else {
            found.absorb(inner);
        }
    }

    fn unknown_command(&self, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
        let place = &call.setting.place;
        let Some(word) = page.parsed.words.first() else {
            // A group or the program alone shows how it is used.
            return found.effect(Effect::read(
                Verb::Read,
                object(place, "help", call.program),
            ));
        };
        let shown = format!("{} {} {}", call.program, page.path, word.text()).replace("  ", " ");
        let reason = format!("`{shown}` is not known to the gate");
        let Some(known) = word.known() else {
            return found.unknown_code(place, call.program, reason);
        };
        let object = self.object(None, page, call, &Word::Known(String::new()));
        found.effect(worst(known, object));
        found.opaque(reason);
    }

    /// Judges a command that needs no grammar of its own.
    pub(in crate::commands::programs) fn plain(
        &self,
        deed: &Deed,
        page: &Page<'_>,
        call: &Call<'_>,
        found: &mut Found,
    ) {
        let dry = |mark: &Mark| matches!(mark, Mark::Dry(flags) if page.parsed.shows(flags));
        if deed.marks.iter().any(dry) {
            let object = self.object(Some(deed), page, call, &name(page));
            return found.effect(Effect::read(Verb::Read, object));
        }
        self.reserve(deed, page, found);
        if deed.what == What::Code {
            found.opaque(format!(
                "`{} {}` brings in code and runs it",
                call.program, page.path
            ));
        }
        let mut effect = deed.effect(self.object(Some(deed), page, call, &name(page)));
        effect.reach = reach(deed, page, found);
        for mark in &deed.marks {
            self.marked(mark, &mut effect, page, call, found);
        }
        found.effect(effect);
        guarded_files(deed, page, &call.setting.place, found);
        sent_files(deed, page, &call.setting.place, found);
    }

    fn marked(
        &self,
        mark: &Mark,
        effect: &mut Effect,
        page: &Page<'_>,
        call: &Call<'_>,
        found: &mut Found,
    ) {
        let given = |flags: &[&'static str]| page.parsed.has(flags);
        let place = &call.setting.place;
        match mark {
            Mark::Lose(flags) if given(flags) => {
                effect.data_loss = Tri::Yes;
                effect.reversible = Reversible::No;
            }
            Mark::Cut(flags) if given(flags) => effect.service_cut = Tri::Yes,
            Mark::Access(flags) if given(flags) => effect.access_change = Tri::Yes,
            Mark::Names(flags) if names_only(flags, page) => effect.secrets = Secrets::Names,
            Mark::Values(flags) if given(flags) => effect.secrets = Secrets::Values,
            Mark::Code(flags) if given(flags) => {
                let reason = format!(
                    "`{} {}` runs a program that a flag names",
                    call.program, page.path
                );
                found.unknown_code(place, call.program, reason);
            }
            Mark::File(flags) => {
                for value in page
                    .parsed
                    .values(flags)
                    .filter(|value| value.text() != "-")
                {
                    file_made(value, place, found);
                }
            }
            Mark::Writes(flags) if given(flags) => found.effect(file_written(place, ".")),
            Mark::To(at) => {
                let file = page.parsed.words.get(*at).filter(|file| file.text() != "-");
                if let Some(file) = file {
                    file_made(file, place, found);
                }
            }
            Mark::Opaque => found.opaque(format!(
                "`{} {}`: what it touches stands in files that the gate does not read",
                call.program, page.path
            )),
            Mark::Bounded => found.bounded(format!(
                "`{} {}`: it touches at most this",
                call.program, page.path
            )),
            Mark::Dry(_)
            | Mark::Lose(_)
            | Mark::Cut(_)
            | Mark::Access(_)
            | Mark::Names(_)
            | Mark::Values(_)
            | Mark::Code(_)
            | Mark::Writes(_)
            | Mark::All(_)
            | Mark::Many
            | Mark::Recreated
            | Mark::ClusterWide
            | Mark::Here => {}
        }
    }

    /// Lowers the confidence where words or values are not known before the command runs.
    fn reserve(&self, deed: &Deed, page: &Page<'_>, found: &mut Found) {
        let harmless = matches!(deed.what, What::Read(..)) && !deed.marks.iter().any(worsens);
        let values = page
            .parsed
            .flags
            .iter()
            .filter_map(|flag| flag.value.as_ref());
        for word in page.parsed.words.iter().chain(values) {
            if pattern::with_date(word).known().is_some() {
                continue;
            }
            let reason = format!("`{}` is not known before it runs", word.text());
            if harmless || !word.may_be_flag() {
                found.bounded(reason);
            } else {
                found.opaque(reason);
            }
        }
    }

    /// The thing that a command of this handbook is about.
    pub(in crate::commands::programs) fn object(
        &self,
        deed: Option<&Deed>,
        page: &Page<'_>,
        call: &Call<'_>,
        name: &Word,
    ) -> Object {
        let marks = deed.map_or(&[][..], |deed| &deed.marks);
        let all = marks
            .iter()
            .any(|mark| matches!(mark, Mark::All(flags) if page.parsed.has(flags)));
        let place = match self.place {
            _ if marks.contains(&Mark::Here) => call.setting.place.clone(),
            Home::Host => call.setting.place.clone(),
            Home::Cluster => Place::Cluster("default".to_owned()),
            Home::Network(name) => Place::Network(name.to_owned()),
        };
        Object {
            scope: self.scope(&place, marks, page),
            place,
            kind: deed.map_or("program", |deed| deed.kind).to_owned(),
            which: match name {
                _ if all => Which::All,
                Word::Known(text) if text.is_empty() => Which::Unknown,
                Word::Known(text) => Which::Named(text.clone()),
                Word::Glob(_) | Word::Unknown(_) => Which::Unknown,
            },
        }
    }

    fn scope(&self, place: &Place, marks: &[Mark], page: &Page<'_>) -> Scope {
        if !matches!(place, Place::Cluster(_)) || self.namespace.is_empty() {
            return Scope::NotApplicable;
        }
        if marks.contains(&Mark::ClusterWide) {
            return Scope::ClusterScoped;
        }
        match page.parsed.value(&self.namespace_flags) {
            None if page.parsed.has(&["A", "all-namespaces"]) => Scope::AllNamespaces,
            None => Scope::Namespace(self.namespace.to_owned()),
            Some(Word::Known(name)) => Scope::Namespace(name.clone()),
            Some(Word::Glob(_) | Word::Unknown(_)) => Scope::Unknown,
        }
    }
}

/// An unknown command does at least a change, and what its name says.
fn worst(word: &str, object: Object) -> Effect {
    let word = word.to_ascii_lowercase();
    let grave = word
        .split(['-', '_', ':'])
        .any(|part| GRAVE.contains(&part));
    if grave {
        return Effect::destructive(Verb::Delete, object);
    }
    Effect {
        reversible: Reversible::Unknown,
        reach: Reach::Unknown,
        ..Effect::read(Verb::RunCode, object)
    }
}

fn name(page: &Page<'_>) -> Word {
    let first = page.parsed.words.first().cloned();
    first.unwrap_or(Word::Known(String::new()))
}

/// Flags that say where something is put.
const TARGETS: [&str; 17] = [
    "o",
    "d",
    "output",
    "out",
    "output-dir",
    "output-file",
    "output-filename",
    "output-file-template",
    "output-dir-template",
    "output-template-file",
    "destination",
    "dir",
    "untardir",
    "target-dir",
    "backup-dir",
    "log-dir",
    "etcd-snapshot-dir",
];

/// Files and folders that a command sends away.
fn sent_files(deed: &Deed, page: &Page<'_>, place: &Place, found: &mut Found) {
    let sends = matches!(deed.what, What::Change(Verb::NetworkSend));
    for file in page.parsed.words.iter().filter(|_| sends) {
        carried_off_whole(file, place, found);
    }
}

/// A file of the system that a command makes, whatever its handbook says of others: every word that it makes files of, every target.
fn guarded_files(deed: &Deed, page: &Page<'_>, place: &Place, found: &mut Found) {
    let writes = deed.kind == "file" && matches!(deed.what, What::Change(_));
    let words = page.parsed.words.iter().filter(|_| writes);
    for file in words.chain(page.parsed.values(&TARGETS)) {
        guarded_file(file, place, found);
    }
}
