//! Programs of the host that rotations start.

use crate::{
    actions::{
        command::{Command, CommandInputs, Word},
        framework::{Action as _, Given},
        rotate::scene::{Feed, Scene, masked},
    },
    domain::{
        expression,
        mask::Masker,
        run::{StepReport, StepResult},
    },
    ports::executor::{Intent, LogStream, Session, StepContext, StepLog},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// A program that gets a part of the credential on its standard input.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProgramOf {
    /// The program and its arguments, each an item of its own. No secret can stand here.
    pub(super) argv: Vec<Word>,
    /// Its environment, beside what every command is told, and `ORDERLY_CREDENTIAL`, `ORDERLY_ROTATION` and what is known of the
    /// credential beside its value: `ORDERLY_ID`, `ORDERLY_LABEL`, `ORDERLY_USERNAME`.
    #[serde(default)]
    pub(super) env: BTreeMap<String, Word>,
    /// Which part of the credential its standard input gets; the value itself where none is named.
    #[serde(default)]
    pub(super) stdin: Option<String>,
    /// Variables that get parts of the credential, for programs that take it in no other way: `PGPASSWORD: password`.
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
    /// Where it runs; an empty folder where none is named.
    #[serde(default)]
    pub(super) working_directory: Option<PathBuf>,
    /// As which user of the host it runs.
    #[serde(default)]
    pub(super) user: Option<String>,
}

impl ProgramOf {
    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        self.argv.first().map(Word::to_string).unwrap_or_default()
    }

    /// Refuses what cannot be started, and parts that the credential does not have.
    pub(super) fn check(&self, place: &str, parts: &[&str]) -> Result<(), String> {
        let named = self.stdin.iter().chain(self.variables.values());
        for part in named {
            check_part(place, part, parts)?;
        }
        let words = self.argv.iter().chain(self.env.values());
        for word in words.map(Word::to_string) {
            // A shell's `${password}` is a variable, and other programs have braces of their own.
            let stands_in = |part: &&&str| {
                let hole = format!("{{{part}}}");
                word == hole || word.ends_with(&format!("={hole}"))
            };
            if let Some(part) = parts.iter().find(stands_in) {
                return Err(format!(
                    "in `with`, at `{place}`: `{{{part}}}` stands for nothing here, where everybody on the host could read it\nhint: the program gets it on its standard input, or in an environment variable by `variables: {{ NAME: {part} }}`"
                ));
            }
        }
        let inputs = self.inputs(None, BTreeMap::new(), false);
        inputs
            .check()
            .map_err(|error| error.replacen("in `with`", &format!("in `with`, at `{place}`"), 1))
    }

    /// What it would do. What it is told is not known when that is judged.
    pub(super) fn intend(
        &self,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let unknown = || expression::unknown_mark("the credential");
        let variables = self.variables.keys();
        let variables = variables.map(|name| (name.clone(), Word::Text(unknown())));
        let inputs = self.inputs(Some(unknown()), variables.collect(), false);
        Command.intend_with(&inputs, context, given)
    }

    /// Starts it with this credential. What it says goes to the step's log with the credential's values masked.
    pub(super) async fn run(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Ran {
        let log = masked(scene.session.log.clone(), feed);
        let ran = self.start(feed, scene, log.clone(), false).await;
        log.finish();
        ran
    }

    /// Starts it and reads the JSON that it prints, of which nothing goes to the log: it may hold a new credential.
    pub(super) async fn ask(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Ran {
        let log = Arc::new(OnlyErrors::new(masked(scene.session.log.clone(), feed)));
        let ran = self.start(feed, scene, log.clone(), true).await;
        log.0.finish();
        ran
    }

    async fn start(
        &self,
        feed: &Feed<'_>,
        scene: &Scene<'_>,
        log: Arc<dyn StepLog>,
        json: bool,
    ) -> Ran {
        let mut variables = BTreeMap::new();
        for (name, part) in &self.variables {
            match feed.part(Some(part)) {
                Some(value) => variables.insert(name.clone(), Word::Text(value.to_owned())),
                None => return Ran::not_started(format!("the credential has no part `{part}`")),
            };
        }
        variables.extend(told(feed, scene));
        let stdin = feed.part(self.stdin.as_deref()).map(str::to_owned);
        let inputs = self.inputs(stdin, variables, json);
        let session = Session {
            log,
            ..scene.session.clone()
        };
        let report = Command.execute(inputs, &session, scene.world).await;
        Ran::of(report, feed)
    }

    fn inputs(
        &self,
        stdin: Option<String>,
        variables: BTreeMap<String, Word>,
        json: bool,
    ) -> CommandInputs {
        let own = self.env.iter();
        let own = own.map(|(name, value)| (name.clone(), value.clone()));
        let env = variables.into_iter().chain(own).collect();
        CommandInputs::of_program(self.argv.clone(), env, stdin, json)
            .placed(self.working_directory.clone(), self.user.clone())
    }
}

pub(super) fn check_part(place: &str, part: &str, parts: &[&str]) -> Result<(), String> {
    if parts.contains(&part) {
        return Ok(());
    }
    Err(format!(
        "in `with`, at `{place}`: the credential has no part `{part}`\nhint: it has {}",
        parts.join(", ")
    ))
}

/// What is no secret.
fn told(feed: &Feed<'_>, scene: &Scene<'_>) -> Vec<(String, Word)> {
    let facts = feed.facts.iter();
    let facts =
        facts.map(|(name, value)| (format!("ORDERLY_{}", name.to_uppercase()), value.clone()));
    let known = [
        ("ORDERLY_CREDENTIAL".to_owned(), scene.name.to_string()),
        ("ORDERLY_ROTATION".to_owned(), scene.rotation.to_string()),
    ];
    facts
        .chain(known)
        .map(|(name, value)| (name, Word::Text(value)))
        .collect()
}

/// How a program ended. No text here holds the credential.
#[derive(Debug)]
pub(super) struct Ran {
    /// Whether it succeeded.
    pub(super) well: bool,
    /// With which code, where it ended by itself.
    pub(super) code: Option<i64>,
    /// For people.
    pub(super) note: String,
    /// What it printed, where that was asked for. This may hold a credential.
    pub(super) printed: Value,
}

impl Ran {
    fn not_started(note: String) -> Self {
        Self {
            well: false,
            code: None,
            note,
            printed: Value::Null,
        }
    }

    fn of(report: StepReport, feed: &Feed<'_>) -> Self {
        let well = report.result == StepResult::Succeeded;
        let code = report.outputs.get("exitCode").and_then(Value::as_i64);
        let printed = report.outputs.get("json").cloned().unwrap_or_default();
        Self {
            well,
            code,
            note: Masker::new(&feed.values()).mask(&report.summary),
            printed,
        }
    }
}

/// Drops what is printed, keeps what is complained.
struct OnlyErrors(Arc<super::scene::MaskedLog>);

impl OnlyErrors {
    fn new(log: Arc<super::scene::MaskedLog>) -> Self {
        Self(log)
    }
}

impl StepLog for OnlyErrors {
    fn append(&self, stream: LogStream, bytes: &[u8]) {
        match stream {
            LogStream::Out => {}
            LogStream::Err | LogStream::Note => self.0.append(stream, bytes),
        }
    }
}
