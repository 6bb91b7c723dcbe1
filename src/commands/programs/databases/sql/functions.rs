//! What functions of databases do.

use crate::commands::programs::manual::Does;
use std::{collections::HashMap, sync::LazyLock};

static KNOWN: LazyLock<HashMap<&'static str, Does>> = LazyLock::new(|| {
    let mut known = HashMap::new();
    let mut does = Does::Unknown;
    for line in include_str!("functions.txt").lines() {
        match line.strip_suffix(':') {
            _ if line.starts_with('#') => {}
            Some(name) => does = class(name),
            None => known.extend(line.split_whitespace().map(|name| (name, does))),
        }
    }
    known
});

fn class(name: &str) -> Does {
    match name {
        "read" => Does::Read,
        "again" => Does::Again,
        "change" => Does::Change,
        "cut" => Does::Cut,
        "lose" => Does::Lose,
        "secrets" => Does::Secrets,
        _ => Does::Unknown,
    }
}

/// What a function of this name does; one that is not listed can do anything.
pub(super) fn does(name: &str) -> Does {
    let name = name.to_ascii_lowercase();
    KNOWN.get(name.as_str()).copied().unwrap_or(Does::Unknown)
}

/// What a function of this name is known to do beside computing and looking.
pub(super) fn deed(name: &str) -> Option<Does> {
    let name = name.to_ascii_lowercase();
    let unlisted = || {
        let parts = [
            "dblink",
            "lo_export",
            "xp_",
            "sp_oa",
            "load_extension",
            "sys_exec",
            "sys_eval",
            "query_to_xml",
            "pg_execute",
            "openrowset",
            "opendatasource",
        ];
        parts
            .iter()
            .any(|part| name.starts_with(part))
            .then_some(Does::Unknown)
    };
    match KNOWN.get(name.as_str()) {
        Some(Does::Read) => None,
        Some(does) => Some(*does),
        None => unlisted(),
    }
}
