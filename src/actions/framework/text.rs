//! Text that no argument may hold, whatever it is for.
//!
//! A person approves what they see. So nothing may be in an argument that does not show, shows elsewhere, or was meant to be
//! replaced and was not.

use crate::domain::{expression, secret};
use serde_json::Value;

const DEEPEST: usize = 64;
/// Bytes of text that are understood in less time than it takes to hand them to another thread and back.
const SHORT: usize = 2048;

/// Whether there is so little text that reading its meaning keeps nobody waiting.
pub(super) fn is_short(arguments: &Value) -> bool {
    length(arguments) <= SHORT
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(length).sum(),
        Value::Object(map) => map.iter().map(|(key, item)| key.len() + length(item)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Refuses hostile text in any string or key, at any depth.
pub(super) fn check(arguments: &Value) -> Result<(), String> {
    check_at(arguments, &mut Vec::new())
}

/// Refuses, where the schema takes nothing but a secret of the agent, a text that is none.
pub(super) fn check_secrets(schema: &Value, arguments: &Value) -> Result<(), String> {
    let in_the_clear = |place: &String| {
        let text = arguments.pointer(place).and_then(Value::as_str);
        // What only a run will tell is looked at there.
        text.is_some_and(|text| !secret::is_secret(text) && !expression::has_unknown(text))
    };
    match secret::places(schema, arguments)
        .iter()
        .find(|place| in_the_clear(place))
    {
        Some(pointer) => {
            let path: Vec<String> = pointer.split('/').skip(1).map(str::to_owned).collect();
            let [what, hint] = secret::IN_THE_CLEAR;
            Err(format!("{}: {what}\nhint: {hint}", place(&path)))
        }
        None => Ok(()),
    }
}

fn check_at(value: &Value, path: &mut Vec<String>) -> Result<(), String> {
    if path.len() > DEEPEST {
        return Err(format!("in `with`: nested more than {DEEPEST} deep"));
    }
    match value {
        Value::String(text) => check_text(text, path),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(format!("[{index}]"));
                check_at(item, path)?;
                path.pop();
            }
            Ok(())
        }
        Value::Object(map) => {
            for (key, item) in map {
                check_key(key, path)?;
                path.push(key.clone());
                check_at(item, path)?;
                path.pop();
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check_key(key: &str, path: &[String]) -> Result<(), String> {
    check_text(key, path)?;
    if secret::is_marked(key) {
        return Err(format!("{}: a key cannot hold a secret", place(path)));
    }
    Ok(())
}

fn check_text(text: &str, path: &[String]) -> Result<(), String> {
    if let Some(bad) = text.chars().find(|&c| is_control(c) || is_invisible(c)) {
        let sort = if is_control(bad) {
            "a control character"
        } else {
            "an invisible or direction-changing character"
        };
        return Err(format!("{}: {sort}, U+{:04X}", place(path), u32::from(bad)));
    }
    if text.contains("${{") {
        return Err(format!(
            "{}: `${{{{` is left after the expressions were replaced\nhint: a value must not itself hold an expression",
            place(path)
        ));
    }
    if secret::reveal(text, |_| Some(String::new())).is_none() {
        return Err(format!("{}: a broken mark of a secret", place(path)));
    }
    Ok(())
}

fn place(path: &[String]) -> String {
    if path.is_empty() {
        return "in `with`".to_owned();
    }
    let path = path.join(".").replace(".[", "[");
    let shown: String = path
        .chars()
        .filter(|&c| !is_control(c) && !is_invisible(c))
        .collect();
    format!("in `with`, at `{shown}`")
}

fn is_control(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

/// Characters without width and those that turn the direction of text (Unicode, "Trojan Source", CVE-2021-42574).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::{SHORT, check, is_short};
    use crate::domain::{name::SecretName, secret::marker};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_does_not_show_is_refused_at_any_depth() {
        for bad in [
            "a\0b",
            "a\rb",
            "\u{1b}[2J",
            "user\u{202E}nimda",
            "a\u{200B}b",
            "\u{FEFF}x",
            "a\u{7f}",
            "a\u{E0041}",
        ] {
            let arguments = json!({ "list": [{ "key": bad }] });
            let error = check(&arguments).unwrap_err();
            assert!(error.contains("at `list[0].key`"), "{error}");
            assert!(check(&json!({ bad: 1 })).is_err(), "{bad:?} as a key");
        }
        assert_eq!(
            check(&json!({ "a": "Grüße,\n\t世界 🎉", "b": [1, true, null] })),
            Ok(())
        );
    }

    #[test]
    fn what_was_to_be_replaced_and_was_not_is_refused() {
        assert!(check(&json!({ "a": "x ${{ inputs.y }}" })).is_err());
        assert_eq!(check(&json!({ "a": "${HOME} {{ x }}" })), Ok(()));
    }

    #[test]
    fn only_whole_marks_of_secrets_pass() {
        let name = SecretName::new("db").unwrap();
        assert_eq!(
            check(&json!({ "a": format!("pg://{}@h", marker(&name)) })),
            Ok(())
        );
        assert!(check(&json!({ "a": "\u{F0000}secret:db" })).is_err());
        assert!(check(&json!({ marker(&name): 1 })).is_err());
    }

    #[test]
    fn text_is_counted_at_any_depth() {
        let half = "x".repeat(SHORT / 2);
        assert!(is_short(&json!({ "": [1, { "": half, "b": null }] })));
        assert!(!is_short(&json!([half, { half.as_str(): half }])));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = (0..200).fold(json!("x"), |inside, _| json!([inside]));
        assert!(check(&deep).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in "\\PC{0,20}|.{0,20}") {
            let _ignored = check(&json!({ "a": text }));
        }
    }
}
