//! Problems as text for people, and in the forms that other programs read.

use crate::runbooks::problems::{Problem, Severity, visible};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How problems are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people: the place, the line with a mark under it, a hint.
    Text,
    /// A JSON array of problems.
    Json,
    /// Workflow commands that annotate a pull request on GitHub.
    Github,
    /// SARIF 2.1.0 (OASIS).
    Sarif,
}

/// Problems as text in one of the forms. No colour codes.
pub fn render(problems: &[Problem], format: ReportFormat) -> String {
    match format {
        ReportFormat::Text => problems.iter().map(text).collect::<Vec<_>>().join("\n"),
        ReportFormat::Json => format!("{:#}\n", json!(problems)),
        ReportFormat::Github => problems.iter().map(annotation).collect(),
        ReportFormat::Sarif => format!("{:#}\n", sarif(problems)),
    }
}

fn text(problem: &Problem) -> String {
    let Problem {
        file,
        line,
        column,
        what,
        hint,
        source_line,
        mark,
        severity,
    } = problem;
    let file = visible(file);
    let mut text = format!("{file}:{line}:{column}: {}: {what}\n", severity.as_str());
    if !source_line.trim().is_empty() {
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs are kept, so that the mark stands under its character whatever their width is.
        let before: String = source_line
            .chars()
            .take(mark.saturating_sub(1))
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        let _written = writeln!(text, " {number} | {source_line}\n {margin} | {before}^");
    }
    if let Some(hint) = hint {
        let _written = writeln!(text, "hint: {hint}");
    }
    text
}

/// A workflow command. The escapes are those of GitHub's own toolkit.
fn annotation(problem: &Problem) -> String {
    let command = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let message = problem.hint.as_ref().map_or_else(
        || problem.what.clone(),
        |hint| format!("{}\nhint: {hint}", problem.what),
    );
    format!(
        "::{command} file={},line={},col={}::{}\n",
        escape_property(&visible(&problem.file)),
        problem.line,
        problem.column,
        escape_data(&message)
    )
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

fn sarif(problems: &[Problem]) -> Value {
    let results: Vec<Value> = problems.iter().map(sarif_result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "orderly",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": [{"id": "validate", "shortDescription": {"text": "The document cannot be carried out as written."}}],
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn sarif_result(problem: &Problem) -> Value {
    let message = problem.hint.as_ref().map_or_else(
        || problem.what.clone(),
        |hint| format!("{}\nhint: {hint}", problem.what),
    );
    json!({
        "ruleId": "validate",
        "level": problem.severity.as_str(),
        "message": {"text": message},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&problem.file)},
            "region": {"startLine": problem.line, "startColumn": problem.column},
        }}],
    })
}

/// A path as a URI reference (RFC 3986): relative, or with a scheme (RFC 8089).
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    let mut text = scheme.to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _written = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ReportFormat, render, uri};
    use crate::runbooks::problems::{Problem, Severity};
    use serde_json::{Value, json};

    fn problems() -> [Problem; 2] {
        [
            Problem {
                file: "run books/a,b:1%.yaml".to_owned(),
                line: 12,
                column: 4,
                what: "100% wrong\nreally".to_owned(),
                hint: Some("do not".to_owned()),
                source_line: "\ta: b".to_owned(),
                mark: 4,
                severity: Severity::Error,
            },
            Problem {
                file: "b.yaml".to_owned(),
                line: 1,
                column: 1,
                what: "odd".to_owned(),
                hint: None,
                source_line: String::new(),
                mark: 1,
                severity: Severity::Warning,
            },
        ]
    }

    #[test]
    fn text_shows_the_line_with_a_mark_under_the_place() {
        let wanted = "run books/a,b:1%.yaml:12:4: error: 100% wrong\nreally\n 12 | \ta: b\n    | \t  ^\nhint: do not\n\nb.yaml:1:1: warning: odd\n";
        assert_eq!(render(&problems(), ReportFormat::Text), wanted);
        assert_eq!(render(&[], ReportFormat::Text), "");
    }

    #[test]
    fn annotations_escape_what_would_end_them() {
        let wanted = "::error file=run books/a%2Cb%3A1%25.yaml,line=12,col=4::100%25 wrong%0Areally%0Ahint: do not\n::warning file=b.yaml,line=1,col=1::odd\n";
        assert_eq!(render(&problems(), ReportFormat::Github), wanted);
    }

    #[test]
    fn a_file_named_like_a_command_annotates_nothing_else() {
        let [mut problem, _] = problems();
        problem.file = "a\n::warning::b\u{1b}[2J\r%0A,line=9:.yaml".to_owned();
        problem.what = "::error::%25\r\n::set-output name=x::y".to_owned();
        let written = render(&[problem], ReportFormat::Github);
        assert_eq!(written.matches('\n').count(), 1, "{written}");
        assert!(!written.contains(['\r', '\u{1b}']), "{written:?}");
        assert!(written.contains("::%3A%3A") || written.contains("::::error::%2525%0D%0A::"));
        let (properties, _) = written
            .trim_start_matches("::error ")
            .split_once("::")
            .unwrap();
        assert_eq!(properties.split(',').count(), 3, "{properties}");
    }

    #[test]
    fn json_has_every_field() {
        let read: Value = serde_json::from_str(&render(&problems(), ReportFormat::Json)).unwrap();
        assert_eq!(read[0]["line"], 12);
        assert_eq!(read[0]["severity"], "error");
        assert_eq!(read[1].get("hint"), None);
    }

    /// The objects of SARIF 2.1.0 that are written, as its own schema wants them: no other keys, numbers from 1.
    fn sarif_schema() -> Value {
        let object = |properties: Value| {
            let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
            json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
        };
        let text = json!({"type": "string", "minLength": 1});
        let number = json!({"type": "integer", "minimum": 1});
        let message = object(json!({"text": text}));
        let rule = object(json!({"id": text, "shortDescription": message}));
        let driver = object(json!({
            "name": text,
            "version": text,
            "rules": {"type": "array", "items": rule, "uniqueItems": true},
        }));
        let place = object(json!({
            "artifactLocation": object(json!({"uri": {"type": "string", "format": "uri-reference"}})),
            "region": object(json!({"startLine": number, "startColumn": number})),
        }));
        let location = object(json!({"physicalLocation": place}));
        let result = object(json!({
            "ruleId": {"const": "validate"},
            "level": {"enum": ["none", "note", "warning", "error"]},
            "message": message,
            "locations": {"type": "array", "items": location},
        }));
        let run = object(json!({
            "tool": object(json!({"driver": driver})),
            "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            "results": {"type": "array", "items": result},
        }));
        object(json!({
            "$schema": {"type": "string", "format": "uri"},
            "version": {"const": "2.1.0"},
            "runs": {"type": "array", "items": run},
        }))
    }

    #[test]
    fn sarif_fits_its_standard() {
        let schema = jsonschema::options()
            .should_validate_formats(true)
            .build(&sarif_schema())
            .unwrap();
        for problems in [&problems()[..], &[]] {
            let written: Value =
                serde_json::from_str(&render(problems, ReportFormat::Sarif)).unwrap();
            let found: Vec<_> = schema
                .iter_errors(&written)
                .map(|error| error.to_string())
                .collect();
            assert_eq!(found, [""; 0]);
        }
        assert_eq!(uri("/srv/a b.yaml"), "file:///srv/a%20b.yaml");
        assert_eq!(uri("a:b.yaml"), "a%3Ab.yaml");
    }

    #[test]
    fn sarif_names_place_and_level() {
        let read: Value = serde_json::from_str(&render(&problems(), ReportFormat::Sarif)).unwrap();
        assert_eq!(read["version"], "2.1.0");
        let result = &read["runs"][0]["results"][0];
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"]["uri"],
            "run%20books/a%2Cb%3A1%25.yaml"
        );
        assert_eq!(place["region"]["startColumn"], 4);
        assert_eq!(result["level"], "error");
        assert_eq!(read["runs"][0]["results"][1]["level"], "warning");
    }
}
