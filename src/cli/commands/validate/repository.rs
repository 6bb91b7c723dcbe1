//! What the repository holds around the files that are checked.

use std::path::{Path, PathBuf};

/// Why a path cannot be had, from the top of the repository that a file stands in. Outside of a repository, where the top is not
/// known, every folder above the file may be it.
pub(super) fn lacks(file: &str, path: &str) -> Option<String> {
    // What comes from standard input stands nowhere.
    let file = Path::new(file).canonicalize().ok()?;
    let above: Vec<PathBuf> = file.ancestors().skip(1).map(Path::to_owned).collect();
    let is_top = |folder: &&PathBuf| folder.join(".git").symlink_metadata().is_ok();
    if let Some(top) = above.iter().find(is_top) {
        return missing(top, path);
    }
    let mut found = above.iter().map(|folder| missing(folder, path));
    let first = found.next()?;
    if found.any(|missing| missing.is_none()) {
        return None;
    }
    first
}

/// Walks down by names: no link is followed.
fn missing(top: &Path, path: &str) -> Option<String> {
    let mut at = top.to_owned();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        at.push(name);
        match at.symlink_metadata() {
            Ok(kind) if kind.is_symlink() => {
                return Some("it is a symbolic link, which is not followed".to_owned());
            }
            Ok(_) => {}
            Err(_) => return Some("it is not there".to_owned()),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::lacks;
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn a_path_begins_at_the_top_of_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for inner in ["runbooks/sub", "manifests"] {
            fs::create_dir_all(at(inner)).unwrap();
        }
        fs::write(at("manifests/web.yaml"), "").unwrap();
        fs::write(at("runbooks/own.sh"), "").unwrap();
        symlink(at("manifests"), at("link")).unwrap();
        let file = at("runbooks/sub/a.yaml");
        fs::write(&file, "").unwrap();
        let lacks = |path: &str| lacks(file.to_str().unwrap(), path);
        // Nobody knows where the top is.
        for there in ["manifests/web.yaml", "manifests/", "own.sh"] {
            assert_eq!(lacks(there), None, "{there}");
        }
        fs::create_dir(at(".git")).unwrap();
        assert_eq!(lacks("manifests/web.yaml"), None);
        for gone in ["own.sh", "manifests/other.yaml", "link/web.yaml"] {
            assert!(lacks(gone).is_some(), "{gone}");
        }
        assert_eq!(super::lacks("<stdin>", "own.sh"), None);
    }
}
