//! What may run, or run again: branches, loops, tests, calculations.

use super::{super::word::Word, state::Value, streams::Output, walk::Walker};
use brush_parser::ast::{CaseClauseCommand, ExtendedTestExpr, ForClauseCommand, IfClauseCommand};

/// How many values of a loop are looked at one by one.
const MOST_ROUNDS: usize = 64;

/// How often a loop's body is looked at until nothing more is learned of what it sets.
const MOST_LOOKS: usize = 4;

impl Walker<'_, '_> {
    /// Perhaps: afterwards only what holds either way is known.
    pub(super) fn perhaps<T>(&mut self, what: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.state.clone();
        let result = what(self);
        self.state.or(&before);
        self.arrive();
        result
    }

    /// A calculation sets variables and runs the commands that stand in it.
    pub(super) fn calculation(&mut self, expression: &str) {
        self.arithmetic(expression);
        // To some shells `((rm -rf /))` is no calculation, but a command in two brackets.
        let mut parts = expression.split(' ');
        if parts.any(|part| {
            part.strip_prefix('-')
                .is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        }) {
            self.found.unknown_code(
                &self.setting.place,
                "shell",
                "a calculation that reads like a command",
            );
        }
        self.names_in(expression);
        for name in expression.split(|letter: char| !letter.is_alphanumeric() && letter != '_') {
            if self.state.variable(name).is_some() {
                self.state.forget(name);
            }
        }
    }

    /// What variables hold that a calculation names is calculated in turn.
    pub(super) fn names_in(&mut self, expression: &str) {
        let names = expression.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        let mut seen = 0;
        while let Some(name) = names.get(seen).cloned() {
            seen += 1;
            for text in self.texts_of(&name) {
                self.subscript(&text);
                let inner = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let inner: Vec<&str> = inner.collect();
                let new = |name: &&&str| !names.iter().any(|known| known == *name);
                let new: Vec<String> = inner.iter().filter(new).map(ToString::to_string).collect();
                names.extend(new);
            }
        }
    }

    fn texts_of(&self, name: &str) -> Vec<String> {
        match self.state.variable(name) {
            Some(Value::One(word)) => vec![word.text().to_owned()],
            Some(Value::Many(words)) => words.iter().map(|word| word.text().to_owned()).collect(),
            None => Vec::new(),
        }
    }

    /// What may run again and again: looked at until nothing more is learned of what it sets.
    pub(super) fn repeatedly(&mut self, mut body: impl FnMut(&mut Self) -> Output) -> Output {
        let mut printed = Output::Unknown;
        let mut settled = false;
        for _ in 0..MOST_LOOKS {
            let before = self.state.clone();
            printed = self.perhaps(&mut body);
            settled = self.state == before;
            if settled {
                break;
            }
        }
        if !settled {
            self.found
                .opaque("what a loop does in its later rounds is not known");
            self.state.lose();
            printed = self.perhaps(&mut body);
            self.state.lose();
        }
        match printed {
            Output::Downloaded => Output::Downloaded,
            Output::Known(text) if text.is_empty() => Output::Known(text),
            Output::Known(_) | Output::Partly(_) | Output::Unknown => Output::Unknown,
        }
    }

    /// A loop, which may be left in its middle.
    pub(super) fn looping(&mut self, what: impl FnOnce(&mut Self) -> Output) -> Output {
        let outside = self.left.take();
        let output = what(self);
        self.arrive();
        self.left = outside;
        output
    }

    pub(super) fn for_clause(&mut self, clause: &ForClauseCommand) -> Output {
        let values: Vec<Word> = match &clause.values {
            Some(values) => values
                .iter()
                .flat_map(|value| self.expand(&value.value))
                .collect(),
            None => vec![Word::Unknown("$@".to_owned())],
        };
        let unknown = values.iter().any(|value| matches!(value, Word::Unknown(_)));
        if unknown || values.len() > MOST_ROUNDS {
            return self.repeatedly(|shell| {
                shell.state.assign(
                    &clause.variable_name,
                    loop_value(&clause.variable_name, &values),
                );
                shell.list(&clause.body.list)
            });
        }
        let mut output = Output::Known(String::new());
        for value in values {
            let known = value.known().is_some();
            let printed = self.perhaps(|shell| {
                shell.state.assign(&clause.variable_name, Value::One(value));
                shell.list(&clause.body.list)
            });
            output = output.then(if known {
                printed
            } else {
                Output::Unknown.or(printed)
            });
        }
        output
    }

    pub(super) fn case_clause(&mut self, clause: &CaseClauseCommand) -> Output {
        self.expand_whole(&clause.value.value);
        let before = self.state.clone();
        let mut after = before.clone();
        let mut output = Output::Known(String::new());
        for case in &clause.cases {
            for pattern in &case.patterns {
                self.expand_whole(&pattern.value);
            }
            if let Some(list) = &case.cmd {
                output = output.or(self.list(list));
            }
            after.or(&self.state);
            // Where `;&` falls through, what was set still holds.
            self.state = before.clone();
            self.state.or(&after);
        }
        self.state = after;
        output
    }

    pub(super) fn if_clause(&mut self, clause: &IfClauseCommand) -> Output {
        let condition = self.list(&clause.condition);
        let before = self.state.clone();
        let mut output = self.list(&clause.then);
        let mut after = std::mem::replace(&mut self.state, before);
        let mut complete = false;
        for part in clause.elses.iter().flatten() {
            if let Some(condition) = &part.condition {
                self.list(condition);
            } else {
                complete = true;
            }
            let before = self.state.clone();
            output = output.or(self.list(&part.body));
            after.or(&self.state);
            self.state = before;
        }
        if !complete {
            after.or(&self.state);
            output = output.or(Output::Known(String::new()));
        }
        self.state = after;
        condition.then(output)
    }

    pub(super) fn extended_test(&mut self, test: &ExtendedTestExpr) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.extended_test(left);
                self.extended_test(right);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => {
                self.extended_test(inner);
            }
            ExtendedTestExpr::UnaryTest(_, word) => {
                let word = self.expand_whole(&word.value);
                self.subscript(word.text());
            }
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                for word in [left, right] {
                    let word = self.expand_whole(&word.value);
                    self.subscript(word.text());
                    self.names_in(word.text());
                }
            }
        }
    }
}

/// What a loop's variable holds in any of its rounds.
fn loop_value(name: &str, values: &[Word]) -> Value {
    match values {
        [only] => Value::One(only.clone()),
        _ => super::state::unknown(name),
    }
}
