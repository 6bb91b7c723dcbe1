//! Flags of a program: which take a value, which do not. A flag that the table does not know makes the call opaque, because it may
//! swallow the next word and so shift what every word means.

use super::word::Word;

/// How a program reads its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// getopt(3) and pflag: `-abc` is three flags, `-nX` is `-n X`, `--name=X`, `--` ends them.
    Clusters,
    /// Go's flag package, Java, terraform: `-name X`, `-name=X` and `--name` alike, no clusters.
    Whole,
}

/// The flags of a program. Names without dashes; those of one letter are short.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) style: Style,
    /// Take a value: `-n X`, `--name X`, `--name=X`.
    pub(super) valued: &'static [&'static str],
    /// Take none, but may be written `--name=true`.
    pub(super) plain: &'static [&'static str],
    /// May take a value, only glued: `--name=X`, `-nX`.
    pub(super) glued: &'static [&'static str],
    /// The first word that is no flag ends them: wrappers, whose next words belong to another program.
    pub(super) until_word: bool,
}

/// One flag as it was given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flag {
    pub(super) name: String,
    pub(super) value: Option<Word>,
}

/// A command line taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parsed {
    pub(super) flags: Vec<Flag>,
    /// What is no flag, in order; what follows `--` too.
    pub(super) words: Vec<Word>,
    /// How many of `words` stood before `--`, if it was there.
    pub(super) before_dashes: Option<usize>,
    /// Flags that the table does not know, or that miss their value.
    pub(super) unknown: Vec<String>,
}

/// What a program reads of the value of a flag that is on or off, as Go's `strconv.ParseBool` does; none: nobody can be sure.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Whether a flag of this name takes one of these back: `--no-dry-run`, and what it is cut short to.
pub(super) fn takes_back(flag: &str, names: &[&str]) -> bool {
    let flag = flag.trim_start_matches('-').split('=').next();
    let back = flag.and_then(|flag| flag.strip_prefix("no-"));
    back.is_some_and(|back| names.iter().any(|name| name.starts_with(back)))
}

impl Flag {
    /// Whether it is switched on, whoever reads it.
    pub(super) fn is_surely_on(&self) -> bool {
        let value = self.value.as_ref();
        value.is_none_or(|value| value.known().and_then(truth) == Some(true))
    }
}

impl Parsed {
    /// Whether one of these flags, with which nothing is done, surely holds: none of them is switched off or taken back, since
    /// programs differ in whether the first or the last one wins.
    pub(super) fn shows(&self, names: &[&str]) -> bool {
        let mut given = (self.flags.iter())
            .filter(|flag| names.contains(&flag.name.as_str()))
            .peekable();
        given.peek().is_some()
            && given.all(Flag::is_surely_on)
            && !self.takes_back(names)
            && !self.glues_a_letter()
            && !self.may_hold_another()
    }
    /// `$X` may be a flag that takes one back.
    fn may_hold_another(&self) -> bool {
        let dashes = self.before_dashes.unwrap_or(usize::MAX);
        self.words.iter().take(dashes).any(Word::may_be_flag)
    }
    /// `-h=0`: what it switches off is not known.
    fn glues_a_letter(&self) -> bool {
        let mut unknown = self.unknown.iter();
        unknown.any(|flag| !flag.starts_with("--") && flag.contains('='))
    }
    fn takes_back(&self, names: &[&str]) -> bool {
        let known = self.flags.iter().map(|flag| flag.name.as_str());
        let strange = self.unknown.iter().map(String::as_str);
        known.chain(strange).any(|flag| takes_back(flag, names))
    }
    /// Whether one of these flags was given, and not as `=false`.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        let last = self
            .flags
            .iter()
            .rev()
            .find(|flag| names.contains(&flag.name.as_str()));
        last.is_some_and(|flag| flag.value.as_ref().and_then(Word::known) != Some("false"))
    }
    /// The value of the last of these flags: the last one wins.
    pub(super) fn value(&self, names: &[&str]) -> Option<&Word> {
        self.values(names).last()
    }
    /// Every value of these flags, in order.
    pub(super) fn values(&self, names: &[&str]) -> impl Iterator<Item = &Word> {
        self.flags
            .iter()
            .filter(move |flag| names.contains(&flag.name.as_str()))
            .filter_map(|flag| flag.value.as_ref())
    }
    /// The first word, if it is known.
    pub(super) fn verb(&self) -> Option<&str> {
        self.words.first().and_then(Word::known)
    }
}

impl Table {
    /// Takes a command line apart.
    pub(super) fn parse(&self, arguments: &[Word]) -> Parsed {
        let mut parsed = Parsed::default();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let text = word.text();
            if text == "--" && word.known().is_some() {
                parsed.before_dashes = Some(parsed.words.len());
                parsed.words.extend(rest.cloned());
                break;
            }
            if text == "-" || !text.starts_with('-') {
                parsed.words.push(word.clone());
                if self.until_word {
                    parsed.words.extend(rest.cloned());
                    break;
                }
                continue;
            }
            self.flag(word, &mut rest, &mut parsed);
        }
        parsed
    }

    fn flag<'w>(
        &self,
        word: &Word,
        rest: &mut impl Iterator<Item = &'w Word>,
        parsed: &mut Parsed,
    ) {
        let text = word.text();
        let long = text.strip_prefix("--").or_else(|| {
            (self.style == Style::Whole)
                .then(|| text.strip_prefix('-'))
                .flatten()
        });
        match long {
            Some(long) => self.long(long, word, rest, parsed),
            None => self.cluster(word, rest, parsed),
        }
    }

    fn long<'w>(
        &self,
        long: &str,
        word: &Word,
        rest: &mut impl Iterator<Item = &'w Word>,
        parsed: &mut Parsed,
    ) {
        let (name, glued) = match long.split_once('=') {
            Some((name, value)) => (name, Some(word.with_text(value))),
            None => (long, None),
        };
        // `--n` is not `-n`: where long flags may be cut short it is another flag.
        let whole = self.style == Style::Whole || name.chars().nth(1).is_some();
        let known = |list: &[&str]| whole && list.contains(&name);
        let value = match glued {
            // However "off" is written: the last one of a flag wins, and is asked for one word.
            Some(value) if known(self.plain) && value.known().and_then(truth) == Some(false) => {
                Some(value.with_text("false"))
            }
            Some(value) if known(self.valued) || known(self.plain) || known(self.glued) => {
                Some(value)
            }
            None if known(self.valued) => match rest.next() {
                Some(value) => Some(value.clone()),
                None => return parsed.unknown.push(word.text().to_owned()),
            },
            None if word.known().is_some() && (known(self.plain) || known(self.glued)) => None,
            _ => return parsed.unknown.push(word.text().to_owned()),
        };
        parsed.flags.push(Flag {
            name: name.to_owned(),
            value,
        });
    }

    fn cluster<'w>(
        &self,
        word: &Word,
        rest: &mut impl Iterator<Item = &'w Word>,
        parsed: &mut Parsed,
    ) {
        let mut letters = word.text().chars();
        letters.next();
        while let Some(letter) = letters.next() {
            let name = letter.to_string();
            let known = |list: &[&str]| list.contains(&name.as_str());
            let glued = letters.as_str();
            let glued = glued.strip_prefix('=').unwrap_or(glued);
            let glued = (!letters.as_str().is_empty()).then(|| word.with_text(glued));
            if known(self.plain) && word.known().is_some() {
                parsed.flags.push(Flag { name, value: None });
                continue;
            }
            if !known(self.valued) && !known(self.glued) {
                return parsed.unknown.push(word.text().to_owned());
            }
            let value = match glued {
                None if known(self.valued) => match rest.next() {
                    Some(value) => Some(value.clone()),
                    None => return parsed.unknown.push(word.text().to_owned()),
                },
                glued => glued,
            };
            return parsed.flags.push(Flag { name, value });
        }
    }
}
