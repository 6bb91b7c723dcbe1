//! Code and what is made of it: repositories, infrastructure as code, configuration of hosts, builds, machines, storage clusters.

mod ansible;
mod builds;
mod forge;
mod git;
mod git_shown;
mod salt;
mod terraform;

use super::{Grammar, manual::Manual};
use crate::commands::{found::Found, word::Call};
use std::sync::LazyLock;

static MANUAL: LazyLock<Manual> = LazyLock::new(|| Manual::new(&TEXTS));

const TEXTS: [&str; 9] = [
    include_str!("git.manual"),
    include_str!("forge.manual"),
    include_str!("infrastructure.manual"),
    include_str!("hosts.manual"),
    include_str!("machines.manual"),
    include_str!("builds.manual"),
    include_str!("storage.manual"),
    include_str!("occasional.manual"),
    include_str!("stores.manual"),
];

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "git" => Some(git::judge),
        "gh" => Some(forge::judge),
        "ansible" => Some(ansible::judge),
        "ansible-playbook" | "ansible-inventory" => Some(ansible::plays),
        "make" | "gmake" | "mingw32-make" => Some(builds::make),
        "salt" | "salt-call" | "salt-ssh" => Some(salt::judge),
        "terraform" | "tofu" => Some(terraform::judge),
        _ => MANUAL.program(program).map(|_| by_manual as Grammar),
    }
}

fn by_manual(call: &Call<'_>, found: &mut Found) {
    MANUAL.judge(call, found);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_of_the_manuals_is_understood() {
        for text in super::TEXTS {
            let faults = crate::commands::programs::manual::faults(text);
            assert_eq!(faults, Vec::<String>::new());
        }
    }
}
