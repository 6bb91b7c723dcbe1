//! Certificates that cert-manager issues.
//!
//! cert-manager is asked as its own command line asks it: by the condition `Issuing` in the status of the Certificate. It would issue one
//! as well if the Secret were deleted, but until it has, nobody has a certificate, and where it cannot, the old one is lost. So the
//! Secret stays, and what it holds is kept in it beside the new one (`tls.crt-previous`) until the old one goes.
//!
//! On the way back the number of the revision goes back with the values: cert-manager takes a key that is not that of the current
//! revision's request for damage, and would issue anew at once.

mod status;

use crate::{
    actions::{
        framework::{
            answers::{positive, unless_stopped},
            rights,
        },
        kubernetes::{check_name, condition, default_cluster, is, kinds::CERTIFICATES, text, time},
        rotate::{
            cert_manager::status::{
                BY_ITSELF, ISSUING, Progress, REVISION, VALID, called_off, former_revision,
                is_by_itself, issuing, lasts, progress, revision, validity,
            },
            craft::Prepared,
            delivery::{SecretTarget, Trouble},
            intending::{Intending, in_namespace},
            scene::{Scene, done, failed, hopeless, unproven},
            shown_by::{PAUSE, SERIAL, ShownBy},
        },
    },
    domain::{
        effect::{Effect, Object, Verb},
        right::Rights,
        rotation::{Credential, Outcome},
        span::Span,
    },
    ports::{
        cluster::{Change, ClusterError, ObjectPath},
        vault::{Kept, Parts},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Every key that cert-manager writes: as they are, and as keystores.
const KEYS: [&str; 9] = [
    "tls.crt",
    "tls.key",
    "ca.crt",
    "tls-combined.pem",
    "key.der",
    "keystore.jks",
    "truststore.jks",
    "keystore.p12",
    "truststore.p12",
];
/// How often a Certificate that others keep changing is tried.
const TRIES: u32 = 5;

/// A Certificate of cert-manager, and the Secret that it fills.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CertManager {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    cluster: String,
    /// Its namespace.
    namespace: String,
    /// The Certificate.
    certificate: String,
    /// The Secret that its `spec.secretName` names. It is given here, too, because what a step may touch is judged before the cluster is
    /// asked.
    secret: String,
    /// How long cert-manager is given to issue a new one.
    #[serde(default = "five_minutes")]
    wait: Span,
}

fn five_minutes() -> Span {
    Span::from_secs(300)
}

impl CertManager {
    pub(super) fn check(&self) -> Result<(), String> {
        check_name("certManager.cluster", &self.cluster)?;
        check_name("certManager.namespace", &self.namespace)?;
        check_name("certManager.certificate", &self.certificate)?;
        check_name("certManager.secret", &self.secret)?;
        positive(self.wait).map_err(|error| error.replacen("`timeout`", "`certManager.wait`", 1))
    }

    pub(super) fn place(&self) -> String {
        format!("{self} on {}", self.cluster)
    }

    fn object(&self) -> Object {
        let kind = CERTIFICATES.effect_kind();
        in_namespace(&self.cluster, &kind, &self.namespace, &self.certificate)
    }

    fn target(&self) -> SecretTarget {
        SecretTarget::filled_by_others(&self.cluster, &self.namespace, &self.secret, &KEYS)
    }

    pub(super) fn intend(&self, doing: &mut Intending) {
        let undo = "the issuing is called off, and the former revision counts again";
        doing.effect(Effect::change(Verb::Patch, self.object(), undo));
        self.target().intend(doing);
    }

    pub(super) fn rights(&self) -> Rights {
        let certificate = self.object();
        rights::on_object(&certificate, None, &["get"])
            .and_also(rights::on_object(&certificate, Some("status"), &["patch"]))
            .and_also(self.target().rights())
    }

    /// What shows, before anything is done, that it can only fail. What hinders looking is for the rotation itself to say.
    pub(super) async fn hindered(&self, scene: Scene<'_>, renew_before: Span) -> Option<String> {
        match self.look(&scene).await {
            Ok(found) => self.suits(&found, renew_before).err(),
            Err(error @ ClusterError::NotFound(_)) => Some(told(self, &error)),
            Err(_) => None,
        }
    }

    /// Looks at what there is. Nothing is touched.
    pub(super) async fn prepare(
        &self,
        known: &Credential,
        scene: Scene<'_>,
        (shown_by, wants_own): (&ShownBy, bool),
        renew_before: Span,
    ) -> Prepared {
        let found = self
            .look(&scene)
            .await
            .map_err(|error| failed(told(self, &error)))?;
        self.suits(&found, renew_before).map_err(hopeless)?;
        let mut former = known.facts.clone();
        former.insert(REVISION.to_owned(), revision(&found).to_string());
        former.insert(VALID.to_owned(), validity(&found));
        former.remove(SERIAL);
        // A server that never had one may wait for it.
        if let Ok(shown) = shown_by.look(&scene).await {
            let end = time(&found, "/status/notAfter");
            let is_ahead = end.is_some_and(|end| end > shown.not_after);
            if is_ahead && !wants_own && is(&found, "Ready") && !is(&found, ISSUING) {
                former.insert(BY_ITSELF.to_owned(), "true".to_owned());
            }
            former.insert(SERIAL.to_owned(), shown.serial);
        }
        Ok(Kept {
            rotation: scene.rotation,
            new: Parts::new(),
            old: Parts::new(),
            facts: [].into(),
            former,
            expires_at: None,
        })
    }

    /// The Certificate fills the Secret that may be touched, and is issued for long enough.
    fn suits(&self, found: &Value, renew_before: Span) -> Result<(), String> {
        let named = text(found, "/spec/secretName");
        if named == self.secret {
            return lasts(found, renew_before);
        }
        Err(format!(
            "{self} fills the secret `{named}`, not `{}`\nhint: name that one at `certManager.secret`",
            self.secret
        ))
    }

    /// Keeps the old one, asks for a new one, and waits until it is there.
    pub(super) async fn issue(
        &self,
        kept: &mut Kept,
        scene: &Scene<'_>,
        renew_before: Span,
    ) -> Outcome {
        let is_asked = !is_by_itself(kept);
        if is_asked {
            if let Err(Trouble::Passing(why) | Trouble::Lasting(why)) =
                self.target().keep_beside(scene).await
            {
                return failed(why);
            }
            if let Err(why) = self.ask(kept, scene).await {
                return failed(why);
            }
        }
        let found = match self.issued(kept, scene).await {
            Ok(found) => found,
            Err(why) => return failed(why),
        };
        if let Err(why) = lasts(&found, renew_before) {
            return failed(why);
        }
        kept.expires_at = time(&found, "/status/notAfter");
        let number = revision(&found);
        kept.facts.insert(REVISION.to_owned(), number.to_string());
        let end = text(&found, "/status/notAfter");
        let how = if is_asked { "" } else { " by itself before" };
        done(format!(
            "cert-manager has issued revision {number}{how}, good until {end}"
        ))
    }

    async fn ask(&self, kept: &Kept, scene: &Scene<'_>) -> Result<(), String> {
        let words = format!(
            "a new certificate is asked for by the rotation {}",
            scene.rotation
        );
        let now = scene.world.clock.now();
        let wanted = |found: &Value| {
            // One that it is at already is as good, and so is one that it has issued meanwhile.
            let is_coming = is(found, ISSUING) || revision(found) > former_revision(kept);
            let how = ("ManuallyTriggered", words.as_str());
            (!is_coming).then(|| json!({ "conditions": issuing(found, "True", how, now) }))
        };
        self.amend(scene, wanted).await
    }

    /// Waits until it is there. The error is for people.
    async fn issued(&self, kept: &Kept, scene: &Scene<'_>) -> Result<Value, String> {
        let until = scene.world.clock.elapsed() + self.wait.duration();
        loop {
            let why = match self.look(scene).await {
                Ok(found) => match progress(&found, kept) {
                    Progress::Issued => return Ok(found),
                    Progress::Failed(why) => return Err(why),
                    Progress::NotYet(why) => why,
                },
                Err(error) if error.retryable() => error.to_string(),
                Err(error) => return Err(told(self, &error)),
            };
            if scene.session.stop.is_cancelled() {
                return Err("stopped while cert-manager was issuing it".to_owned());
            }
            if scene.world.clock.elapsed() >= until {
                return Err(format!(
                    "cert-manager has not issued it within {}: {why}",
                    self.wait
                ));
            }
            // Whether it was stopped is looked at next.
            let _slept = unless_stopped(scene.session, scene.world.clock.sleep(PAUSE)).await;
        }
    }

    /// Calls the issuing off, puts the former values back, and its number with them.
    pub(super) async fn withdraw(&self, kept: &Kept, scene: &Scene<'_>) -> Outcome {
        if is_by_itself(kept) {
            return unproven("what cert-manager had issued by itself before stays in its Secret");
        }
        if let Err(why) = self.call_off(scene).await {
            return failed(why);
        }
        match self.target().put_back(scene).await {
            Ok(true) => {}
            Ok(false) => return done("the Secret had nothing to be put back"),
            Err(Trouble::Passing(why)) => return failed(why),
            Err(Trouble::Lasting(why)) => return hopeless(why),
        }
        if let Err(why) = self.count_back(kept, scene).await {
            return failed(why);
        }
        match self.settle(scene).await {
            Ok(()) => done(format!(
                "the Secret of {self} holds the former certificate again"
            )),
            Err(why) => failed(why),
        }
    }

    /// What was kept beside the new one goes.
    pub(super) async fn settle(&self, scene: &Scene<'_>) -> Result<(), String> {
        match self.target().settle(scene).await {
            Ok(_) => Ok(()),
            Err(Trouble::Passing(why) | Trouble::Lasting(why)) => Err(why),
        }
    }

    /// Only what this rotation has asked for: what cert-manager does by itself is its own.
    async fn call_off(&self, scene: &Scene<'_>) -> Result<(), String> {
        let (id, now) = (scene.rotation.to_string(), scene.world.clock.now());
        let wanted = |found: &Value| {
            let asked = condition(found, ISSUING).map_or("", |one| text(one, "/message"));
            let is_own = is(found, ISSUING) && asked.contains(&id);
            is_own.then(|| json!({ "conditions": called_off(found, now) }))
        };
        self.amend(scene, wanted).await
    }

    async fn count_back(&self, kept: &Kept, scene: &Scene<'_>) -> Result<(), String> {
        let (former, now) = (former_revision(kept), scene.world.clock.now());
        let wanted = |found: &Value| {
            if revision(found) <= former {
                return None;
            }
            let number = (former > 0).then_some(former);
            // In between it may have taken the former key for damage.
            Some(if is(found, ISSUING) {
                json!({ REVISION: number, "conditions": called_off(found, now) })
            } else {
                json!({ REVISION: number })
            })
        };
        self.amend(scene, wanted).await
    }

    async fn look(&self, scene: &Scene<'_>) -> Result<Value, ClusterError> {
        let resource = CERTIFICATES.resource();
        let namespace = Some(self.namespace.as_str());
        let clusters = &scene.world.clusters;
        clusters
            .get(&self.cluster, &resource, namespace, &self.certificate)
            .await
    }

    /// Changes the status as it is wanted for what is there; nothing where nothing is. The error is for people.
    async fn amend(
        &self,
        scene: &Scene<'_>,
        wanted: impl Fn(&Value) -> Option<Value>,
    ) -> Result<(), String> {
        let resource = CERTIFICATES.resource();
        let path = ObjectPath {
            namespace: Some(&self.namespace),
            name: &self.certificate,
            subresource: Some("status"),
        };
        for _ in 0..TRIES {
            let found = self.look(scene).await;
            let found = found.map_err(|error| told(self, &error))?;
            let Some(status) = wanted(&found) else {
                return Ok(());
            };
            let only = |field: &str| found.pointer(&format!("/metadata/{field}"));
            let patch = json!({
                "metadata": { "uid": only("uid"), "resourceVersion": only("resourceVersion") },
                "status": status,
            });
            let (clusters, change) = (&scene.world.clusters, Change::Replace(&patch));
            let changed = clusters.change(&self.cluster, &resource, path, change, false);
            match changed.await {
                Ok(_) => return Ok(()),
                Err(ClusterError::Conflict { .. }) => {}
                Err(error) => return Err(told(self, &error)),
            }
        }
        Err(format!("{self} keeps changing"))
    }
}

impl std::fmt::Display for CertManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "certificate {}/{}", self.namespace, self.certificate)
    }
}

fn told(certificate: &CertManager, error: &ClusterError) -> String {
    format!("{certificate}: {error}")
}
