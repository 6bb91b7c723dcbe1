//! What a step would do to the world, known before it runs.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What is done. What an extractor does not understand is [`Verb::Opaque`], never a guess.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Looks at one thing.
    Read,
    /// Looks at many things.
    List,
    /// Makes something new.
    Create,
    /// Replaces what is there.
    Update,
    /// Changes parts of what is there.
    Patch,
    /// Removes one thing.
    Delete,
    /// Removes many things.
    DeleteCollection,
    /// Sets the number of replicas.
    ScaleTo(u32),
    /// Stops and starts again.
    Restart,
    /// Moves a workload away.
    Evict,
    /// Runs something inside a container.
    Exec,
    /// Opens a way in.
    Tunnel,
    /// Grants rights.
    Bind,
    /// Issues a token.
    TokenIssue,
    /// Acts as somebody else.
    Impersonate,
    /// Reads a file.
    FileRead,
    /// Writes a file.
    FileWrite,
    /// Removes a file.
    FileDelete,
    /// Starts a service of the host.
    ServiceStart,
    /// Stops a service of the host.
    ServiceStop,
    /// Ends a process.
    ProcessKill,
    /// Installs software.
    PackageInstall,
    /// Reads from a database.
    DatabaseRead,
    /// Writes to a database.
    DatabaseWrite,
    /// Changes a database's structure.
    DatabaseSchema,
    /// Sends something over the network that the other side may act on.
    NetworkSend,
    /// Runs a program.
    RunCode,
    /// Not understood.
    Opaque,
}

/// Where the thing is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The agent itself: its history, its artifacts.
    Agent,
    /// The host that the agent runs on.
    Host,
    /// The cluster of this name.
    Cluster(String),
    /// A host reached over the network.
    Network(String),
}

/// In which namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Namespaces mean nothing there.
    NotApplicable,
    /// This one.
    Namespace(String),
    /// Every one.
    AllNamespaces,
    /// The object belongs to no namespace.
    ClusterScoped,
    /// Not known.
    Unknown,
}

/// Which thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// This one.
    Named(String),
    /// Those that match.
    Selector(String),
    /// Every one.
    All,
    /// Not known.
    Unknown,
}

/// The thing an effect is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Object {
    /// Where it is.
    pub place: Place,
    /// What sort of thing: `deployment.apps`, `secret`, `file`, `url`, `program`.
    pub kind: String,
    /// In which namespace.
    pub scope: Scope,
    /// Which one.
    pub which: Which,
}

/// How many things are touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// This many.
    Exactly(u32),
    /// At most this many.
    AtMost(u32),
    /// Not known.
    Unknown,
}

/// Whether and how it can be undone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversible {
    /// Nothing is changed.
    NothingToUndo,
    /// By this.
    Undo(String),
    /// The world makes it again by itself, as a controller makes a pod.
    Recreated,
    /// Only from a backup.
    NeedsBackup,
    /// Not at all.
    No,
    /// Not known.
    Unknown,
}

/// Yes, no, or not known; a rule counts not known as yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tri {
    /// No.
    No,
    /// Yes.
    Yes,
    /// Not known.
    Unknown,
}

impl Tri {
    /// Whether a rule must count it as yes.
    pub fn possible(self) -> bool {
        match self {
            Self::No => false,
            Self::Yes | Self::Unknown => true,
        }
    }
}

/// What is learned of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secrets {
    /// Nothing.
    None,
    /// Their names.
    Names,
    /// Their values, in readable form.
    Values,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Effect {
    /// What is done.
    pub verb: Verb,
    /// To what.
    pub object: Object,
    /// How many.
    pub reach: Reach,
    /// How it is undone.
    pub reversible: Reversible,
    /// Whether data is lost.
    pub data_loss: Tri,
    /// Whether a service is cut.
    pub service_cut: Tri,
    /// Whether somebody's rights change.
    pub access_change: Tri,
    /// What is learned of secrets.
    pub secrets: Secrets,
}

/// How sure the extractor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// These effects and no others.
    Exact,
    /// These effects, on at most these things.
    Bounded,
    /// At least these effects.
    Opaque,
}

/// How grave: a step's class is the gravest of its effects'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Cannot change state.
    Read,
    /// Creates, or changes reversibly.
    Change,
    /// Deletes, cuts service, changes access, loses data, or discloses secret values.
    Destructive,
}

impl Class {
    /// The word used in reports and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Destructive => "destructive",
        }
    }
}

/// All that a step would do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Effects {
    /// Each effect.
    pub items: Vec<Effect>,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why it is not surer, in words for people.
    pub reasons: Vec<String>,
    /// Why nobody may consent to it: a placeholder that nobody filled in, a control character, a flag that changes the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    /// Every program that a command would start, with its words, also inside wrappers; policy's dangerous commands are matched on these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Vec<String>>,
    /// Whether only a shell can carry it out; then a person reads it first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_shell: bool,
    /// What was found when the step was planned of objects that it names by a selector, or that go with a namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Listed>,
    /// Why it is done as it is, in words for people: what was cut off and is taken up, what holds until then, why just these are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standing: Vec<String>,
}

/// What was found behind an object of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listed {
    /// The object as the effect has it.
    pub object: Object,
    /// How many there are.
    pub reach: Reach,
    /// Some of their names.
    pub names: Vec<String>,
    /// How many of each kind go with a namespace; a kind that is not named here was not looked for, or could not be listed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<String, u32>,
}

/// The word for several things of a kind, without its group or part: `jobs.batch`, `pods/log`. What is in the plural already stays so.
pub fn in_plural(kind: &str) -> String {
    let end = kind.find(['.', '/']).unwrap_or(kind.len());
    let (word, rest) = kind.split_at(end);
    let is_plural = word.ends_with('s') && !word.ends_with("ss");
    let before_y = word.strip_suffix('y');
    let before_y = before_y.filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match before_y {
        _ if is_plural => kind.to_owned(),
        Some(stem) => format!("{stem}ies{rest}"),
        None if ["ss", "x", "ch", "sh"]
            .iter()
            .any(|end| word.ends_with(end)) =>
        {
            format!("{word}es{rest}")
        }
        None => format!("{word}s{rest}"),
    }
}

impl Object {
    /// The kind of an object of a cluster of which nobody knows the kind.
    pub const UNKNOWN_KIND: &str = "object";

    /// Whether it is an object of a cluster of a kind that nobody knows: it may be of any.
    pub fn may_be_of_any_kind(&self) -> bool {
        self.kind == Self::UNKNOWN_KIND && matches!(self.place, Place::Cluster(_))
    }

    /// Whether it is a policy of the network that pods are on, the API's own or a plugin's.
    pub fn is_network_policy(&self) -> bool {
        let word = self.kind.split('.').next().unwrap_or_default();
        word.ends_with("networkpolicy")
    }
    /// A thing of the host, such as a file or a program.
    pub fn host(kind: &str, name: &str) -> Self {
        Self::plain(Place::Host, kind, Which::Named(name.to_owned()))
    }
    /// A thing of the agent, such as an artifact.
    pub fn agent(kind: &str, name: &str) -> Self {
        Self::plain(Place::Agent, kind, Which::Named(name.to_owned()))
    }
    /// A thing behind the network.
    pub fn network(host: &str, kind: &str, name: &str) -> Self {
        Self::plain(
            Place::Network(host.to_owned()),
            kind,
            Which::Named(name.to_owned()),
        )
    }
    fn plain(place: Place, kind: &str, which: Which) -> Self {
        Self {
            place,
            kind: kind.to_owned(),
            scope: Scope::NotApplicable,
            which,
        }
    }
}

impl Effect {
    /// An effect that cannot change state.
    pub fn read(verb: Verb, object: Object) -> Self {
        Self {
            verb,
            object,
            reach: Reach::Exactly(1),
            reversible: Reversible::NothingToUndo,
            data_loss: Tri::No,
            service_cut: Tri::No,
            access_change: Tri::No,
            secrets: Secrets::None,
        }
    }
    /// An effect on one thing that `undo` takes back.
    pub fn change(verb: Verb, object: Object, undo: &str) -> Self {
        Self {
            reversible: Reversible::Undo(undo.to_owned()),
            ..Self::read(verb, object)
        }
    }
    /// An effect that cannot be taken back.
    pub fn destructive(verb: Verb, object: Object) -> Self {
        Self {
            reversible: Reversible::No,
            data_loss: Tri::Yes,
            ..Self::read(verb, object)
        }
    }
    /// An effect of which nothing is known; every rule fears the worst.
    pub fn opaque(object: Object) -> Self {
        Self {
            verb: Verb::Opaque,
            object,
            reach: Reach::Unknown,
            reversible: Reversible::Unknown,
            data_loss: Tri::Unknown,
            service_cut: Tri::Unknown,
            access_change: Tri::Unknown,
            secrets: Secrets::Values,
        }
    }

    /// Whether it removes objects of a cluster.
    pub fn deletes(&self) -> bool {
        matches!(self.verb, Verb::Delete | Verb::DeleteCollection)
            && matches!(self.object.place, Place::Cluster(_))
    }

    /// How grave it is.
    pub fn class(&self) -> Class {
        let grave = self.data_loss.possible()
            || self.service_cut.possible()
            || self.access_change.possible()
            || self.secrets == Secrets::Values;
        match (&self.verb, grave) {
            (
                Verb::Delete
                | Verb::DeleteCollection
                | Verb::FileDelete
                | Verb::ServiceStop
                | Verb::ScaleTo(0)
                | Verb::Evict
                | Verb::Bind
                | Verb::Opaque,
                _,
            )
            | (_, true) => Class::Destructive,
            (Verb::Read | Verb::List | Verb::FileRead | Verb::DatabaseRead, false) => Class::Read,
            (
                Verb::Create
                | Verb::Update
                | Verb::Patch
                | Verb::ScaleTo(_)
                | Verb::Restart
                | Verb::Exec
                | Verb::Tunnel
                | Verb::TokenIssue
                | Verb::Impersonate
                | Verb::FileWrite
                | Verb::ServiceStart
                | Verb::ProcessKill
                | Verb::PackageInstall
                | Verb::DatabaseWrite
                | Verb::DatabaseSchema
                | Verb::NetworkSend
                | Verb::RunCode,
                false,
            ) => Class::Change,
        }
    }
}

impl Effects {
    /// These effects and no others.
    pub const fn exact(items: Vec<Effect>) -> Self {
        Self {
            items,
            confidence: Confidence::Exact,
            reasons: Vec::new(),
            refusals: Vec::new(),
            calls: Vec::new(),
            needs_shell: false,
            listed: Vec::new(),
            standing: Vec::new(),
        }
    }
    /// Something is done that is not understood, for this reason.
    pub fn opaque(object: Object, reason: &str) -> Self {
        Self {
            confidence: Confidence::Opaque,
            reasons: vec![reason.to_owned()],
            ..Self::exact(vec![Effect::opaque(object)])
        }
    }
    /// All that is done, what was found of it, and what it takes up, in words for people.
    pub fn lines(&self) -> Vec<String> {
        let items = self.items.iter().map(ToString::to_string);
        items
            .chain(self.listed.iter().map(ToString::to_string))
            .chain(self.standing.iter().cloned())
            .collect()
    }
    /// The gravest class among them; no effect at all is a read.
    pub fn class(&self) -> Class {
        self.items
            .iter()
            .map(Effect::class)
            .max()
            .unwrap_or(Class::Read)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verb {
            Verb::ScaleTo(replicas) => write!(f, "scale to {replicas}")?,
            verb => {
                let json = serde_json::to_value(verb).unwrap_or_default();
                f.write_str(&json.as_str().unwrap_or("opaque").replace('_', " "))?;
            }
        }
        write!(f, " {}", self.object)
    }
}
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Named(name) => write!(f, "{} {name}", self.kind)?,
            Which::Selector(selector) => {
                write!(f, "{} matching {selector}", in_plural(&self.kind))?;
            }
            Which::All => write!(f, "{} (all)", in_plural(&self.kind))?,
            Which::Unknown => write!(f, "{} (unknown)", self.kind)?,
        }
        match &self.scope {
            Scope::Namespace(namespace) => write!(f, " in namespace {namespace}")?,
            Scope::AllNamespaces => f.write_str(" in all namespaces")?,
            Scope::Unknown => f.write_str(" in an unknown namespace")?,
            Scope::NotApplicable | Scope::ClusterScoped => {}
        }
        match &self.place {
            Place::Cluster(name) => write!(f, " on cluster {name}"),
            Place::Network(host) => write!(f, " at {host}"),
            Place::Agent => f.write_str(" of the agent"),
            Place::Host => f.write_str(" on the host"),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(count) => write!(f, "{count}"),
            Self::AtMost(count) => write!(f, "at most {count}"),
            Self::Unknown => f.write_str("nobody knows how many"),
        }
    }
}
impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if self.held.is_empty() {
            write!(f, ": {} when it was planned", self.reach)?;
        } else {
            let held: Vec<String> = self
                .held
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(kind, count)| format!("{count} of {kind}"))
                .collect();
            let held = if held.is_empty() {
                "nothing that policy names".to_owned()
            } else {
                held.join(", ")
            };
            write!(f, ": holds {held} when it was planned")?;
        }
        if !self.names.is_empty() {
            write!(f, " ({})", self.names.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Effect, Effects, Object, Secrets, Verb, in_plural};

    #[test]
    fn several_things_of_a_kind_have_a_word() {
        for (kind, word) in [
            ("pod", "pods"),
            ("job.batch", "jobs.batch"),
            ("ingress.networking.k8s.io", "ingresses.networking.k8s.io"),
            (
                "networkpolicy.networking.k8s.io",
                "networkpolicies.networking.k8s.io",
            ),
            ("gateway.example.org", "gateways.example.org"),
            ("endpoints", "endpoints"),
            ("taskruns.tekton.dev", "taskruns.tekton.dev"),
            ("pod/log", "pods/log"),
        ] {
            assert_eq!(in_plural(kind), word);
        }
    }

    #[test]
    fn the_gravest_effect_decides_the_class() {
        let read = Effect::read(Verb::Read, Object::host("file", "/etc/hosts"));
        let change = Effect::change(Verb::FileWrite, Object::host("file", "/tmp/x"), "remove it");
        let grave = Effect::destructive(Verb::FileDelete, Object::host("file", "/tmp/x"));
        assert_eq!(Effects::exact(vec![]).class(), Class::Read);
        assert_eq!(Effects::exact(vec![read.clone()]).class(), Class::Read);
        assert_eq!(
            Effects::exact(vec![read.clone(), change.clone()]).class(),
            Class::Change
        );
        assert_eq!(
            Effects::exact(vec![change, grave, read]).class(),
            Class::Destructive
        );
    }

    #[test]
    fn what_is_not_understood_is_destructive() {
        assert_eq!(
            Effect::opaque(Object::host("program", "x")).class(),
            Class::Destructive
        );
    }

    #[test]
    fn reading_secret_values_is_destructive() {
        let mut effect = Effect::read(Verb::Read, Object::host("file", "/etc/shadow"));
        effect.secrets = Secrets::Values;
        assert_eq!(effect.class(), Class::Destructive);
    }

    #[test]
    fn scaling_to_zero_cuts_the_service() {
        let object = Object::host("deployment", "x");
        assert_eq!(
            Effect::change(Verb::ScaleTo(0), object.clone(), "scale back").class(),
            Class::Destructive
        );
        assert_eq!(
            Effect::change(Verb::ScaleTo(2), object, "scale back").class(),
            Class::Change
        );
    }
}
