//! Builtins that run what their words say, or give names another meaning.

use super::{
    super::{found::object, word::Word},
    streams::Output,
    walk::Walker,
};
use crate::domain::effect::{Effect, Reversible, Verb};

impl Walker<'_, '_> {
    pub(super) fn eval(&mut self, arguments: &[Word]) -> Output {
        let texts: Option<Vec<&str>> = arguments.iter().map(Word::known).collect();
        let Some(texts) = texts else {
            self.found.unknown_code(
                &self.setting.place,
                "eval",
                "`eval` runs a text that is not known",
            );
            self.state.forget_all();
            return Output::Unknown;
        };
        self.found.opaque("`eval` runs a text");
        self.text(&texts.join(" "))
    }

    /// Commands of a text in this very shell.
    pub(super) fn text(&mut self, text: &str) -> Output {
        let Some(setting) = self.setting.deeper() else {
            self.too_deep();
            return Output::Unknown;
        };
        let state = std::mem::take(&mut self.state);
        let (state, output) =
            super::text_with(text, state, &self.stdin, &setting, self.found, self.shows);
        self.state = state;
        output
    }

    pub(super) fn source(&mut self, words: &[Word]) -> Output {
        self.note(words);
        let Some(file) = words.get(1) else {
            return Output::Unknown;
        };
        let known = file.known().and_then(|path| {
            match self
                .state
                .written
                .get(path.strip_prefix("./").unwrap_or(path))
            {
                Some(Output::Known(text)) => Some(text.clone()),
                Some(_) => None,
                None => self
                    .setting
                    .files
                    .read(path)
                    .and_then(|bytes| String::from_utf8(bytes).ok()),
            }
        });
        let first = self.found.size();
        if let Some(text) = known {
            self.found.opaque("`source` runs a file");
            return self.text(&text);
        }
        match file {
            Word::Unknown(text) if text == "<(completion)" => {}
            Word::Known(path) if !path.starts_with("/dev/") => {
                self.found.effect(Effect {
                    verb: Verb::RunCode,
                    reversible: Reversible::Unknown,
                    ..Effect::read(Verb::Read, object(&self.setting.place, "file", path))
                });
                self.found
                    .opaque(format!("what `{path}` holds is not known"));
                self.runs_downloaded(first.saturating_sub(1));
            }
            _ => {
                let reason = "`source` runs commands that are not known";
                self.found
                    .unknown_code(&self.setting.place, "source", reason);
            }
        }
        Output::Unknown
    }

    pub(super) fn trap(&mut self, words: &[Word]) {
        self.note(words);
        let rest: Vec<&Word> = words
            .iter()
            .skip(1)
            .skip_while(|word| word.known() == Some("--"))
            .collect();
        let (Some(code), Some(_)) = (rest.first(), rest.get(1)) else {
            return;
        };
        match code {
            Word::Known(text) if text == "-" || text == "-p" || text == "-l" => {}
            // It runs at some later time, when variables may hold something else.
            Word::Known(text) => {
                let variables = self.state.forget_all();
                self.substitution(text);
                self.state.restore(variables);
            }
            _ => {
                let reason = "`trap` runs a text that is not known";
                self.found.unknown_code(&self.setting.place, "trap", reason);
            }
        }
    }

    /// `alias name=text`: whether it is used later, only some shells decide.
    pub(super) fn aliases(&mut self, words: &[Word]) -> Output {
        self.note(words);
        for word in words.iter().skip(1) {
            let Some((name, text)) = word.text().split_once('=') else {
                continue;
            };
            self.found
                .opaque(format!("`{name}` is given another meaning"));
            match word.known() {
                Some(_) => self.state.define_alias(name, text),
                None => self.state.change(name),
            }
        }
        Output::Unknown
    }

    /// A command that begins with an alias.
    pub(super) fn alias_of(&mut self, text: &str, words: &[Word]) -> Output {
        let plain = !text.contains([
            '$', '`', '\'', '"', '\\', ';', '|', '&', '<', '>', '(', '{', '*', '?', '#',
        ]);
        let name = words.first().map_or("", Word::text).to_owned();
        if !plain
            || text.split_whitespace().next() == Some(name.as_str())
                && self.setting.deeper().is_none()
        {
            self.found
                .unknown_code(&self.setting.place, &name, format!("`{name}` is an alias"));
        }
        let own = text
            .split_whitespace()
            .map(|word| Word::Known(word.to_owned()));
        let all: Vec<Word> = own.chain(words.iter().skip(1).cloned()).collect();
        let before = self.state.take_alias(&name);
        let output = self.command_of(&all);
        self.state.define_alias(&name, &before);
        output
    }

    /// `history -c`, `fc`
    pub(super) fn history(&mut self, name: &str, words: &[Word]) {
        self.note(words);
        let flag = |letters: &[char]| {
            words
                .iter()
                .skip(1)
                .any(|word| word.text().starts_with('-') && word.text().contains(letters))
        };
        if name == "fc" && !flag(&['l']) {
            self.found
                .unknown_code(&self.setting.place, name, "`fc` runs what was typed before");
        } else if flag(&['c', 'd']) {
            let history = object(&self.setting.place, "file", "history");
            self.found
                .effect(Effect::destructive(Verb::FileDelete, history));
        } else if flag(&['a', 'w', 'r', 'n', 's', 'p']) {
            let history = object(&self.setting.place, "file", "history");
            self.found.effect(Effect::change(
                Verb::FileWrite,
                history,
                "edit the file of the history",
            ));
        }
    }

    /// `exec command`, and `exec` alone, whose redirections stay.
    pub(super) fn exec(&mut self, words: &[Word]) -> Output {
        let mut rest = words.get(1..).unwrap_or_default();
        while let Some(flag) = rest
            .first()
            .and_then(Word::known)
            .filter(|word| word.starts_with('-'))
        {
            let skip = match flag {
                "--" | "-c" | "-l" | "-cl" | "-lc" => 1,
                "-a" => 2,
                _ => {
                    self.found.opaque(format!("`exec {flag}`"));
                    1
                }
            };
            rest = rest.get(skip..).unwrap_or_default();
        }
        if rest.is_empty() {
            return Output::Known(String::new());
        }
        self.command_of(rest)
    }

    /// `command name`, `command -v name`
    pub(super) fn without_functions(&mut self, words: &[Word]) -> Output {
        let mut rest = words.get(1..).unwrap_or_default();
        while let Some(flag) = rest
            .first()
            .and_then(Word::known)
            .filter(|word| word.starts_with('-'))
        {
            match flag {
                "-p" | "--" => rest = rest.get(1..).unwrap_or_default(),
                "-v" | "-V" | "-pv" | "-pV" => {
                    self.note(words);
                    return Output::Unknown;
                }
                _ => {
                    self.found.unknown_code(
                        &self.setting.place,
                        "command",
                        format!("`command {flag}`"),
                    );
                    return Output::Unknown;
                }
            }
        }
        self.hiding_functions(rest)
    }

    /// What follows is not a function.
    pub(super) fn hiding_functions(&mut self, words: &[Word]) -> Output {
        let Some(name) = words.first().and_then(Word::known) else {
            return self.command_of(words);
        };
        let function = self.state.take_function(name);
        let output = self.command_of(words);
        if let Some(function) = function {
            self.state.restore_function(name, function);
        }
        output
    }

    pub(super) fn only_builtin(&mut self, words: &[Word]) -> Output {
        match words.get(1).and_then(Word::known) {
            Some("--") => self.hiding_functions(words.get(2..).unwrap_or_default()),
            _ => self.hiding_functions(words.get(1..).unwrap_or_default()),
        }
    }

    /// `hash -p /tmp/x ls`, `enable -f x.so ls`: names that mean something else.
    pub(super) fn renames(&mut self, name: &str, words: &[Word]) {
        self.note(words);
        let has = |letters: &[char]| {
            words
                .iter()
                .skip(1)
                .any(|word| word.text().starts_with('-') && word.text().contains(letters))
        };
        if name == "enable" && has(&['f']) || name == "hash" && has(&['p']) {
            let reason = format!("`{name}` gives a name to other code");
            self.found.unknown_code(&self.setting.place, name, reason);
        }
    }
}
