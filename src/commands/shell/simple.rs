//! Simple commands: assignments, words, redirections, and who carries them out.

use super::{
    super::{
        programs,
        word::{Stdin, Word, runs_in_subscript},
    },
    assignments::shows_secret,
    files,
    state::Value,
    streams::{self, Output, SHOW},
    walk::{SPECIAL, Walker},
};
use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem as Item, CompoundList,
    ProcessSubstitutionKind, SimpleCommand,
};

impl Walker<'_, '_> {
    /// A simple command.
    pub(super) fn simple(&mut self, simple: &SimpleCommand) -> Output {
        let stdin = self.stdin.clone();
        let overwritten = std::mem::take(&mut self.overwritten);
        let mixed = std::mem::take(&mut self.mixed);
        let mut shown = true;
        let mut assigned = Vec::new();
        let head = simple
            .word_or_name
            .as_ref()
            .map_or("", |word| word.value.as_str());
        let prints = std::mem::replace(
            &mut self.prints,
            matches!(head, "echo" | "printf" | "cat" | "eval"),
        );
        let mut words = match &simple.word_or_name {
            Some(word) => self.expand(&word.value),
            None => Vec::new(),
        };
        let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
        let declares = words.first().and_then(Word::known).is_some_and(declares);
        self.repeats = repeats(&words, simple);
        for item in prefix {
            match item {
                Item::AssignmentWord(assignment, _) => assigned.push(self.value(assignment)),
                Item::IoRedirect(redirect) => shown &= self.redirect(redirect),
                Item::Word(_) | Item::ProcessSubstitution(..) => {}
            }
        }
        for item in suffix {
            match item {
                Item::AssignmentWord(assignment, word) => {
                    if declares {
                        let (name, value) = self.value(assignment);
                        words.push(declared(&name, &value));
                        assigned.push((name, value));
                    } else {
                        words.extend(self.expand(&word.value));
                    }
                }
                Item::Word(word) => words.extend(self.expand(&word.value)),
                Item::IoRedirect(redirect) => shown &= self.redirect(redirect),
                Item::ProcessSubstitution(kind, subshell) => {
                    words.push(self.process(kind, &subshell.list));
                }
            }
        }
        self.shows &= shown;
        let output = if declares {
            self.declare(&words, assigned)
        } else {
            self.carry_out(&words, assigned)
        };
        self.filled(&output);
        (self.overwritten, self.prints) = (overwritten, prints);
        let mixed = std::mem::replace(&mut self.mixed, mixed);
        if words.first().and_then(Word::known) != Some("exec") || words.len() > 1 {
            self.stdin = stdin;
        }
        output.redirected(shown, mixed)
    }

    /// `<(…)` and `>(…)`: the commands run; what the word names is known to nobody.
    fn process(&mut self, kind: &ProcessSubstitutionKind, list: &CompoundList) -> Word {
        let before = self.stdin.clone();
        if matches!(kind, ProcessSubstitutionKind::Write) {
            self.stdin = Stdin::Piped;
        }
        let first = self.found.size();
        self.subshell(list);
        self.stdin = before;
        let calls = self.found.calls_after(first);
        // What these print is a part of the program that prints it.
        let completion =
            matches!(calls, [call] if matches!(&call[..], [_, verb, ..] if verb == "completion"));
        Word::Unknown(format!(
            "{kind}({})",
            if completion { "completion" } else { "…" }
        ))
    }

    /// What an assignment gives to which variable.
    fn value(&mut self, assignment: &Assignment) -> (String, Value) {
        let (name, element) = match &assignment.name {
            AssignmentName::VariableName(name) => (name.clone(), false),
            AssignmentName::ArrayElementName(name, index) => {
                self.arithmetic(index);
                (name.clone(), true)
            }
        };
        let value = match &assignment.value {
            AssignmentValue::Scalar(word) => Value::One(self.expand_whole(&word.value)),
            AssignmentValue::Array(words) => {
                for (key, _) in words {
                    if let Some(key) = key {
                        self.expand_whole(&key.value);
                    }
                }
                Value::Many(
                    words
                        .iter()
                        .flat_map(|(_, word)| self.expand(&word.value))
                        .collect(),
                )
            }
        };
        if let Value::One(Word::Known(text)) = &value {
            self.subscript(text);
        }
        let value = match (value, assignment.append, self.state.variable(&name)) {
            (value, false, _) if !element => value,
            (Value::One(Word::Known(more)), true, Some(Value::One(Word::Known(text))))
                if !element =>
            {
                Value::One(Word::Known(format!("{text}{more}")))
            }
            (Value::Many(more), true, Some(Value::Many(words))) => {
                Value::Many(words.iter().cloned().chain(more).collect())
            }
            (Value::One(more), true, _) if !element => {
                Value::One(Word::Unknown(format!("${name}{}", more.text())))
            }
            _ => super::state::unknown(&name),
        };
        (name, value)
    }

    fn carry_out(&mut self, words: &[Word], assigned: Vec<(String, Value)>) -> Output {
        if words.is_empty() {
            for (name, value) in assigned {
                self.set(&name, value);
            }
            return Output::Known(String::new());
        }
        for (name, value) in &assigned {
            self.environment(name, value);
        }
        let name = words.first().and_then(Word::known).unwrap_or_default();
        let function = self.state.function(name).is_some();
        // A function sees them; some shells keep what stands before their own commands.
        if !function && !SPECIAL.contains(&name) {
            return self.command_of(words);
        }
        for (name, value) in &assigned {
            if function {
                self.state.assign(name, value.clone());
            } else {
                self.state.forget(name);
            }
        }
        let output = self.command_of(words);
        for (name, _) in &assigned {
            self.state.forget(name);
        }
        output
    }

    /// A text that a calculation would run: `a[$(reboot)]`, wherever it comes from.
    pub(super) fn subscript(&mut self, text: &str) {
        if runs_in_subscript(text) {
            let reason = format!("`{text}` may run a command");
            self.found
                .unknown_code(&self.setting.place, "shell", reason);
        }
    }

    /// `echo $TOKEN` shows a secret, unless only another program sees it.
    fn shows_secret(&mut self, words: &[Word]) {
        let prints = words
            .iter()
            .take(4)
            .any(|word| matches!(word.known(), Some("echo" | "printf")));
        if prints && self.shows && words.iter().any(shows_secret) {
            self.shows_variables("secret");
        }
    }

    /// A command whose words are known as far as they can be: a function, a builtin, or a program.
    pub(super) fn command_of(&mut self, words: &[Word]) -> Output {
        let Some(name) = words.first().and_then(Word::known) else {
            return self.program_of(words);
        };
        // `time -- command`
        if name == "--" {
            return self.command_of(words.get(1..).unwrap_or_default());
        }
        if self.state.is_changed(name) {
            let reason = format!("`{name}` does not mean what it usually means");
            self.found.unknown_code(&self.setting.place, name, reason);
        }
        if let Some(text) = self.state.alias(name) {
            return self.alias_of(&text, words);
        }
        match self.state.function(name) {
            Some(body) => self.call(&body, words),
            None => match self.builtin(name, words) {
                Some(output) => output,
                None => self.program_of(words),
            },
        }
    }

    /// A program, or a builtin that is also a program.
    fn program_of(&mut self, words: &[Word]) -> Output {
        let first = self.found.size();
        let stdin = self.stdin.clone();
        let written = std::mem::take(&mut self.state.written);
        let files = files::Written::new(&written, self.setting.files, self.state.moved);
        let mut setting = self.setting.seeing(&files, self.state.folder.clone());
        setting.handed_on = self.handed_on && !self.shows;
        programs::judge(words, &stdin, &setting, self.found);
        let keeps = |word: &Word| matches!(word.known(), Some("crontab" | "at" | "batch"));
        if let Some(text) = self
            .partly
            .take()
            .filter(|_| words.iter().take(4).any(keeps))
        {
            programs::judge(words, &Stdin::Known(text), &setting, self.found);
        }
        self.state.written = written;
        self.shows_secret(words);
        let output = streams::output(words, &self.stdin);
        self.downloads(words, &output);
        self.runs_downloaded(first);
        output
    }
}

/// Whether a command shows what it reads: programs that do, shells and builtins, whose commands may; no other program that is known by name.
fn repeats(words: &[Word], simple: &SimpleCommand) -> bool {
    let own = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or(name);
        SHOW.contains(&name)
            || name.ends_with("sh")
            || matches!(
                name,
                "read" | "mapfile" | "readarray" | "exec" | "xargs" | "perl" | "python3" | "ssh"
            )
    };
    let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
    let plain = suffix.filter_map(|item| match item {
        Item::Word(word) => Some(word.value.as_str()),
        _ => None,
    });
    words.is_empty()
        || words.iter().any(|word| word.known().is_none_or(own))
        || plain.take(4).any(own)
}

/// Builtins whose words may be assignments.
fn declares(name: &str) -> bool {
    matches!(
        name,
        "export" | "declare" | "typeset" | "local" | "readonly"
    )
}

/// An assignment as a word again.
fn declared(name: &str, value: &Value) -> Word {
    match value {
        Value::One(word) => word.with_text(&format!("{name}={}", word.text())),
        Value::Many(_) => Word::Unknown(format!("{name}=(…)")),
    }
}
