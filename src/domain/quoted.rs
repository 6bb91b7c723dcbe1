//! What servers quote as they refuse something: cut short, or, where it is a Secret, left out.
//!
//! The API server repeats in its refusals what it was given, up to whole objects, and webhooks say what they like. Of a Secret only
//! words are told that are known to hold no value.

/// What a value stands behind in the server's words.
const QUOTED: [&str; 3] = [
    "Invalid value: ",
    "Duplicate value: ",
    "Unsupported value: ",
];
/// So much of a quoted value is shown, in characters.
const SHOWN: usize = 40;

/// The server's own words that hold no value of what it was given.
const HARMLESS: [&str; 29] = [
    "UPGRADE FAILED",
    "INSTALLATION FAILED",
    "Apply failed",
    "Duplicate value",
    "Invalid value",
    "Precondition failed",
    "Required value",
    "Too long",
    "Unsupported value",
    "already exists",
    "doc is missing key",
    "doc is missing path",
    "exceeded quota",
    "failed to create typed patch object",
    "field is immutable when `immutable` is set",
    "field is immutable",
    "field not declared in schema",
    "illegal base64 data",
    "is being deleted",
    "is being terminated",
    "missing value",
    "not found",
    "strict decoding error",
    "test failed",
    "timed out waiting for the condition",
    "the object has been modified; please apply your changes to the latest version and try again",
    "too many requests",
    "uid mismatch",
    "unknown field",
];

/// Said instead of what is not told.
pub const LEFT_OUT: &str = "other words are left out, as they may quote the Secret";

/// The same words with every quoted value cut short.
pub fn shortened(words: &str) -> String {
    let mut told = String::new();
    let mut rest = words;
    while let Some((at, mark)) = first(rest, &QUOTED) {
        let (before, value) = rest.split_at(at + mark.len());
        let (value, after) = value.split_at(length(value));
        told.push_str(before);
        told.push_str(&short(value));
        rest = after;
    }
    told + rest
}

/// How clients of a server name a Secret.
const MENTIONED: [&str; 6] = [
    "Kind=Secret",
    "Secret \"",
    "Secret in version",
    "kind Secret",
    "secrets \"",
    "secrets is ",
];

/// Whether these words may be about a Secret.
pub fn mentions_secret(words: &str) -> bool {
    MENTIONED.iter().any(|known| words.contains(known))
}

/// What may be told of the words of a server's client.
pub fn told(words: &str) -> String {
    if !mentions_secret(words) {
        return shortened(words);
    }
    let mut told = of_secret(words);
    if !is_of_rights(words) {
        told.push(LEFT_OUT.to_owned());
    }
    told.join("; ")
}

/// Whether a right to Secrets is missing; such words are told whole.
pub fn is_of_rights(words: &str) -> bool {
    forbidden(words).is_some()
}

/// Of words about a Secret those that are known to hold none of its values.
pub fn of_secret(words: &str) -> Vec<String> {
    let known: [fn(&str) -> Option<String>; 6] =
        [named, forbidden, denied, conflict, misfit, mistyped];
    let mut told: Vec<String> = known.iter().filter_map(|find| find(words)).collect();
    for known in HARMLESS {
        if words.contains(known) && !told.iter().any(|said| said.contains(known)) {
            told.push(known.to_owned());
        }
    }
    told
}

fn first(text: &str, marks: &[&'static str]) -> Option<(usize, &'static str)> {
    let found = marks
        .iter()
        .filter_map(|mark| Some((text.find(mark)?, *mark)));
    found.min_by_key(|(at, _)| *at)
}

/// How long the value is that begins here: a quoted text, or a mapping or list as Go or JSON writes it.
fn length(value: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, letter) in value.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth = depth.saturating_sub(1),
            ':' | ';' | ',' if depth == 0 => return at,
            _ => {}
        }
    }
    value.len()
}

fn short(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

/// `cannot patch "db" with kind Secret`, as helm says it.
fn named(words: &str) -> Option<String> {
    let (before, _) = words.split_once("\" with kind Secret")?;
    let name = before.rsplit('"').next().and_then(plain)?;
    Some(format!("secret {name}"))
}

/// `secrets "db" is forbidden: User "x" cannot get resource "secrets" in API group "" in the namespace "shop"`: what RBAC says.
fn forbidden(words: &str) -> Option<String> {
    let (object, said) = words.split_once(" is forbidden: User \"")?;
    let object = object.rfind("secrets").and_then(|at| object.get(at..))?;
    let user = said.split_once('"')?.0;
    let verb = between(said, " cannot ", " resource")?;
    let place = match between(said, " in the namespace \"", "\"") {
        Some(namespace) => format!("in the namespace \"{}\"", plain(namespace)?),
        None => "at the cluster scope".to_owned(),
    };
    let name = between(object, "\"", "\"").and_then(plain);
    let name = name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
    let (user, verb) = (plain(user)?, plain(verb)?);
    Some(format!(
        "secrets{name} is forbidden: User \"{user}\" cannot {verb} resource \"secrets\" {place}"
    ))
}

/// Who else refused it.
fn denied(words: &str) -> Option<String> {
    let webhook = between(words, "webhook \"", "\"").and_then(plain);
    let policy = || between(words, "ValidatingAdmissionPolicy '", "'").and_then(plain);
    // Not the webhook has said no, but nobody could ask it.
    let unreached = words.contains("failed calling webhook");
    webhook
        .map(|name| {
            let did = if unreached {
                "could not be reached"
            } else {
                "refuses it"
            };
            format!("the admission webhook `{name}` {did}")
        })
        .or_else(|| policy().map(|name| format!("the admission policy `{name}` refuses it")))
}

/// `conflict with "kubectl" using v1: .data.a`, of server-side apply.
fn conflict(words: &str) -> Option<String> {
    let (_, said) = words.split_once("conflict with \"")?;
    let (manager, said) = said.split_once('"')?;
    let field = said.split_once(": .")?.1.split_whitespace().next()?;
    let (manager, field) = (plain(manager)?, plain(field)?);
    Some(format!("`{field}` is managed by `{manager}`"))
}

/// `json: cannot unmarshal object into Go struct field Secret.type of type v1.SecretType`.
fn misfit(words: &str) -> Option<String> {
    let (_, said) = words.rsplit_once("cannot unmarshal ")?;
    let what = said.split_whitespace().next().and_then(plain)?;
    let (_, field) = said.split_once("into Go struct field ").unwrap_or_default();
    let field = field.split_whitespace().next().and_then(plain);
    Some(match field {
        Some(field) => format!("`{field}` cannot be of the type {what}"),
        None => format!("it cannot be of the type {what}"),
    })
}

/// `failed to create typed patch object (shop/db; /v1, Kind=Secret): .type: expected string, got …`.
fn mistyped(words: &str) -> Option<String> {
    let (_, said) = words.split_once("Kind=Secret): ")?;
    let field = said.trim_start_matches("errors:").trim_start();
    let field = field.strip_prefix('.')?.split_once(": ")?.0;
    plain(field).map(|field| format!("`{field}` does not fit"))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// A name and nothing else.
fn plain(name: &str) -> Option<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:/@#+=~%".contains(c);
    (!name.is_empty() && name.len() <= 253 && name.chars().all(fits)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{of_secret, shortened};

    #[test]
    fn quoted_values_are_cut_and_what_is_said_of_them_stays() {
        let object = r#"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"}}"#;
        let words = format!(
            "Deployment.apps \"web\" is invalid: patch: Invalid value: \"{object}\": json: cannot unmarshal string"
        );
        let told = shortened(&words);
        assert!(told.ends_with("…: json: cannot unmarshal string"), "{told}");
        assert!(told.len() < 150, "{told}");
        let selector = "x: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"a: b\"}, MatchExpressions:[]v1.Requirement(nil)}: field is immutable, y: Invalid value: 5: too small";
        let told = shortened(selector);
        assert!(told.contains("…: field is immutable, y"), "{told}");
        assert!(told.ends_with("Invalid value: 5: too small"), "{told}");
        for same in [
            "",
            "no value",
            "Invalid value: \"a: b\": must be true",
            "Invalid value: \"x",
        ] {
            assert_eq!(shortened(same), same);
        }
    }

    #[test]
    fn of_a_secret_only_known_words_are_told() {
        for (words, told) in [
            (
                r#"Secret "db" is invalid: patch: Invalid value: "{\"data\":{\"a\":\"aHVudGVy\"}}": json: cannot unmarshal object into Go struct field Secret.type of type v1.SecretType"#,
                "`Secret.type` cannot be of the type object; Invalid value",
            ),
            (
                r#"secrets "db" is forbidden: User "system:serviceaccount:ops:a" cannot patch resource "secrets" in API group "" in the namespace "shop""#,
                r#"secrets "db" is forbidden: User "system:serviceaccount:ops:a" cannot patch resource "secrets" in the namespace "shop""#,
            ),
            (
                r#"admission webhook "guard.example.org" denied the request: hunter2 is too weak"#,
                "the admission webhook `guard.example.org` refuses it",
            ),
            (
                r#"Internal error occurred: failed calling webhook "guard.example.org": failed to call webhook: Post "https://guard.ops.svc:443/?timeout=10s": hunter2"#,
                "the admission webhook `guard.example.org` could not be reached",
            ),
            (
                r#"conflict occurred while applying object shop/db /v1, Kind=Secret: Apply failed with 1 conflict: conflict with "kubectl" using v1: .data.a"#,
                "`data.a` is managed by `kubectl`; Apply failed",
            ),
            ("hunter2", ""),
            ("secrets \"db\" is forbidden: hunter2", ""),
            (
                "failed to create typed patch object (shop/db; /v1, Kind=Secret): .data.x: expected string, got &value.valueUnstructured{Value:hunter2}",
                "`data.x` does not fit; failed to create typed patch object",
            ),
        ] {
            assert_eq!(of_secret(words).join("; "), told);
        }
    }
}
