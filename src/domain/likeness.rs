//! Which known name was meant by one that nobody knows.

/// Names longer than this are not compared, in bytes.
const LONGEST: usize = 100;
/// Names less alike than this have nothing to do with each other; 1 is the same name.
const LEAST: f64 = 0.8;

/// The known name that is most like the wrong one; none where none is like it.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.len() > LONGEST {
        return None;
    }
    let folded = wrong.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(longer) = longer(&folded, &known) {
        return Some(longer);
    }
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&folded, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > LEAST)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

/// Of names in groups (`group/name`), the shortest with all words of this one and more: whoever writes `kubernetes/restart` means
/// `kubernetes/rollout-restart`, however much more alike others look.
fn longer<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let words = |name: &str| -> Vec<String> {
        let words = name.split(['/', '-']);
        words.map(str::to_lowercase).collect()
    };
    let wanted = words(wrong);
    let has_all = |name: &&str| {
        let there = words(name);
        wanted.iter().all(|word| there.contains(word))
    };
    let is_grouped = wrong.contains('/') && wanted.iter().all(|word| !word.is_empty());
    let fitting = known.iter().filter(|name| is_grouped && has_all(name));
    fitting.min_by_key(|name| name.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_pen_is_understood_and_another_name_is_not() {
        let known = ["nightly-backup", "disk-space", "listen"];
        assert_eq!(nearest("nigthly-backup", known), Some("nightly-backup"));
        assert_eq!(nearest("LISTEN", known), Some("listen"));
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"listen".repeat(100), known), None);
    }

    #[test]
    fn a_word_of_a_longer_name_is_understood() {
        let known = [
            "kubernetes/scale",
            "kubernetes/rollout-restart",
            "kubernetes/rollout-undo",
        ];
        let restart = Some("kubernetes/rollout-restart");
        assert_eq!(nearest("kubernetes/restart", known), restart);
        assert_eq!(nearest("kubernetes/rollout-restat", known), restart);
        assert_eq!(nearest("kubernetes/skale", known), Some("kubernetes/scale"));
    }
}
