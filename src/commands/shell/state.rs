//! What the text itself says about its variables, functions and aliases, as far as it has been walked.

use crate::commands::{folder::Folder, word::Word};
use brush_parser::ast::FunctionBody;
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    One(Word),
    Many(Vec<Word>),
}

/// What a shell knows at one point of a text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct State {
    variables: BTreeMap<String, Value>,
    functions: BTreeMap<String, Function>,
    /// Names that mean something else from here on, nobody knows what.
    changed: BTreeSet<String>,
    aliases: BTreeMap<String, String>,
    /// The folder that relative paths are looked up in.
    pub(super) folder: Folder,
    /// Whether the text went to another folder than it began in.
    pub(super) moved: bool,
    /// Files that the text filled.
    pub(super) written: super::files::Filled,
    /// `$1` and so on, where they are known.
    pub(super) positional: Option<Vec<Word>>,
    /// Variables that hold again what they held when the function at hand ends.
    pub(super) locals: BTreeSet<String>,
    /// Variables that cannot be set any more: a shell goes on where somebody tries.
    pub(super) fixed: BTreeSet<String>,
}

/// The commands of a function.
#[derive(Debug, Clone)]
pub(super) struct Function(Rc<FunctionBody>);
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || self.0.to_string() == other.0.to_string()
    }
}

impl State {
    /// The same shell with these words as `$0`, `$1`, …
    pub(super) fn with_positional(mut self, words: Option<Vec<Word>>) -> Self {
        self.positional = words;
        self
    }
    /// What a variable holds, if the text says so.
    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }
    /// A variable holds this from here on.
    pub(super) fn assign(&mut self, name: &str, value: Value) {
        let value = if self.fixed.contains(name) {
            unknown(name)
        } else {
            value
        };
        self.variables.insert(name.to_owned(), value);
    }
    /// A variable holds something from here on, nobody knows what.
    pub(super) fn forget(&mut self, name: &str) {
        self.assign(name, unknown(name));
    }
    /// Whether words are split where they always are.
    pub(super) fn splits_at_blanks(&self) -> bool {
        !self.variables.contains_key("IFS")
    }
    /// A name means these commands from here on.
    pub(super) fn define(&mut self, name: &str, body: &FunctionBody) {
        self.functions
            .insert(name.to_owned(), Function(Rc::new(body.clone())));
    }
    /// The commands of a function.
    pub(super) fn function(&self, name: &str) -> Option<Rc<FunctionBody>> {
        self.functions
            .get(name)
            .map(|function| Rc::clone(&function.0))
    }
    /// A name is no function any more.
    pub(super) fn undefine(&mut self, name: &str) {
        self.functions.remove(name);
    }
    /// A function, taken away for a while.
    pub(super) fn take_function(&mut self, name: &str) -> Option<Function> {
        self.functions.remove(name)
    }
    /// Puts back what was taken away.
    pub(super) fn restore_function(&mut self, name: &str, function: Function) {
        self.functions.insert(name.to_owned(), function);
    }
    /// The text that an alias stands for.
    pub(super) fn alias(&self, name: &str) -> Option<String> {
        self.aliases.get(name).cloned()
    }
    /// A name stands for this text from here on.
    pub(super) fn define_alias(&mut self, name: &str, text: &str) {
        self.aliases.insert(name.to_owned(), text.to_owned());
    }
    /// An alias, taken away while its own text is looked at.
    pub(super) fn take_alias(&mut self, name: &str) -> String {
        self.aliases.remove(name).unwrap_or_default()
    }
    /// Nothing is known of any variable; gives back what was.
    pub(super) fn forget_all(&mut self) -> BTreeMap<String, Value> {
        let before = self.variables.clone();
        let names: Vec<String> = self.variables.keys().cloned().collect();
        for name in names {
            self.forget(&name);
        }
        before
    }
    /// Nothing is known of what the text did so far.
    pub(super) fn lose(&mut self) {
        self.forget_all();
        self.positional = None;
        self.folder.lose();
        self.moved = true;
        let functions: Vec<String> = self.functions.keys().cloned().collect();
        let aliases: Vec<String> = self.aliases.keys().cloned().collect();
        self.changed.extend(functions.into_iter().chain(aliases));
    }
    /// What was known before [`State::forget_all`].
    pub(super) fn restore(&mut self, variables: BTreeMap<String, Value>) {
        self.variables = variables;
    }
    /// A name means something else from here on.
    pub(super) fn change(&mut self, name: &str) {
        self.changed.insert(name.to_owned());
    }
    /// Whether it is known what a name means.
    pub(super) fn is_changed(&self, name: &str) -> bool {
        self.changed.contains(name)
    }
    /// What is known after either of two ways through the text.
    pub(super) fn or(&mut self, other: &Self) {
        let names: BTreeSet<String> = self
            .variables
            .keys()
            .chain(other.variables.keys())
            .filter(|name| self.variables.get(*name) != other.variables.get(*name))
            .cloned()
            .collect();
        for name in names {
            self.forget(&name);
        }
        let functions: BTreeSet<&String> = self
            .functions
            .keys()
            .chain(other.functions.keys())
            .collect();
        let unlike: Vec<String> = functions
            .into_iter()
            .filter(|name| self.functions.get(*name) != other.functions.get(*name))
            .cloned()
            .collect();
        for name in unlike {
            self.change(&name);
            if let Some(function) = other.functions.get(&name) {
                self.functions
                    .entry(name)
                    .or_insert_with(|| function.clone());
            }
        }
        self.changed.extend(other.changed.iter().cloned());
        self.moved |= other.moved;
        self.locals.extend(other.locals.iter().cloned());
        self.fixed.extend(other.fixed.iter().cloned());
        if self.positional != other.positional {
            self.positional = None;
        }
        self.folder.or(&other.folder);
        for (name, text) in &other.aliases {
            if self.aliases.get(name) != Some(text) {
                self.change(name);
            }
        }
        for (path, filled) in &other.written {
            match self.written.get(path) {
                None => {
                    self.written.insert(path.clone(), filled.clone());
                }
                Some(own) => {
                    let either = own.clone().or(filled.clone());
                    self.written.insert(path.clone(), either);
                }
            }
        }
    }
}

/// A value that only the running shell knows.
pub(super) fn unknown(name: &str) -> Value {
    Value::One(Word::Unknown(format!("${name}")))
}
