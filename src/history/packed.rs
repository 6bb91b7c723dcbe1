//! JSON compressed with zstd, for texts that are kept long and read seldom.

use rusqlite::types::FromSqlError;
use serde::{Serialize, de::DeserializeOwned};
use std::io::Read as _;

/// No packed text is longer; what unpacks to more is damage or malice.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A value as compressed JSON.
pub(in crate::history) fn pack(value: &impl Serialize) -> rusqlite::Result<Vec<u8>> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::ToSqlConversionFailure(error)
    };
    let text = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
    zstd::bulk::compress(&text, zstd::DEFAULT_COMPRESSION_LEVEL)
        .map_err(|error| failed(error.into()))
}

/// Back again.
pub(in crate::history) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Result<T, FromSqlError> {
    let mut text = Vec::new();
    zstd::Decoder::new(packed)
        .and_then(|decoder| decoder.take(MAX_BYTES).read_to_end(&mut text))
        .map_err(FromSqlError::other)?;
    serde_json::from_slice(&text).map_err(FromSqlError::other)
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, pack, unpack};

    #[test]
    fn a_value_comes_back_and_takes_less_room() {
        let value = vec!["the same words"; 100];
        let packed = pack(&value).unwrap();
        assert!(packed.len() < 100);
        assert_eq!(unpack::<Vec<String>>(&packed).unwrap(), value);
    }

    #[test]
    fn a_bomb_is_cut_and_refused() {
        let zeros = vec![b' '; usize::try_from(MAX_BYTES).unwrap() + 10];
        let bomb = zstd::bulk::compress(&zeros, 19).unwrap();
        assert!(unpack::<u8>(&bomb).is_err());
    }
}
