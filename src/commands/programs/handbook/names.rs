//! Substitutions that list names of things: `$(docker ps -q)`, `$(kubectl get pods -o name | head -1)`. What they give is not known, but
//! engines and clusters allow no name that begins with a dash or holds a blank, so that they can be no flag and no second command.

use crate::commands::word::Word;

/// What lists containers by their ids.
const CONTAINERS: [&str; 9] = [
    "docker ps ",
    "docker container ls ",
    "docker compose ps -q",
    "docker-compose ps -q",
    "podman ps ",
    "nerdctl ps ",
    "crictl ps ",
    "crictl pods ",
    "sudo docker ps ",
];
/// What picks some of them.
const PICKS: [&str; 6] = ["head", "tail", "grep ", "cut ", "sort", "uniq"];

/// Whether a word is such a substitution.
pub(in crate::commands::programs) fn lists_names(word: &Word) -> bool {
    let Word::Unknown(text) = word else {
        return false;
    };
    let inner = text
        .strip_prefix("$(")
        .and_then(|text| text.strip_suffix(')'));
    let Some(inner) =
        inner.filter(|inner| !inner.contains(['$', '`', ';', '&', '<', '>', '(', '\n']))
    else {
        return false;
    };
    let mut parts = inner.split('|').map(str::trim);
    let first = parts.next().unwrap_or("");
    is_list(first) && parts.all(|part| PICKS.iter().any(|pick| part.starts_with(pick)))
}

fn is_list(command: &str) -> bool {
    let ids = CONTAINERS.iter().any(|list| command.starts_with(list))
        && command.split(' ').any(|word| {
            word.starts_with('-') && !word.starts_with("--") && word.contains('q')
                || word == "--quiet"
        });
    let objects = command.starts_with("kubectl ") && command.contains(" get ");
    let names = ["-o name", "-oname", "-o=name", "--output=name"]
        .iter()
        .any(|flag| command.contains(flag));
    let path = command.contains("jsonpath=")
        && command.contains(".metadata.name}")
        && command.matches('{').count() == 1;
    ids || objects && (names || path)
}

#[cfg(test)]
mod tests {
    use super::lists_names;
    use crate::commands::word::Word;

    #[test]
    fn lists_of_names_are_told_from_other_texts() {
        let lists = |text: &str| lists_names(&Word::Unknown(text.to_owned()));
        for text in [
            "$(docker ps -q)",
            "$(docker ps -aqf name=web)",
            "$(kubectl get pods -l app=web -o name | head -1)",
            "$(kubectl -n shop get pod -o jsonpath='{.items[0].metadata.name}')",
        ] {
            assert!(lists(text), "{text}");
        }
        for text in [
            "$X",
            "$(cat file)",
            "$(docker ps)",
            "$(docker inspect -f q web)",
            "$(kubectl get cm x -o jsonpath='{.data.command}')",
            "$(kubectl get pods -o name; echo x)",
            "$(kubectl get pods -o name | awk '{print \"-- rm\"}')",
            "$(docker ps -q)$X",
        ] {
            assert!(!lists(text), "{text}");
        }
    }
}
