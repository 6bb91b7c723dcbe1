//! What is wrong with a configuration.

use crate::domain::likeness::nearest;
use std::fmt;

/// One thing that is wrong: where, what, and a way out where there is one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// `file:line:column`, a variable, a flag, or a setting and where its value comes from.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// A way out.
    pub hint: Option<String>,
}

impl Fault {
    /// A problem may end with a line that begins with `hint: `.
    pub(super) fn new(place: impl Into<String>, problem: &str) -> Self {
        let (problem, hint) = match problem.split_once("\nhint: ") {
            Some((problem, hint)) => (problem, Some(hint.to_owned())),
            None => (problem, None),
        };
        Self {
            place: place.into(),
            problem: problem.to_owned(),
            hint,
        }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// One fault as it is; several below each other, each with its own hint.
pub(super) fn listed(faults: &[Fault]) -> String {
    if let [one] = faults {
        return one.to_string();
    }
    let mut text = format!(
        "the configuration cannot be used: {} problems",
        faults.len()
    );
    for fault in faults {
        let lines = fault.to_string();
        for (place, line) in lines.lines().enumerate() {
            let indent = if place == 0 { "  " } else { "      " };
            text.push_str(&format!("\n{indent}{line}"));
        }
    }
    text
}

/// What serde says of a value, as people would say it, and a way out.
pub(super) fn in_words(message: &str) -> (String, Option<String>) {
    const ADDRESS: &str = "write an address and a port, as `127.0.0.1:8080`";
    let hinted = |hint: &str| Some(hint.to_owned());
    if message.starts_with("invalid socket address") {
        return ("is not an address and a port".to_owned(), hinted(ADDRESS));
    }
    if message.ends_with("expected map with a single key") {
        return ("must have exactly one key".to_owned(), None);
    }
    if message.starts_with("unknown variant") {
        return not_among(&quoted(message));
    }
    let types = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| message.strip_prefix(start));
    let Some((found, wanted)) = types.and_then(|types| types.split_once(", expected ")) else {
        return (message.to_owned(), None);
    };
    let is_scalar = ["integer", "floating point", "boolean"]
        .iter()
        .any(|word| found.starts_with(word));
    let hint = match wanted {
        "socket address" => hinted(ADDRESS),
        "a string" if is_scalar => hinted("put it in quotes"),
        _ => None,
    };
    let wanted = match wanted {
        "socket address" => "an address and a port",
        "u8" | "u16" | "u32" | "u64" => "a whole number of 0 or more",
        "f32" | "f64" => "a number",
        other => other,
    };
    (format!("must be {wanted}, not {found}"), hint)
}

/// What stands between backquotes.
pub(super) fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// The first word is none of the others.
fn not_among(words: &[&str]) -> (String, Option<String>) {
    let Some((wrong, known)) = words.split_first() else {
        return (String::new(), None);
    };
    let meant = nearest(wrong, known.iter().copied());
    let hint = meant.map(|name| format!("did you mean `{name}`?"));
    (
        format!("`{wrong}` is not one of {}", known.join(", ")),
        hint,
    )
}

/// A hint at the known name that was meant, or else at all of them.
pub(super) fn hint_among(wrong: &str, known: &[&str]) -> Option<String> {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known are {}", known.join(", "))),
    }
}
