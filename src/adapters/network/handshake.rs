//! A handshake that looks at whatever certificate is shown, and says whether it would have been trusted.

use crate::{
    adapters::network::{at, certificate, fault, open},
    ports::network::{Certificate, NetworkError},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsConnector;

/// Shakes hands and looks at the leaf certificate. No byte beyond the handshake is sent.
pub(super) async fn look(
    host: &str,
    port: u16,
    server_name: &str,
    trusted: Arc<RootCertStore>,
) -> Result<Certificate, NetworkError> {
    let target = at(host, port);
    let name = ServerName::try_from(server_name.to_owned())
        .map_err(|error| NetworkError::InvalidAddress(server_name.to_owned(), error.to_string()))?;
    let recorder = Arc::new(Recorder::new(trusted));
    let config = recorder.clone().config();
    let config =
        config.map_err(|error| NetworkError::NotAsked(target.clone(), error.to_string()))?;
    let stream = open(host, port).await?;
    let shaken = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    match (recorder.seen(), shaken) {
        // A server that wants a certificate of ours has shown its own by then.
        (Some(seen), _) => certificate::read(&seen.leaf, seen.distrust, &target),
        (None, Err(error)) => Err(fault::unreachable(&target, &error)),
        (None, Ok(_)) => Err(NetworkError::Unreachable {
            target,
            reason: "it showed no certificate".to_owned(),
            sent: false,
        }),
    }
}

/// Accepts every certificate, so that it can be looked at, and remembers what the standard check says of it.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    /// Missing where there is no certificate authority to trust.
    standard: Option<Arc<WebPkiServerVerifier>>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug, Clone)]
struct Seen {
    leaf: Vec<u8>,
    distrust: Option<String>,
}

impl Recorder {
    fn new(trusted: Arc<RootCertStore>) -> Self {
        let provider = Arc::new(ring::default_provider());
        let standard = WebPkiServerVerifier::builder_with_provider(trusted, provider.clone());
        Self {
            provider,
            standard: standard.build().ok(),
            seen: Mutex::new(None),
        }
    }

    fn config(self: Arc<Self>) -> Result<ClientConfig, Error> {
        let config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(self)
            .with_no_client_auth();
        Ok(config)
    }

    fn seen(&self) -> Option<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note_signature(
        &self,
        checked: Result<HandshakeSignatureValid, Error>,
    ) -> HandshakeSignatureValid {
        checked.unwrap_or_else(|error| {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(seen) = seen.as_mut() {
                seen.distrust.get_or_insert_with(|| words(&error));
            }
            HandshakeSignatureValid::assertion()
        })
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let distrust = match &self.standard {
            None => Some("this host has no certificate authorities\nhint: install them, or name a file of them".to_owned()),
            Some(standard) => standard
                .verify_server_cert(leaf, intermediates, name, ocsp, now)
                .err()
                .map(|error| words(&error)),
        };
        let leaf = leaf.to_vec();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { leaf, distrust });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let checked = verify_tls12_signature(message, certificate, signed, algorithms);
        Ok(self.note_signature(checked))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let checked = verify_tls13_signature(message, certificate, signed, algorithms);
        Ok(self.note_signature(checked))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn words(error: &Error) -> String {
    let said = error.to_string();
    let said = said
        .strip_prefix("invalid peer certificate: ")
        .unwrap_or(&said);
    certificate::printable(said)
}
