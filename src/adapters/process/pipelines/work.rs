//! What a command does that is no program: variables, folders, options, branches, loops.

use super::{
    complain,
    run::{Flow, Script, Watch},
    words::Refused,
};
use crate::{
    adapters::process::lookup,
    domain::pipeline::{
        Branch, PlannedPipeline, PlannedWord, PlannedWork, Seen, ShellOption, Until,
    },
};
use std::{
    ffi::OsString,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
};

impl Script {
    pub(super) fn work(&mut self, work: &PlannedWork, watch: Watch) -> Flow {
        match work {
            PlannedWork::Program { .. } => Flow::Continue(()),
            PlannedWork::Variables(variables, seen) => self.assign(variables, *seen),
            PlannedWork::Enter(word) => self.enter(word),
            PlannedWork::Locate(name) => self.locate(name),
            PlannedWork::Options(options) => {
                for (option, on) in options {
                    *self.option(*option) = *on;
                }
                self.status = 0;
                Flow::Continue(())
            }
            PlannedWork::Exit(status) => {
                self.status = status.unwrap_or(self.status);
                Flow::Break(())
            }
            PlannedWork::Group(inner) => self.list(inner, watch),
            PlannedWork::Subshell(inner) => {
                let mut own = self.clone();
                self.status = match own.list(inner, watch) {
                    Flow::Continue(()) | Flow::Break(()) => own.status,
                };
                Flow::Continue(())
            }
            PlannedWork::Branches(branches, otherwise) => self.branches(branches, otherwise, watch),
            PlannedWork::Each(name, words, body) => self.each(name, words, body, watch),
            PlannedWork::Repeat(branch, until) => self.repeat(branch, *until, watch),
        }
    }

    fn option(&mut self, option: ShellOption) -> &mut bool {
        match option {
            ShellOption::ExitOnFailure => &mut self.exit_on_failure,
            ShellOption::UnsetFails => &mut self.unset_fails,
            ShellOption::PipeFails => &mut self.pipe_fails,
        }
    }

    fn assign(&mut self, variables: &[(String, PlannedWord)], seen: Seen) -> Flow {
        for (name, word) in variables {
            match self.values().whole(word) {
                Ok(value) => match seen {
                    Seen::Exported => self.variables.export(name, value),
                    Seen::AsBefore => self.variables.assign(name, value),
                },
                Err(refused) => return self.ended(&refused),
            }
        }
        self.status = 0;
        Flow::Continue(())
    }

    fn ended(&mut self, refused: &Refused) -> Flow {
        let (status, flow) = self.refused(refused);
        self.status = status;
        flow
    }

    fn enter(&mut self, word: &PlannedWord) -> Flow {
        let path = match self.values().all(std::slice::from_ref(word)) {
            Ok(words) => words.into_iter().next().unwrap_or_default(),
            Err(refused) => return self.ended(&refused),
        };
        let folder = entered(&self.folder, &path);
        let enters = std::fs::read_dir(folder.join("."));
        let enters = enters.map(|_| ()).or_else(|error| {
            let unlisted = error.kind() == io::ErrorKind::PermissionDenied;
            let searched = rustix::fs::access(&folder, rustix::fs::Access::EXEC_OK).is_ok();
            if unlisted && searched {
                Ok(())
            } else {
                Err(error)
            }
        });
        self.status = u8::from(enters.is_err());
        if let Err(error) = enters {
            let what = format!("{}: {error}", path.display());
            complain(Some(&self.streams.errors), "cd", &what);
        }
        if self.status == 0 {
            self.folder = folder;
        }
        Flow::Continue(())
    }

    fn locate(&mut self, name: &str) -> Flow {
        self.status = match lookup::find(&[name.to_owned()]) {
            Ok(file) => {
                let line = [file.as_os_str().as_bytes(), b"\n"].concat();
                u8::from(io::Write::write_all(&mut &*self.streams.output, &line).is_err())
            }
            Err(_) => 1,
        };
        Flow::Continue(())
    }

    fn branches(
        &mut self,
        branches: &[Branch],
        otherwise: &[PlannedPipeline],
        watch: Watch,
    ) -> Flow {
        for branch in branches {
            self.list(&branch.condition, Watch::Asked)?;
            if self.status == 0 {
                return self.list(&branch.body, watch);
            }
        }
        if otherwise.is_empty() {
            self.status = 0;
        }
        self.list(otherwise, watch)
    }

    fn each(
        &mut self,
        name: &str,
        words: &[PlannedWord],
        body: &[PlannedPipeline],
        watch: Watch,
    ) -> Flow {
        let values: Vec<OsString> = match self.values().all(words) {
            Ok(values) => values,
            Err(refused) => return self.ended(&refused),
        };
        if values.is_empty() {
            self.status = 0;
        }
        for value in values {
            self.variables.assign(name, value);
            self.list(body, watch)?;
        }
        Flow::Continue(())
    }

    fn repeat(&mut self, branch: &Branch, until: Until, watch: Watch) -> Flow {
        let mut last = 0;
        loop {
            self.list(&branch.condition, Watch::Asked)?;
            let over = match until {
                Until::Failure => self.status != 0,
                Until::Success => self.status == 0,
            };
            if over {
                self.status = last;
                return Flow::Continue(());
            }
            self.list(&branch.body, watch)?;
            last = self.status;
        }
    }
}

/// The folder that a path leads to as it is written: `..` takes the last name away.
fn entered(from: &Path, path: &OsString) -> PathBuf {
    let mut folder = PathBuf::new();
    for part in from.join(path).components() {
        match part {
            Component::ParentDir => {
                folder.pop();
            }
            Component::CurDir => {}
            part => folder.push(part),
        }
    }
    folder
}
