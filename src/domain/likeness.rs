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
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&folded, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > LEAST)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
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
}
