//! What a command line would do that was taken apart.

use super::{Does, Form};
use crate::commands::{
    found::Found,
    programs::{
        self,
        files::{
            paths::{self, Write},
            pattern,
        },
        values,
    },
    shell,
    word::{Call, Setting, Word},
};
use crate::domain::effect::{
    Class, Effect, Object, Place, Reach, Reversible, Secrets, Tri, Verb as Deed,
};

/// Files that swallow what is written, or show it.
const SINKS: [&str; 4] = ["-", "/dev/null", "/dev/stdout", "/dev/stderr"];

/// Variables whose values begin with a slash or a letter.
const PATHS: [&str; 6] = ["$HOME", "${HOME}", "$PWD", "${PWD}", "$TMPDIR", "${TMPDIR}"];

impl Form<'_> {
    /// Says what the command line would do.
    pub(in crate::commands::programs) fn effects(&self, call: &Call<'_>, found: &mut Found) {
        self.effects_of(self.deed(), call, found);
    }

    /// Says what the command line would do if the verb did this.
    pub(in crate::commands::programs) fn effects_of(
        &self,
        deed: Does,
        call: &Call<'_>,
        found: &mut Found,
    ) {
        found.line(&self.parsed, |flag| self.describes(flag));
        found.line(&values::unnamed(call.arguments, &self.unnamed), |_| false);
        let dry = self.is_dry();
        let given = |wanted: Does| self.spares(wanted);
        let deed = match deed {
            _ if dry || given(Does::Read) || given(Does::Shell) => Does::Read,
            _ if given(Does::Trial) => Does::Trial,
            deed => deed,
        };
        if deed == Does::Otherwise {
            self.otherwise(call, found);
        } else {
            self.does(deed, None, call, found);
        }
        for (does, flag) in &self.doing {
            let outside = matches!(does, Does::File | Does::Code | Does::Unknown);
            if (!dry || outside) && !matches!(does, Does::Trial | Does::Read) {
                self.does(*does, flag.value.as_ref(), call, found);
            }
        }
        for flag in &self.parsed.unknown {
            let title = self.title(call);
            found.opaque(format!("`{title}`: the flag `{flag}` is not known"));
        }
        self.unknown_words(deed, dry, call, found);
    }

    /// A verb that is not written down.
    fn otherwise(&self, call: &Call<'_>, found: &mut Found) {
        let title = self.title(call);
        match self.parsed.words.first() {
            Some(word) if word.known().is_none() => {
                let reason = format!("`{title} {}`: what it does is not known", word.text());
                found.unknown_code(&call.setting.place, &title, reason);
            }
            word => {
                let word = word.map_or("", Word::text);
                self.does(self.program.otherwise, None, call, found);
                found.opaque(format!("`{title} {word}` is not known to the gate"));
            }
        }
    }

    /// Words that only a running shell knows, and patterns.
    fn unknown_words(&self, deed: Does, dry: bool, call: &Call<'_>, found: &mut Found) {
        let reads = dry || matches!(deed, Does::Read | Does::Trial | Does::Secrets);
        let dashes = self.parsed.before_dashes.unwrap_or(usize::MAX);
        for (place, word) in self.parsed.words.iter().enumerate() {
            let flag = place < dashes && may_be_flag(word);
            self.unknown_word(word, flag, reads, call, found);
        }
        for value in self
            .parsed
            .flags
            .iter()
            .filter_map(|flag| flag.value.as_ref())
        {
            self.unknown_word(value, false, true, call, found);
        }
    }

    fn unknown_word(
        &self,
        word: &Word,
        flag: bool,
        reads: bool,
        call: &Call<'_>,
        found: &mut Found,
    ) {
        let title = self.title(call);
        let text = word.text();
        match &*pattern::with_date(word) {
            Word::Known(_) => {}
            Word::Glob(_) if reads => {}
            Word::Glob(_) => found.bounded(format!("`{title} {text}`: a pattern says what")),
            Word::Unknown(_) if flag && self.gravest_flag(call) > Class::Read => {
                if !reads {
                    for (_, does) in &self.flags().does {
                        self.does(*does, None, call, found);
                    }
                }
                found.opaque(format!("`{title} {text}`: it could be a flag"));
            }
            Word::Unknown(_) if reads => {
                found.bounded(format!("`{title} {text}`: known when it runs"));
            }
            Word::Unknown(_) => found.opaque(format!("`{title} {text}`: on what is not known")),
        }
    }

    /// How grave a flag can be that might stand here.
    fn gravest_flag(&self, call: &Call<'_>) -> Class {
        let mut found = Found::default();
        for (_, does) in &self.flags().does {
            self.does(*does, None, call, &mut found);
        }
        found.class()
    }

    /// Adds what a verb or a flag does.
    fn does(&self, does: Does, value: Option<&Word>, call: &Call<'_>, found: &mut Found) {
        match does {
            Does::Dry | Does::Otherwise => {}
            Does::File => self.file(value, call, found),
            Does::Shell => self.shell(value, call, found),
            Does::Runs(_) | Does::Script(_) => self.runs(does, call, found),
            Does::Code => {
                found.effect(self.effect(Does::Code, call));
                let title = self.title(call);
                found.opaque(format!(
                    "`{title}` runs what the command line does not show"
                ));
            }
            Does::Trial => {
                found.effect(self.effect(does, call));
                let title = self.title(call);
                found.bounded(format!(
                    "`{title}`: parts of it may not know that they are only tried out"
                ));
            }
            Does::Unknown => {
                let title = self.title(call);
                let reason = format!("`{title}` can do anything");
                found.unknown_code(&call.setting.place, &title, reason);
            }
            _ => found.effect(self.effect(does, call)),
        }
    }

    fn effect(&self, does: Does, call: &Call<'_>) -> Effect {
        let object = self.object(call);
        match does {
            Does::Secrets => Effect {
                secrets: Secrets::Values,
                ..Effect::read(Deed::Read, object)
            },
            Does::Undo(how) => Effect::change(Deed::Update, object, how),
            Does::Make(how) => Effect::change(Deed::Create, object, how),
            Does::Start(how) => Effect::change(Deed::ServiceStart, object, how),
            Does::Again => Effect {
                reversible: Reversible::Recreated,
                ..Effect::read(Deed::Restart, object)
            },
            Does::Refresh => Effect {
                reversible: Reversible::Recreated,
                ..Effect::read(Deed::Update, object)
            },
            Does::Dump => {
                let kind = format!("dump of {}", object.kind);
                Effect::change(
                    Deed::Create,
                    Object { kind, ..object },
                    "remove what it wrote",
                )
            }
            Does::Change | Does::Code => Effect {
                reversible: Reversible::Unknown,
                reach: Reach::Unknown,
                ..Effect::read(Deed::Update, object)
            },
            Does::Delete => Effect::destructive(Deed::Delete, object),
            Does::Lose => Effect::destructive(Deed::Update, object),
            Does::Cut => Effect {
                service_cut: Tri::Yes,
                reversible: Reversible::Unknown,
                ..Effect::read(Deed::ServiceStop, object)
            },
            Does::Access => Effect {
                access_change: Tri::Yes,
                reversible: Reversible::Unknown,
                ..Effect::read(Deed::Bind, object)
            },
            Does::Unknown => Effect::opaque(object),
            Does::Read
            | Does::Dry
            | Does::Trial
            | Does::File
            | Does::Shell
            | Does::Runs(_)
            | Does::Script(_)
            | Does::Otherwise => Effect::read(Deed::Read, object),
        }
    }

    /// A file that a flag names is written.
    fn file(&self, value: Option<&Word>, call: &Call<'_>, found: &mut Found) {
        let text = value.map_or("", Word::text);
        if value.is_some_and(|value| value.known().is_some()) && SINKS.contains(&text) {
            return;
        }
        let path = call.setting.resolve(text);
        let word = value.map_or_else(|| Word::Known(path.clone()), |value| value.with_text(&path));
        let word = match &*pattern::with_date(&word) {
            Word::Known(_) => word,
            // A name of which something is not known is judged by what is known of it.
            Word::Glob(_) | Word::Unknown(_) => Word::Known(path),
        };
        paths::written(&word, Write::Product, &call.setting.place, found);
        if value.is_some_and(|value| pattern::with_date(value).known().is_none()) {
            found.opaque(format!("`{text}`: which file is written is not known"));
        }
    }

    /// A shell somewhere else runs the value of a flag.
    fn shell(&self, value: Option<&Word>, call: &Call<'_>, found: &mut Found) {
        let title = self.title(call);
        let place = Place::Network(title.clone());
        let text = value.and_then(Word::known);
        match (text, call.setting.elsewhere(place)) {
            (Some(text), Some(setting)) => shell::judge(text, call.stdin, &setting, found),
            _ => {
                let reason = format!("`{title}`: what its shell runs is not known");
                found.unknown_code(&call.setting.place, &title, reason);
            }
        }
    }

    /// The verb runs a command, here or where its first word says.
    fn runs(&self, does: Does, call: &Call<'_>, found: &mut Found) {
        let title = self.title(call);
        let command = self.command.as_deref().unwrap_or_default();
        let setting = match self.parsed.words.first() {
            Some(place) => {
                let place = Place::Network(place.text().to_owned());
                call.setting.elsewhere(place)
            }
            None => call.setting.deeper(),
        };
        let Some(setting) = setting else {
            let reason = format!("`{title}` stands too deep in other commands");
            return found.unknown_code(&call.setting.place, &title, reason);
        };
        if command.is_empty() {
            found.effect(Effect {
                reversible: Reversible::Unknown,
                ..Effect::read(Deed::Exec, self.object(call))
            });
            found.opaque(format!("`{title}` opens a shell"));
        } else if matches!(does, Does::Script(_)) {
            script(command, call, &setting, found);
        } else {
            programs::judge(command, call.stdin, &setting, found);
        }
    }
}

/// A file is written, and what was in it before is gone.
pub(in crate::commands::programs) fn written(path: &str, call: &Call<'_>, found: &mut Found) {
    let path = call.setting.resolve(path);
    paths::written(
        &Word::Known(path),
        Write::Product,
        &call.setting.place,
        found,
    );
}

/// Judges words that a shell puts together and reads.
pub(in crate::commands::programs) fn script(
    words: &[Word],
    call: &Call<'_>,
    setting: &Setting<'_>,
    found: &mut Found,
) {
    let known: Option<Vec<&str>> = words.iter().map(Word::known).collect();
    match known {
        Some(known) => shell::judge(&known.join(" "), call.stdin, setting, found),
        None => {
            let reason = format!("`{}`: what it runs is not known", call.program);
            found.unknown_code(&setting.place, call.program, reason);
        }
    }
}

/// Whether a word could turn out to be a flag.
fn may_be_flag(word: &Word) -> bool {
    word.may_be_flag() && !PATHS.iter().any(|path| word.text().starts_with(path))
}
