//! Scripts that need no shell: programs with their words, and what joins them, so that what was judged is what runs.

use serde::{Deserialize, Serialize};

/// Pipelines one after the other, exactly as bash(1) would run them.
///
/// The status is 0 at first. Each pipeline looks at it ([`When`]) and, if it runs, leaves its own: that of its last command, whatever
/// the others left (no `pipefail`). A pipeline that does not run leaves the status as it is. The status at the end is the plan's, so
/// `a && b || c` and `a; b` mean what they always mean; a failing pipeline does not end the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The pipelines, in order.
    pub pipelines: Vec<PlannedPipeline>,
}

/// Commands that run at the same time, each one's output flowing into the next.
///
/// The first reads nothing (`/dev/null`) unless it says what; the last prints what the plan prints. It is over when all of them are.
/// Where there are several, each has variables and a folder of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPipeline {
    /// Whether it runs at all.
    pub when: When,
    /// Whether its status is turned round: `!`.
    pub negated: bool,
    /// The commands; there is at least one.
    pub commands: Vec<PlannedCommand>,
}

/// On what the run of a pipeline depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// It runs.
    Always,
    /// It runs if the status is 0: `&&`.
    AfterSuccess,
    /// It runs if the status is not 0: `||`.
    AfterFailure,
}

/// One command, and where its streams go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCommand {
    /// What runs.
    pub work: PlannedWork,
    /// In this order.
    pub redirections: Vec<Redirection>,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedWork {
    /// A program, run without a shell.
    Program {
        /// Variables that it gets besides the exported ones.
        variables: Vec<(String, PlannedWord)>,
        /// The program's name or path, and its arguments. Never empty; the name is plain, and none of a shell's own (`cd`, `export`).
        words: Vec<PlannedWord>,
    },
    /// Variables that hold something else from here on, and whether programs see them: `A=1`, `export A=1`. Perhaps none: `:`.
    Variables(Vec<(String, PlannedWord)>, Seen),
    /// Another folder from here on: `cd`.
    Enter(PlannedWord),
    /// Prints where a program is: `command -v`.
    Locate(String),
    /// Options that hold from here on: `set -e`.
    Options(Vec<(ShellOption, bool)>),
    /// Ends the script with this status, or that of what ran last: `exit`.
    Exit(Option<u8>),
    /// `{ …; }`
    Group(Vec<PlannedPipeline>),
    /// `( … )`: variables, folder and options of its own.
    Subshell(Vec<PlannedPipeline>),
    /// `if`: the first branch whose condition holds, or else the last part.
    Branches(Vec<Branch>, Vec<PlannedPipeline>),
    /// `for NAME in WORDS`.
    Each(String, Vec<PlannedWord>, Vec<PlannedPipeline>),
    /// `while`: as long as the condition holds; `until`: as long as it does not.
    Repeat(Branch, Until),
}

/// Whether programs see a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// From here on.
    Exported,
    /// If they did before.
    AsBefore,
}

/// What ends a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// The condition fails: `while`.
    Failure,
    /// The condition holds: `until`.
    Success,
}

/// An option of the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShellOption {
    /// `-e`
    ExitOnFailure,
    /// `-u`
    UnsetFails,
    /// `-o pipefail`
    PipeFails,
}

/// A condition, and what is done for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Holds if its status is 0.
    pub condition: Vec<PlannedPipeline>,
    /// What is done.
    pub body: Vec<PlannedPipeline>,
}

/// One word as it was written, which becomes one word, several or none when its turn comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWord {
    /// Its parts.
    pub parts: Vec<Part>,
    /// Whether it is looked for among the names of files.
    pub matching: Matching,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// These characters, each of which stands for itself.
    Text(String),
    /// These characters, among which `*`, `?` and `[…]` stand for others.
    Pattern(String),
    /// A variable's value as a whole: `"$NAME"`; nothing if there is none.
    Variable(String),
    /// A variable's value taken apart at blanks: `$NAME`.
    Split(String),
    /// The status of what ran last: `$?`.
    Status,
    /// The home folder: `~`.
    Home,
    /// The time when its turn comes: `$(date +%F)`.
    Moment(Moment),
}

/// The time in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// In the format of date(1), without the `+`.
    pub format: String,
    /// Where.
    pub zone: Zone,
}

/// Whose time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// The host's, or that of `TZ`.
    Local,
    /// UTC: `-u`.
    Universal,
}

/// How a word is looked for among the names of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// Not at all: it holds no pattern.
    No,
    /// It stands for the files that match, or for itself if there are none.
    Files,
    /// It holds the characters of a pattern (`http://host/x?y`) and is meant to stand for itself; a file that matches is an error.
    Itself,
}

/// Where a stream comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirection {
    /// Into or out of a file.
    File(Vec<Stream>, Open, PlannedWord),
    /// The first goes where the second goes: `2>&1`.
    Joined(Stream, Stream),
    /// The input is this text: a here-document.
    Text(PlannedWord),
}

/// One of a program's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// 0
    Input,
    /// 1
    Output,
    /// 2
    Errors,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    /// `<`
    Read,
    /// `>`
    Replace,
    /// `>>`
    Append,
}

impl Plan {
    /// Whether names of files are put in for patterns.
    pub fn matches_files(&self) -> bool {
        words(&self.pipelines).any(|word| word.matching == Matching::Files)
    }

    /// The names of the programs that it may start.
    pub fn programs(&self) -> Vec<String> {
        let mut names = Vec::new();
        programs(&self.pipelines, &mut names);
        names
    }

    /// Whether it is a single program.
    pub fn is_one_program(&self) -> bool {
        let [pipeline] = self.pipelines.as_slice() else {
            return false;
        };
        match pipeline.commands.as_slice() {
            [command] => matches!(command.work, PlannedWork::Program { .. }),
            _ => false,
        }
    }
}

fn programs(pipelines: &[PlannedPipeline], names: &mut Vec<String>) {
    let commands = pipelines.iter().flat_map(|pipeline| &pipeline.commands);
    for command in commands {
        match &command.work {
            PlannedWork::Program { words, .. } => {
                names.extend(words.first().and_then(PlannedWord::known));
            }
            PlannedWork::Group(inner)
            | PlannedWork::Subshell(inner)
            | PlannedWork::Each(_, _, inner) => programs(inner, names),
            PlannedWork::Branches(branches, otherwise) => {
                for branch in branches {
                    of_branch(branch, names);
                }
                programs(otherwise, names);
            }
            PlannedWork::Repeat(branch, _) => of_branch(branch, names),
            PlannedWork::Variables(..)
            | PlannedWork::Enter(_)
            | PlannedWork::Locate(_)
            | PlannedWork::Options(_)
            | PlannedWork::Exit(_) => {}
        }
    }
}

fn of_branch(branch: &Branch, names: &mut Vec<String>) {
    programs(&branch.condition, names);
    programs(&branch.body, names);
}

fn words_for(branch: &Branch) -> Box<dyn Iterator<Item = &PlannedWord> + '_> {
    Box::new(words(&branch.condition).chain(words(&branch.body)))
}

/// Every word of every program.
fn words(pipelines: &[PlannedPipeline]) -> Box<dyn Iterator<Item = &PlannedWord> + '_> {
    let commands = pipelines.iter().flat_map(|pipeline| &pipeline.commands);
    Box::new(commands.flat_map(|command| words_of(&command.work)))
}

fn words_of(work: &PlannedWork) -> Box<dyn Iterator<Item = &PlannedWord> + '_> {
    match work {
        PlannedWork::Program { words, .. } => Box::new(words.iter()),
        PlannedWork::Group(inner) | PlannedWork::Subshell(inner) => words(inner),
        PlannedWork::Branches(branches, otherwise) => {
            Box::new(branches.iter().flat_map(words_for).chain(words(otherwise)))
        }
        PlannedWork::Each(_, values, body) => Box::new(values.iter().chain(words(body))),
        PlannedWork::Repeat(branch, _) => words_for(branch),
        PlannedWork::Variables(..)
        | PlannedWork::Enter(_)
        | PlannedWork::Locate(_)
        | PlannedWork::Options(_)
        | PlannedWork::Exit(_) => Box::new(std::iter::empty()),
    }
}

impl PlannedWord {
    /// A word that stands for itself.
    pub fn text(text: &str) -> Self {
        Self {
            parts: vec![Part::Text(text.to_owned())],
            matching: Matching::No,
        }
    }
    /// The text, if it is known beforehand.
    pub fn known(&self) -> Option<String> {
        let mut whole = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => whole.push_str(text),
                Part::Pattern(_)
                | Part::Variable(_)
                | Part::Split(_)
                | Part::Status
                | Part::Home
                | Part::Moment(_) => {
                    return None;
                }
            }
        }
        Some(whole)
    }
}
