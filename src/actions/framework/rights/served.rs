//! What the API calls a kind, as far as that is known without asking its server.

use crate::{actions::kubernetes::kinds::TABLE, commands::plural};

/// How the API's paths name a kind.
pub(super) struct Served {
    pub(super) group: String,
    pub(super) plural: String,
    /// Whether that follows from its singular alone.
    pub(super) is_guess: bool,
}

/// How the API names a kind as effects name it. One that no table knows is taken for a plural, as steps write it, unless it looks like none:
/// an object that is written out names its kind in the singular.
pub(super) fn served(kind: &str) -> Option<Served> {
    let known = |group: &str, plural: &str| Served {
        group: group.to_owned(),
        plural: plural.to_owned(),
        is_guess: false,
    };
    let own = TABLE.iter().find(|known| known.effect_kind() == kind);
    if let Some(own) = own {
        return Some(known(own.group, own.plural));
    }
    if let Some(found) = plural(kind) {
        return Some(known(found.group, found.plural));
    }
    let (word, group) = kind.split_once('.')?;
    if is_plural(word) {
        return Some(known(group, word));
    }
    Some(Served {
        is_guess: true,
        ..known(group, &in_plural(word))
    })
}

fn is_plural(word: &str) -> bool {
    word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end))
}

/// As tools that make definitions form it.
fn in_plural(word: &str) -> String {
    if let Some(stem) = word.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh"];
    let end = if hisses.iter().any(|end| word.ends_with(end)) {
        "es"
    } else {
        "s"
    };
    format!("{word}{end}")
}

#[cfg(test)]
mod tests {
    use super::served;

    #[test]
    fn a_kind_that_no_table_knows_has_the_plural_that_is_written_or_one_that_is_formed() {
        for (kind, plural, is_guess) in [
            ("deployment.apps", "deployments", false),
            ("certificate.cert-manager.io", "certificates", false),
            ("taskruns.agents.platform", "taskruns", false),
            ("taskrun.agents.platform", "taskruns", true),
            ("policy.example.org", "policies", true),
            ("gateway.example.org", "gateways", true),
            ("class.example.org", "classes", true),
            ("redis.example.org", "redises", true),
            ("box.example.org", "boxes", true),
        ] {
            let served = served(kind).unwrap();
            assert_eq!(
                (served.plural.as_str(), served.is_guess),
                (plural, is_guess),
                "{kind}"
            );
        }
        assert!(served("widget").is_none());
    }
}
