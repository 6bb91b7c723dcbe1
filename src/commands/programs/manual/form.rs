//! A command line taken apart by what is written down of its program.

use super::{Does, Flags, Program, Verb};
use crate::commands::{
    flags::{Flag, Parsed, Table, takes_back, truth},
    found::object,
    programs::names::is_secret,
    word::{Call, Word},
};
use crate::domain::effect::Object;

/// Other words that switch a flag off.
const OFF: [&str; 2] = ["no", "off"];

/// A command line taken apart.
#[derive(Debug)]
pub(in crate::commands::programs) struct Form<'m> {
    pub(super) program: &'m Program,
    /// The words of the verb.
    pub(in crate::commands::programs) path: Vec<&'static str>,
    verb: Option<&'m Verb>,
    /// Every flag, and the words after the verb.
    pub(in crate::commands::programs) parsed: Parsed,
    /// How many of the flags stood before the verb.
    pub(in crate::commands::programs) before: usize,
    /// What the flags do, with the value of each.
    pub(super) doing: Vec<(Does, Flag)>,
    /// What flags would keep from being done, if they were not switched off or taken back somewhere.
    unsure: Vec<Does>,
    /// Flags that nobody named, of a verb that may be given any.
    pub(super) unnamed: Vec<String>,
    /// The command that the verb runs.
    pub(super) command: Option<Vec<Word>>,
}

/// Takes a command line apart: goes down the words of verbs as far as they are known, then reads the rest.
pub(super) fn read<'m>(program: &'m Program, arguments: &[Word]) -> Form<'m> {
    let mut form = Form {
        program,
        path: Vec::new(),
        verb: program.verb(&[]),
        parsed: Parsed::default(),
        before: 0,
        doing: Vec::new(),
        unsure: Vec::new(),
        unnamed: Vec::new(),
        command: None,
    };
    let mut rest = arguments.to_vec();
    while program.goes_on(&form.path) {
        let flags = form.flags();
        let step = parse(program, &flags.table, true, &rest);
        let next = step.words.first().and_then(Word::known);
        let next = next.and_then(|word| program.next(&form.path, word));
        let Some(next) = next.filter(|_| step.before_dashes.is_none()) else {
            break;
        };
        rest = form.take(flags, step).split_off(1);
        if form.path.is_empty() {
            form.before = form.parsed.flags.len();
        }
        form.path.push(next);
        form.verb = program.verb(&form.path);
    }
    form.last(&rest);
    form
}

/// Takes words apart, and understands long flags that are cut short where the program does.
fn parse(program: &Program, table: &Table, until_word: bool, words: &[Word]) -> Parsed {
    if program.words_only {
        return Parsed {
            words: words.to_vec(),
            ..Parsed::default()
        };
    }
    let table = Table {
        until_word,
        ..*table
    };
    let parsed = table.parse(words);
    if parsed.unknown.is_empty() || !program.abbreviations {
        return parsed;
    }
    let spelled = |word: &Word| match word {
        Word::Known(text) if parsed.unknown.contains(text) => Word::Known(spell_out(&table, text)),
        word => word.clone(),
    };
    table.parse(&words.iter().map(spelled).collect::<Vec<_>>())
}

/// The whole flag that this one is the beginning of, if there is only one.
fn spell_out(table: &Table, flag: &str) -> String {
    let Some(long) = flag.strip_prefix("--") else {
        return flag.to_owned();
    };
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, format!("={value}")),
        None => (long, String::new()),
    };
    let all = || table.valued.iter().chain(table.plain).chain(table.glued);
    let mut longer = all().filter(|known| known.len() > 1 && known.starts_with(name));
    match (longer.next(), longer.next()) {
        (Some(known), None) => format!("--{known}{value}"),
        _ => flag.to_owned(),
    }
}

impl Program {
    /// The next word of a verb, if some verb goes on with it.
    fn next(&self, path: &[&'static str], word: &str) -> Option<&'static str> {
        self.verbs
            .iter()
            .filter(|verb| verb.path.starts_with(path))
            .filter_map(|verb| verb.path.get(path.len()))
            .find(|next| **next == word)
            .copied()
    }
}

impl Flags {
    /// What is done after all, since a flag takes back the one that kept it from being done.
    fn taken_back(&self, flag: &str) -> Vec<Does> {
        let back = self
            .does
            .iter()
            .filter(|(name, _)| takes_back(flag, &[name]));
        let back = back.map(|(_, does)| *does);
        back.filter(|does| matches!(does, Does::Dry | Does::Read | Does::Trial))
            .collect()
    }

    /// What the flags do that this may be the beginning of.
    fn short_for(&self, flag: &str) -> Vec<(Does, Flag)> {
        let name = flag.trim_start_matches('-').split('=').next();
        let Some(name) = name.filter(|name| flag.starts_with("--") && !name.is_empty()) else {
            return Vec::new();
        };
        let grave = |does: &Does| !matches!(does, Does::Dry | Does::Read);
        let longer = self
            .does
            .iter()
            .filter(|(known, does)| known.starts_with(name) && grave(does));
        let given = |(known, does): &(&str, Does)| {
            let name = (*known).to_owned();
            (*does, Flag { name, value: None })
        };
        longer.map(given).collect()
    }
}

impl<'m> Form<'m> {
    pub(super) fn flags(&self) -> &'m Flags {
        match self.verb {
            Some(verb) => &verb.flags,
            None => &self.program.start,
        }
    }

    /// Whether it is written down what giving this flag does.
    pub(super) fn describes(&self, flag: &str) -> bool {
        self.doing.iter().any(|(_, doing)| doing.name == flag)
    }

    /// Keeps the flags of a part, and gives back its words.
    fn take(&mut self, flags: &Flags, part: Parsed) -> Vec<Word> {
        let negated = |name: &str| {
            let plain = name.strip_prefix("no-");
            plain.is_some_and(|plain| plain.len() > 1 && flags.table.plain.contains(&plain))
        };
        for flag in &part.unknown {
            self.unsure.extend(flags.taken_back(flag));
        }
        for flag in part.flags {
            self.given(flags, &flag);
            self.parsed.flags.push(flag);
        }
        for flag in part.unknown {
            let name = flag.strip_prefix("--").unwrap_or_default();
            if flags.any {
                self.unnamed.push(flag);
                continue;
            }
            if self.program.abbreviations && negated(name) {
                let name = name.to_owned();
                self.parsed.flags.push(Flag { name, value: None });
                continue;
            }
            if self.program.abbreviations {
                self.doing.extend(flags.short_for(&flag));
            }
            self.parsed.unknown.push(flag);
        }
        part.words
    }

    /// Notes what a flag does, or what it keeps from being done.
    fn given(&mut self, flags: &Flags, flag: &Flag) {
        self.unsure.extend(flags.taken_back(&flag.name));
        let valued = flags.table.valued.contains(&flag.name.as_str());
        let plain = flags.table.plain.contains(&flag.name.as_str());
        let value = flag.value.as_ref().and_then(Word::known);
        let off = value.is_some_and(|value| OFF.contains(&value) || truth(value) == Some(false));
        for (_, does) in flags.does.iter().filter(|(name, _)| *name == flag.name) {
            let spares = matches!(does, Does::Dry | Does::Read | Does::Trial);
            if spares && (off && !valued || plain && !flag.is_surely_on()) {
                self.unsure.push(*does);
            } else if valued || !off {
                self.doing.push((*does, flag.clone()));
            }
        }
    }

    /// What words with a name keep from being done, if another of that name says something else: `test=true test=false`.
    fn contradicted(&self, flags: &Flags) -> Vec<Does> {
        let other = |name: &str, does: Does| {
            let listed = |word: &Word| {
                (flags.words.iter()).any(|(known, done)| *done == does && *known == word.text())
            };
            let named = |word: &&Word| {
                let given = word.text().strip_prefix(name);
                given.is_some_and(|rest| rest.starts_with('='))
            };
            (self.parsed.words.iter().filter(named)).any(|word| !listed(word))
        };
        let named = flags.words.iter().filter_map(|(word, does)| {
            let (name, _) = word.split_once('=')?;
            other(name, *does).then_some(*does)
        });
        named.collect()
    }

    /// Whether a flag says that no more than this is done, and none that it is not so after all.
    pub(super) fn spares(&self, wanted: Does) -> bool {
        self.parsed.unknown.is_empty()
            && !self.unsure.contains(&wanted)
            && self.doing.iter().any(|(does, _)| *does == wanted)
    }

    /// Reads what stands after the verb.
    fn last(&mut self, rest: &[Word]) {
        let flags = self.flags();
        let nameless = self.path.is_empty();
        let runs = self.verb.and_then(|verb| match verb.does.as_slice() {
            [Does::Runs(after) | Does::Script(after)] => Some(*after),
            _ => None,
        });
        let Some(after) = runs else {
            let until_word = self.program.until_word;
            let part = parse(self.program, &flags.table, until_word, rest);
            self.parsed.before_dashes = part.before_dashes;
            self.parsed.words = self.take(flags, part);
            self.unsure.extend(self.contradicted(flags));
            for (word, does) in &flags.words {
                let meant = |given: &Word| match *word {
                    "~" => is_secret(given.text()),
                    word => given.text() == word,
                };
                if self.parsed.words.iter().any(meant) {
                    let name = (*word).to_owned();
                    self.doing.push((*does, Flag { name, value: None }));
                }
            }
            if nameless {
                self.before = self.parsed.flags.len();
            }
            return;
        };
        let mut rest = rest.to_vec();
        loop {
            let part = parse(self.program, &flags.table, true, &rest);
            rest = self.take(flags, part);
            if rest.is_empty() || self.parsed.words.len() == after {
                break;
            }
            self.parsed.words.push(rest.remove(0));
        }
        self.command = Some(rest);
    }

    /// Whether this is the verb.
    pub(in crate::commands::programs) fn is(&self, path: &[&str]) -> bool {
        self.path == path
    }

    /// What the verb does with so many words.
    pub(super) fn deed(&self) -> Does {
        let Some(verb) = self.verb else {
            return Does::Otherwise;
        };
        match verb.does.as_slice() {
            [_] if verb.begins && !self.parsed.words.is_empty() => Does::Otherwise,
            several => several
                .get(self.parsed.words.len())
                .or(several.last())
                .copied()
                .unwrap_or(Does::Otherwise),
        }
    }

    /// Whether a flag says that nothing at all is done. A flag that is not known might have swallowed it.
    pub(in crate::commands::programs) fn is_dry(&self) -> bool {
        let sure = |(does, flag): &(Does, Flag)| *does != Does::Dry || flag.is_surely_on();
        self.spares(Does::Dry) && self.doing.iter().all(sure)
    }

    /// What is done, named as people would.
    pub(in crate::commands::programs) fn title(&self, call: &Call<'_>) -> String {
        let mut title = call.program.to_owned();
        for word in &self.path {
            title.push(' ');
            title.push_str(word);
        }
        title
    }

    /// What the effects are about.
    pub(in crate::commands::programs) fn object(&self, call: &Call<'_>) -> Object {
        let name = self.parsed.words.first().map(Word::text);
        let name = name.map_or_else(|| self.title(call), str::to_owned);
        object(&call.setting.place, self.program.kind, &name)
    }
}
