//! Lists, pipelines, groups, branches and loops, as `bash -e` carries them out.

use super::{
    NOT_STARTED, complain,
    start::{Start, wait},
    streams::{Failed, Streams},
    variables::Variables,
    words::{Refused, Values},
};
use crate::{
    adapters::process::lookup,
    domain::pipeline::{
        Branch, Plan, PlannedCommand, PlannedPipeline, PlannedWord, PlannedWork, Redirection, Seen,
        ShellOption, Until, When,
    },
};
use std::{
    env, ffi::OsString, fs::File, io, ops::ControlFlow, os::unix::ffi::OsStrExt as _,
    path::PathBuf, process::Child, sync::Arc, thread,
};

/// Whether the script goes on.
type Flow = ControlFlow<()>;

/// The status of a script that a variable without a value ended.
const UNSET: u8 = 1;

/// Whether a failure here may end the script, or somebody asks for the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    Ends,
    Asked,
}

/// What a script knows at one point.
#[derive(Debug, Clone)]
pub(super) struct Script {
    variables: Variables,
    folder: PathBuf,
    streams: Streams,
    status: u8,
    exit_on_failure: bool,
    unset_fails: bool,
    pipe_fails: bool,
}

/// A part of a pipeline that runs.
enum Running<'scope> {
    Program(Result<Child, (u8, Flow)>),
    Part(thread::ScopedJoinHandle<'scope, u8>),
}

impl Running<'_> {
    fn ended(self) -> u8 {
        match self {
            Self::Program(started) => wait(started.map_err(|(status, _)| status)),
            Self::Part(part) => part.join().unwrap_or(NOT_STARTED),
        }
    }
}

impl Script {
    pub(super) fn new(pipe_fails: bool) -> io::Result<Self> {
        Ok(Self {
            variables: Variables::given(),
            folder: env::current_dir()?,
            streams: Streams::given()?,
            status: 0,
            exit_on_failure: true,
            unset_fails: false,
            pipe_fails,
        })
    }

    /// Carries it out; its status.
    pub(super) fn run(&mut self, plan: &Plan) -> u8 {
        let _ended = self.list(&plan.pipelines, Watch::Ends);
        self.status
    }

    /// The first pipeline that fails ends it, unless something asks for its status.
    fn list(&mut self, pipelines: &[PlannedPipeline], watch: Watch) -> Flow {
        for (number, pipeline) in pipelines.iter().enumerate() {
            let runs = match pipeline.when {
                When::Always => true,
                When::AfterSuccess => self.status == 0,
                When::AfterFailure => self.status != 0,
            };
            if !runs {
                continue;
            }
            let next = pipelines.get(number + 1);
            let ends_its_list = next.is_none_or(|next| next.when == When::Always);
            let watch = if ends_its_list && !pipeline.negated {
                watch
            } else {
                Watch::Asked
            };
            self.pipeline(pipeline, watch)?;
            if pipeline.negated {
                self.status = u8::from(self.status == 0);
            }
            let fails = self.status != 0 && watch == Watch::Ends && self.exit_on_failure;
            if fails && decides(pipeline) {
                return Flow::Break(());
            }
        }
        Flow::Continue(())
    }

    fn pipeline(&mut self, pipeline: &PlannedPipeline, watch: Watch) -> Flow {
        if let [only] = &pipeline.commands[..] {
            return self.command(only, watch);
        }
        match self.at_once(&pipeline.commands, watch) {
            Ok(ended) => {
                let last = ended.last().copied().unwrap_or(0);
                let failed = ended.into_iter().rev().find(|status| *status != 0);
                self.status = failed.filter(|_| self.pipe_fails).unwrap_or(last);
            }
            Err(error) => {
                complain(None, "orderly", &error.to_string());
                self.status = NOT_STARTED;
            }
        }
        Flow::Continue(())
    }

    /// Starts the parts of a pipeline from left to right, then waits for each.
    fn at_once(&self, commands: &[PlannedCommand], watch: Watch) -> io::Result<Vec<u8>> {
        thread::scope(|scope| {
            let mut running = Vec::with_capacity(commands.len());
            let mut input = Arc::clone(&self.streams.input);
            for (number, command) in commands.iter().enumerate() {
                let mut part = self.clone();
                part.streams.input = input;
                input = Arc::clone(&self.streams.input);
                if number + 1 < commands.len() {
                    let (reader, writer) = io::pipe()?;
                    part.streams.output = Arc::new(File::from(std::os::fd::OwnedFd::from(writer)));
                    input = Arc::new(File::from(std::os::fd::OwnedFd::from(reader)));
                }
                running.push(match &command.work {
                    PlannedWork::Program { variables, words } => {
                        Running::Program(part.start(variables, words, &command.redirections))
                    }
                    _ => Running::Part(scope.spawn(move || {
                        let _ended = part.command(command, watch);
                        part.status
                    })),
                });
            }
            Ok(running.into_iter().map(Running::ended).collect())
        })
    }

    fn command(&mut self, command: &PlannedCommand, watch: Watch) -> Flow {
        if let PlannedWork::Program { variables, words } = &command.work {
            let started = self.start(variables, words, &command.redirections);
            let (status, flow) = match started {
                Ok(child) => (wait(Ok(child)), Flow::Continue(())),
                Err((status, flow)) => (status, flow),
            };
            self.status = status;
            return flow;
        }
        let streams = match self
            .streams
            .redirected(&command.redirections, &self.values())
        {
            Ok(streams) => streams,
            Err(failed) => {
                let (status, flow) = self.failed(failed);
                self.status = status;
                let ends = watch == Watch::Ends && self.exit_on_failure;
                return if ends { Flow::Break(()) } else { flow };
            }
        };
        let before = std::mem::replace(&mut self.streams, streams);
        let flow = self.work(&command.work, watch);
        self.streams = before;
        flow
    }

    fn values(&self) -> Values<'_> {
        Values {
            variables: &self.variables,
            folder: &self.folder,
            status: self.status,
            unset_fails: self.unset_fails,
        }
    }

    /// Words first, then streams, then variables, then the program; where that fails, its status, and whether the script goes on.
    fn start(
        &self,
        variables: &[(String, PlannedWord)],
        words: &[PlannedWord],
        redirections: &[Redirection],
    ) -> Result<Child, (u8, Flow)> {
        let words = self
            .values()
            .all(words)
            .map_err(|refused| self.refused(&refused))?;
        let streams = self.streams.redirected(redirections, &self.values());
        let streams = streams.map_err(|failed| self.failed(failed))?;
        let mut own = self.variables.clone();
        for (name, word) in variables {
            let value = self
                .values()
                .whole(word)
                .map_err(|refused| self.refused(&refused))?;
            own.export(name, value);
        }
        let start = Start {
            words,
            variables: &own,
            folder: &self.folder,
            streams,
        };
        start.start().map_err(|status| (status, Flow::Continue(())))
    }

    fn refused(&self, refused: &Refused) -> (u8, Flow) {
        let errors = Some(&*self.streams.errors);
        match refused {
            Refused::Unset(name) => {
                complain(errors, "orderly", &format!("`{name}` has no value"));
                (UNSET, Flow::Break(()))
            }
            Refused::Unjudged(why) => {
                complain(errors, "orderly", why);
                (NOT_STARTED, Flow::Break(()))
            }
        }
    }

    fn failed(&self, failed: Failed) -> (u8, Flow) {
        match failed {
            Failed::Word(refused) => self.refused(&refused),
            Failed::File(path, error, errors) => {
                let path = path.display().to_string();
                complain(Some(&errors), &path, &error.to_string());
                (1, Flow::Continue(()))
            }
        }
    }

    fn work(&mut self, work: &PlannedWork, watch: Watch) -> Flow {
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

/// Whether a failure of it ends the script by itself: what fails inside a group has ended it already, or was asked for there.
fn decides(pipeline: &PlannedPipeline) -> bool {
    match &pipeline.commands[..] {
        [only] => match only.work {
            PlannedWork::Group(_)
            | PlannedWork::Branches(..)
            | PlannedWork::Each(..)
            | PlannedWork::Repeat(..) => false,
            PlannedWork::Program { .. }
            | PlannedWork::Variables(..)
            | PlannedWork::Enter(_)
            | PlannedWork::Locate(_)
            | PlannedWork::Options(_)
            | PlannedWork::Exit(_)
            | PlannedWork::Subshell(_) => true,
        },
        _ => !pipeline.negated,
    }
}

/// The folder that a path leads to as it is written: `..` takes the last name away.
fn entered(from: &std::path::Path, path: &OsString) -> PathBuf {
    let mut folder = PathBuf::new();
    for part in from.join(path).components() {
        match part {
            std::path::Component::ParentDir => {
                folder.pop();
            }
            std::path::Component::CurDir => {}
            part => folder.push(part),
        }
    }
    folder
}
