//! Variables, and which of them programs see.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
};

/// A variable's value, and whether programs see it.
#[derive(Debug, Clone)]
struct Variable {
    value: OsString,
    exported: bool,
}

/// The variables of one shell.
#[derive(Debug, Clone)]
pub(super) struct Variables(BTreeMap<String, Variable>);

impl Variables {
    /// Those that the step was given.
    pub(super) fn given() -> Self {
        let given = env::vars_os().filter_map(|(name, value)| {
            let variable = Variable {
                value,
                exported: true,
            };
            Some((name.into_string().ok()?, variable))
        });
        Self(given.collect())
    }

    /// What a variable holds.
    pub(super) fn value(&self, name: &str) -> Option<OsString> {
        match self.0.get(name) {
            Some(variable) => Some(variable.value.clone()),
            None if name == "HOME" => Some(home()),
            None => None,
        }
    }

    /// What programs see in a variable.
    pub(super) fn seen(&self, name: &str) -> Option<&OsStr> {
        let variable = self.0.get(name).filter(|variable| variable.exported);
        variable.map(|variable| variable.value.as_os_str())
    }

    /// A variable holds this from here on; programs see it if they did before.
    pub(super) fn assign(&mut self, name: &str, value: OsString) {
        let exported = self.0.get(name).is_some_and(|before| before.exported);
        self.0.insert(name.to_owned(), Variable { value, exported });
    }

    /// A variable holds this from here on, and programs see it.
    pub(super) fn export(&mut self, name: &str, value: OsString) {
        let variable = Variable {
            value,
            exported: true,
        };
        self.0.insert(name.to_owned(), variable);
    }

    /// What programs see.
    pub(super) fn exported(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        let exported = self.0.iter().filter(|(_, variable)| variable.exported);
        exported.map(|(name, variable)| (name.as_str(), variable.value.as_os_str()))
    }
}

/// The home folder that the host's list of users names for this one, as bash does where no variable says it.
fn home() -> OsString {
    let user = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let home = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&user.as_str()))
            .then(|| fields.get(5).copied())
            .flatten()
    });
    OsString::from(home.unwrap_or("/"))
}
