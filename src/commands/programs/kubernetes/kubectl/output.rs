//! What kubectl prints: whether `-o` shows the values of secrets.

use super::Line;
use crate::commands::word::Word;

/// Fields of an object that hold no value of a secret. Annotations do: `last-applied-configuration` repeats the object.
const HARMLESS: [&str; 16] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.labels",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.generation",
    "metadata.ownerReferences",
    "metadata.finalizers",
    "metadata.generateName",
    "type",
    "kind",
    "apiVersion",
    "immutable",
    "metadata.selfLink",
];

/// What is printed of each object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// A table, or names.
    Names,
    /// All of it, or fields that may hold values.
    Values,
    /// Not known before it runs.
    Unknown,
}

impl Line<'_> {
    /// What the line prints of each object.
    pub(super) fn shown(&self) -> Shown {
        if self.logs_bodies() {
            return Shown::Values;
        }
        let template = self.value(&["template"]);
        let format = match (self.value(&["o", "output"]), template) {
            (None, None) => return Shown::Names,
            (None, Some(template)) => return of_expression(template),
            (Some(format), _) => format,
        };
        let Some(text) = format.known() else {
            return match format.text().split_once('=') {
                Some((name, _)) if !name.contains('$') => Shown::Values,
                _ => Shown::Unknown,
            };
        };
        match text.split_once('=').unwrap_or((text, "")) {
            ("" | "wide" | "name", _) => Shown::Names,
            ("custom-columns", columns) if harmless_columns(columns) => Shown::Names,
            ("jsonpath" | "jsonpath-as-json" | "go-template" | "template", "") => {
                template.map_or(Shown::Values, of_expression)
            }
            ("jsonpath" | "go-template" | "template" | "jsonpath-as-json", expression)
                if harmless(expression) =>
            {
                Shown::Names
            }
            _ => Shown::Values,
        }
    }
}

impl Line<'_> {
    /// Whether it logs what the server answers: from level 8 on, whatever else is printed.
    pub(super) fn logs_bodies(&self) -> bool {
        let low = |level: &Word| {
            let level = level.known().and_then(|level| level.parse::<i64>().ok());
            level.is_some_and(|level| level < 8)
        };
        self.value(&["v"]).is_some_and(|level| !low(level)) || self.value(&["vmodule"]).is_some()
    }
}

fn of_expression(expression: &Word) -> Shown {
    match expression.known() {
        Some(text) if harmless(text) => Shown::Names,
        _ => Shown::Values,
    }
}

/// `NAME:.metadata.name,TYPE:.type`.
fn harmless_columns(columns: &str) -> bool {
    columns.split(',').all(|column| {
        let path = column.split_once(':').map_or("", |(_, path)| path);
        let dot = if path.starts_with(['.', '{']) {
            ""
        } else {
            "."
        };
        !path.is_empty() && harmless(&format!("{{{dot}{path}}}"))
    })
}

/// Whether an expression, JSONPath or a Go template, speaks of harmless fields alone. What it cannot read is not.
fn harmless(expression: &str) -> bool {
    let Some(blocks) = blocks(expression) else {
        return false;
    };
    !blocks.is_empty() && blocks.iter().all(|block| harmless_block(block))
}

/// The texts between braces; `None` if they do not match.
fn blocks(expression: &str) -> Option<Vec<&str>> {
    let mut blocks = Vec::new();
    let mut rest = expression;
    while let Some((_, after)) = rest.split_once('{') {
        let after = after.strip_prefix('{').unwrap_or(after);
        let (block, after) = after.split_once('}')?;
        blocks.push(block.trim());
        rest = after.strip_prefix('}').unwrap_or(after);
    }
    (!rest.contains('}')).then_some(blocks)
}

fn harmless_block(block: &str) -> bool {
    let block = block.trim_matches('-').trim();
    if matches!(
        block,
        "end" | "else" | "range .items[*]" | "range .items" | "range $.items"
    ) || is_text(block)
    {
        return true;
    }
    let Some(path) = block
        .strip_prefix("range ")
        .or(Some(block))
        .and_then(|path| {
            let path = path.trim_start_matches(['@', '$']);
            path.strip_prefix('.')
        })
    else {
        return false;
    };
    let path = path.strip_prefix("items").map_or(path, after_index);
    // One path and nothing else: no filter, no wildcard, no function.
    HARMLESS.iter().any(|field| {
        path.strip_prefix(field).is_some_and(|rest| {
            rest.is_empty()
                || rest.starts_with(['.', '['])
                    && !rest.contains([' ', '|', '?', '(', ';', '$', '@', ','])
        })
    }) && !path.contains("..")
}

/// A literal text in quotes: `"\n"`.
fn is_text(block: &str) -> bool {
    let inner = block
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"'))
}

/// What follows `[*].` or `[0].`.
fn after_index(path: &str) -> &str {
    let index = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match index {
        Some((index, rest))
            if index
                .chars()
                .all(|letter| letter.is_ascii_digit() || "*-:".contains(letter)) =>
        {
            rest.strip_prefix('.').unwrap_or(rest)
        }
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::{harmless, harmless_columns};

    #[test]
    fn names_and_types_are_harmless() {
        for expression in [
            "{.metadata.name}",
            "{.items[*].metadata.name}",
            "{.items[0].metadata.labels['app']}",
            "{range .items[*]}{.metadata.namespace}/{.metadata.name}{\"\\n\"}{end}",
            "{{.metadata.name}}",
            "{{range .items}}{{.metadata.name}}{{\"\\n\"}}{{end}}",
            "{.type}",
        ] {
            assert!(harmless(expression), "{expression}");
        }
        assert!(harmless_columns("NAME:.metadata.name,TYPE:.type"));
    }

    #[test]
    fn whatever_may_show_values_is_not() {
        for expression in [
            "",
            "{}",
            "{@}",
            "{.}",
            "{$}",
            "{.data}",
            "{.data.password}",
            "{.items[*]}",
            "{..name}",
            "{.metadata}",
            "{.metadata.annotations}",
            "{['data']}",
            "{.items[?(@.metadata.name==\"x\")].data}",
            "{.metadata.name}{.data}",
            "{{.}}",
            "{{.metadata.name | printf .data}}",
            "{{index .data \"x\"}}",
            "{{range $k, $v := .data}}{{$v}}{{end}}",
            "{.items[*]['data']}",
            "{.typedata}",
            "{.metadata.name",
            "x}",
            "{range .items[*].data}{@}{end}",
            "{.metadata.labels..data}",
            "{range .metadata.name}{.data}{end}",
            "{.metadata.name,.data}",
            "{.stringData}",
            "{{template \"x\" .}}",
            "{{with .metadata.name}}{{$}}{{end}}",
        ] {
            assert!(!harmless(expression), "{expression}");
        }
        assert!(!harmless_columns("NAME:.metadata.name,D:.data"));
        assert!(!harmless_columns(""));
    }
}
