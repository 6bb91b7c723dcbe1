//! Builtins that set variables, show them, and forget them.

use super::{
    super::{found::object, word::Word},
    state::Value,
    streams::Output,
    walk::Walker,
};
use crate::domain::effect::{Effect, Secrets, Verb};

impl Walker<'_, '_> {
    /// Some variable holds something else, nobody knows which.
    pub(super) fn forgets(&mut self, word: &Word) {
        match word {
            Word::Known(name) => self.state.forget(name),
            Word::Glob(_) | Word::Unknown(_) => {
                self.state.forget_all();
                self.found.opaque("which variable is set is not known");
            }
        }
    }

    pub(super) fn printf(&mut self, arguments: &[Word]) {
        if let [flag, name, ..] = arguments
            && flag.known() == Some("-v")
        {
            self.forgets(name);
        }
    }

    /// `read a b`, `mapfile lines`: variables hold what comes in.
    pub(super) fn reads(&mut self, name: &str, words: &[Word]) {
        self.note(words);
        if name == "mapfile" || name == "readarray" {
            self.state.forget("MAPFILE");
            if words.iter().any(|word| word.text().starts_with("-C")) {
                self.found
                    .unknown_code(&self.setting.place, name, "`mapfile -C` runs commands");
            }
        }
        self.state.forget("REPLY");
        for word in words.iter().skip(1) {
            self.forgets(word);
        }
    }

    pub(super) fn unset(&mut self, arguments: &[Word]) {
        for word in arguments {
            match word {
                Word::Known(name) if !name.starts_with('-') => {
                    self.state
                        .assign(name, Value::One(Word::Known(String::new())));
                    self.state.undefine(name);
                }
                Word::Known(_) => {}
                word => self.forgets(word),
            }
        }
    }

    /// `set -e`, `set -- a b`, and `set` alone, which shows every variable.
    pub(super) fn set_words(&mut self, words: &[Word]) {
        self.note(words);
        let arguments = words.get(1..).unwrap_or_default();
        if arguments.is_empty() {
            return self.shows_variables("set");
        }
        let mut rest = arguments;
        while let Some((first, more)) = rest.split_first() {
            match first.known() {
                Some("--" | "-") => {
                    rest = more;
                    break;
                }
                Some("-o" | "+o") => rest = more.get(1..).unwrap_or_default(),
                Some(flag) if flag.starts_with(['-', '+']) => rest = more,
                _ => break,
            }
        }
        let dashes = arguments.iter().any(|word| word.known() == Some("--"));
        if !rest.is_empty() || dashes {
            let own = Word::Known("sh".to_owned());
            self.state.positional =
                Some(std::iter::once(own).chain(rest.iter().cloned()).collect());
        }
    }

    pub(super) fn shift(&mut self, arguments: &[Word]) {
        let by = match arguments {
            [] => Some(1),
            [word, ..] => word.known().and_then(|word| word.parse::<usize>().ok()),
        };
        match (&mut self.state.positional, by) {
            // Of more words than there are, none is taken off.
            (Some(words), Some(by)) if by < words.len() => {
                words.drain(1..=by);
            }
            (Some(words), _) if words.len() <= 1 => {}
            (positional, _) => *positional = None,
        }
    }

    /// Every variable is shown, secret ones too.
    pub(super) fn shows_variables(&mut self, name: &str) {
        self.found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::Read, object(&self.setting.place, "environment", name))
        });
    }

    /// `export -f name`: shells that are started later know the function.
    pub(super) fn exported_functions(&mut self, words: &[Word]) {
        for word in words.iter().skip(2) {
            if let Some(body) = word.known().and_then(|name| self.state.function(name)) {
                let before = self.state.clone();
                self.call(&body, &[word.clone(), Word::Unknown("$@".to_owned())]);
                self.state = before;
            }
        }
    }

    /// `export A=1`, `declare -p`, `local x`
    pub(super) fn declare(&mut self, words: &[Word], assigned: Vec<(String, Value)>) -> Output {
        self.note(words);
        let name = words.first().map_or("", Word::text).to_owned();
        let flags: Vec<&str> = words
            .iter()
            .skip(1)
            .map(Word::text)
            .filter(|word| word.starts_with(['-', '+']))
            .collect();
        let has = |letter: char| {
            flags
                .iter()
                .any(|flag| flag.starts_with('-') && flag.contains(letter))
        };
        let functions = has('f') || has('F');
        let named = words
            .iter()
            .skip(1)
            .any(|word| !word.text().starts_with(['-', '+']));
        let asked = words
            .iter()
            .skip(1)
            .filter(|word| !word.text().starts_with(['-', '+']));
        let secret = asked
            .clone()
            .any(|word| word.known().is_none_or(super::is_secret));
        if has('p') && (!named || secret) && !functions || !named && !functions && name != "local" {
            self.shows_variables(&name);
        }
        if has('n') && name != "export" {
            self.found.opaque("a name that stands for another variable");
        }
        if functions && name == "export" {
            self.exported_functions(words);
        }
        let exported = name == "export" || has('x');
        let fixes = name == "readonly" || name != "export" && has('r');
        let mut own = Vec::new();
        let known: Vec<&str> = assigned.iter().map(|(name, _)| name.as_str()).collect();
        for word in words
            .iter()
            .skip(1)
            .filter(|word| !word.text().starts_with(['-', '+']))
        {
            let text = word.text();
            let variable = text.split_once('=').map_or(text, |(variable, _)| variable);
            own.push(variable.to_owned());
            if known.contains(&variable) || functions {
                continue;
            }
            match (word, text.split_once('=')) {
                (Word::Known(_), Some((variable, value))) => {
                    self.set(variable, Value::One(Word::Known(value.to_owned())));
                }
                (Word::Known(_), None) if name == "local" => self.state.forget(variable),
                (Word::Known(_), None) => {}
                (_, Some((variable, _))) if !variable.contains(['$', '`']) => {
                    self.state.forget(variable);
                }
                _ => self.forgets(&Word::Unknown(text.to_owned())),
            }
        }
        let computes = ['i', 'u', 'l', 'c', 'n'].into_iter().any(has) && name != "export";
        for (name, value) in assigned {
            if exported {
                self.exported(&name, &value);
            }
            self.set(&name, value);
            if computes {
                self.state.forget(&name);
            }
        }
        if fixes {
            self.state.fixed.extend(own.iter().cloned());
        }
        if !matches!(&*name, "export" | "readonly") && !has('g') {
            self.state.locals.extend(own);
        }
        Output::Known(String::new())
    }
}
