//! Users of the host, as `/etc/passwd` and `/etc/group` name them.
//!
//! Accounts that only a directory service knows are named by number: `1000:1000`.

use crate::{
    adapters::process::not_started,
    ports::processes::{ProcessError, Program},
};
use serde::{Deserialize, Serialize};

/// As whom a program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Further groups.
    pub(super) groups: Vec<u32>,
}

/// The user that the program names, if any.
pub(super) fn find(program: &Program) -> Result<Option<User>, ProcessError> {
    let Some(name) = &program.user else {
        return Ok(None);
    };
    let read = |path: &str| {
        std::fs::read_to_string(path)
            .map_err(|error| not_started(program.name(), format!("{path} cannot be read: {error}")))
    };
    let user = match numeric(name) {
        Some(user) => Some(user),
        None => named(name, &read("/etc/passwd")?, &read("/etc/group")?),
    };
    let unknown = || {
        let reason = format!(
            "there is no user `{name}` in /etc/passwd\nhint: name one that is, or write `UID:GID`"
        );
        not_started(program.name(), reason)
    };
    user.ok_or_else(unknown).map(Some)
}

/// `1000:1000`
fn numeric(name: &str) -> Option<User> {
    let (uid, gid) = name.split_once(':')?;
    Some(User {
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        groups: Vec::new(),
    })
}

/// passwd(5) and group(5).
fn named(name: &str, passwd: &str, group: &str) -> Option<User> {
    let account = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        found.then(|| fields.skip(1))
    });
    let mut account = account?;
    let uid = account.next()?.parse().ok()?;
    let gid = account.next()?.parse().ok()?;
    let groups = group.lines().filter_map(|line| {
        let (rest, members) = line.rsplit_once(':')?;
        let is_member = members.split(',').any(|member| member == name);
        is_member.then(|| rest.rsplit_once(':')?.1.parse().ok())?
    });
    Some(User {
        uid,
        gid,
        groups: groups.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{User, named, numeric};

    #[test]
    fn a_user_has_its_group_and_its_further_groups() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/:/bin/false\nbroken\n";
        let group = "web:x:34:\nlogs:x:4:root,web\nx:x:5:webber\nbroken\n";
        let web = User {
            uid: 33,
            gid: 34,
            groups: vec![4],
        };
        assert_eq!(named("web", passwd, group), Some(web));
        assert_eq!(named("nobody", passwd, group), None);
        assert_eq!(named("broken", passwd, group), None);
    }

    #[test]
    fn numbers_need_no_account() {
        let user = numeric("1000:100").unwrap();
        assert_eq!((user.uid, user.gid), (1000, 100));
        assert_eq!(numeric("1000"), None);
        assert_eq!(numeric("-1:0"), None);
    }
}
