//! Where artifacts are kept, and for whom they are encrypted.

use crate::domain::{
    artifact::DISK,
    name::{SecretName, StoreName},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// The least size of a part that S3 takes (but for the last), and the largest that is worth its memory.
const PART_BYTES: std::ops::RangeInclusive<u64> = (5 << 20)..=(256 << 20);

/// Artifacts: what backups and other steps leave behind.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ArtifactsConfig {
    /// The store that steps use where they name none; `disk`, the state folder, where it is left out.
    #[schemars(with = "Option<String>")]
    pub store: Option<StoreName>,
    /// Public keys of age (`age1…`). Artifacts are encrypted for all of them, unless a step says `encrypt: false`; without any, what may
    /// hold secrets is not kept at all.
    pub recipients: Vec<String>,
    /// The secret that holds an identity of age (`AGE-SECRET-KEY-1…`). Only `backup/verify` and `backup/restore` need it; without it the
    /// agent can make encrypted artifacts and not read them.
    #[schemars(with = "Option<String>")]
    pub identity: Option<SecretName>,
    /// Stores beside `disk`, by name.
    #[schemars(with = "BTreeMap<String, StoreConfig>")]
    pub stores: BTreeMap<StoreName, StoreConfig>,
}

/// A place for artifacts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum StoreConfig {
    /// A bucket of S3 or of a service that speaks like it.
    S3(S3Config),
}

/// A bucket.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct S3Config {
    /// The bucket; it must be there.
    pub bucket: String,
    /// The service's address, where it is not AWS: `https://minio.example.org:9000`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The region.
    #[serde(default = "region")]
    pub region: String,
    /// What every key begins with: `backups/host-1`.
    #[serde(default)]
    pub prefix: String,
    /// The secret that holds the access key's id. Without it the credentials of the machine or of its service account are asked for, as
    /// AWS gives them.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub access_key: Option<SecretName>,
    /// The secret that holds the access key.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret_key: Option<SecretName>,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    pub authority_file: Option<PathBuf>,
    /// Whether the bucket stands in the host name (`bucket.s3.example.org`) instead of the path.
    #[serde(default)]
    pub virtual_hosts: bool,
    /// Bytes of a part of an upload, 5 MiB to 256 MiB; three are held in memory. At most 10,000 parts make an artifact.
    #[serde(default = "part_bytes")]
    pub part_bytes: u64,
}

fn region() -> String {
    "us-east-1".to_owned()
}
fn part_bytes() -> u64 {
    8 << 20
}

/// What does not fit: the setting, the key below it, and what is wrong.
pub(super) fn faults(artifacts: &ArtifactsConfig) -> Vec<(&'static str, Vec<String>, String)> {
    let mut faults = Vec::new();
    if let Some(store) = &artifacts.store
        && store.as_str() != DISK
        && !artifacts.stores.contains_key(store)
    {
        let names = artifacts.stores.keys().map(StoreName::as_str);
        let known: Vec<&str> = names.filter(|name| *name != DISK).collect();
        let problem = format!(
            "there is no store `{store}`\nhint: known are {}",
            [&[DISK], known.as_slice()].concat().join(", ")
        );
        faults.push(("artifacts.store", Vec::new(), problem));
    }
    for (name, StoreConfig::S3(s3)) in &artifacts.stores {
        let below = |key: &str| vec![name.to_string(), "s3".to_owned(), key.to_owned()];
        let mut broken = |key: &str, problem: &str| {
            faults.push(("artifacts.stores", below(key), problem.to_owned()));
        };
        if name.as_str() == DISK {
            let problem = "`disk` is the state folder\nhint: give the store another name";
            faults.push((
                "artifacts.stores",
                vec![name.to_string()],
                problem.to_owned(),
            ));
            continue;
        }
        if s3.bucket.is_empty() {
            broken("bucket", "the bucket's name is empty");
        }
        if s3.access_key.is_some() != s3.secret_key.is_some() {
            broken(
                "accessKey",
                "name both `accessKey` and `secretKey`, or neither",
            );
        }
        if !PART_BYTES.contains(&s3.part_bytes) {
            broken("partBytes", "must be from 5242880 to 268435456");
        }
        if let Some(endpoint) = &s3.endpoint
            && !url::Url::parse(endpoint).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        {
            broken(
                "endpoint",
                "this is no address\nhint: write for example `https://minio.example.org:9000`",
            );
        }
    }
    faults
}
