//! Kinds of objects: their names, and what makes some of them grave.

use std::{collections::HashMap, sync::LazyLock};

static KINDS: LazyLock<HashMap<&'static str, Vec<Kind>>> =
    LazyLock::new(|| index(include_str!("kinds.table")));

static PLURALS: LazyLock<HashMap<String, Plural>> =
    LazyLock::new(|| plurals(include_str!("kinds.table")));

/// How the API's paths name a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plural {
    /// Empty for the core group.
    pub group: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

/// How the API's paths name a kind that effects name so: `deployment.apps`. Nothing where no table knows it.
pub fn plural(kind: &str) -> Option<Plural> {
    PLURALS.get(kind).copied()
}

/// One kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    /// Singular, with its group: `deployment.apps`.
    pub(super) name: String,
    pub(super) namespaced: bool,
    pub(super) nature: Nature,
}

/// What makes a kind grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    Plain,
    /// Says who may do what, or what is let in and through.
    Access,
    /// Holds values of secrets.
    Secret,
    /// Runs pods.
    Workload,
    /// No table knows it.
    Unknown,
}

impl Kind {
    /// The kind that a word names as kubectl reads it: `deploy`, `Deployments`, `deployments.apps`, `deployments.v1.apps`.
    pub(super) fn of(word: &str) -> Self {
        let lower = word.to_ascii_lowercase();
        let (name, rest) = lower.split_once('.').unwrap_or((&lower, ""));
        let rest = rest.trim_end_matches('.');
        let candidates = KINDS.get(name).map_or(&[][..], Vec::as_slice);
        let found = candidates.iter().find(|kind| match (kind.group(), rest) {
            (_, "") => true,
            ("", version) => is_version(version),
            (group, rest) => {
                rest == group
                    || group.starts_with(rest)
                    || rest
                        .strip_suffix(group)
                        .and_then(|rest| rest.strip_suffix('.'))
                        .is_some_and(is_version)
            }
        });
        found.cloned().unwrap_or(Self {
            name: lower,
            namespaced: true,
            nature: Nature::Unknown,
        })
    }

    /// Every word that names a kind; the order is that of the alphabet.
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        let mut words: Vec<&str> = KINDS.keys().copied().collect();
        words.sort_unstable();
        words.into_iter()
    }

    /// The kind of an object: its `apiVersion` and `kind`.
    pub(super) fn of_object(api_version: &str, kind: &str) -> Self {
        let group = match api_version.split_once('/') {
            Some((group, _)) => group,
            None => "",
        };
        let lower = kind.to_ascii_lowercase();
        let candidates = KINDS.get(lower.as_str()).map_or(&[][..], Vec::as_slice);
        let found = candidates.iter().find(|kind| kind.group() == group);
        found.cloned().unwrap_or_else(|| Self {
            name: if group.is_empty() {
                lower
            } else {
                format!("{lower}.{group}")
            },
            namespaced: true,
            nature: if group.contains("constraints.gatekeeper.sh")
                || group.contains("authorization")
            {
                Nature::Access
            } else {
                Nature::Unknown
            },
        })
    }

    fn group(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, group)| group)
    }
}

/// `v1`, `v1beta2`.
fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|letter: char| letter.is_ascii_digit()) && !rest.contains('.')
    })
}

fn plurals(table: &'static str) -> HashMap<String, Plural> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let kinds = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let (plural, singular, _) = (words.next()?, words.next()?, words.next()?);
        let (group, scope) = (words.next()?, words.next()?);
        let group = if group == "-" { "" } else { group };
        let name = if group.is_empty() {
            singular.to_owned()
        } else {
            format!("{singular}.{group}")
        };
        let plural = Plural {
            group,
            plural,
            namespaced: scope == "n",
        };
        Some((name, plural))
    });
    kinds.collect()
}

fn index(table: &'static str) -> HashMap<&'static str, Vec<Kind>> {
    let mut index: HashMap<&str, Vec<Kind>> = HashMap::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (Some(plural), Some(singular), Some(short), Some(group), Some(scope)) = (
            words.next(),
            words.next(),
            words.next(),
            words.next(),
            words.next(),
        ) else {
            continue;
        };
        let kind = Kind {
            name: if group == "-" {
                singular.to_owned()
            } else {
                format!("{singular}.{group}")
            },
            namespaced: scope == "n",
            nature: match words.next() {
                Some("access") => Nature::Access,
                Some("secret") => Nature::Secret,
                Some("workload") => Nature::Workload,
                _ => Nature::Plain,
            },
        };
        let mut names: Vec<_> = short.split(',').filter(|name| *name != "-").collect();
        names.extend([plural, singular]);
        names.dedup();
        for name in names {
            index.entry(name).or_default().push(kind.clone());
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::{KINDS, Kind, Nature};

    #[test]
    fn every_spelling_of_a_kind_names_it() {
        for spelling in [
            "deploy",
            "Deployment",
            "deployments",
            "deployments.apps",
            "deployments.v1.apps",
            "deployments.app",
        ] {
            assert_eq!(Kind::of(spelling).name, "deployment.apps", "{spelling}");
        }
        for spelling in ["secret", "SECRETS", "Secret", "secrets.v1", "secrets.v1."] {
            assert_eq!(Kind::of(spelling).nature, Nature::Secret, "{spelling}");
        }
        assert_eq!(Kind::of("foos.example.org").nature, Nature::Unknown);
        assert_eq!(Kind::of("secrets.example.org").nature, Nature::Unknown);
    }

    #[test]
    fn an_object_names_its_kind_with_its_group() {
        assert_eq!(
            Kind::of_object("apps/v1", "Deployment").name,
            "deployment.apps"
        );
        assert_eq!(
            Kind::of_object("longhorn.io/v1beta2", "Node").name,
            "node.longhorn.io"
        );
        assert_eq!(Kind::of_object("v1", "Node").name, "node");
        assert_eq!(Kind::of_object("x.org/v1", "Thing").name, "thing.x.org");
    }

    #[test]
    fn the_table_is_whole() {
        let count: usize = KINDS.values().map(Vec::len).sum();
        assert!(count > 500, "{count}");
    }
}
