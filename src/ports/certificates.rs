//! Certificates: made, and read.

use crate::domain::{secret::SecretValue, span::Span};
use jiff::Timestamp;

/// A certificate that is wanted.
#[derive(Debug, Clone)]
pub struct Order {
    /// DNS names and addresses; the first is the common name, too.
    pub names: Vec<String>,
    /// How long it is good.
    pub lifetime: Span,
    /// What time it is.
    pub now: Timestamp,
    /// Who signs it; itself where nobody is named.
    pub signer: Option<Signer>,
}

/// An authority.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Its certificate, in PEM.
    pub certificate: SecretValue,
    /// Its key, in PEM.
    pub key: SecretValue,
}

/// A certificate that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The certificate, and behind it the authority's where one has signed, in PEM.
    pub chain: String,
    /// Its key, in PEM.
    pub key: SecretValue,
    /// What it says.
    pub facts: Facts,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// In hexadecimal digits.
    pub serial: String,
    /// First moment.
    pub not_before: Timestamp,
    /// Last moment.
    pub not_after: Timestamp,
}

/// Makes and reads certificates. Errors are for people.
pub trait Certificates: Send + Sync + std::fmt::Debug {
    /// Makes one with a key of its own.
    fn make(&self, order: &Order) -> Result<Made, String>;
    /// What the first certificate of a PEM text says.
    fn read(&self, pem: &str) -> Result<Facts, String>;
}
