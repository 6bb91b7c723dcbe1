//! What an analysis collects.

use super::{
    flags::{Flag, Parsed},
    programs::{Moved, files::pattern},
    word::Word,
};
use crate::domain::{
    effect::{
        Class, Confidence, Effect, Effects, Object, Place, Reach, Reversible, Secrets, Which,
    },
    pipeline::Plan,
};

/// How many effects or reasons are compared with a new one.
const MOST_COMPARED: usize = 128;

/// How many switches to other clusters, namespaces and accounts are looked at; beyond, nobody knows where the commands are aimed.
const MOST_MOVES: usize = 8;

/// What a shell does itself: no program is handed a variable by it.
#[rustfmt::skip]
const OWN: &[&str] = &[
    "export", "declare", "typeset", "local", "readonly", "set", "unset", "shift", "echo", "printf", "cd", "true", "false", ":", "[", "test",
    "read", "exit", "return",
];

/// Collects what is found; it can only rise.
#[derive(Debug, Default)]
pub struct Found {
    items: Vec<Effect>,
    confidence: Option<Confidence>,
    reasons: Vec<String>,
    refusals: Vec<String>,
    calls: Vec<Vec<String>>,
    /// Variables that nobody described, and how many programs were found before they were handed to those that follow.
    exports: Vec<(String, usize)>,
    /// How many programs were found around this.
    outside: usize,
    steps: u32,
    text: usize,
    /// Every effect since somebody began to watch, even one that was found before.
    watched: Option<Vec<Effect>>,
    /// What the commands so far aimed anew for those that follow.
    moved: Vec<Moved>,
    /// What the grammar of the program that is looked at did not describe of its line.
    line: Option<Undescribed>,
}

/// The flags with values, and the words, of a command line that its grammar took apart, but for those of which it says itself what
/// their values do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Undescribed {
    /// Flags that took a value.
    pub(super) flags: Vec<Flag>,
    /// What is no flag.
    pub(super) words: Vec<Word>,
}

/// What a command would do, and every program that it would run.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// Its effects.
    pub effects: Effects,
    /// How it can be carried out without any shell, if it is plain enough for that.
    pub plan: Option<Plan>,
}

impl Found {
    /// One more effect.
    pub fn effect(&mut self, mut effect: Effect) {
        if effect.class() != Class::Read && is_on_many(&effect.object.place) {
            effect.reach = Reach::Unknown;
        }
        if let Some(watched) = self.watched.as_mut().filter(|seen| !seen.contains(&effect)) {
            watched.push(effect.clone());
        }
        // Beyond so many, looking for the same again costs more than it saves.
        if self.items.len() >= MOST_COMPARED || !self.items.contains(&effect) {
            self.items.push(effect);
        }
    }
    /// The effects are an upper bound, for this reason: a pattern or a selector says what is touched.
    pub fn bounded(&mut self, reason: impl Into<String>) {
        self.lower(Confidence::Bounded, reason.into());
    }
    /// There may be other effects than those collected, for this reason. The class stays that of the effects: add the gravest that is
    /// thinkable where even that is not known ([`Found::unknown_code`]).
    pub fn opaque(&mut self, reason: impl Into<String>) {
        self.lower(Confidence::Opaque, reason.into());
    }
    /// Code runs that nobody can read beforehand: downloaded, computed, decoded.
    pub fn unknown_code(&mut self, place: &Place, name: &str, reason: impl Into<String>) {
        self.effect(Effect::opaque(object(place, "program", name)));
        self.opaque(reason);
    }
    /// Nobody may consent to this.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.refusals.contains(&reason) {
            self.refusals.push(reason);
        }
    }
    /// A program that would run, for the policy's word patterns.
    pub fn call(&mut self, words: Vec<String>) {
        self.calls.push(words);
    }
    /// A variable that nobody described is handed to every program from here on.
    pub(super) fn export(&mut self, name: &str) {
        if self.exports.len() < MOST_COMPARED {
            self.exports.push((name.to_owned(), self.size()));
        }
    }
    /// The variables that some program was handed.
    pub(super) fn exports(&self) -> Vec<String> {
        let runs = |call: &Vec<String>| {
            let name = call.first().map_or("", String::as_str);
            !OWN.contains(&name)
        };
        let after = |before: usize| self.calls_after(before.saturating_sub(self.outside));
        let handed = self.exports.iter();
        let handed = handed.filter(|(_, before)| after(*before).iter().any(runs));
        handed.map(|(name, _)| name.clone()).collect()
    }
    /// Everything that follows is aimed at something else.
    pub(super) fn moves(&mut self, moved: Moved) {
        if self.moved.contains(&moved) {
            return;
        }
        if self.moved.len() < MOST_MOVES {
            self.moved.push(moved);
        } else {
            self.opaque("it aims at more than the gate looks at");
        }
    }
    /// What was aimed anew so far.
    pub(super) fn moved(&self) -> Vec<Moved> {
        self.moved.clone()
    }
    /// How many programs were found so far. A text that means more of them than anybody types is not judged to its end.
    pub(super) fn size(&self) -> usize {
        self.outside + self.calls.len()
    }
    /// A word of which not all is known: it may name anything, and could even be a flag.
    pub(super) fn doubt(&mut self, word: &Word) {
        // Today's date is known well enough: what it names is one thing.
        let word = &*pattern::with_date(word);
        let reason = format!("`{}` is not known before it runs", word.text());
        if word.may_be_flag() {
            self.opaque(reason);
        } else if word.known().is_none() {
            self.bounded(reason);
        }
    }
    /// Whether there may be other effects than those found.
    pub(super) fn is_opaque(&self) -> bool {
        self.confidence == Some(Confidence::Opaque)
    }
    /// Whether all that was found are looks, some of them at values of secrets.
    pub(super) fn only_shows_secrets(&self) -> bool {
        let looks = |effect: &Effect| {
            let shown = Effect {
                secrets: Secrets::None,
                ..effect.clone()
            };
            shown.class() == Class::Read
        };
        !self.is_opaque() && self.items.iter().all(looks)
    }
    /// Whether everything that was found can be undone, and nothing else may be done.
    pub(super) fn can_be_undone(&self) -> bool {
        let undone = |effect: &Effect| match effect.reversible {
            Reversible::NothingToUndo | Reversible::Undo(_) | Reversible::Recreated => true,
            Reversible::NeedsBackup | Reversible::No | Reversible::Unknown => false,
        };
        !self.is_opaque() && self.items.iter().all(undone)
    }
    /// Every effect from here on is told by [`Found::watched`]; gives back what was watched around it.
    pub(super) fn watch(&mut self) -> Option<Vec<Effect>> {
        self.watched.replace(Vec::new())
    }
    /// The effects since [`Found::watch`].
    pub(super) fn watched(&mut self, outside: Option<Vec<Effect>>) -> Vec<Effect> {
        let seen = self.watched.take().unwrap_or_default();
        self.watched = outside.map(|mut outside| {
            outside.extend(seen.iter().cloned());
            outside
        });
        seen
    }
    /// A command line as its grammar took it apart; of the flags that it describes it says itself what their values do.
    pub(super) fn line(&mut self, parsed: &Parsed, describes: impl Fn(&str) -> bool) {
        let line = self.line.get_or_insert_default();
        let valued = parsed.flags.iter().filter(|flag| flag.value.is_some());
        let left = valued.filter(|flag| !describes(&flag.name));
        line.flags.extend(left.cloned());
        line.words.extend(parsed.words.iter().cloned());
    }
    /// The lines taken apart since this was last asked; from here on those of another program.
    pub(super) fn lines(&mut self) -> Option<Undescribed> {
        self.line.take()
    }
    /// The lines of the program around the one that was looked at.
    pub(super) fn back_to(&mut self, line: Option<Undescribed>) {
        self.line = line;
    }
    /// For something that is judged by itself first, and put in by [`Found::absorb`] after.
    pub(super) fn inner(&self) -> Self {
        Self {
            outside: self.size(),
            moved: self.moved.clone(),
            steps: self.steps,
            text: self.text,
            ..Self::default()
        }
    }
    /// Counts what was looked at by itself, though nothing of it is put in.
    pub(super) fn leave(&mut self, inner: &Self) {
        (self.steps, self.text) = (inner.steps, inner.text);
    }
    /// Puts in what was found by itself.
    pub(super) fn absorb(&mut self, inner: Self) {
        self.leave(&inner);
        inner
            .items
            .into_iter()
            .for_each(|effect| self.effect(effect));
        inner
            .refusals
            .into_iter()
            .for_each(|reason| self.refuse(reason));
        self.confidence = self.confidence.max(inner.confidence);
        for reason in inner.reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        self.calls.extend(inner.calls);
        self.exports.extend(inner.exports);
        for moved in inner.moved {
            self.moves(moved);
        }
    }
    /// Counts one more command looked at, and says how many that makes.
    pub(super) fn step(&mut self) -> u32 {
        self.steps = self.steps.saturating_add(1);
        self.steps
    }
    /// Another, for what may not count; what it costs counts.
    pub(super) fn trial(&self) -> Self {
        Self {
            steps: self.steps,
            text: self.text,
            ..Self::default()
        }
    }
    /// What a trial cost.
    pub(super) fn pay(&mut self, trial: &Self) {
        (self.steps, self.text) = (trial.steps, trial.text);
    }
    /// Counts so much more text parsed, and says how much that makes.
    pub(super) fn read(&mut self, length: usize) -> usize {
        self.text = self.text.saturating_add(length);
        self.text
    }
    /// The programs found after the first so many.
    pub(super) fn calls_after(&self, first: usize) -> &[Vec<String>] {
        self.calls.get(first..).unwrap_or_default()
    }
    /// The gravest class so far.
    pub fn class(&self) -> Class {
        self.items
            .iter()
            .map(Effect::class)
            .max()
            .unwrap_or(Class::Read)
    }

    fn lower(&mut self, confidence: Confidence, reason: String) {
        self.confidence = self.confidence.max(Some(confidence));
        if self.reasons.len() < MOST_COMPARED && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// The result.
    pub fn into_analysis(self, plan: Option<Plan>) -> Analysis {
        Analysis {
            effects: Effects {
                listed: Vec::new(),
                standing: Vec::new(),
                items: self.items,
                confidence: self.confidence.unwrap_or(Confidence::Exact),
                reasons: self.reasons,
                refusals: self.refusals,
                calls: self.calls,
                needs_shell: false,
            },
            plan,
        }
    }
}

/// A thing of this name where a command runs.
pub(super) fn object(place: &Place, kind: &str, name: &str) -> Object {
    Object {
        place: place.clone(),
        kind: kind.to_owned(),
        scope: crate::domain::effect::Scope::NotApplicable,
        which: Which::Named(name.to_owned()),
    }
}

/// Whether a pattern of hosts (ansible, salt) may mean several: how many is then not known.
fn is_on_many(place: &Place) -> bool {
    let Place::Network(hosts) = place else {
        return false;
    };
    matches!(hosts.as_str(), "all" | "ungrouped")
        || hosts.contains(['*', '?', ',', '!', '&', '~', '|', ' '])
        || hosts.starts_with('[') && !hosts.contains("::") && hosts.contains('-')
}
