//! Amounts as Kubernetes writes them: `250m`, `1.5`, `2Gi`, `1e3`.

const SUFFIXES: [(&str, f64); 15] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// The amount: cores of CPU, bytes of memory.
pub(super) fn read(text: &str) -> Option<f64> {
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    let written = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let amount: f64 = number
        .parse()
        .ok()
        .filter(|_| number.chars().all(written))?;
    Some(amount * factor)
}

/// How much of a whole it is, in whole percent, rounded up so that anything above a threshold reaches it; at most 10000.
pub(super) fn percent(part: f64, whole: f64) -> u64 {
    if part <= 0.0 {
        return 0;
    }
    whole_number((part / whole * 100.0 - 1e-9).ceil().min(10_000.0))
}

/// The whole number that is at most this one; nothing below 0.
pub(super) fn whole_number(amount: f64) -> u64 {
    // The text of a rounded number is exact where a cast would be a guess.
    format!("{:.0}", amount.floor().max(0.0))
        .parse()
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{percent, read, whole_number};

    #[test]
    fn amounts_are_read_as_the_api_writes_them() {
        for (text, amount) in [
            ("250m", 0.25),
            ("2", 2.0),
            ("1.5", 1.5),
            ("128974848", 128_974_848.0),
            ("129e6", 129_000_000.0),
            ("129M", 129_000_000.0),
            ("123Mi", 128_974_848.0),
            ("1Gi", 1_073_741_824.0),
            ("48297n", 0.000_048_297),
        ] {
            let found = read(text).unwrap();
            assert!((found - amount).abs() < amount * 1e-12, "{text}: {found}");
        }
        for none in ["", "Gi", "inf", "NaN", "1 Gi", "2GB"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_share_is_rounded_up() {
        assert_eq!(percent(80.0, 100.0), 80);
        assert_eq!(percent(0.801, 1.0), 81);
        assert_eq!(percent(0.0, 4.0), 0);
        assert_eq!(percent(1e30, 1.0), 10_000);
        assert_eq!(percent(0.0, 0.0), 0);
        assert_eq!(percent(1.0, 0.0), 10_000);
        assert_eq!(whole_number(3.999), 3);
        assert_eq!(whole_number(-1.0), 0);
    }
}
