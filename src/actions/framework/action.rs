//! One action, typed; and the same without its types, as the catalogue keeps it.

use crate::{
    actions::framework::{Given, World, perform::OF_CLUSTERS, rights, text},
    domain::{
        effect::{Class, Effects},
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{ActionSpec, Intent, Session, StepContext},
    },
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// What a step can do. Implementations are stateless: what they may use comes with [`Action::execute`].
pub trait Action: Send + Sync {
    /// What it is told: camelCase keys, unknown keys refused, doc comments as descriptions.
    type Inputs: DeserializeOwned + JsonSchema + Send + Sync;
    /// What it leaves for later steps.
    type Outputs: Serialize + JsonSchema;
    /// The text of `uses:`.
    const NAME: &'static str;
    /// One line for people.
    const SUMMARY: &'static str;

    /// What it would do. Touches nothing; secrets in the inputs are still markers.
    fn intend(&self, inputs: &Self::Inputs, context: &StepContext) -> Result<Intent, String>;

    /// The same, where it depends on files and programs.
    fn intend_with(
        &self,
        inputs: &Self::Inputs,
        context: &StepContext,
        _: &Given<'_>,
    ) -> Result<Intent, String> {
        self.intend(inputs, context)
    }

    /// Files and folders of the repository that it is carried out with.
    fn wants(&self, _inputs: &Self::Inputs) -> Vec<String> {
        Vec::new()
    }

    /// The same intent, where more than files and programs tells what would be done: the agent itself looks at the world, and changes
    /// nothing. What cannot be found out makes the intent opaque. An error says why the step can only fail as the world is now: nobody
    /// is asked about it then. Secrets in the inputs are still markers.
    fn foresee<'a>(
        &'a self,
        _inputs: Self::Inputs,
        _context: &'a StepContext,
        _world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(std::future::ready(Ok(intent)))
    }

    /// Does it. Secrets in the inputs are values now. Stops soon after `session.stop` fires.
    fn execute<'a>(
        &'a self,
        inputs: Self::Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport>;

    /// The same, for an action that makes sure itself that what it does was judged.
    fn execute_judged<'a>(
        &'a self,
        inputs: Self::Inputs,
        _judged: &'a Effects,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        self.execute(inputs, session, world)
    }

    /// What the types cannot say about inputs: an address, a pattern, two that exclude each other. Text that comes from a secret
    /// is a marker here.
    fn validate(&self, _inputs: &Self::Inputs) -> Result<(), String> {
        Ok(())
    }

    /// Refuses what must not hold an expression. Sees arguments as written.
    fn check_template(&self, _arguments: &Value) -> Result<(), String> {
        Ok(())
    }

    /// Whether it makes an artifact that is always encrypted, so that somebody must be named to encrypt it for.
    fn seals(&self, _inputs: &Self::Inputs) -> bool {
        false
    }

    /// What it must be allowed in clusters. By itself this follows from the effects; an action that asks for more than they say, or for
    /// something else, says so here.
    fn rights(&self, _inputs: &Self::Inputs, effects: &Effects) -> Rights {
        rights::of_effects(effects)
    }

    /// How long it may take to stop; more than 30 s counts as 30 s.
    fn grace(&self, _inputs: &Self::Inputs) -> Span {
        Span::from_secs(5)
    }

    /// Whether a dry run carries it out; otherwise it only says what it would do.
    fn runs_dry(&self, class: Class) -> bool {
        class == Class::Read
    }
}

/// What was judged where nobody says what was: an action that carries out only what was judged then does nothing.
pub static NOTHING_JUDGED: Effects = Effects::exact(Vec::new());

/// Typed outputs as JSON.
pub fn outputs(typed: &impl Serialize) -> Value {
    serde_json::to_value(typed).unwrap_or_default()
}

/// The intent of a step that touches nothing.
pub fn nothing() -> Intent {
    Intent {
        effects: Effects::exact(Vec::new()),
        idempotent: true,
        wants_approval: None,
        pinned: crate::domain::pinned::Pinned::default(),
    }
}

/// An attempt that is ready to go.
pub struct Attempt<'a> {
    /// How long it may take to stop.
    pub(super) grace: Span,
    /// Does nothing before it is polled.
    pub(super) work: BoxFuture<'a, StepReport>,
}

impl std::fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt")
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// An [`Action`] whose types are known only to itself.
pub trait AnyAction: Send + Sync {
    /// What it says of itself.
    fn spec(&self) -> ActionSpec;
    /// Whether these arguments, without expressions, fit.
    fn check(&self, arguments: &Value) -> Result<(), String>;
    /// Whether it makes an artifact that is always encrypted; no where the arguments cannot be read yet.
    fn seals(&self, arguments: &Value) -> bool;
    /// Whether these arguments, as written, hold no expression where none may be.
    fn check_written(&self, arguments: &Value) -> Result<(), String>;
    /// What it would do.
    fn plan(
        &self,
        arguments: &Value,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String>;
    /// What it must be allowed in clusters, where it would have these effects.
    fn rights(&self, arguments: &Value, effects: &Effects) -> Result<Rights, String>;
    /// Files and folders of the repository that it is carried out with.
    fn wants(&self, arguments: &Value) -> Result<Vec<String>, String>;
    /// The same intent, after a look at the world.
    fn foresee<'a>(
        &'a self,
        arguments: &Value,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> Result<BoxFuture<'a, Result<Intent, String>>, String>;
    /// Whether a dry run carries it out.
    fn acts_in_dry_run(&self, class: Class) -> bool;
    /// Reads the arguments, and is ready to go; `judged` is what the gate let pass.
    fn prepare<'a>(
        &'a self,
        arguments: &Value,
        judged: &'a Effects,
        session: &'a Session,
        world: &'a World,
    ) -> Result<Attempt<'a>, String>;
}

impl<A: Action> AnyAction for A {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            name: A::NAME,
            summary: A::SUMMARY,
            inputs: schema_of::<A::Inputs>(),
            outputs: schema_of::<A::Outputs>(),
        }
    }
    fn check(&self, arguments: &Value) -> Result<(), String> {
        text::check(arguments)?;
        self.validate(&read::<A::Inputs>(arguments)?)
    }
    fn seals(&self, arguments: &Value) -> bool {
        let inputs = self.sound(arguments);
        inputs.is_ok_and(|inputs| Action::seals(self, &inputs))
    }
    fn check_written(&self, arguments: &Value) -> Result<(), String> {
        self.check_template(arguments)
    }
    fn plan(
        &self,
        arguments: &Value,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let inputs = self.sound(arguments)?;
        self.intend_with(&inputs, context, given)
    }
    fn rights(&self, arguments: &Value, effects: &Effects) -> Result<Rights, String> {
        let rights = Action::rights(self, &self.sound(arguments)?, effects);
        Ok(if A::NAME.starts_with(OF_CLUSTERS) {
            rights.and_notes()
        } else {
            rights
        })
    }
    fn wants(&self, arguments: &Value) -> Result<Vec<String>, String> {
        Ok(Action::wants(self, &self.sound(arguments)?))
    }
    fn foresee<'a>(
        &'a self,
        arguments: &Value,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> Result<BoxFuture<'a, Result<Intent, String>>, String> {
        let inputs = read::<A::Inputs>(arguments)?;
        Ok(Action::foresee(self, inputs, context, world, intent))
    }
    fn acts_in_dry_run(&self, class: Class) -> bool {
        self.runs_dry(class)
    }
    fn prepare<'a>(
        &'a self,
        arguments: &Value,
        judged: &'a Effects,
        session: &'a Session,
        world: &'a World,
    ) -> Result<Attempt<'a>, String> {
        let inputs = read::<A::Inputs>(arguments)?;
        Ok(Attempt {
            grace: self.grace(&inputs),
            work: self.execute_judged(inputs, judged, session, world),
        })
    }
}

/// Arguments read and checked.
trait Sound: Action {
    fn sound(&self, arguments: &Value) -> Result<Self::Inputs, String> {
        text::check(arguments)?;
        let inputs = read::<Self::Inputs>(arguments)?;
        self.validate(&inputs)?;
        Ok(inputs)
    }
}
impl<A: Action> Sound for A {}

/// Draft 2020-12, every part in its place rather than under `$defs`.
fn schema_of<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}

fn read<T: DeserializeOwned>(arguments: &Value) -> Result<T, String> {
    let nothing = Value::Object(serde_json::Map::new());
    let arguments = if arguments.is_null() {
        &nothing
    } else {
        arguments
    };
    serde_path_to_error::deserialize(arguments).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        match path.as_str() {
            "." | "" | "?" => format!("in `with`: {reason}"),
            path => format!("in `with`, at `{path}`: {reason}"),
        }
    })
}
