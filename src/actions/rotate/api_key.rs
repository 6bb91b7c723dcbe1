//! `rotate/api-key`.

use crate::{
    actions::{
        framework::Given,
        rotate::{
            call::HttpCall,
            craft::{Craft, Prepared},
            former::{self, Former},
            found::{Found, at, found},
            intending::Intending,
            program::ProgramOf,
            proof::Proof,
            scene::{Feed, Scene, done, failed, hopeless, not_needed, unproven},
            secret::VALUE,
            terms::{rotation_action, rotation_inputs},
        },
    },
    domain::{
        right::Rights,
        rotation::{Credential, CredentialKind, Outcome},
        secret::SecretValue,
    },
    ports::{
        BoxFuture,
        executor::StepContext,
        vault::{Kept, Parts},
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// The fact that is the key's number at its provider.
const ID: &str = "id";
/// The fact under which a key is found whose number got lost.
const LABEL: &str = "label";
/// The fact that the provider has said that it made a key.
pub(super) const MADE: &str = "made";
/// The fact that it has said that it did not.
pub(super) const DECLINED: &str = "declined";
/// Seconds between looks for a key that may be made late.
const LATE: [u64; 4] = [1, 2, 4, 8];

pub(crate) struct RotateApiKey;

rotation_inputs! {
    /// What `rotate/api-key` is told.
    ApiKeyInputs {
        /// Who gives keys out.
        pub(super) provider: Provider,
        /// How a key is tried: the new one before and after it counts, the old one when it should be refused.
        pub(super) test: Proof,
        /// The key that counts now, as a secret of the agent, so that the old one can be proven refused. Needed only where no place can be
        /// read: what stands in a Secret or a file is taken from there. It must let in when a rotation begins, so a value that does not
        /// follow rotations serves the first one alone.
        #[serde(default)]
        #[schemars(extend("writeOnly" = true))]
        pub(super) current: Option<String>,
        /// Its number at the provider, while the agent has never rotated it. Without it the first rotation leaves the old key good, and
        /// says so.
        #[serde(default)]
        pub(super) current_id: Option<String>,
    }
}

rotation_action!(
    RotateApiKey,
    ApiKeyInputs,
    "rotate/api-key",
    "Replaces a key that a provider gives out: makes one, brings it to its places, tries it, and revokes the old one after an overlap."
);

/// Who gives keys out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Provider {
    /// Makes a key, and answers in JSON. `{label}`, for programs `ORDERLY_LABEL`, is a name of its own for each rotation: give it to the
    /// key, so that `find` finds it. Nothing of the answer is logged.
    create: Ask,
    /// Where in the answer the key is (JSON pointer).
    #[serde(default = "key")]
    value: String,
    /// Where in the answer the key's number is, by which it is revoked (JSON pointer).
    #[serde(default = "id")]
    id: String,
    /// Where in the answer the time is at which the key ends (JSON pointer, RFC 3339).
    #[serde(default)]
    expires_at: Option<String>,
    /// Looks for the key with `{label}`, for the case that the agent is killed after it was made and before its number was kept. Answers
    /// in JSON, with the number where `findId` says. There is no such key where the answer, or what is on the way to that place, is null
    /// or empty; from any other answer without a number there, nothing is concluded.
    #[serde(default)]
    find: Option<Ask>,
    /// Where in the answer of `find` the key's number is, as in `/0/id` where it is a list (JSON pointer). As `id` where nothing is said.
    #[serde(default)]
    find_id: Option<String>,
    /// Revokes the key with `{id}`, for programs `ORDERLY_ID`. It must be a success where that key is gone already.
    revoke: Ask,
}

fn key() -> String {
    "/key".to_owned()
}
fn id() -> String {
    "/id".to_owned()
}

/// Something that a provider is asked. Exactly one of `command` and `http` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ask {
    /// By a program.
    #[serde(default)]
    command: Option<ProgramOf>,
    /// By a request.
    #[serde(default)]
    http: Option<HttpCall>,
}

/// What came back.
struct Answer {
    well: bool,
    note: String,
    /// Of a request.
    status: Option<u16>,
    /// It may hold a key.
    body: Value,
}

impl Answer {
    /// Whether it says that nothing was done (RFC 9110, 15.5), and not only that something went wrong.
    fn says_no(&self) -> bool {
        let no = |status: u16| (400..500).contains(&status) && ![408, 409, 429].contains(&status);
        !self.well && self.status.is_some_and(no)
    }
}

impl Ask {
    fn check(&self, place: &str) -> Result<(), String> {
        match (&self.command, &self.http) {
            (Some(program), None) => program.check(&format!("{place}.command"), &[VALUE]),
            (None, Some(call)) => call.check(&format!("{place}.http"), &[VALUE]),
            (Some(_), Some(_)) | (None, None) => Err(format!(
                "in `with`, at `{place}`: give exactly one of `command` and `http`"
            )),
        }
    }

    fn intend(
        &self,
        doing: &mut Intending,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<(), String> {
        if let Some(program) = &self.command {
            doing.with(program.intend(context, given)?);
        }
        if let Some(call) = &self.http {
            doing.with_effects(call.effects()?);
        }
        Ok(())
    }

    async fn ask(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Answer {
        if let Some(program) = &self.command {
            let ran = program.ask(feed, scene).await;
            return Answer {
                well: ran.well,
                note: ran.note,
                status: None,
                body: ran.printed,
            };
        }
        let Some(call) = &self.http else {
            return Answer {
                well: false,
                note: String::new(),
                status: None,
                body: Value::Null,
            };
        };
        let answer = call.ask(feed, scene).await;
        Answer {
            well: answer.well,
            note: answer.note,
            status: answer.status,
            body: answer.body,
        }
    }

    /// The same where no answer is wanted.
    async fn tell(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Answer {
        let Some(program) = &self.command else {
            return self.ask(feed, scene).await;
        };
        let ran = program.run(feed, scene).await;
        Answer {
            well: ran.well,
            note: ran.note,
            status: None,
            body: Value::Null,
        }
    }
}

/// A key that may still let in. One that was made for sure needs a person, or each run would leave another one behind.
fn left(kept: &Kept, why: &str) -> Outcome {
    let label = kept.facts.get(LABEL).cloned().unwrap_or_default();
    let by_hand = "look, and revoke it by hand";
    if kept.facts.contains_key(MADE) {
        return hopeless(format!(
            "the provider made a key labelled `{label}`, whose number is not known; {why}: {by_hand}"
        ));
    }
    unproven(format!(
        "the provider may have a key labelled `{label}`; {why}: {by_hand}"
    ))
}

impl Provider {
    /// When the key ends, where the answer says so. The error says nothing of what stands there instead: it may be the key.
    fn end(&self, body: &Value) -> Result<Option<Timestamp>, String> {
        let Some(pointer) = &self.expires_at else {
            return Ok(None);
        };
        if body.pointer(pointer).is_some_and(Value::is_null) {
            return Ok(None);
        }
        let end = at(body, pointer).and_then(|end| end.parse().ok());
        end.map(Some).ok_or_else(|| {
            format!("the provider's answer has no time as in RFC 3339 at `{pointer}`")
        })
    }
}

impl ApiKeyInputs {
    fn check(&self) -> Result<(), String> {
        let terms = self.terms();
        terms.check_due()?;
        terms.check(&[VALUE])?;
        if self.distribute.is_empty() {
            return Err("in `with`, at `distribute`: name at least one place".to_owned());
        }
        let provider = &self.provider;
        provider.create.check("provider.create")?;
        provider.revoke.check("provider.revoke")?;
        if provider
            .revoke
            .http
            .as_ref()
            .is_some_and(|call| !call.names_one())
        {
            return Err("in `with`, at `provider.revoke.http`: it does not say which key is to be revoked\nhint: let `{id}` stand for its number in the address, a header or the body".to_owned());
        }
        if let Some(find) = &provider.find {
            find.check("provider.find")?;
        }
        let pointers = [&provider.value, &provider.id];
        let others = provider.expires_at.iter().chain(&provider.find_id);
        for pointer in pointers.into_iter().chain(others) {
            if !pointer.starts_with('/') {
                return Err(format!(
                    "in `with`, at `provider`: `{pointer}` is not a JSON pointer\nhint: write it as in `/data/key`"
                ));
            }
        }
        self.test.check("test", &[VALUE])
    }

    fn intend(
        &self,
        doing: &mut Intending,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<(), String> {
        let provider = &self.provider;
        provider.create.intend(doing, context, given)?;
        if let Some(find) = &provider.find {
            find.intend(doing, context, given)?;
        }
        provider.revoke.intend(doing, context, given)?;
        self.test.intend(doing, context, given)
    }

    fn own_rights(&self) -> Rights {
        Rights::default()
    }

    async fn created(&self, kept: &mut Kept, scene: Scene<'_>) -> Outcome {
        let answer = {
            let feed = Feed::new(kept, VALUE);
            self.provider.create.ask(&feed, &scene).await
        };
        if answer.says_no() {
            kept.facts.insert(DECLINED.to_owned(), "yes".to_owned());
            return failed(format!("no key was made: {}", answer.note));
        }
        if !answer.well {
            return failed(format!(
                "whether a key was made is not known: {}",
                answer.note
            ));
        }
        // What is no JSON was hardly said by the provider: a proxy that is being mended answers well, too.
        if !answer.body.is_string() {
            kept.facts.insert(MADE.to_owned(), "yes".to_owned());
        }
        if let Some(id) = at(&answer.body, &self.provider.id) {
            kept.facts.insert(ID.to_owned(), id);
        }
        let Some(value) = at(&answer.body, &self.provider.value) else {
            return failed(format!(
                "the provider's answer has no key at `{}`",
                self.provider.value
            ));
        };
        kept.new.insert(VALUE.to_owned(), SecretValue::new(value));
        let Some(id) = kept.facts.get(ID) else {
            return failed(format!(
                "the provider's answer has no number at `{}`, by which the key could be revoked",
                self.provider.id
            ));
        };
        let mut note = format!("the provider made key {id}");
        match self.provider.end(&answer.body) {
            Ok(end) => kept.expires_at = end,
            Err(why) => note = format!("{note}, whose end is not known: {why}"),
        }
        kept.facts.remove(MADE);
        done(note)
    }

    /// By its number, or by its label where the number got lost.
    async fn discarded(&self, kept: &Kept, scene: Scene<'_>) -> Outcome {
        if kept.facts.contains_key(ID) {
            return self.gone(&Feed::new(kept, VALUE), &scene).await;
        }
        let label = kept.facts.get(LABEL).cloned().unwrap_or_default();
        let Some(find) = &self.provider.find else {
            if kept.facts.contains_key(DECLINED) {
                return done("the provider said that it made none");
            }
            return left(
                kept,
                "whether the provider made it is not known, because there is no `provider.find`",
            );
        };
        let pointer = self.provider.find_id.as_ref();
        let pointer = pointer.unwrap_or(&self.provider.id);
        let is_clear = kept.facts.contains_key(DECLINED) || kept.facts.contains_key(MADE);
        // A provider that is slow may make it after nobody waits for its answer any more.
        let pauses: &[u64] = if is_clear { &[] } else { &LATE };
        let mut pauses = pauses.iter();
        let looked = loop {
            let answer = find.ask(&Feed::new(kept, VALUE), &scene).await;
            if !answer.well {
                return failed(format!("looking for the key `{label}`: {}", answer.note));
            }
            match (found(&answer.body, pointer), pauses.next()) {
                (Found::None, Some(pause)) => {
                    let pause = Duration::from_secs(*pause);
                    scene.world.clock.sleep(pause).await;
                }
                (found, _) => break found,
            }
        };
        let id = match looked {
            Found::Key(id) if kept.former.get(ID) == Some(&id) => {
                return left(kept, "`provider.find` found the key that counts");
            }
            Found::Key(id) => id,
            Found::None if kept.facts.contains_key(MADE) => {
                return left(kept, "`provider.find` does not find it");
            }
            Found::None if kept.facts.contains_key(DECLINED) => {
                return done(format!("the provider has no key labelled `{label}`"));
            }
            Found::None => {
                return left(
                    kept,
                    "it did not say whether it makes one, and `provider.find` shows none so far, which one that is made late would not be in",
                );
            }
            Found::Unclear(why) => {
                let why = format!("what `provider.find` answered {why} at `{pointer}`");
                return left(kept, &why);
            }
        };
        let mut found = kept.clone();
        found.facts.insert(ID.to_owned(), id);
        self.gone(&Feed::new(&found, VALUE), &scene).await
    }

    async fn gone(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Outcome {
        let id = feed.facts.get(ID).cloned().unwrap_or_default();
        let answer = self.provider.revoke.tell(feed, scene).await;
        if answer.well {
            done(format!("key {id} was revoked"))
        } else {
            failed(format!("revoking key {id}: {}", answer.note))
        }
    }
}

impl Craft for ApiKeyInputs {
    fn kind(&self) -> CredentialKind {
        CredentialKind::ApiKey
    }
    fn main(&self) -> &'static str {
        VALUE
    }
    fn prepare<'a>(&'a self, known: &'a Credential, scene: Scene<'a>) -> BoxFuture<'a, Prepared> {
        Box::pin(async move {
            let label = format!("orderly-{}-{}", scene.name, scene.rotation);
            let places = (self.distribute.as_slice(), self.current.as_ref());
            let found = Former::look(places, (&self.test, VALUE), known, &scene).await?;
            let mut former = known.facts.clone();
            if let Some(id) = self.current_id.clone().filter(|_| former.is_empty()) {
                former.insert(ID.to_owned(), id);
            }
            Ok(found.kept_in(Kept {
                rotation: scene.rotation,
                new: Parts::new(),
                old: Parts::new(),
                facts: [(LABEL.to_owned(), label)].into(),
                former,
                expires_at: None,
            }))
        })
    }
    fn issue<'a>(&'a self, kept: &'a mut Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.created(kept, scene))
    }
    fn discard<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.discarded(kept, scene))
    }
    fn test<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { self.test.good(&Feed::new(kept, VALUE), &scene).await })
    }
    fn revoke<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if former::was_none(kept) && !kept.former.contains_key(ID) {
                return not_needed("there was no old key");
            }
            if !kept.former.contains_key(ID) {
                return unproven(
                    "the old key was not revoked: its number at the provider is not known (hint: revoke it by hand, or name it with `currentId`)",
                );
            }
            self.gone(&Feed::old(kept, VALUE), &scene).await
        })
    }
    fn refuse<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if !kept.former.contains_key(ID) && !former::was_none(kept) {
                return unproven("the old key was not tried: it was not revoked");
            }
            self.test.refused(kept, VALUE, &scene).await
        })
    }
}
