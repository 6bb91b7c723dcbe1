//! Files of services and machines whose plain reading prints secrets: a table of folders, paths and names.

use super::pattern;

/// See the head of the table.
const TABLE: &str = include_str!("stores.table");

/// Whether a path, in small letters, is one of the table. The name is the last part of the path, without what a copy adds.
pub(super) fn is_store(path: &str, name: &str) -> bool {
    let mut lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    // From the folder above, `.mc/config.json` is the same file.
    let rooted = format!("/{}", path.trim_start_matches(['~', '/']));
    let stem = rooted
        .rfind('/')
        .map_or("", |place| rooted.get(..=place).unwrap_or_default());
    let rooted = format!("{stem}{name}");
    lines.any(|line| fits(line, &rooted, name))
}

fn fits(line: &str, path: &str, name: &str) -> bool {
    if !line.starts_with('/') {
        return pattern::fits(line, name);
    }
    if line.ends_with('/') {
        return path.contains(line) && path.len() > line.len();
    }
    pattern::fits(&format!("**{line}"), path)
}

#[cfg(test)]
mod tests {
    use super::is_store;

    #[test]
    fn a_store_is_known_by_its_folder_its_path_or_its_name() {
        for (path, name) in [
            ("/var/lib/etcd/member/snap/db", "db"),
            (
                "/srv/ceph.client.admin.keyring",
                "ceph.client.admin.keyring",
            ),
            ("~/.mc/config.json", "config.json"),
            (
                "/var/lib/cloud/instances/i-0/user-data.txt",
                "user-data.txt",
            ),
        ] {
            assert!(is_store(path, name), "{path}");
        }
        for (path, name) in [
            ("/etc/hosts", "hosts"),
            ("/srv/app/config.json", "config.json"),
            ("/etc/passwd", "passwd"),
            ("/var/lib/etcd", "etcd"),
        ] {
            assert!(!is_store(path, name), "{path}");
        }
    }
}
