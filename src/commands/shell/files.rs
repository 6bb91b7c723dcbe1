//! Files that the text itself fills, and runs later.

use super::{
    super::word::{Files, Stdin, Word},
    streams::Output,
    walk::Walker,
};
use std::collections::BTreeMap;

/// What is known of files that were filled so far.
pub(super) type Filled = BTreeMap<String, Output>;

/// Files that the text wrote itself, before those that were pinned.
pub(super) struct Written<'a> {
    filled: &'a Filled,
    pinned: &'a dyn Files,
    /// The text went to another folder, so that relative paths mean other files than they did.
    moved: bool,
}

impl<'a> Written<'a> {
    pub(super) fn new(filled: &'a Filled, pinned: &'a dyn Files, moved: bool) -> Self {
        Self {
            filled,
            pinned,
            moved,
        }
    }
}

impl Files for Written<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self.filled.get(plain(path)) {
            Some(Output::Known(text)) => Some(text.clone().into_bytes()),
            Some(_) => None,
            None if self.moved && !path.starts_with('/') => None,
            None => self.pinned.read(path),
        }
    }
    fn documents(&self, text: &str) -> Option<Vec<serde_json::Value>> {
        self.pinned.documents(text)
    }
}

fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Programs that run the file that a word names.
#[rustfmt::skip]
const RUNNERS: &[&str] = &[
    ".", "apk", "apt", "apt-get", "ash", "bash", "bun", "dash", "deno", "dnf", "dpkg", "fish", "go", "java", "ksh", "lua", "node", "perl",
    "php", "pwsh", "python", "python2", "python3", "rpm", "ruby", "sh", "snap", "source", "yum", "zsh", "zypper",
];

impl Walker<'_, '_> {
    /// A command printed this into the files that it was sent to.
    pub(super) fn filled(&mut self, output: &Output) {
        for (path, append) in std::mem::take(&mut self.overwritten) {
            self.truncated(&path, append, output);
            if let Word::Known(path) = path {
                let text = match (append, self.state.written.get(plain(&path))) {
                    (false, _) => output.clone(),
                    (true, Some(before)) => before.clone().then(output.clone()),
                    (true, None) if *output == Output::Downloaded => Output::Downloaded,
                    (true, None) => Output::Unknown,
                };
                self.state.written.insert(plain(&path).to_owned(), text);
            }
        }
    }

    /// Notes the files that a program fills itself.
    pub(super) fn downloads(&mut self, words: &[Word], output: &Output) {
        let Some(program) = words.first().and_then(Word::known).map(name) else {
            return;
        };
        let targets = match program {
            "curl" => targets(
                words,
                &["-o", "--output"],
                'o',
                words.iter().any(|word| remote_name(word.text())),
            ),
            "wget" => targets(words, &["-O", "--output-document"], 'O', true),
            "git" if words.get(1).and_then(Word::known) == Some("clone") => {
                targets(words, &[], '\0', true)
            }
            "tee" => {
                let from = if self.stdin == Stdin::Downloaded {
                    Output::Downloaded
                } else {
                    output.clone()
                };
                for word in words
                    .iter()
                    .skip(1)
                    .filter_map(Word::known)
                    .filter(|word| !word.starts_with('-'))
                {
                    self.state
                        .written
                        .insert(plain(word).to_owned(), from.clone());
                }
                return;
            }
            _ => return,
        };
        for target in targets {
            self.state
                .written
                .insert(plain(&target).to_owned(), Output::Downloaded);
        }
    }

    /// Whether a program that was found after the first so many is, or runs, what was downloaded before.
    pub(super) fn runs_downloaded(&mut self, first: usize) {
        if !self
            .state
            .written
            .values()
            .any(|filled| *filled == Output::Downloaded)
        {
            return;
        }
        let runs = self.found.calls_after(first).iter().any(|call| {
            let Some((program, words)) = call.split_first() else {
                return false;
            };
            let runner = RUNNERS.binary_search(&name(program)).is_ok();
            program.starts_with('.') && program.contains('/')
                || self.is_downloaded(program)
                || runner && words.iter().any(|word| self.is_downloaded(word))
        });
        if runs {
            self.found.unknown_code(
                &self.setting.place,
                "downloaded",
                "it runs what was downloaded before",
            );
        }
    }

    fn is_downloaded(&self, word: &str) -> bool {
        !word.starts_with('-')
            && self.state.written.iter().any(|(path, filled)| {
                *filled == Output::Downloaded && (plain(word) == path || name(word) == name(path))
            })
    }
}

/// `-O`, `-LO`, `--remote-name`
fn remote_name(word: &str) -> bool {
    word == "--remote-name"
        || word == "--remote-name-all"
        || !word.starts_with("--") && word.starts_with('-') && word.contains('O')
}

/// The files that a download goes to: what the flag says, or the last part of the address.
fn targets(words: &[Word], flags: &[&str], letter: char, by_address: bool) -> Vec<String> {
    let mut targets = Vec::new();
    for (place, word) in words.iter().enumerate().skip(1) {
        let text = word.text();
        let next = || words.get(place + 1).map(|word| word.text().to_owned());
        let cluster = text.starts_with('-') && !text.starts_with("--");
        if flags.contains(&text) || cluster && text.ends_with(letter) {
            targets.extend(next());
        } else if let Some((flag, value)) = text.split_once('=')
            && flags.contains(&flag)
        {
            targets.push(value.to_owned());
        } else if let Some(value) = flags.first().and_then(|flag| text.strip_prefix(flag)) {
            targets.push(value.to_owned());
        }
    }
    if targets.is_empty() && by_address {
        let addresses = words
            .iter()
            .skip(1)
            .map(Word::text)
            .filter(|word| !word.starts_with('-') && word.contains('/'));
        targets.extend(addresses.map(|address| {
            let path = address.split(['?', '#']).next().unwrap_or(address);
            let path = name(path.trim_end_matches('/'));
            path.strip_suffix(".git").unwrap_or(path).to_owned()
        }));
    }
    targets.retain(|target| target != "-" && !target.is_empty());
    targets
}
