//! What `kubernetes/exec` is told.

use crate::{
    actions::{
        command::{Word, judged_stdin},
        framework::size::Size,
        kubernetes::{check_name, default_cluster, kept::check_extension, pods::Pods},
    },
    commands::{
        self, What,
        deeds::{Deed, Exec, Subject, of_deeds},
    },
    domain::{effect::Effects, name::ArtifactName, secret},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The longest command line; it travels in an address.
const LONGEST: usize = 64 * 1024;

/// What `kubernetes/exec` is told. Exactly one of `pod`, `object` and `selector` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four wishes that exclude none of each other"
)]
pub struct ExecInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// A pod's name.
    #[serde(default)]
    pub pod: Option<String>,
    /// A workload or service, as in `deployment/web`: its first pod that is ready, by name.
    #[serde(default)]
    pub object: Option<String>,
    /// Labels, as in `app=web,tier!=test`, that exactly one pod has.
    #[serde(default)]
    pub selector: Option<String>,
    /// With `selector`: several may match, and the first that is ready will do.
    #[serde(default)]
    pub any: bool,
    /// The container; needed where the pod has several and does not name its default one.
    #[serde(default)]
    pub container: Option<String>,
    /// The program and its arguments, each an item of its own. No shell reads them, unless the program is one: `["sh", "-c", "…"]`.
    #[schemars(length(min = 1, max = 1000))]
    #[expect(private_interfaces, reason = "nobody outside builds inputs")]
    pub command: Vec<Word>,
    /// Fed to its standard input, which is closed otherwise.
    #[serde(default)]
    pub stdin: Option<String>,
    /// Keeps what it prints as an artifact of this name, streamed and compressed, instead of in the step's log. There is one only if the
    /// program has exited with 0 and printed something.
    #[serde(default)]
    #[schemars(
        with = "Option<String>",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub artifact: Option<ArtifactName>,
    /// What the artifact's file name ends in, before `.zst`: `dump`, `sql`.
    #[serde(default = "out")]
    pub extension: String,
    /// How many bytes the artifact may hold before compression, as in `20GiB`; 100 GiB where it is not said.
    #[serde(default)]
    pub at_most: Option<Size>,
    /// Whether an artifact of nothing is fine, too.
    #[serde(default)]
    pub allow_empty: bool,
    /// Whether later steps can use what it prints, as `stdout`: at most 64 KiB of it.
    #[serde(default)]
    pub capture: bool,
    /// Whether doing it twice is the same as doing it once; only then may it be tried again. What only reads always may.
    #[serde(default)]
    pub idempotent: bool,
}

fn out() -> String {
    "out".to_owned()
}

impl ExecInputs {
    pub(super) fn pods(&self) -> Result<Pods, String> {
        Pods::new(
            &self.cluster,
            &self.namespace,
            self.pod.as_deref(),
            self.object.as_deref(),
            self.selector.as_deref(),
        )
    }

    pub(super) fn argv(&self) -> Vec<String> {
        self.command.iter().map(ToString::to_string).collect()
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        self.pods()?;
        if let Some(container) = &self.container {
            check_name("container", container)?;
        }
        if self.any && self.selector.is_none() {
            return Err("in `with`, at `any`: it goes with `selector`".to_owned());
        }
        check_extension(&self.extension)?;
        if self.artifact.is_some() && self.capture {
            return Err("in `with`: `artifact` and `capture` exclude each other".to_owned());
        }
        check_command(&self.argv())
    }

    /// What the program would do, as `kubectl exec` of it is judged.
    pub(super) fn effects(&self) -> Result<Effects, String> {
        let pods = self.pods()?;
        let (kind, which) = pods.named();
        let words: Vec<commands::Word> = self.command.iter().map(Word::judged).collect();
        let exec = Exec {
            subject: Subject {
                kind: &kind,
                namespace: Some(&pods.namespace),
                which: &which,
            },
            words: &words,
            stdin: &judged_stdin(self.stdin.as_deref()),
        };
        Ok(of_deeds(&pods.cluster, &[Deed::Exec(exec)]))
    }
}

fn check_command(argv: &[String]) -> Result<(), String> {
    if argv.first().is_none_or(String::is_empty) {
        return Err("in `with`, at `command`: the program's name is missing".to_owned());
    }
    if argv.iter().map(String::len).sum::<usize>() > LONGEST {
        return Err(
            "in `with`, at `command`: longer than 64 KiB\nhint: pass much text by `stdin`"
                .to_owned(),
        );
    }
    match argv.iter().position(|word| secret::is_marked(word)) {
        Some(index) => Err(format!(
            "in `with`, at `command[{index}]`: a secret on a command line can be read by whoever sees the pod's processes or the API server's audit log\nhint: pass it by `stdin`"
        )),
        None => Ok(()),
    }
}

/// Refuses a place that somebody should have filled in.
pub(super) fn check_written(arguments: &Value) -> Result<(), String> {
    let items = arguments.get("command").and_then(Value::as_array);
    let words: Vec<commands::Word> = items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        // An expression is filled in by the run.
        .filter(|text| !text.contains("${{"))
        .map(|text| commands::Word::Known(text.to_owned()))
        .collect();
    match commands::unfilled(&What::Words(&words)) {
        Some(place) => Err(format!(
            "in `with`, at `command`: `{place}` was not filled in, and nobody may consent to it\nhint: write an expression, as in `${{{{ inputs.name }}}}`"
        )),
        None => Ok(()),
    }
}
