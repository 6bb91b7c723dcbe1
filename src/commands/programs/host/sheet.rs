//! Grammars as data: most programs are a table of flags and a list of what each verb and flag does.

use super::does::{Does, act};
pub(in crate::commands::programs) use super::words::words;
use crate::commands::flags::{Parsed, Style, Table};
use crate::commands::found::{Found, object};
use crate::commands::programs::files::paths::{Write, written};
use crate::commands::word::{Call, Word};
use crate::domain::effect::{Object, Place, Reach, Which};

/// What the program does, by its words and flags.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands::programs) struct Sheet {
    /// What its words name.
    pub(in crate::commands::programs) kind: &'static str,
    /// Its flags.
    pub(in crate::commands::programs) table: Table,
    /// Verbs, several names to a line; `a+b` are two words. None: the program has no verbs, its words are names.
    pub(in crate::commands::programs) verbs: &'static [(&'static str, Does)],
    /// A verb may be cut short; the first that begins so is meant.
    pub(in crate::commands::programs) short_verbs: bool,
    /// Flags that do something themselves.
    pub(in crate::commands::programs) flags: &'static [(&'static str, Does)],
    /// Flags that name a file that it writes.
    pub(in crate::commands::programs) outputs: &'static [&'static str],
    /// What it does without a verb, or without knowing verbs.
    pub(in crate::commands::programs) bare: Does,
    /// The gravest that it can do: meant where a verb is not known.
    pub(in crate::commands::programs) floor: Does,
    /// Flags with which it only says what it would do.
    pub(in crate::commands::programs) dry: &'static [&'static str],
    /// Verbs that heed those; none: all of them.
    pub(in crate::commands::programs) dry_verbs: &'static [&'static str],
    /// Where those only ask for something to be shown: the flags that may stand beside them. None: any.
    pub(in crate::commands::programs) beside: &'static [&'static str],
    /// Flags that name another host on which it acts.
    pub(in crate::commands::programs) host: &'static [&'static str],
    /// `--help` and `--version` anywhere end it before it does anything.
    pub(in crate::commands::programs) helps: bool,
}

/// Flags of the usual sort: which take a value, which none, which may take one glued to them.
pub(in crate::commands::programs) const fn table(
    valued: &'static [&'static str],
    plain: &'static [&'static str],
    glued: &'static [&'static str],
) -> Table {
    Table {
        style: Style::Clusters,
        valued,
        plain,
        glued,
        until_word: false,
    }
}

/// Flags as Go and Java read them.
pub(in crate::commands::programs) const fn whole(
    valued: &'static [&'static str],
    plain: &'static [&'static str],
) -> Table {
    Table {
        style: Style::Whole,
        ..table(valued, plain, &[])
    }
}

impl Sheet {
    /// A program whose words are names.
    pub(in crate::commands::programs) const fn of(
        kind: &'static str,
        table: Table,
        bare: Does,
    ) -> Self {
        Self {
            kind,
            table,
            verbs: &[],
            short_verbs: false,
            flags: &[],
            outputs: &[],
            bare,
            floor: bare,
            dry: &[],
            dry_verbs: &[],
            beside: &[],
            host: &[],
            helps: true,
        }
    }
    /// A program with verbs; one that is not known may do the gravest.
    pub(in crate::commands::programs) const fn with_verbs(
        kind: &'static str,
        table: Table,
        verbs: &'static [(&'static str, Does)],
    ) -> Self {
        Self {
            verbs,
            floor: Does::Remove,
            ..Self::of(kind, table, Does::Look)
        }
    }

    /// Says what a call does.
    pub(in crate::commands::programs) fn judge(&self, call: &Call<'_>, found: &mut Found) {
        self.decide(&self.parse(call.arguments), call, found);
    }

    /// Takes the arguments apart; long flags that are cut short are completed first.
    pub(in crate::commands::programs) fn parse(&self, arguments: &[Word]) -> Parsed {
        parse(&self.table, arguments)
    }

    /// Says what arguments do that were taken apart.
    pub(in crate::commands::programs) fn decide(
        &self,
        parsed: &Parsed,
        call: &Call<'_>,
        found: &mut Found,
    ) {
        found.line(parsed, |flag| self.describes(flag));
        let place = self.place(parsed, call);
        if self.helps && asks_for_help(parsed) {
            return act(Does::Look, program(&place, call), Reach::Exactly(1), found);
        }
        let (does, length) = self.verb(parsed);
        let names = parsed.words.get(length..).unwrap_or_default();
        let does = does.with(names.len());
        let dry = parsed.unknown.is_empty() && self.is_dry(parsed);
        if !parsed.unknown.is_empty() {
            self.unknown_flag(parsed, &place, call, found);
        }
        let mut active = !dry && (does != Does::Look);
        if !dry {
            for (flags, does) in self.flags {
                if parsed.flags.iter().any(|flag| has_word(flags, &flag.name)) {
                    active |= *does != Does::Look;
                    act(
                        *does,
                        object_of(self.kind, names, &place, call),
                        reach(names),
                        found,
                    );
                }
            }
        }
        let mut outputs = parsed.values(self.outputs).filter(|_| !dry);
        if let Some(file) = outputs.next() {
            active = true;
            written(file, Write::Replace, &place, found);
            outputs.for_each(|file| written(file, Write::Replace, &place, found));
        }
        let does = if dry { Does::Look } else { does };
        act(
            does,
            object_of(self.kind, names, &place, call),
            reach(names),
            found,
        );
        if does == self.floor && length == 0 && self.unknown_verb(parsed) {
            let verb = parsed.words.first().map_or("", Word::text);
            let name = call.program;
            found.opaque(format!("`{name} {verb}` is not known to the gate"));
        }
        let turns = dry || !self.flags.is_empty() || !self.outputs.is_empty();
        doubt(names, active, turns, found);
        self.doubt_values(parsed, found);
    }

    /// Values of flags that are not known before it runs; files that it writes are looked at where they are written.
    fn doubt_values(&self, parsed: &Parsed, found: &mut Found) {
        for flag in parsed
            .flags
            .iter()
            .filter(|flag| !self.outputs.contains(&flag.name.as_str()))
        {
            if let Some(word @ (Word::Unknown(_) | Word::Glob(_))) = &flag.value {
                found.bounded(format!("`{}` is not known before it runs", word.text()));
            }
        }
    }

    /// Whether the sheet says what is done with the value of a flag.
    fn describes(&self, flag: &str) -> bool {
        self.outputs.contains(&flag)
            || self.host.contains(&flag)
            || self.flags.iter().any(|(flags, _)| has_word(flags, flag))
    }

    fn place(&self, parsed: &Parsed, call: &Call<'_>) -> Place {
        match parsed.value(self.host) {
            Some(host) => Place::Network(host.text().to_owned()),
            None => call.setting.place.clone(),
        }
    }

    fn is_dry(&self, parsed: &Parsed) -> bool {
        let allowed = |name: &str| self.dry.contains(&name) || self.beside.contains(&name);
        parsed.shows(self.dry)
            && (self.beside.is_empty() || parsed.flags.iter().all(|flag| allowed(&flag.name)))
            && (self.dry_verbs.is_empty()
                || parsed
                    .verb()
                    .is_some_and(|verb| self.dry_verbs.contains(&verb)))
    }

    fn unknown_flag(&self, parsed: &Parsed, place: &Place, call: &Call<'_>, found: &mut Found) {
        if self.floor != Does::Look || !self.flags.is_empty() {
            act(Does::Alter, program(place, call), Reach::Unknown, found);
        }
        let (name, flags) = (call.program, parsed.unknown.join(" "));
        found.opaque(format!(
            "`{name}`: the flag `{flags}` is not known to the gate"
        ));
    }

    fn unknown_verb(&self, parsed: &Parsed) -> bool {
        !self.verbs.is_empty() && !parsed.words.is_empty()
    }

    /// What the verb does, and of how many words it is.
    fn verb(&self, parsed: &Parsed) -> (Does, usize) {
        if !self.unknown_verb(parsed) {
            return (self.bare, 0);
        }
        let known: Vec<&str> = parsed.words.iter().take(3).map_while(Word::known).collect();
        for length in (1..=known.len()).rev() {
            let words = known.get(..length).unwrap_or_default();
            if let Some(does) = self.named(words) {
                return (does, length);
            }
        }
        (self.floor, 0)
    }

    fn named(&self, words: &[&str]) -> Option<Does> {
        let fits = |name: &str| {
            let mut pieces = name.split('+');
            words.iter().all(|word| {
                pieces.next().is_some_and(|piece| {
                    piece == *word
                        || (self.short_verbs && !word.is_empty() && piece.starts_with(word))
                })
            }) && pieces.next().is_none()
        };
        let exact = |name: &str| name.split('+').eq(words.iter().copied());
        let search = |test: &dyn Fn(&str) -> bool| {
            self.verbs
                .iter()
                .find(|(names, _)| names.split(' ').any(test))
                .map(|(_, does)| *does)
        };
        search(&exact).or_else(|| self.short_verbs.then(|| search(&fits)).flatten())
    }
}

/// Takes arguments apart by a table; long flags that are cut short are completed first, as getopt_long(3) does.
pub(in crate::commands::programs) fn parse(table: &Table, arguments: &[Word]) -> Parsed {
    if table.style == Style::Whole || !arguments.iter().any(|word| is_cut(table, word)) {
        return table.parse(arguments);
    }
    let completed: Vec<Word> = arguments.iter().map(|word| complete(table, word)).collect();
    table.parse(&completed)
}

fn long_name(word: &Word) -> Option<&str> {
    let long = word.known()?.strip_prefix("--")?;
    let name = long.split('=').next()?;
    (!name.is_empty()).then_some(name)
}

fn candidates<'t>(table: &'t Table, name: &str) -> impl Iterator<Item = &'t &'static str> {
    let lists = [table.valued, table.plain, table.glued];
    lists
        .into_iter()
        .flatten()
        .filter(move |flag| flag.len() > 1 && flag.starts_with(name))
}

fn is_cut(table: &Table, word: &Word) -> bool {
    long_name(word).is_some_and(|name| candidates(table, name).all(|flag| *flag != name))
}

fn complete(table: &Table, word: &Word) -> Word {
    let Some(name) = long_name(word) else {
        return word.clone();
    };
    let mut fitting = candidates(table, name);
    match (fitting.next(), fitting.next()) {
        (Some(flag), None) => {
            let rest = word.text().get(2 + name.len()..).unwrap_or_default();
            word.with_text(&format!("--{flag}{rest}"))
        }
        _ => word.clone(),
    }
}

/// Whether the only thing asked for is how to use the program. With words, `--version` may be which version of them is meant.
pub(in crate::commands::programs) fn asks_for_help(parsed: &Parsed) -> bool {
    let version = parsed.words.is_empty();
    let asks = |flag: &String| flag == "--help" || version && flag == "--version";
    let asked = parsed.unknown.iter().all(asks);
    let known = parsed.shows(&["help"]) || version && parsed.shows(&["version"]);
    asked && (!parsed.unknown.is_empty() || known)
}

/// Whether a word stands in a list of words.
pub(in crate::commands::programs) fn has_word(list: &str, word: &str) -> bool {
    list.split(' ').any(|one| one == word)
}

/// Whether one of these words stands anywhere in a call.
pub(in crate::commands::programs) fn says(call: &Call<'_>, list: &str) -> bool {
    let mut words = call.arguments.iter();
    words.any(|word| has_word(list, word.text()))
}

/// Puts in what is done to the program itself, by words that could each turn it into something else.
pub(in crate::commands::programs) fn act_on_program(
    does: Does,
    call: &Call<'_>,
    found: &mut Found,
) {
    let itself = program(&call.setting.place, call);
    act(does, itself, Reach::Exactly(1), found);
    doubt(call.arguments, does != Does::Look, true, found);
}

/// The program itself, as a thing.
pub(in crate::commands::programs) fn program(place: &Place, call: &Call<'_>) -> Object {
    object(place, "program", call.program)
}

/// What these words name; without any, the program itself.
pub(in crate::commands::programs) fn object_of(
    kind: &str,
    names: &[Word],
    place: &Place,
    call: &Call<'_>,
) -> Object {
    match names {
        [] => program(place, call),
        [name] => named(kind, name, place),
        names => {
            let all: Vec<&str> = names.iter().take(16).map(Word::text).collect();
            object(place, kind, &all.join(" "))
        }
    }
}

/// What one word names.
pub(in crate::commands::programs) fn named(kind: &str, name: &Word, place: &Place) -> Object {
    let thing = object(place, kind, name.text());
    match name {
        Word::Known(_) => thing,
        Word::Glob(text) => Object {
            which: Which::Selector(text.clone()),
            ..thing
        },
        Word::Unknown(_) => thing,
    }
}

/// How many things these words name.
pub(in crate::commands::programs) fn reach(names: &[Word]) -> Reach {
    if names.iter().all(|name| name.known().is_some()) {
        Reach::Exactly(u32::try_from(names.len().max(1)).unwrap_or(u32::MAX))
    } else {
        Reach::Unknown
    }
}

/// What words that are not fully known do to the confidence. `active`: they are acted on; `turns`: a flag in their place could change what is done.
pub(in crate::commands::programs) fn doubt(
    names: &[Word],
    active: bool,
    turns: bool,
    found: &mut Found,
) {
    for name in names {
        let text = name.text();
        match name {
            Word::Unknown(_) if begins_unknown(name) && (turns || active) => {
                found.opaque(format!("`{text}` is not known before it runs"));
            }
            Word::Unknown(_) if text.starts_with("<(") => {}
            Word::Unknown(_) => found.bounded(format!("`{text}` is not known before it runs")),
            Word::Glob(_) if active => found.bounded(format!("`{text}` stands for several")),
            Word::Known(_) if active && text.contains(['*', '?']) => {
                found.bounded(format!("`{text}` may stand for several"));
            }
            Word::Known(_) | Word::Glob(_) => {}
        }
    }
}

/// Whether a word that is not known could be a flag, a verb, or nothing at all.
pub(in crate::commands::programs) fn begins_unknown(word: &Word) -> bool {
    matches!(word, Word::Unknown(text) if text.trim_start_matches('"').starts_with(['$', '`', '-', '{']))
}
