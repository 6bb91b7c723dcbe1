//! Files and disks: looking, searching, copying, packing, rights, file systems.
//!
//! Two questions are asked of every path, each in one place: does printing it disclose a secret ([`secrets`]), and does writing it
//! change more than a file ([`guard`]).

mod archives;
mod copies;
mod defaults;
mod disk_tables;
mod disks;
mod fd;
mod filters;
mod find;
pub(in crate::commands) mod guard;
pub(in crate::commands::programs) mod looks;
mod modes;
mod packers;
mod patches;
pub(in crate::commands) mod paths;
pub(in crate::commands) mod pattern;
pub(in crate::commands::programs) mod picked;
pub(in crate::commands) mod relative;
pub(in crate::commands::programs) mod search;
pub(in crate::commands) mod secrets;
mod stores;
mod structured;
mod transfers;
mod volumes;
mod writers;
mod zips;

use super::Grammar;

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    looks::grammar(program)
        .or_else(|| search::grammar(program))
        .or_else(|| copies::grammar(program))
        .or_else(|| writers::grammar(program))
        .or_else(|| filters::grammar(program))
        .or_else(|| archives::grammar(program))
        .or_else(|| other(program))
}

fn other(program: &str) -> Option<Grammar> {
    Some(match program {
        "fd" | "fdfind" => fd::fd,
        "find" | "gfind" => find::find,
        "jq" | "gojq" | "jaq" => structured::jq,
        "yq" => structured::yq,
        "chmod" => modes::chmod,
        "chown" | "chgrp" => modes::chown,
        "setfacl" => modes::setfacl,
        "chattr" => modes::chattr,
        "rsync" => transfers::rsync,
        "scp" => transfers::scp,
        "sftp" => transfers::sftp,
        program => {
            return packers::grammar(program)
                .or_else(|| disks::grammar(program))
                .or_else(|| volumes::grammar(program));
        }
    })
}
