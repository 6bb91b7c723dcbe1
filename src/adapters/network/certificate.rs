//! What a certificate says.

use crate::ports::network::{Certificate, NetworkError};
use jiff::Timestamp;
use std::net::IpAddr;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, time::ASN1Time,
};

/// So many names are told.
const MOST_NAMES: usize = 100;
const LONGEST: usize = 1024;

/// Reads a leaf certificate. Its words come from a stranger, so what does not print is escaped, and what is long is cut.
pub(super) fn read(
    leaf: &[u8],
    distrust: Option<String>,
    target: &str,
) -> Result<Certificate, NetworkError> {
    let refuse = |reason: String| NetworkError::Unreachable {
        target: target.to_owned(),
        reason: format!("its certificate cannot be read: {reason}"),
        sent: false,
    };
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|error| refuse(error.to_string()))?;
    let validity = parsed.validity();
    Ok(Certificate {
        serial: hex::encode(parsed.raw_serial()),
        subject: printable(&parsed.subject().to_string()),
        issuer: printable(&parsed.issuer().to_string()),
        names: names(&parsed),
        not_before: time(validity.not_before).ok_or_else(|| refuse("its begin".to_owned()))?,
        not_after: time(validity.not_after).ok_or_else(|| refuse("its end".to_owned()))?,
        trusted: distrust.map_or(Ok(()), Err),
    })
}

fn time(time: ASN1Time) -> Option<Timestamp> {
    Timestamp::from_second(time.timestamp()).ok()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.map(|extension| extension.value.general_names.as_slice());
    alternative
        .unwrap_or_default()
        .iter()
        .filter_map(|name| {
            if let GeneralName::DNSName(name) = name {
                return Some(printable(name));
            }
            if let GeneralName::IPAddress(bytes) = name {
                return address(bytes);
            }
            None
        })
        .take(MOST_NAMES)
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let sixteen = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    four.or(sixteen).ok().map(|address| address.to_string())
}

/// The text with control characters escaped, cut where it is long.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(LONGEST) {
        if c.is_control() && c != '\n' {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}
