//! Certificates, made by rcgen and read by x509-parser.

use crate::{
    domain::secret::SecretValue,
    ports::certificates::{Certificates, Facts, Made, Order, Signer},
};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData as _, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::time::Duration;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

/// Makes certificates with keys on the curve P-256.
#[derive(Debug, Clone, Copy, Default)]
pub struct MadeHere;

impl Certificates for MadeHere {
    fn make(&self, order: &Order) -> Result<Made, String> {
        let params = params(order)?;
        let key = KeyPair::generate().map_err(|error| format!("making a key: {error}"))?;
        let failed = |error: rcgen::Error| format!("making a certificate: {error}");
        let chain = match &order.signer {
            None => params.self_signed(&key).map_err(failed)?.pem(),
            Some(signer) => signed(params, &key, signer)?,
        };
        Ok(Made {
            facts: self.read(&chain)?,
            chain,
            key: SecretValue::new(key.serialize_pem()),
        })
    }

    fn read(&self, pem: &str) -> Result<Facts, String> {
        let first = CertificateDer::pem_slice_iter(pem.as_bytes()).next();
        let der = match first {
            Some(Ok(der)) => der,
            Some(Err(error)) => return Err(format!("it is not a certificate in PEM: {error}")),
            None => return Err("it holds no certificate in PEM".to_owned()),
        };
        let (_, read) = X509Certificate::from_der(&der)
            .map_err(|error| format!("it is not a certificate: {error}"))?;
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        Ok(Facts {
            serial: hex::encode(read.raw_serial()),
            not_before: at(read.validity().not_before.timestamp()),
            not_after: at(read.validity().not_after.timestamp()),
        })
    }
}

fn params(order: &Order) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::new(order.names.clone())
        .map_err(|error| format!("the names of the certificate: {error}"))?;
    if let Some(name) = order.names.first() {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = order.signer.is_some();
    // Clocks differ a little.
    let begin = order.now.checked_sub(5.minutes()).unwrap_or(order.now);
    let end = order
        .now
        .checked_add(order.lifetime.signed())
        .map_err(|error| format!("the lifetime: {error}"))?;
    // To the second, as certificates have it.
    let moment = |at: Timestamp| {
        let at = at.to_zoned(TimeZone::UTC);
        let (month, day) = (u8::try_from(at.month()), u8::try_from(at.day()));
        let day = date_time_ymd(i32::from(at.year()), month.unwrap_or(1), day.unwrap_or(1));
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        day + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    };
    params.not_before = moment(begin);
    params.not_after = moment(end);
    Ok(params)
}

/// As the certificate has it: the DER of its SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
fn public_key(pem: &str) -> Result<Vec<u8>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the authority's certificate: {error}");
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| wrong(&error))?;
    let (_, read) = X509Certificate::from_der(&der).map_err(|error| wrong(&error))?;
    Ok(read.public_key().raw.to_vec())
}

fn signed(params: CertificateParams, key: &KeyPair, signer: &Signer) -> Result<String, String> {
    let authority = signer.certificate.expose();
    let signing = KeyPair::from_pem(signer.key.expose())
        .map_err(|_| "the authority's key is not one in PEM that can sign".to_owned())?;
    if public_key(authority)? != signing.subject_public_key_info() {
        return Err("the authority's key is not that of its certificate, so nobody would trust what it signs".to_owned());
    }
    let issuer = Issuer::from_ca_cert_pem(authority, signing)
        .map_err(|error| format!("the authority's certificate: {error}"))?;
    let made = params
        .signed_by(key, &issuer)
        .map_err(|error| format!("signing the certificate: {error}"))?;
    let authority = authority.trim_end();
    Ok(format!("{}{authority}\n", made.pem()))
}

#[cfg(test)]
mod tests {
    use super::MadeHere;
    use crate::{
        domain::span::Span,
        ports::certificates::{Certificates as _, Order, Signer},
    };
    use jiff::Timestamp;

    fn order(signer: Option<Signer>) -> Order {
        Order {
            names: vec!["web.example.org".to_owned(), "10.0.0.1".to_owned()],
            lifetime: Span::from_secs(90 * 86_400),
            now: "2026-03-14T09:26:53Z".parse().unwrap(),
            signer,
        }
    }

    #[test]
    fn a_certificate_is_good_for_as_long_as_was_asked() {
        let made = MadeHere.make(&order(None)).unwrap();
        let until: Timestamp = "2026-06-12T09:26:53Z".parse().unwrap();
        assert_eq!(made.facts.not_after, until);
        assert_eq!(MadeHere.read(&made.chain).unwrap(), made.facts);
        assert!(made.key.expose().contains("PRIVATE KEY"));
        let another = MadeHere.make(&order(None)).unwrap();
        assert_ne!(another.facts.serial, made.facts.serial);
    }

    #[test]
    fn an_authority_signs_and_a_wrong_key_is_told_without_showing_it() {
        let authority = authority();
        let made = MadeHere.make(&order(Some(authority.clone()))).unwrap();
        assert_eq!(made.chain.matches("BEGIN CERTIFICATE").count(), 2);
        let wrong = Signer {
            key: crate::domain::secret::SecretValue::new("s3cret".to_owned()),
            ..authority
        };
        let error = MadeHere.make(&order(Some(wrong))).unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_key_of_another_authority_signs_nothing() {
        let mixed = Signer {
            key: authority().key,
            ..authority()
        };
        let error = MadeHere.make(&order(Some(mixed))).unwrap_err();
        assert!(error.contains("is not that of its certificate"), "{error}");
    }

    fn authority() -> Signer {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let value = |text: String| crate::domain::secret::SecretValue::new(text);
        Signer {
            certificate: value(params.self_signed(&key).unwrap().pem()),
            key: value(key.serialize_pem()),
        }
    }
}
