//! `rotate/certificate`.

use crate::{
    actions::{
        framework::{Given, host::check_host},
        rotate::{
            cert_manager::CertManager,
            craft::{Craft, Prepared},
            delivery,
            former::Former,
            intending::Intending,
            proof::Proof,
            scene::{Feed, Scene, done, failed, not_needed, unproven},
            shown_by::{SERIAL, ShownBy},
            terms::{rotation_action, rotation_inputs},
        },
    },
    domain::{
        right::Rights,
        rotation::{Credential, CredentialKind, Outcome},
        secret::SecretValue,
        span::Span,
    },
    ports::{
        BoxFuture,
        certificates::{Order, Signer},
        executor::StepContext,
        vault::{Kept, Parts},
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITY: &str = "ca.crt";
const PARTS: [&str; 3] = [CERTIFICATE, KEY, AUTHORITY];

pub(crate) struct RotateCertificate;

rotation_inputs! {
    /// What `rotate/certificate` is told. Its credential has the parts `tls.crt`, `tls.key` and `ca.crt`. One of cert-manager's stays in
    /// the Secret that cert-manager fills, and is brought nowhere else.
    CertificateInputs {
        /// DNS names and addresses it is for, where the agent makes it. The first is the common name, too.
        #[serde(default)]
        #[schemars(length(max = 100))]
        pub(super) names: Vec<String>,
        /// How long a new one is good that the agent makes: 90 days where nothing is said.
        #[serde(default)]
        pub(super) lifetime: Option<Span>,
        /// Less than this before its end, it is replaced.
        #[serde(default = "thirty_days")]
        pub(super) renew_before: Span,
        /// Who signs it; without, it signs itself.
        #[serde(default)]
        pub(super) signer: Option<SignerOf>,
        /// Whose Certificate it is, where cert-manager issues it: it is asked for a new one, and the agent makes none.
        #[serde(default)]
        pub(super) cert_manager: Option<CertManager>,
        /// The server that shows it: its certificate's end is what makes it due, and that it shows the new one is the proof.
        #[serde(default)]
        pub(super) shown_by: Option<ShownBy>,
        /// How the new one is tried where no server shows it. A program gets the certificate on its standard input.
        #[serde(default)]
        pub(super) test: Option<Proof>,
    }
}

rotation_action!(
    RotateCertificate,
    CertificateInputs,
    "rotate/certificate",
    "Renews a certificate in time, self-signed, by a given authority or by cert-manager, and proves on the wire that the new one is shown."
);

/// An authority.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignerOf {
    /// Its certificate, in PEM.
    certificate: String,
    /// Its key, in PEM, as a secret of the agent.
    #[schemars(extend("writeOnly" = true))]
    key: String,
}

fn thirty_days() -> Span {
    Span::from_secs(30 * 86_400)
}

impl CertificateInputs {
    fn check(&self) -> Result<(), String> {
        self.terms().check(&PARTS)?;
        if self.overlap >= self.renew_before {
            return Err(
                "in `with`, at `overlap`: it must be shorter than `renewBefore`, or the old one would end before it is over"
                    .to_owned(),
            );
        }
        match &self.cert_manager {
            Some(cert_manager) => self.check_issued(cert_manager),
            None => self.check_made(),
        }
    }

    /// One that the agent makes.
    fn check_made(&self) -> Result<(), String> {
        if self.distribute.is_empty() {
            return Err("in `with`, at `distribute`: name at least one place".to_owned());
        }
        if !self.distribute.iter().any(|target| target.takes(KEY)) {
            return Err(format!(
                "in `with`, at `distribute`: no place gets the private key, so nobody could use the certificate\nhint: bring the part `{KEY}` to a file or a key of a Secret, too"
            ));
        }
        if self.names.is_empty() {
            return Err("in `with`, at `names`: name at least one".to_owned());
        }
        self.names
            .iter()
            .try_for_each(|name| check_host("names", name.trim_start_matches("*.")))?;
        if self.renew_before >= self.lifetime() {
            return Err(format!(
                "in `with`, at `renewBefore`: {} is not shorter than `lifetime`, so each new one would be due at once",
                self.renew_before
            ));
        }
        match (&self.shown_by, &self.test) {
            (Some(shown), None) => shown.check(),
            (None, Some(test)) => test.check("test", &PARTS),
            (Some(_), Some(_)) | (None, None) => {
                Err("in `with`: give exactly one of `shownBy` and `test`".to_owned())
            }
        }
    }

    /// One that cert-manager issues.
    fn check_issued(&self, cert_manager: &CertManager) -> Result<(), String> {
        let given = [
            ("names", !self.names.is_empty()),
            ("lifetime", self.lifetime.is_some()),
            ("signer", self.signer.is_some()),
        ];
        if let Some((name, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
            return Err(format!(
                "in `with`, at `{name}`: what cert-manager issues is told in its Certificate\nhint: leave `{name}` out"
            ));
        }
        if !self.distribute.is_empty() {
            return Err(
                "in `with`, at `distribute`: what cert-manager issues stays in the Secret that it fills, and the agent does not read it\nhint: leave `distribute` out"
                    .to_owned(),
            );
        }
        cert_manager.check()?;
        match (&self.shown_by, &self.test) {
            (Some(shown), None) => shown.check(),
            (_, Some(_)) | (None, None) => Err(
                "in `with`, at `certManager`: give `shownBy`, and no `test`: the agent does not read what cert-manager issues, so a server has to show it"
                    .to_owned(),
            ),
        }
    }

    fn lifetime(&self) -> Span {
        self.lifetime.unwrap_or(Span::from_secs(90 * 86_400))
    }

    fn intend(
        &self,
        doing: &mut Intending,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<(), String> {
        if let Some(cert_manager) = &self.cert_manager {
            cert_manager.intend(doing);
        }
        if let Some(shown) = &self.shown_by {
            shown.intend(doing);
        }
        match &self.test {
            Some(test) => test.intend(doing, context, given),
            None => Ok(()),
        }
    }

    fn own_rights(&self) -> Rights {
        let cert_manager = self.cert_manager.as_ref();
        cert_manager.map(CertManager::rights).unwrap_or_default()
    }

    async fn last_moment(
        &self,
        known: Option<&Credential>,
        scene: Scene<'_>,
    ) -> Result<Option<(Timestamp, Span)>, String> {
        let recorded = known.and_then(|known| known.expires_at);
        let Some(shown) = &self.shown_by else {
            return Ok(recorded.map(|end| (end, self.renew_before)));
        };
        match (shown.look(&scene).await, recorded) {
            (Ok(seen), _) => Ok(Some((seen.not_after, self.renew_before))),
            // A server that never had one may wait for it.
            (Err(_), None) => Ok(None),
            (Err(error), Some(_)) => Err(format!("looking at the certificate: {error}")),
        }
    }

    fn made(&self, scene: &Scene<'_>) -> Result<(Parts, Timestamp, String), String> {
        let signer = self.signer.as_ref().map(|signer| Signer {
            certificate: SecretValue::new(signer.certificate.clone()),
            key: SecretValue::new(signer.key.clone()),
        });
        let order = Order {
            names: self.names.clone(),
            lifetime: self.lifetime(),
            now: scene.world.clock.now(),
            signer,
        };
        let made = scene.world.rotations.certificates.make(&order)?;
        let authority = match &order.signer {
            Some(signer) => signer.certificate.clone(),
            None => SecretValue::new(made.chain.clone()),
        };
        let parts = [
            (CERTIFICATE.to_owned(), SecretValue::new(made.chain)),
            (KEY.to_owned(), made.key),
            (AUTHORITY.to_owned(), authority),
        ];
        Ok((parts.into(), made.facts.not_after, made.facts.serial))
    }

    /// Whether there is none as yet: neither at its places nor, where that can be seen, on the wire.
    async fn is_first(&self, known: &Credential, scene: &Scene<'_>) -> Result<bool, String> {
        if known.issued_at.is_some() || !delivery::are_empty_files(&self.distribute, scene).await? {
            return Ok(false);
        }
        Ok(match &self.shown_by {
            Some(shown_by) => shown_by.look(scene).await.is_err(),
            None => true,
        })
    }
}

impl Craft for CertificateInputs {
    fn kind(&self) -> CredentialKind {
        CredentialKind::Certificate
    }
    fn main(&self) -> &'static str {
        CERTIFICATE
    }
    fn ends<'a>(
        &'a self,
        known: Option<&'a Credential>,
        scene: Scene<'a>,
    ) -> BoxFuture<'a, Result<Option<(Timestamp, Span)>, String>> {
        Box::pin(self.last_moment(known, scene))
    }
    fn place(&self) -> String {
        let cert_manager = self.cert_manager.as_ref();
        cert_manager.map(CertManager::place).unwrap_or_default()
    }
    fn hindered<'a>(&'a self, scene: Scene<'a>) -> BoxFuture<'a, Option<String>> {
        Box::pin(async move {
            let cert_manager = self.cert_manager.as_ref()?;
            cert_manager.hindered(scene, self.renew_before).await
        })
    }
    fn prepare<'a>(&'a self, known: &'a Credential, scene: Scene<'a>) -> BoxFuture<'a, Prepared> {
        Box::pin(async move {
            if let (Some(cert_manager), Some(shown)) = (&self.cert_manager, &self.shown_by) {
                let how = (shown, self.force);
                return cert_manager
                    .prepare(known, scene, how, self.renew_before)
                    .await;
            }
            let is_first = self.is_first(known, &scene).await.map_err(failed)?;
            let (new, end, serial) = self.made(&scene).map_err(failed)?;
            let kept = Kept {
                rotation: scene.rotation,
                new,
                old: Parts::new(),
                facts: [(SERIAL.to_owned(), serial)].into(),
                former: known.facts.clone(),
                expires_at: Some(end),
            };
            Ok(if is_first {
                Former::none().kept_in(kept)
            } else {
                kept
            })
        })
    }
    fn issue<'a>(&'a self, kept: &'a mut Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if let Some(cert_manager) = &self.cert_manager {
                return cert_manager.issue(kept, &scene, self.renew_before).await;
            }
            let serial = kept.facts.get(SERIAL).cloned().unwrap_or_default();
            done(match kept.expires_at {
                Some(end) => format!("certificate {serial} was made, good until {end}"),
                None => format!("certificate {serial} was made"),
            })
        })
    }
    fn discard<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match &self.cert_manager {
                Some(cert_manager) => cert_manager.withdraw(kept, &scene).await,
                None => done("the new certificate and its key are forgotten"),
            }
        })
    }
    fn withdraw<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match &self.cert_manager {
                Some(cert_manager) => cert_manager.withdraw(kept, &scene).await,
                None => not_needed(""),
            }
        })
    }
    fn test<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match (&self.shown_by, &self.test) {
                (Some(shown), _) => shown.shows(kept, &scene).await,
                (None, Some(test)) => test.good(&Feed::new(kept, CERTIFICATE), &scene).await,
                (None, None) => failed("there is no way to try it"),
            }
        })
    }
    fn revoke<'a>(&'a self, _: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if let Some(cert_manager) = &self.cert_manager
                && let Err(why) = cert_manager.settle(&scene).await
            {
                return failed(why);
            }
            not_needed("no place keeps the old certificate any more")
        })
    }
    fn refuse<'a>(&'a self, _: &'a Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        let note = "nobody refuses the old certificate before it ends: it is replaced, not revoked";
        Box::pin(std::future::ready(unproven(note)))
    }
}
