//! Certificate authorities.

use crate::ports::network::NetworkError;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{path::Path, sync::Arc};
use tokio::sync::OnceCell;

/// The longest file of certificate authorities that is read.
const LARGEST_FILE: u64 = 4 << 20;

/// The host's own certificate authorities, read when first needed.
#[derive(Debug, Default)]
pub(super) struct Roots(OnceCell<Arc<RootCertStore>>);

impl Roots {
    /// Those that could be read; none where the host has none.
    pub(super) async fn native(&self) -> Arc<RootCertStore> {
        self.0
            .get_or_init(|| async {
                let reading = tokio::task::spawn_blocking(|| {
                    let mut store = RootCertStore::empty();
                    let found = rustls_native_certs::load_native_certs();
                    let _counts = store.add_parsable_certificates(found.certs);
                    store
                });
                Arc::new(reading.await.unwrap_or_else(|_| RootCertStore::empty()))
            })
            .await
            .clone()
    }
}

/// The bytes of a file of further authorities; nothing where none is named.
pub(super) async fn read_further(
    file: Option<&Path>,
    target: &str,
) -> Result<Vec<u8>, NetworkError> {
    let Some(file) = file else {
        return Ok(Vec::new());
    };
    let refuse = |reason: String| {
        let what = format!(
            "the certificate file {} cannot be used: {reason}",
            file.display()
        );
        NetworkError::NotAsked(target.to_owned(), what)
    };
    let facts = tokio::fs::metadata(file).await;
    let facts = facts.map_err(|error| refuse(error.to_string()))?;
    if !facts.is_file() || facts.len() > LARGEST_FILE {
        return Err(refuse("it is not a file of at most 4 MiB".to_owned()));
    }
    let bytes = tokio::fs::read(file).await;
    let bytes = bytes.map_err(|error| refuse(error.to_string()))?;
    match CertificateDer::pem_slice_iter(&bytes).next() {
        Some(Ok(_)) => Ok(bytes),
        Some(Err(error)) => Err(refuse(error.to_string())),
        None => Err(refuse("it holds no certificate in PEM".to_owned())),
    }
}

/// The host's authorities and the further ones.
pub(super) fn together(
    native: &Arc<RootCertStore>,
    further: &[u8],
    target: &str,
) -> Result<Arc<RootCertStore>, NetworkError> {
    if further.is_empty() {
        return Ok(native.clone());
    }
    let refuse = |error: String| {
        let what = format!("a certificate of the certificate file cannot be used: {error}");
        NetworkError::NotAsked(target.to_owned(), what)
    };
    let mut store = RootCertStore::clone(native);
    for certificate in CertificateDer::pem_slice_iter(further) {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        store
            .add(certificate)
            .map_err(|error| refuse(error.to_string()))?;
    }
    Ok(Arc::new(store))
}
