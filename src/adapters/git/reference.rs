//! Which of a repository's references is followed.

use super::failure::Failure;
use git2::Oid;

/// What the agent follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The repository's own `HEAD`: its default branch, or for a working repository whatever commit is checked out.
    Head,
    /// A branch.
    Branch(String),
    /// A tag; an annotated one leads to its commit.
    Tag(String),
}

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
/// Names in a hint.
const NAMED: usize = 5;

impl Reference {
    /// The full name in the repository.
    pub(super) fn full_name(&self) -> String {
        match self {
            Self::Head => "HEAD".to_owned(),
            Self::Branch(name) => format!("{BRANCHES}{name}"),
            Self::Tag(name) => format!("{TAGS}{name}"),
        }
    }

    /// Whether the name can be one (git-check-ref-format(1)).
    pub(super) fn is_valid(&self) -> bool {
        let name = self.full_name();
        git2::Reference::is_valid_name(&name) && !name.contains(['*', ':', '+'])
    }

    /// The commit that it leads to among what a repository shows: pairs of a full name and an id, where `name^{}` is what an annotated
    /// tag leads to.
    pub(super) fn find(&self, shown: &[(String, Oid)]) -> Result<Oid, Failure> {
        let name = self.full_name();
        let peeled = format!("{name}^{{}}");
        let named = |wanted: &str| shown.iter().find(|(name, _)| name == wanted);
        named(&peeled)
            .or_else(|| named(&name))
            .map(|(_, id)| *id)
            .ok_or_else(|| self.missing(shown.iter().map(|(name, _)| name.as_str())))
    }

    /// The failure that says it is not there, with the names that are nearest to it.
    pub(super) fn missing<'a>(&self, shown: impl Iterator<Item = &'a str>) -> Failure {
        let (what, prefix, wanted) = match self {
            Self::Head => ("commit yet".to_owned(), BRANCHES, ""),
            Self::Branch(name) => (format!("branch `{name}`"), BRANCHES, name.as_str()),
            Self::Tag(name) => (format!("tag `{name}`"), TAGS, name.as_str()),
        };
        let mut names: Vec<&str> = shown
            .filter_map(|name| name.strip_prefix(prefix))
            .filter(|name| !name.ends_with("^{}"))
            .collect();
        names.sort_by(|a, b| {
            let likeness = |name| strsim::jaro_winkler(wanted, name);
            likeness(b).total_cmp(&likeness(a)).then_with(|| a.cmp(b))
        });
        names.truncate(NAMED);
        let kind = what.split(' ').next().unwrap_or_default().to_owned();
        let hint = match (self, names.is_empty()) {
            (Self::Head, true) => "commit a first runbook".to_owned(),
            (Self::Head, false) => format!("name a branch: {}", names.join(", ")),
            (_, true) => format!("there is no {kind} at all: push one first"),
            (_, false) => format!("it has: {}", names.join(", ")),
        };
        Failure::Missing(what, hint)
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD"),
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;
    use crate::adapters::git::failure::Failure;
    use git2::Oid;

    fn shown() -> Vec<(String, Oid)> {
        [
            ("HEAD", 1),
            ("refs/heads/main", 1),
            ("refs/heads/master-plan", 2),
            ("refs/tags/v1", 3),
            ("refs/tags/v1^{}", 4),
        ]
        .map(|(name, byte)| (name.to_owned(), Oid::from_bytes(&[byte; 20]).unwrap()))
        .to_vec()
    }

    #[test]
    fn an_annotated_tag_leads_to_its_commit() {
        let id = Reference::Tag("v1".into()).find(&shown()).unwrap();
        assert_eq!(id, Oid::from_bytes(&[4; 20]).unwrap());
    }

    #[test]
    fn a_wrong_branch_is_told_the_nearest_names() {
        let missing = Reference::Branch("mian".into()).find(&shown());
        let Err(Failure::Missing(what, hint)) = missing else {
            panic!("found");
        };
        assert_eq!(what, "branch `mian`");
        assert_eq!(hint, "it has: main, master-plan");
    }

    #[test]
    fn a_name_that_is_a_pattern_is_no_reference() {
        for name in ["a*", "a:b", "+a", "a..b", "", "a b"] {
            assert!(!Reference::Branch(name.into()).is_valid(), "{name}");
        }
        assert!(Reference::Branch("team/main".into()).is_valid() && Reference::Head.is_valid());
    }
}
