//! What a `command` step is told.

use crate::{
    actions::{
        command::words::{self, Word},
        framework::size::Size,
    },
    commands::{self, What},
    domain::{
        expression::{Partly, Scope, Secrets},
        secret,
        span::Span,
    },
    ports::processes::Limits,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// The longest script; it is one word of a command line.
const LONGEST_SCRIPT: usize = 64 * 1024;
/// An action that takes longer to stop is not waited for.
const LONGEST_GRACE: u64 = 30;
/// A program that may open fewer files cannot even start.
const LEAST_FILES: u64 = 8;
/// Inputs that decide what is done or how dangerous it is, and so must stand in the runbook as they are.
const LITERAL: [&str; 5] = ["script", "shell", "user", "outputs", "idempotent"];

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// The program and its arguments, each an item of its own. No shell reads them: an expression stays one word, whatever it holds.
    #[serde(default)]
    pub(super) argv: Option<Vec<Word>>,
    /// A script. It ends at the first command that fails. It cannot hold an expression: pass values by `env` and write `"$NAME"`.
    #[serde(default)]
    pub(super) script: Option<String>,
    /// What reads the script.
    #[serde(default)]
    pub(super) shell: Shell,
    /// The environment, beside `PATH`, `LANG` and `ORDERLY_RUN`, `ORDERLY_RUNBOOK`, `ORDERLY_STEP`, `ORDERLY_ATTEMPT`.
    #[serde(default)]
    pub(super) env: BTreeMap<String, Word>,
    /// Where it runs; an empty folder where none is named.
    #[serde(default)]
    pub(super) working_directory: Option<PathBuf>,
    /// Files and folders of the repository, by their paths from its top, as they are at the run's revision. They lie under the same
    /// paths in the folder where it runs, and what they say is judged. At most 256 files of 1 MiB, 8 MiB in all.
    #[serde(default)]
    pub(super) files: Vec<String>,
    /// As which user of the host it runs: a name, or `UID:GID`. Only an agent that runs as root can change the user.
    #[serde(default)]
    pub(super) user: Option<String>,
    /// Fed to its standard input, which is empty otherwise.
    #[serde(default)]
    pub(super) stdin: Option<String>,
    /// What it may use.
    #[serde(default)]
    pub(super) limits: WrittenLimits,
    /// When stopped, it gets TERM, and after this time KILL; at most 30s.
    #[serde(default = "ten_seconds")]
    pub(super) grace: Span,
    /// Exit codes that mean success.
    #[serde(default = "zero")]
    pub(super) success_codes: Vec<u8>,
    /// Exit codes that mean a warning.
    #[serde(default)]
    pub(super) warning_codes: Vec<u8>,
    /// Whether doing it twice is the same as doing it once; only then may it be tried again. Cannot hold an expression.
    #[serde(default)]
    pub(super) idempotent: bool,
    /// What of its standard output later steps can use, at most 64 KiB.
    #[serde(default)]
    pub(super) outputs: Keep,
}

/// What reads a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Shell {
    /// `sh -e`
    #[default]
    Sh,
    /// `bash -e -o pipefail`
    Bash,
}

/// What is kept of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Keep {
    /// Nothing; it is in the log.
    #[default]
    None,
    /// As `stdout`, without the last line's end.
    Text,
    /// As `lines`.
    Lines,
    /// As `json`; the step fails when it is not JSON.
    Json,
}

/// Limits of the kernel (setrlimit(2)).
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenLimits {
    /// Address space, as in `512MiB`; each process of the step has as much.
    #[serde(default)]
    memory: Option<Size>,
    /// Processor time, in whole seconds; each process of the step has as much.
    #[serde(default)]
    cpu: Option<Span>,
    /// Open files.
    #[serde(default)]
    open_files: Option<u64>,
}

fn ten_seconds() -> Span {
    Span::from_secs(10)
}

fn zero() -> Vec<u8> {
    vec![0]
}

impl WrittenLimits {
    pub(super) fn limits(self) -> Limits {
        Limits {
            memory: self.memory.map(|size| size.0),
            cpu_seconds: self.cpu.map(|span| span.millis().div_ceil(1000)),
            open_files: self.open_files,
        }
    }
}

impl Inputs {
    /// A program that another action starts; `json` says whether its output is kept as JSON.
    pub(in crate::actions) fn of_program(
        argv: Vec<Word>,
        env: BTreeMap<String, Word>,
        stdin: Option<String>,
        json: bool,
    ) -> Self {
        Self {
            argv: Some(argv),
            script: None,
            shell: Shell::default(),
            env,
            working_directory: None,
            files: Vec::new(),
            user: None,
            stdin,
            limits: WrittenLimits::default(),
            grace: ten_seconds(),
            success_codes: zero(),
            warning_codes: Vec::new(),
            idempotent: true,
            outputs: if json { Keep::Json } else { Keep::None },
        }
    }

    /// The same in this folder, as this user.
    #[must_use]
    pub(in crate::actions) fn placed(
        self,
        working_directory: Option<PathBuf>,
        user: Option<String>,
    ) -> Self {
        Self {
            working_directory,
            user,
            ..self
        }
    }

    /// The program and its arguments, a script's shell included.
    pub(super) fn command_line(&self) -> Vec<String> {
        let words = self.argv.iter().flatten().map(Word::to_string);
        let Some(script) = self.script.clone() else {
            return words.collect();
        };
        let shell: &[&str] = match self.shell {
            Shell::Sh => &["sh", "-e", "-c"],
            Shell::Bash => &[
                "bash",
                "--noprofile",
                "--norc",
                "-e",
                "-o",
                "pipefail",
                "-c",
            ],
        };
        let shell = shell.iter().map(|word| (*word).to_owned());
        // The last word is the script's `$0`.
        shell.chain([script, "script".to_owned()]).collect()
    }

    /// What the types cannot say.
    pub(in crate::actions) fn check(&self) -> Result<(), String> {
        match (&self.argv, &self.script) {
            (Some(argv), None) => words::check(argv)?,
            (None, Some(script)) => check_script(script)?,
            (Some(_), Some(_)) => {
                return Err("in `with`: `argv` and `script` exclude each other".to_owned());
            }
            (None, None) => {
                return Err("in `with`: either `argv` or `script` must be given".to_owned());
            }
        }
        self.env.keys().try_for_each(|name| check_variable(name))?;
        self.check_place()?;
        self.check_files()?;
        self.check_numbers()
    }

    fn check_place(&self) -> Result<(), String> {
        let directory = self.working_directory.as_deref();
        if directory.is_some_and(|path| !path.is_absolute()) {
            return Err("in `with`, at `workingDirectory`: must be an absolute path".to_owned());
        }
        let texts = [
            ("workingDirectory", directory.and_then(|path| path.to_str())),
            ("user", self.user.as_deref()),
        ];
        for (name, text) in texts {
            if text.is_some_and(secret::is_marked) {
                return Err(format!("in `with`, at `{name}`: must not hold a secret"));
            }
        }
        Ok(())
    }

    fn check_files(&self) -> Result<(), String> {
        if !self.files.is_empty() && self.working_directory.is_some() {
            return Err(
                "in `with`: `files` and `workingDirectory` exclude each other\nhint: files of the repository lie in a folder of the step's own"
                    .to_owned(),
            );
        }
        match self.files.iter().find(|path| !is_inner_path(path)) {
            Some(path) => Err(format!(
                "in `with`, at `files`: `{path}` is no path in the repository\nhint: write it from the repository's top on, without `.` and `..`, as in `manifests/web.yaml`"
            )),
            None => Ok(()),
        }
    }

    fn check_numbers(&self) -> Result<(), String> {
        let limits = self.limits.limits();
        if self.grace > Span::from_secs(LONGEST_GRACE) {
            return Err(format!("in `with`, at `grace`: at most {LONGEST_GRACE}s"));
        }
        if limits.open_files.is_some_and(|files| files < LEAST_FILES) {
            return Err(format!(
                "in `with`, at `limits.openFiles`: at least {LEAST_FILES}"
            ));
        }
        if limits.cpu_seconds == Some(0) {
            return Err("in `with`, at `limits.cpu`: must be longer than 0s".to_owned());
        }
        match self
            .warning_codes
            .iter()
            .find(|code| self.success_codes.contains(code))
        {
            Some(code) => Err(format!(
                "in `with`, at `warningCodes`: {code} stands under `successCodes` too"
            )),
            None => Ok(()),
        }
    }
}

/// A path that cannot lead out of a folder, nor be taken for a flag.
/// Whether it is a path in the repository, from its top on.
pub(in crate::actions) fn is_inner_path(path: &str) -> bool {
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.starts_with('-');
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').all(is_name) && !path.contains(['\\', '\n', '\t']) && !secret::is_marked(path)
}

fn check_script(script: &str) -> Result<(), String> {
    if script.trim().is_empty() {
        return Err("in `with`, at `script`: is empty".to_owned());
    }
    if script.len() > LONGEST_SCRIPT {
        return Err("in `with`, at `script`: longer than 64 KiB".to_owned());
    }
    if secret::is_marked(script) {
        return Err(
            "in `with`, at `script`: a secret on a command line can be read by every user of the host\nhint: pass it by `env`"
                .to_owned(),
        );
    }
    Ok(())
}

fn check_variable(name: &str) -> Result<(), String> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_digit())
        || name.is_empty()
        || !name.chars().all(is_inner)
    {
        return Err(format!(
            "in `with`, at `env`: `{name}` cannot name a variable: use letters, digits and `_`, not starting with a digit"
        ));
    }
    Ok(())
}

/// Refuses expressions where they would become shell text or hide how dangerous the step is.
pub(super) fn check_written(arguments: &Value) -> Result<(), String> {
    for key in LITERAL {
        let text = arguments
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !text.contains("${{") {
            continue;
        }
        let reason = if key == "script" {
            "a value in a script would be read as shell text\nhint: pass it by `env:` and write \"$NAME\" in the script"
        } else {
            "cannot hold an expression, because it says what is done or how dangerous it is"
        };
        return Err(format!("in `with`, at `{key}`: {reason}"));
    }
    check_filled_in(arguments)
}

/// Refuses what the gate would refuse of every run: places that nobody filled in, and texts that nobody could read.
fn check_filled_in(arguments: &Value) -> Result<(), String> {
    if let Some(script) = arguments.get("script").and_then(Value::as_str) {
        if let Some(reason) = commands::unreadable(script) {
            return Err(format!("in `with`, at `script`: {reason}"));
        }
        return match commands::unfilled(&What::Text(script)) {
            Some(place) => Err(format!(
                "in `with`, at `script`: `{place}` was not filled in, and nobody may consent to it\nhint: pass the value by `env:` and write \"$NAME\" in the script"
            )),
            None => Ok(()),
        };
    }
    let items = arguments.get("argv").and_then(Value::as_array);
    let words: Vec<commands::Word> = items.into_iter().flatten().map(as_written).collect();
    let Some(place) = commands::unfilled(&What::Words(&words)) else {
        return Ok(());
    };
    let holds = |word: &commands::Word| word.known().is_some_and(|word| word.contains(&place));
    let index = words.iter().position(holds).unwrap_or_default();
    Err(format!(
        "in `with`, at `argv[{index}]`: `{place}` was not filled in, and nobody may consent to it\nhint: write an expression, as in `${{{{ inputs.name }}}}`"
    ))
}

/// A word of which it is known what stands beside its expressions.
fn as_written(item: &Value) -> commands::Word {
    let nothing = Value::Null;
    let scope = Scope {
        inputs: &nothing,
        values: &nothing,
        steps: &nothing,
        run: &nothing,
        secrets: Secrets::Allowed,
    };
    let partly = Partly {
        scope: &scope,
        is_known: &|_| false,
        stand_in: &|_| Value::String("0".to_owned()),
    };
    match partly.render(item) {
        Ok((Value::String(text), _)) => commands::Word::Known(text),
        Ok((other, _)) => commands::Word::Known(other.to_string()),
        // It is told where expressions are checked.
        Err(_) => commands::Word::Unknown(item.to_string()),
    }
}
