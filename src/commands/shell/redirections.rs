//! Redirections: files that the shell itself reads and writes.

use super::streams::Output;
use super::walk::Walker;
use crate::commands::folder::{is_relative, resolve};
use crate::commands::found::{Found, object};
use crate::commands::programs::files::guard::{Guard, guard};
use crate::commands::programs::files::paths;
use crate::commands::programs::files::paths::Write;
use crate::commands::programs::files::secrets::discloses;
use crate::commands::word::{Stdin, Word};
use crate::domain::effect::{Effect, Place, Reversible, Secrets, Tri, Verb};
use brush_parser::ast::{IoFileRedirectKind as Kind, IoFileRedirectTarget as Target, IoRedirect};

/// Files that swallow what is written, or show it.
const SINKS: [&str; 6] = [
    "/dev/null",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/tty",
    "/dev/zero",
];

/// Programs that print dumps, archives, listings of what runs, or reports.
const MAKERS: &str = "pg_dump pg_dumpall mysqldump mariadb-dump mongodump redis-cli sqlite3 tar gzip pigz zstd xz bzip2 pbzip2 lz4 zip gpg age \
    openssl sops kubeseal kubectl oc k3s helm etcdctl velero flux argocd docker podman nerdctl crictl ctr skopeo syft grype trivy kube-bench \
    kubescape lynis popeye restic borg zfs btrfs vgcfgbackup sfdisk journalctl crontab iptables-save ip6tables-save nft dpkg rpm apt snap pip \
    psql mysql jq yq aws gcloud az vault terraform ldapsearch slapcat consul rabbitmqctl tcpdump systemctl xfsdump dump cpio";

impl Walker<'_, '_> {
    /// One redirection; whether the standard output still goes where it went before.
    pub(super) fn redirect(&mut self, redirect: &IoRedirect) -> bool {
        match redirect {
            IoRedirect::File(descriptor, kind, target) => self.file(*descriptor, kind, target),
            IoRedirect::OutputAndError(target, append) => {
                let target = self.expand_whole(&target.value);
                self.written(target, *append, true)
            }
            IoRedirect::HereString(descriptor, word) => {
                let text = match self.expand_whole(&word.value) {
                    Word::Known(text) => Word::Known(text + "\n"),
                    other => other,
                };
                self.given(*descriptor, text);
                true
            }
            IoRedirect::HereDocument(descriptor, document) => {
                let text = if document.requires_expansion {
                    self.expand_document(&document.doc.value)
                } else {
                    Word::Known(document.doc.value.clone())
                };
                self.given(*descriptor, text);
                true
            }
        }
    }

    /// A text on the standard input.
    fn given(&mut self, descriptor: Option<i32>, text: Word) {
        if descriptor.is_none_or(|descriptor| descriptor == 0) {
            self.stdin = match text {
                Word::Known(text) => Stdin::Known(text),
                Word::Glob(_) | Word::Unknown(_) => Stdin::Piped,
            };
        }
    }

    fn file(&mut self, descriptor: Option<i32>, kind: &Kind, target: &Target) -> bool {
        let word = match target {
            Target::Filename(word) | Target::Duplicate(word) => self.expand_whole(&word.value),
            Target::Fd(descriptor) => Word::Known(descriptor.to_string()),
            Target::ProcessSubstitution(_, subshell) => {
                let reads = matches!(kind, Kind::Read);
                let before = self.stdin.clone();
                if !reads {
                    self.stdin = Stdin::Piped;
                }
                let output = self.subshell(&subshell.list);
                self.stdin = if reads { output.into_stdin() } else { before };
                return reads;
            }
        };
        let input = descriptor.is_none_or(|descriptor| descriptor == 0);
        let output = descriptor.is_none_or(|descriptor| descriptor == 1);
        match kind {
            Kind::Read => {
                self.read_from(&word);
                if input {
                    self.stdin = self.stdin_from(word);
                }
                true
            }
            Kind::Write | Kind::Clobber => self.written(word, false, output),
            Kind::Append => self.written(word, true, output),
            Kind::ReadAndWrite => {
                self.read_from(&word);
                self.written(word.clone(), true, false);
                if input {
                    self.stdin = Stdin::File(word);
                }
                true
            }
            Kind::DuplicateInput => {
                if input && word.known() != Some("-") {
                    self.stdin = Stdin::Piped;
                }
                true
            }
            Kind::DuplicateOutput => {
                self.mixed = true;
                let descriptor = word.known().is_some_and(|text| {
                    text.trim_end_matches('-')
                        .bytes()
                        .all(|byte| byte.is_ascii_digit())
                });
                if descriptor {
                    !output
                } else {
                    // `>&file` means `&>file`.
                    self.written(word, false, true)
                }
            }
        }
    }

    fn stdin_from(&self, word: Word) -> Stdin {
        match word.known() {
            Some("/dev/null") => Stdin::Nothing,
            Some(path) => match self.state.written.get(path) {
                Some(Output::Known(text)) => Stdin::Known(text.clone()),
                Some(Output::Downloaded) => Stdin::Downloaded,
                Some(Output::Unknown | Output::Partly(_)) | None => Stdin::File(word),
            },
            None => Stdin::File(word),
        }
    }

    /// `< file`
    fn read_from(&mut self, word: &Word) {
        let text = word.text();
        if text.starts_with("/dev/tcp/") || text.starts_with("/dev/udp/") {
            return connection(text, self);
        }
        if text.starts_with("/dev/null") {
            return;
        }
        for path in self.views(text) {
            let secret = self.repeats && discloses(&path);
            self.found.effect(Effect {
                secrets: if secret {
                    Secrets::Values
                } else {
                    Secrets::None
                },
                ..Effect::read(Verb::FileRead, object(&self.setting.place, "file", &path))
            });
        }
        if word.known().is_none() {
            self.found
                .bounded(format!("`< {text}`: which file is read is not known"));
        }
    }

    /// A path as seen from each folder that the text may have gone to.
    fn views(&mut self, path: &str) -> Vec<String> {
        let folder = &self.state.folder;
        let relative = is_relative(path);
        if relative && folder.lost {
            self.found.opaque(format!(
                "`{path}`: in which folder it is looked up is not known"
            ));
        }
        let mut views = vec![self.path(path)];
        let others = folder.perhaps.iter().filter(|_| relative);
        views.extend(others.map(|folder| resolve(Some(folder), path)));
        if folder.is_start() && path.starts_with("../") {
            views.push(resolve(Some("/"), path));
        }
        views
    }

    /// A path as seen from the folder that the text went to.
    fn path(&self, path: &str) -> String {
        self.setting
            .seeing(self.setting.files, self.state.folder.clone())
            .resolve(path)
    }

    /// `> file`; whether the standard output still goes where it went before.
    fn written(&mut self, word: Word, append: bool, output: bool) -> bool {
        let text = word.text();
        if word.known().is_some() && (SINKS.contains(&text) || text.starts_with("/dev/fd/")) {
            self.mixed |= text != "/dev/null";
            return !output;
        }
        if text.starts_with("/dev/tcp/") || text.starts_with("/dev/udp/") {
            connection(text, self);
            return !output;
        }
        let how = if append {
            Write::Append
        } else {
            Write::Product
        };
        for path in self.views(text) {
            let whole = word.with_text(&path);
            paths::written(&whole, how, &self.setting.place, self.found);
        }
        if output {
            self.overwritten.push((word, append));
        }
        !output
    }

    /// `> file` where nothing is printed: what was in it is lost.
    pub(super) fn truncated(&mut self, path: &Word, append: bool, output: &Output) {
        let last = self.found.calls_after(0).last();
        let makes = last.and_then(|words| words.first()).is_some_and(|program| {
            let name = program.rsplit('/').next().unwrap_or_default();
            MAKERS.split_ascii_whitespace().any(|maker| maker == name)
        });
        let known = matches!(output, Output::Known(text) if !text.is_empty());
        if !append && (known || !makes) {
            // What other programs print is no dump and no archive, whatever the file is called.
            self.found
                .effect(writing(&self.setting.place, &self.path(path.text()), false));
        }
        let Output::Known(text) = output else { return };
        if !append && text.is_empty() {
            let mut effect = writing(&self.setting.place, &self.path(path.text()), false);
            effect.data_loss = Tri::Unknown;
            effect.reversible = Reversible::NeedsBackup;
            self.found.effect(effect);
        }
    }
}

/// `/dev/tcp/host/port`: whoever is there may send commands as well as get answers.
fn connection(path: &str, shell: &mut Walker<'_, '_>) {
    let reason = format!("`{path}` connects the command to whoever listens there");
    shell.found.unknown_code(&shell.setting.place, path, reason);
}

/// What writing a file means.
pub(in crate::commands) fn writing(place: &Place, path: &str, append: bool) -> Effect {
    let how = if append {
        Write::Append
    } else {
        Write::Replace
    };
    let mut inner = Found::default();
    paths::written(&Word::Known(path.to_owned()), how, place, &mut inner);
    let effect = inner.into_analysis(None).effects.items.into_iter().next();
    effect.unwrap_or_else(|| Effect::read(Verb::FileWrite, object(place, "file", path)))
}

/// Whether a file says who may do what, or whether the host comes up again.
pub(in crate::commands) fn decides_access(path: &str) -> bool {
    guard(path).is_some_and(|guard| guard >= Guard::Breaks)
}
