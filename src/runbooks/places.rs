//! Where something in a step stands in its file, for what is found out after loading.

use super::{
    compose::{compose, decode},
    problems::{Fault, Place, Problem, Severity, problems},
    source,
    tree::Node,
};
use crate::domain::{name::RunbookName, name::StepName, runbook::Phase};

/// A place in a step's arguments.
#[derive(Debug, Clone, Copy)]
pub struct InStep<'a> {
    /// The runbook.
    pub runbook: &'a RunbookName,
    /// In which list of steps.
    pub phase: Phase,
    /// The step.
    pub step: &'a StepName,
    /// JSON Pointer (RFC 6901) below `with`.
    pub pointer: &'a str,
    /// Characters from the start of the text there.
    pub offset: usize,
}

/// Something wrong in a step, at its place in the file that it was read from.
pub fn problem_in_step(
    file: &str,
    bytes: &[u8],
    at: &InStep<'_>,
    what: &str,
    hint: Option<&str>,
) -> Problem {
    let decoded = decode(bytes);
    let place = place(&decoded.text, at).unwrap_or(Place::START);
    let fault = Fault::new(place, what).maybe_hint(hint.map(str::to_owned));
    let told = problems(file, &decoded.text, vec![fault]);
    told.into_iter().next().unwrap_or_else(|| Problem {
        file: file.to_owned(),
        line: 1,
        column: 1,
        what: what.to_owned(),
        hint: hint.map(str::to_owned),
        source_line: String::new(),
        mark: 1,
        severity: Severity::Error,
    })
}

fn place(text: &str, at: &InStep<'_>) -> Option<Place> {
    let documents = compose(text);
    let roots = documents.iter().map(|document| &document.root);
    let is_it = |root: &&Node<'_>| name(root.get("metadata")) == Some(at.runbook.as_str());
    let runbook = roots.into_iter().find(is_it)?;
    let list = match at.phase {
        Phase::Main => "steps",
        Phase::Rollback => "rollback",
        Phase::Finally => "finally",
    };
    let steps = runbook.get("spec")?.get(list)?.items();
    let step = steps
        .iter()
        .find(|step| name(Some(step)) == Some(at.step.as_str()))?;
    let Some(with) = step.get("with") else {
        return Some(step.place);
    };
    let node = with.find(at.pointer).node;
    let inside = |text_of| source::inside(text, node.place, text_of, at.offset);
    Some(node.text().map_or(node.place, inside))
}

fn name<'n>(node: Option<&'n Node<'_>>) -> Option<&'n str> {
    node?.get("name").and_then(Node::text)
}

#[cfg(test)]
mod tests {
    use super::{InStep, problem_in_step};
    use crate::domain::runbook::Phase;

    #[test]
    fn a_place_in_an_argument_is_found_in_its_file() {
        let text = "metadata: { name: other }\n---\nmetadata:\n  name: one\nspec:\n  finally:\n    - name: tell\n      with:\n        argv: [echo, \"x ${{ steps.a.outputs.b }}\"]\n";
        let at = InStep {
            runbook: &"one".parse().unwrap(),
            phase: Phase::Finally,
            step: &"tell".parse().unwrap(),
            pointer: "/argv/1",
            offset: 2,
        };
        let problem = problem_in_step("x.yaml", text.as_bytes(), &at, "not known", Some("wait"));
        assert_eq!((problem.line, problem.column), (9, 25));
        assert_eq!(problem.hint.as_deref(), Some("wait"));
    }
}
