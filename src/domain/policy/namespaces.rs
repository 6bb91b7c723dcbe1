//! Namespaces as policy lists them: each by its name, or by a pattern in which `*` stands for any characters and `?` for one.

/// The longest name that a namespace can have.
const LONGEST: usize = 63;

/// Whether a namespace is meant by what is listed.
pub fn fits(listed: &str, namespace: &str) -> bool {
    let (listed, name) = (listed.as_bytes(), namespace.as_bytes());
    let (mut at, mut place) = (0, 0);
    // Behind the last star, and how much of the name that star stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while place < name.len() {
        match (listed.get(at), name.get(place), star) {
            (Some(b'*'), ..) => {
                at += 1;
                star = Some((at, place));
            }
            (Some(b'?'), ..) => {
                at += 1;
                place += 1;
            }
            (Some(wanted), Some(letter), _) if wanted == letter => {
                at += 1;
                place += 1;
            }
            (_, _, Some((behind, taken))) => {
                star = Some((behind, taken + 1));
                at = behind;
                place = taken + 1;
            }
            (_, _, None) => return false,
        }
    }
    let rest = listed.get(at..).unwrap_or_default();
    rest.iter().all(|letter| *letter == b'*')
}

/// Whether it may mean more than one namespace.
pub fn is_pattern(listed: &str) -> bool {
    listed.contains(['*', '?'])
}

/// Why it can mean no namespace, and what to write instead.
pub fn fault_in(listed: &str) -> Option<(String, String)> {
    let may_stand = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-*?".contains(letter)
    };
    let may_begin = |letter: char| may_stand(letter) && letter != '-';
    let is_whole = listed.len() <= LONGEST
        && listed.chars().all(may_stand)
        && listed.starts_with(may_begin)
        && listed.ends_with(may_begin);
    if is_whole {
        return None;
    }
    let problem = format!("`{listed}` can be no namespace, so it would protect nothing");
    let meant = listed.trim().to_lowercase().replace('_', "-");
    let hint = if !meant.is_empty() && meant != listed && fault_in(&meant).is_none() {
        format!("did you mean `{meant}`?")
    } else {
        "names have lower-case letters, digits and `-`; `*` stands for any characters, `?` for one"
            .to_owned()
    };
    Some((problem, hint))
}

#[cfg(test)]
mod tests {
    use super::{fault_in, fits};

    #[test]
    fn a_pattern_means_what_it_looks_like() {
        for (listed, namespace, wanted) in [
            ("kube-system", "kube-system", true),
            ("kube-system", "kube-systems", false),
            ("kube-*", "kube-system", true),
            ("kube-*", "kube-", true),
            ("kube-*", "kube", false),
            ("*", "shop", true),
            ("*-prod", "shop-prod", true),
            ("*-prod", "prod-shop", false),
            ("team-?", "team-a", true),
            ("team-?", "team-ab", false),
            ("*a*b*", "xaxxbx", true),
            ("*a*b*", "xbxxax", false),
        ] {
            assert_eq!(fits(listed, namespace), wanted, "{listed} {namespace}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let listed = "*a".repeat(30);
        assert!(!fits(&listed, &"a".repeat(25)));
        assert!(!fits(&format!("{listed}b"), &"a".repeat(63)));
    }

    #[test]
    fn what_can_be_no_namespace_is_told_with_what_was_meant() {
        for listed in ["kube-system", "kube-*", "*", "team-?", "7"] {
            assert_eq!(fault_in(listed), None);
        }
        for listed in ["", "-x", "x-", "a.b", "a b", &"x".repeat(64)] {
            assert!(
                fault_in(listed).unwrap().1.contains("lower-case"),
                "{listed}"
            );
        }
        let (problem, hint) = fault_in("Kube_System").unwrap();
        assert_eq!(
            problem,
            "`Kube_System` can be no namespace, so it would protect nothing"
        );
        assert_eq!(hint, "did you mean `kube-system`?");
    }
}
