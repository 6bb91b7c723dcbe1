//! `rotate/service-account-token`.
//!
//! Each token is bound to an object of its own, an empty Secret that is made for it: the API server refuses the token as soon as that is
//! deleted, so that a token can be revoked before it ends. Tokens come from the TokenRequest API and are tried by TokenReview.

use crate::{
    actions::{
        framework::{Given, rights, rights::On},
        kubernetes::{check_name, default_cluster, kinds::Kind},
        rotate::{
            craft::{Craft, Prepared},
            former::{self, Candidates},
            intending::{Intending, in_namespace},
            proof::Shown,
            scene::{Scene, done, failed, not_needed, proven, unproven},
            terms::{rotation_action, rotation_inputs},
        },
    },
    domain::{
        effect::{Effect, Tri, Verb},
        right::Rights,
        rotation::{Credential, CredentialKind, Outcome},
        secret::SecretValue,
        span::Span,
    },
    ports::{
        BoxFuture,
        cluster::{Change, ClusterError, Deletion, ObjectPath},
        executor::StepContext,
        vault::{Kept, Parts},
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

const TOKEN: &str = "token";
/// The fact that names the object which a token is bound to.
pub(super) const BOUND: &str = "bound";

/// API servers remember for some ten seconds that a token was good.
const LOOKS: u32 = 30;
/// Between two looks.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

const ACCOUNTS: Kind = core("serviceaccounts", "ServiceAccount");
const SECRETS: Kind = core("secrets", "Secret");
const REVIEWS: Kind = Kind {
    group: "authentication.k8s.io",
    version: "v1",
    plural: "tokenreviews",
    kind: "TokenReview",
    namespaced: false,
};

const fn core(plural: &'static str, kind: &'static str) -> Kind {
    Kind {
        group: "",
        version: "v1",
        plural,
        kind,
        namespaced: true,
    }
}

pub(crate) struct RotateServiceAccountToken;

rotation_inputs! {
    /// What `rotate/service-account-token` is told. Its credential has the part `token`.
    TokenInputs {
        /// The cluster's name in the agent's configuration.
        #[serde(default = "default_cluster")]
        pub(super) cluster: String,
        /// The service account's namespace.
        pub(super) namespace: String,
        /// The service account.
        pub(super) service_account: String,
        /// How long a token is good; the API server may give less.
        #[serde(default = "thirty_days")]
        pub(super) expiration: Span,
        /// Less than this before its end, it is replaced.
        #[serde(default = "ten_days")]
        pub(super) renew_before: Span,
        /// Whom it is for; the API server where nobody is named. A token for others cannot be tried by the API server as one for itself.
        #[serde(default)]
        pub(super) audiences: Vec<String>,
        /// The token that counts now, as a secret of the agent, so that the old one can be proven refused. Needed only where no place can be
        /// read: what stands in a Secret or a file is taken from there. It must be good when a rotation begins, so a token that does not
        /// follow rotations serves the first one alone.
        #[serde(default)]
        #[schemars(extend("writeOnly" = true))]
        pub(super) current: Option<String>,
    }
}

rotation_action!(
    RotateServiceAccountToken,
    TokenInputs,
    "rotate/service-account-token",
    "Replaces a bound token of a Kubernetes service account, asks the API server whether it is good, and revokes the old one after an overlap."
);

fn thirty_days() -> Span {
    Span::from_secs(30 * 86_400)
}
fn ten_days() -> Span {
    Span::from_secs(10 * 86_400)
}

/// What the API server says of a token.
enum Reviewed {
    /// Whose it is.
    Good(String),
    Refused(String),
}

impl TokenInputs {
    fn check(&self) -> Result<(), String> {
        let terms = self.terms();
        terms.check(&[TOKEN])?;
        if self.distribute.is_empty() {
            return Err("in `with`, at `distribute`: name at least one place".to_owned());
        }
        check_name("cluster", &self.cluster)?;
        check_name("namespace", &self.namespace)?;
        check_name("serviceAccount", &self.service_account)?;
        if self.expiration < Span::from_secs(600) {
            return Err("in `with`, at `expiration`: at least 10m".to_owned());
        }
        if self.renew_before >= self.expiration || self.overlap >= self.renew_before {
            return Err(
                "in `with`: `overlap` must be shorter than `renewBefore`, and that shorter than `expiration`"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn intend(&self, doing: &mut Intending, _: &StepContext, _: &Given<'_>) -> Result<(), String> {
        let (cluster, namespace) = (&self.cluster, &self.namespace);
        let account = in_namespace(cluster, "serviceaccount", namespace, &self.service_account);
        doing.effect(Effect {
            access_change: Tri::Yes,
            ..Effect::change(Verb::TokenIssue, account, "the token is revoked")
        });
        // Each rotation has one of its own.
        let bound = in_namespace(cluster, "secret", namespace, "orderly-token-(rotation)");
        doing.effect(Effect::change(Verb::Create, bound.clone(), "it is deleted"));
        doing.effect(Effect::change(Verb::Delete, bound, "a new token is made"));
        Ok(())
    }

    fn own_rights(&self) -> Rights {
        let (cluster, namespace) = (&self.cluster, &self.namespace);
        let account = in_namespace(cluster, "serviceaccount", namespace, &self.service_account);
        let mut needed = Rights::default()
            .and_also(rights::on_object(&account, Some(TOKEN), &["create"]))
            .and(
                On::all(cluster, Some(namespace), &SECRETS),
                &["create", "delete"],
            )
            .and(On::all(cluster, None, &REVIEWS), &["create"]);
        needed.untold.push(format!(
            "a token is bound to a Secret whose name is new in each rotation, so the right to create and delete Secrets is over all of namespace {namespace}"
        ));
        needed
    }

    fn subject(&self) -> String {
        format!(
            "system:serviceaccount:{}:{}",
            self.namespace, self.service_account
        )
    }

    async fn ask(
        &self,
        scene: &Scene<'_>,
        kind: &Kind,
        (name, part): (&str, Option<&str>),
        change: Change<'_>,
    ) -> Result<Value, ClusterError> {
        let resource = kind.resource();
        let path = ObjectPath {
            namespace: kind.namespaced.then_some(self.namespace.as_str()),
            name,
            subresource: part,
        };
        let clusters = &scene.world.clusters;
        clusters
            .change(&self.cluster, &resource, path, change, false)
            .await
    }

    async fn issued(&self, kept: &mut Kept, scene: Scene<'_>) -> Result<String, String> {
        let bound = kept.facts.get(BOUND).cloned().unwrap_or_default();
        let account = &self.service_account;
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": bound,
                "namespace": self.namespace,
                "labels": { "orderly.dev/token-of": account },
                "annotations": { "orderly.dev/rotation": scene.rotation },
            },
        });
        let made = self.ask(&scene, &SECRETS, (&bound, None), Change::Create(&object));
        let made = made
            .await
            .map_err(|error| format!("making the secret that the token is bound to: {error}"))?;
        let mut wish = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "expirationSeconds": self.expiration.millis() / 1000,
                "boundObjectRef": {
                    "apiVersion": "v1", "kind": "Secret", "name": bound, "uid": made.pointer("/metadata/uid"),
                },
            },
        });
        if !self.audiences.is_empty() {
            wish["spec"]["audiences"] = json!(self.audiences);
        }
        let asked = self.ask(
            &scene,
            &ACCOUNTS,
            (account, Some(TOKEN)),
            Change::Create(&wish),
        );
        let answer = asked
            .await
            .map_err(|error| format!("asking for a token: {error}"))?;
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
        let token = text("/status/token").ok_or("the API server gave no token")?;
        kept.new
            .insert(TOKEN.to_owned(), SecretValue::new(token.to_owned()));
        kept.expires_at = text("/status/expirationTimestamp").and_then(|end| end.parse().ok());
        Ok(match kept.expires_at {
            Some(end) => format!("a token of {} was made, good until {end}", self.subject()),
            None => format!("a token of {} was made", self.subject()),
        })
    }

    async fn review(&self, token: &SecretValue, scene: &Scene<'_>) -> Result<Reviewed, String> {
        let question = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": { "token": token.expose(), "audiences": self.audiences },
        });
        let asked = self.ask(scene, &REVIEWS, ("", None), Change::Create(&question));
        let answer = asked
            .await
            .map_err(|error| format!("asking whether the token is good: {error}"))?;
        let text = |pointer: &str| {
            let found = answer.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let is_good = answer.pointer("/status/authenticated") == Some(&Value::Bool(true));
        Ok(if is_good {
            Reviewed::Good(text("/status/user/username"))
        } else {
            Reviewed::Refused(text("/status/error"))
        })
    }

    /// What the API server says of a token that may be the old one.
    async fn shown(&self, token: &SecretValue, scene: &Scene<'_>) -> Result<Shown, Outcome> {
        Ok(match self.review(token, scene).await.map_err(failed)? {
            Reviewed::Good(user) if user == self.subject() => Shown::Good(user),
            Reviewed::Good(user) => Shown::Refused(format!("it is one of {user}")),
            Reviewed::Refused(why) => Shown::Refused(why),
        })
    }

    /// Deletes the object that a token is bound to; where it is gone, that is well.
    async fn unbind(&self, bound: &str, scene: &Scene<'_>) -> Result<(), String> {
        let delete = Change::Delete(Deletion::default());
        match self.ask(scene, &SECRETS, (bound, None), delete).await {
            Ok(_) | Err(ClusterError::NotFound(_)) => Ok(()),
            Err(error) => Err(format!("deleting the secret {bound}: {error}")),
        }
    }

    async fn tried(&self, kept: &Kept, scene: Scene<'_>) -> Outcome {
        let Some(token) = kept.new.get(TOKEN) else {
            return failed("no token was kept");
        };
        match self.review(token, &scene).await {
            Ok(Reviewed::Good(user)) if user == self.subject() => {
                proven(format!("the API server knows the new token as {user}"))
            }
            Ok(Reviewed::Good(user)) => failed(format!("the new token is one of {user}")),
            Ok(Reviewed::Refused(why)) => failed(format!("the new token was refused: {why}")),
            Err(error) => failed(error),
        }
    }

    async fn refused(&self, kept: &Kept, scene: Scene<'_>) -> Outcome {
        if !kept.former.contains_key(BOUND) && !former::was_none(kept) {
            return unproven("the old token was not tried: it was not revoked");
        }
        if let Some(why) = former::not_tried(kept) {
            return why;
        }
        let Some(token) = kept.old.get(TOKEN) else {
            return unproven("the old token was not tried: the agent does not know it");
        };
        let mut looks = LOOKS;
        loop {
            looks -= 1;
            match self.review(token, &scene).await {
                Ok(Reviewed::Refused(_)) => return proven("the API server refused the old token"),
                Ok(Reviewed::Good(_)) if looks > 0 && !scene.session.stop.is_cancelled() => {
                    scene.world.clock.sleep(PAUSE).await;
                }
                Ok(Reviewed::Good(user)) => {
                    return failed(format!("the old token is still good for {user}"));
                }
                Err(error) => return failed(error),
            }
        }
    }
}

impl Craft for TokenInputs {
    fn kind(&self) -> CredentialKind {
        CredentialKind::ServiceAccountToken
    }
    fn main(&self) -> &'static str {
        TOKEN
    }
    fn place(&self) -> String {
        let (namespace, account) = (&self.namespace, &self.service_account);
        format!("service account {namespace}/{account} on {}", self.cluster)
    }
    fn ends<'a>(
        &'a self,
        known: Option<&'a Credential>,
        _: Scene<'a>,
    ) -> BoxFuture<'a, Result<Option<(Timestamp, Span)>, String>> {
        let end = known.and_then(|known| known.expires_at);
        let end = end.map(|end| (end, self.renew_before));
        Box::pin(std::future::ready(Ok(end)))
    }
    fn prepare<'a>(&'a self, known: &'a Credential, scene: Scene<'a>) -> BoxFuture<'a, Prepared> {
        Box::pin(async move {
            let id = scene.rotation.to_string();
            let bound = format!("orderly-token-{id}");
            let current = self.current.as_ref();
            let found = Candidates::look(&self.distribute, current, TOKEN, known, &scene).await?;
            let mut shown = Vec::new();
            for candidate in &found.all {
                shown.push(self.shown(&candidate.value, &scene).await?);
            }
            let former = found.judged(TOKEN, &shown);
            Ok(former.kept_in(Kept {
                rotation: scene.rotation,
                new: Parts::new(),
                old: Parts::new(),
                facts: [(BOUND.to_owned(), bound)].into(),
                former: known.facts.clone(),
                expires_at: None,
            }))
        })
    }
    fn issue<'a>(&'a self, kept: &'a mut Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.issued(kept, scene).await {
                Ok(note) => done(note),
                Err(error) => failed(error),
            }
        })
    }
    fn discard<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(bound) = kept.facts.get(BOUND) else {
                return not_needed("no token was made");
            };
            match self.unbind(bound, &scene).await {
                Ok(()) => done("the new token was revoked"),
                Err(error) => failed(error),
            }
        })
    }
    fn test<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.tried(kept, scene))
    }
    fn revoke<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(bound) = kept.former.get(BOUND) else {
                if former::was_none(kept) {
                    return not_needed("there was no old token");
                }
                return unproven(
                    "the old token was not revoked: it was not made here, and is good until it ends by itself",
                );
            };
            match self.unbind(bound, &scene).await {
                Ok(()) => done("the old token was revoked"),
                Err(error) => failed(error),
            }
        })
    }
    fn refuse<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.refused(kept, scene))
    }
}
