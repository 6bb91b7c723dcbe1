//! `rotate/certificate`.

use crate::{
    actions::{
        framework::{
            Given,
            answers::{positive, unless_stopped},
            host::check_host,
        },
        rotate::{
            craft::{Craft, Prepared},
            intending::Intending,
            proof::Proof,
            scene::{Feed, Scene, done, failed, not_needed, proven, unproven},
            terms::{rotation_action, rotation_inputs},
        },
    },
    domain::{
        effect::{Effect, Object, Verb},
        right::Rights,
        rotation::{Credential, CredentialKind, Outcome},
        secret::SecretValue,
        span::Span,
    },
    ports::{
        BoxFuture,
        certificates::{Order, Signer},
        executor::StepContext,
        network::{Certificate, NetworkError},
        vault::{Kept, Parts},
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITY: &str = "ca.crt";
const PARTS: [&str; 3] = [CERTIFICATE, KEY, AUTHORITY];
/// The fact that is the certificate's number.
const SERIAL: &str = "serial";

pub(crate) struct RotateCertificate;

rotation_inputs! {
    /// What `rotate/certificate` is told. Its credential has the parts `tls.crt`, `tls.key` and `ca.crt`.
    CertificateInputs {
        /// DNS names and addresses it is for. The first is the common name, too.
        #[schemars(length(min = 1, max = 100))]
        pub(super) names: Vec<String>,
        /// How long a new one is good.
        #[serde(default = "ninety_days")]
        pub(super) lifetime: Span,
        /// Less than this before its end, it is replaced.
        #[serde(default = "thirty_days")]
        pub(super) renew_before: Span,
        /// Who signs it; without, it signs itself.
        #[serde(default)]
        pub(super) signer: Option<SignerOf>,
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
    "Renews a certificate in time, self-signed or by a given authority, and proves on the wire that the new one is shown."
);

/// An authority.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignerOf {
    /// Its certificate, in PEM.
    certificate: String,
    /// Its key, in PEM, as a secret of the agent.
    key: String,
}

/// A server that shows the certificate.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ShownBy {
    /// A name or an address.
    host: String,
    /// The port.
    #[serde(default = "https")]
    #[schemars(range(min = 1))]
    port: u16,
    /// The name that is asked for (SNI); the host where none is given.
    #[serde(default)]
    server_name: Option<String>,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Whether the chain must lead to a trusted root, and the name fit.
    #[serde(default)]
    require_trusted: bool,
    /// How long the server is given to show the new one: many read their files again after a while only.
    #[serde(default = "one_minute")]
    within: Span,
}

fn ninety_days() -> Span {
    Span::from_secs(90 * 86_400)
}
fn thirty_days() -> Span {
    Span::from_secs(30 * 86_400)
}
fn one_minute() -> Span {
    Span::from_secs(60)
}
fn https() -> u16 {
    443
}
/// Between two looks.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

impl ShownBy {
    fn check(&self) -> Result<(), String> {
        check_host("shownBy.host", &self.host)?;
        if let Some(name) = &self.server_name {
            check_host("shownBy.serverName", name)?;
        }
        positive(self.within)
    }

    async fn look(&self, scene: &Scene<'_>) -> Result<Certificate, NetworkError> {
        let name = self.server_name.as_deref().unwrap_or(&self.host);
        let file = self.ca_file.as_deref();
        let network = &scene.world.network;
        network
            .tls(&self.host, self.port, name, file, Span::from_secs(10))
            .await
    }

    /// Until the new one is shown, or in vain.
    async fn shows(&self, kept: &Kept, scene: &Scene<'_>) -> Outcome {
        let until = scene.world.clock.elapsed() + self.within.duration();
        loop {
            let why = match self.look(scene).await {
                Ok(shown) => match self.judge(&shown, kept) {
                    Ok(note) => return proven(note),
                    Err(why) => why,
                },
                Err(error) => error.to_string(),
            };
            if scene.world.clock.elapsed() >= until || scene.session.stop.is_cancelled() {
                return failed(why);
            }
            // Whether it was stopped is looked at next.
            let _slept = unless_stopped(scene.session, scene.world.clock.sleep(PAUSE)).await;
        }
    }

    fn judge(&self, shown: &Certificate, kept: &Kept) -> Result<String, String> {
        let (host, port) = (&self.host, self.port);
        if kept.expires_at != Some(shown.not_after) {
            return Err(format!(
                "{host}:{port} shows a certificate that ends {}, which is not the new one",
                shown.not_after
            ));
        }
        match &shown.trusted {
            Err(why) if self.require_trusted => Err(format!(
                "{host}:{port} shows the new certificate, which is not trusted: {why}"
            )),
            _ => Ok(format!(
                "{host}:{port} shows the new certificate, which ends {}",
                shown.not_after
            )),
        }
    }
}

impl CertificateInputs {
    fn check(&self) -> Result<(), String> {
        let terms = self.terms();
        terms.check(&PARTS)?;
        if self.distribute.is_empty() {
            return Err("in `with`, at `distribute`: name at least one place".to_owned());
        }
        if self.names.is_empty() {
            return Err("in `with`, at `names`: name at least one".to_owned());
        }
        self.names
            .iter()
            .try_for_each(|name| check_host("names", name.trim_start_matches("*.")))?;
        if self.renew_before >= self.lifetime {
            return Err(format!(
                "in `with`, at `renewBefore`: {} is not shorter than `lifetime`, so each new one would be due at once",
                self.renew_before
            ));
        }
        if self.overlap >= self.renew_before {
            return Err(
                "in `with`, at `overlap`: it must be shorter than `renewBefore`, or the old one would end before it is over"
                    .to_owned(),
            );
        }
        match (&self.shown_by, &self.test) {
            (Some(shown), None) => shown.check(),
            (None, Some(test)) => test.check("test", &PARTS),
            (Some(_), Some(_)) | (None, None) => {
                Err("in `with`: give exactly one of `shownBy` and `test`".to_owned())
            }
        }
    }

    fn intend(
        &self,
        doing: &mut Intending,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<(), String> {
        if let Some(shown) = &self.shown_by {
            let at = format!("{}:{}", shown.host, shown.port);
            let object = Object::network(&shown.host, "certificate", &at);
            doing.effect(Effect::read(Verb::Read, object));
        }
        match &self.test {
            Some(test) => test.intend(doing, context, given),
            None => Ok(()),
        }
    }

    fn own_rights(&self) -> Rights {
        Rights::default()
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
            lifetime: self.lifetime,
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
    fn prepare<'a>(&'a self, known: &'a Credential, scene: Scene<'a>) -> BoxFuture<'a, Prepared> {
        Box::pin(async move {
            let (new, end, serial) = self.made(&scene).map_err(failed)?;
            Ok(Kept {
                rotation: scene.rotation,
                new,
                old: Parts::new(),
                facts: [(SERIAL.to_owned(), serial)].into(),
                former: known.facts.clone(),
                expires_at: Some(end),
            })
        })
    }
    fn issue<'a>(&'a self, kept: &'a mut Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        let serial = kept.facts.get(SERIAL).cloned().unwrap_or_default();
        let note = match kept.expires_at {
            Some(end) => format!("certificate {serial} was made, good until {end}"),
            None => format!("certificate {serial} was made"),
        };
        Box::pin(std::future::ready(done(note)))
    }
    fn discard<'a>(&'a self, _: &'a Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        let note = "the new certificate and its key are forgotten";
        Box::pin(std::future::ready(done(note)))
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
    fn revoke<'a>(&'a self, _: &'a Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        let note = "no place keeps the old certificate any more";
        Box::pin(std::future::ready(not_needed(note)))
    }
    fn refuse<'a>(&'a self, _: &'a Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        let note = "nobody refuses the old certificate before it ends: it is replaced, not revoked";
        Box::pin(std::future::ready(unproven(note)))
    }
}
