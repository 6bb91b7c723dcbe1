//! The arguments of a module: `name=value …`, JSON, or a command with such words before it.

/// Words that a command module takes for itself.
const OWN: [&str; 8] = [
    "chdir",
    "creates",
    "removes",
    "executable",
    "stdin",
    "warn",
    "strip_empty_ends",
    "stdin_add_newline",
];

/// What a module is given.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pairs: Vec<(String, String)>,
    text: String,
}

impl Arguments {
    /// Reads a text; `None` where it stands in a file.
    pub(super) fn read(text: &str) -> Option<Self> {
        let trimmed = text.trim();
        if trimmed.starts_with('@') {
            return None;
        }
        if trimmed.starts_with('{') && !trimmed.starts_with("{{") {
            let value: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(trimmed).ok()?;
            let pairs = value
                .into_iter()
                .map(|(name, value)| (name, plain(&value)))
                .collect();
            return Some(Self {
                pairs,
                text: String::new(),
            });
        }
        let mut pairs = Vec::new();
        for word in split(trimmed) {
            if let Some((name, value)) = word.split_once('=') {
                pairs.push((name.to_owned(), value.to_owned()));
            }
        }
        Some(Self {
            pairs,
            text: trimmed.to_owned(),
        })
    }
    /// The value of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().rev().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.as_str())
    }
    /// The first value of these names.
    pub(super) fn any(&self, names: &[&str]) -> &str {
        names.iter().find_map(|name| self.get(name)).unwrap_or("")
    }
    /// All that is given, as one text.
    pub(super) fn whole(&self) -> String {
        let values = self.pairs.iter().map(|(_, value)| value.as_str());
        let parts: Vec<&str> = values.chain([self.text.as_str()]).collect();
        parts.join(" ")
    }
    /// Whether the value of this name means yes.
    pub(super) fn yes(&self, name: &str) -> bool {
        matches!(
            self.any(&[name]).to_ascii_lowercase().as_str(),
            "yes" | "true" | "on" | "1" | "y" | "t"
        )
    }
    /// Whether the value of this name means no.
    pub(super) fn no(&self, name: &str) -> bool {
        self.get(name).is_some() && !self.yes(name)
    }
    /// The command of a command module.
    pub(super) fn command(&self) -> Option<String> {
        let named = ["cmd", "_raw_params", "argv", "command"]
            .iter()
            .find_map(|name| self.get(name));
        if let Some(named) = named {
            return Some(named.to_owned());
        }
        let mut rest = self.text.as_str();
        while let Some((word, after)) = rest.split_once(' ') {
            let own = word
                .split_once('=')
                .is_some_and(|(name, _)| OWN.contains(&name));
            if !own || word.contains(['"', '\'']) {
                break;
            }
            rest = after.trim_start();
        }
        (!rest.is_empty()).then(|| rest.to_owned())
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Words parted by blanks, with quotation marks taken away.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (String::new(), None);
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ' | '\t' | '\n') => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (None, _) => word.push(letter),
        }
    }
    words.push(word);
    words
}
