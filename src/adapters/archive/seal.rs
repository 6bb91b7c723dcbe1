//! Encryption with age (age-encryption.org/v1, X25519): what is sealed, only who holds an identity of one of the recipients can open.
//!
//! Invariants
//! - The identity is read at each use and kept nowhere; making an artifact needs only the recipients.
//! - A sealed artifact that was cut or changed does not open to its end: each piece of 64 KiB is authenticated, and so is the last.

use crate::{
    domain::{name::SecretName, secret::SecretValue},
    ports::secrets::Secrets,
};
use age::{
    Decryptor, Encryptor, Identity, Recipient,
    stream::{StreamReader, StreamWriter},
    x25519,
};
use std::{
    io::{self, Read, Write},
    str::FromStr as _,
    sync::Arc,
};

/// The ending of the names of sealed artifacts.
pub(super) const SEALED: &str = ".age";

/// Whom artifacts are sealed for, and where the key to open them is.
#[derive(Debug, Clone)]
pub struct Keys {
    recipients: Vec<x25519::Recipient>,
    identity: Option<SecretName>,
    secrets: Arc<dyn Secrets>,
}

impl Keys {
    /// # Errors
    /// A text that is no public key of age.
    pub fn new(
        recipients: &[String],
        identity: Option<SecretName>,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Self, String> {
        let recipients = recipients.iter().map(|text| {
            x25519::Recipient::from_str(text.trim()).map_err(|reason| {
                format!(
                    "`{text}` is no public key of age: {reason}\nhint: `age-keygen -y KEYFILE` prints one; it begins with `age1`"
                )
            })
        });
        Ok(Self {
            recipients: recipients.collect::<Result<_, _>>()?,
            identity,
            secrets,
        })
    }

    /// Whether there is anybody to seal for.
    pub(super) fn can_seal(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Whether what is sealed now can be opened again: nothing where there is nobody to seal for. The error is for people.
    pub fn tried(&self) -> Option<Result<(), String>> {
        self.can_seal().then(|| {
            let broken = |error: io::Error| error.to_string();
            let mut sealed = Vec::new();
            let writer = self.seal(&mut sealed).map_err(broken)?;
            writer.finish().map_err(broken)?;
            match self.open(sealed.as_slice()) {
                Ok(_) => Ok(()),
                Err(Unopened::NoKey(why) | Unopened::Damaged(why)) => Err(why),
            }
        })
    }

    /// Begins a sealed text.
    pub(super) fn seal<W: Write>(&self, to: W) -> io::Result<StreamWriter<W>> {
        let recipients = self.recipients.iter().map(|one| one as &dyn Recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        encryptor.wrap_output(to)
    }

    /// Opens a sealed text with the configured identity.
    pub(super) fn open<R: Read>(&self, from: R) -> Result<StreamReader<R>, Unopened> {
        let identities = self.identities().map_err(Unopened::NoKey)?;
        let whose = "the agent's identity (`artifacts.identity`)";
        opened(from, &identities, whose)
    }

    /// Opens a sealed text with the identities in this text.
    pub(super) fn open_with<R: Read>(
        from: R,
        text: &SecretValue,
    ) -> Result<StreamReader<R>, Unopened> {
        let identities = read("the file of the key", text).map_err(Unopened::NoKey)?;
        opened(from, &identities, "the key in the file that was named")
    }

    fn identities(&self) -> Result<Vec<x25519::Identity>, String> {
        let name = self.identity.as_ref().ok_or(
            "it is encrypted, and there is no identity to read it with\nhint: name the secret that holds one under `artifacts.identity`, or fetch it with `--decode --identity FILE`",
        )?;
        let text = self.secrets.get(name).map_err(|error| error.to_string())?;
        read(&format!("the secret `{name}`"), &text)
    }
}

fn opened<R: Read>(
    from: R,
    identities: &[x25519::Identity],
    whose: &str,
) -> Result<StreamReader<R>, Unopened> {
    let sealed = Decryptor::new(from).map_err(|error| Unopened::Damaged(error.to_string()))?;
    let mut known = identities.iter().map(|one| one as &dyn Identity);
    sealed.decrypt(&mut known).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => Unopened::NoKey(format!(
            "it is encrypted for others than {whose}\nhint: read it with the key of one of its recipients"
        )),
        other => Unopened::Damaged(other.to_string()),
    })
}

fn read(place: &str, text: &SecretValue) -> Result<Vec<x25519::Identity>, String> {
    let lines = text.expose().lines().map(str::trim);
    let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = keys
        .map(x25519::Identity::from_str)
        .collect::<Result<Vec<_>, _>>();
    // What the parser says could hold parts of the key.
    let read = read.ok().filter(|read| !read.is_empty());
    read.ok_or_else(|| {
        format!("{place} holds no identity of age\nhint: put the identity there that belongs to one of the recipients, a line that begins with `AGE-SECRET-KEY-1`; a new one opens nothing that is encrypted already")
    })
}

/// Why a sealed text does not open.
#[derive(Debug)]
pub(super) enum Unopened {
    /// The agent cannot, whatever the text is.
    NoKey(String),
    /// The text is not whole.
    Damaged(String),
}

/// A text on its way, sealed or not.
pub(super) enum Sealing<W: Write> {
    Clear(W),
    Sealed(Box<StreamWriter<W>>),
}

impl<W: Write> Sealing<W> {
    /// Ends it, and gives back what it went to.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Clear(inner) => Ok(inner),
            Self::Sealed(sealed) => sealed.finish(),
        }
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(inner) => inner.write(bytes),
            Self::Sealed(sealed) => sealed.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(inner) => inner.flush(),
            Self::Sealed(sealed) => sealed.flush(),
        }
    }
}
