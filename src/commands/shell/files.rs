//! Files that the text itself fills, and runs later.

use super::{
    super::{
        programs::files::guard::is_program,
        word::{Files, Stdin, Word},
    },
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
            "openssl" => targets(words, &["-out"], '\0', false),
            "gpg" | "age" | "uudecode" | "xxd" => targets(words, &["-o", "--output"], 'o', false),
            "cp" | "mv" | "ln" | "install" => self.disguised(words),
            _ => fetched(program, words),
        };
        for target in targets {
            self.state
                .written
                .insert(plain(&target).to_owned(), Output::Downloaded);
        }
    }

    /// A program that is put under another name: `cp /bin/rm /tmp/ls`.
    fn disguised(&self, words: &[Word]) -> Vec<String> {
        let plain = words.iter().skip(1).map(Word::text);
        let plain: Vec<&str> = plain.filter(|word| !word.starts_with('-')).collect();
        match plain.as_slice() {
            [.., from, to] if is_program(from) || self.is_downloaded(from) => {
                vec![(*to).to_owned()]
            }
            _ => Vec::new(),
        }
    }

    /// Whether a program that was found after the first so many is, or runs, what was downloaded before.
    pub(super) fn runs_downloaded(&mut self, first: usize) {
        if !self
            .state
            .written
            .values()
            .any(|filled| matches!(filled, Output::Downloaded | Output::Unknown))
        {
            return;
        }
        let runs = self.found.calls_after(first).iter().any(|call| {
            if self.runs_computed(call) {
                return true;
            }
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
                "it runs what it has only just downloaded, decoded or made",
            );
        }
    }

    /// Whether a program is, or runs, what this text made of something that nobody knows beforehand: as if it came through a pipe.
    fn runs_computed(&self, call: &[String]) -> bool {
        let Some((program, words)) = call.split_first() else {
            return false;
        };
        let runner = RUNNERS.binary_search(&name(program)).is_ok();
        let script = words.iter().find(|word| !word.starts_with('-'));
        let computed =
            |word: &String| self.state.written.get(plain(word)) == Some(&Output::Unknown);
        computed(program) || runner && script.is_some_and(computed)
    }

    fn is_downloaded(&self, word: &str) -> bool {
        !word.starts_with('-')
            && self.state.written.iter().any(|(path, filled)| {
                let inside = || {
                    let rest = plain(word).strip_prefix(path.as_str());
                    rest.is_some_and(|rest| rest.starts_with('/'))
                };
                *filled == Output::Downloaded
                    && (plain(word) == path || name(word) == name(path) || inside())
            })
    }
}

/// `-O`, `-LO`, `--remote-name`
fn remote_name(word: &str) -> bool {
    word == "--remote-name"
        || word == "--remote-name-all"
        || !word.starts_with("--") && word.starts_with('-') && word.contains('O')
}

/// The file that a copy from another host, a bucket or a container goes to.
fn fetched(program: &str, words: &[Word]) -> Vec<String> {
    const COPIERS: [&str; 12] = [
        "scp", "rsync", "aws", "gsutil", "gcloud", "az", "kubectl", "docker", "podman", "rclone",
        "s3cmd", "mc",
    ];
    let plain: Vec<&str> = words
        .iter()
        .skip(1)
        .map(Word::text)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let [.., from, to] = plain.as_slice() else {
        return Vec::new();
    };
    let copies = [
        "cp", "scp", "sync", "rsync", "copy", "copyto", "download", "get", "rcp",
    ];
    let copies =
        matches!(program, "scp" | "rsync") || plain.iter().any(|word| copies.contains(word));
    if !copies || !COPIERS.contains(&program) || !from.contains(':') || to.contains(':') {
        return Vec::new();
    }
    let folder = to.ends_with('/') || matches!(*to, "." | "..");
    vec![if folder {
        name(from).to_owned()
    } else {
        (*to).to_owned()
    }]
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
