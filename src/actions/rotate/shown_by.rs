//! A server that shows a certificate: where it is looked at, and when what it shows is the new one.

use crate::{
    actions::{
        framework::{
            answers::{positive, unless_stopped},
            host::check_host,
        },
        rotate::{
            intending::Intending,
            scene::{Scene, failed, proven},
        },
    },
    domain::{
        effect::{Effect, Object, Verb},
        rotation::Outcome,
        span::Span,
    },
    ports::{
        network::{Certificate, NetworkError},
        vault::Kept,
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// The fact that is a certificate's number.
pub(super) const SERIAL: &str = "serial";
/// Between two looks.
pub(super) const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

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

fn one_minute() -> Span {
    Span::from_secs(60)
}
fn https() -> u16 {
    443
}

impl ShownBy {
    pub(super) fn check(&self) -> Result<(), String> {
        check_host("shownBy.host", &self.host)?;
        if let Some(name) = &self.server_name {
            check_host("shownBy.serverName", name)?;
        }
        positive(self.within)
    }

    pub(super) fn intend(&self, doing: &mut Intending) {
        let at = format!("{}:{}", self.host, self.port);
        let object = Object::network(&self.host, "certificate", &at);
        doing.effect(Effect::read(Verb::Read, object));
    }

    pub(super) async fn look(&self, scene: &Scene<'_>) -> Result<Certificate, NetworkError> {
        let name = self.server_name.as_deref().unwrap_or(&self.host);
        let file = self.ca_file.as_deref();
        let network = &scene.world.network;
        network
            .tls(&self.host, self.port, name, file, Span::from_secs(10))
            .await
    }

    /// Until the new one is shown, or in vain.
    pub(super) async fn shows(&self, kept: &Kept, scene: &Scene<'_>) -> Outcome {
        let until = scene.world.clock.elapsed() + self.within.duration();
        loop {
            let why = match self.look(scene).await {
                Ok(shown) => match self.judge(&shown, kept, scene.world.clock.now()) {
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

    fn judge(&self, shown: &Certificate, kept: &Kept, now: Timestamp) -> Result<String, String> {
        let (host, port, end) = (&self.host, self.port, shown.not_after);
        if !is_new(shown, kept) {
            return Err(format!(
                "{host}:{port} shows a certificate that ends {end}, which is not the new one"
            ));
        }
        if end <= now {
            return Err(format!(
                "{host}:{port} shows the new certificate, which has ended {end}"
            ));
        }
        match &shown.trusted {
            Err(why) if self.require_trusted => Err(format!(
                "{host}:{port} shows the new certificate, which is not trusted: {why}"
            )),
            _ => Ok(format!(
                "{host}:{port} shows the new certificate, which ends {end}"
            )),
        }
    }
}

/// By its number. Of one that somebody else has issued only its end is known, and perhaps the number of the former one; then one that
/// was issued still later is as good.
fn is_new(shown: &Certificate, kept: &Kept) -> bool {
    if let Some(new) = kept.facts.get(SERIAL) {
        return *new == shown.serial;
    }
    let Some(end) = kept.expires_at else {
        return false;
    };
    match kept.former.get(SERIAL) {
        Some(former) => *former != shown.serial && shown.not_after >= end,
        None => shown.not_after == end,
    }
}

#[cfg(test)]
mod tests {
    use super::{SERIAL, is_new};
    use crate::{
        domain::id::RotationId,
        ports::{
            network::Certificate,
            vault::{Kept, Parts},
        },
    };

    fn facts(serial: &str) -> std::collections::BTreeMap<String, String> {
        let known = (!serial.is_empty()).then(|| (SERIAL.to_owned(), serial.to_owned()));
        known.into_iter().collect()
    }

    #[test]
    fn the_new_one_is_known_by_its_number_or_by_its_end_and_not_having_the_former_number() {
        let (soon, end, later) = (
            "2026-04-01T00:00:00Z",
            "2026-06-01T00:00:00Z",
            "2026-07-01T00:00:00Z",
        );
        for (new, former, serial, shown_end, expected) in [
            ("0b", "0a", "0b", end, true),
            ("0b", "", "0a", end, false),
            ("", "0a", "0b", end, true),
            ("", "0a", "0a", end, false),
            ("", "0a", "0c", later, true),
            ("", "0a", "0c", soon, false),
            ("", "", "0c", end, true),
            ("", "", "0c", later, false),
        ] {
            let shown = Certificate {
                serial: serial.to_owned(),
                subject: String::new(),
                issuer: String::new(),
                names: Vec::new(),
                not_before: "2026-03-01T00:00:00Z".parse().unwrap(),
                not_after: shown_end.parse().unwrap(),
                trusted: Ok(()),
            };
            let kept = Kept {
                rotation: RotationId::new(shown.not_before, [0; 10]),
                new: Parts::new(),
                old: Parts::new(),
                facts: facts(new),
                former: facts(former),
                expires_at: end.parse().ok(),
            };
            let case = format!("{new}, {former}, {serial}, {shown_end}");
            assert_eq!(is_new(&shown, &kept), expected, "{case}");
        }
    }
}
