//! Problems between documents, at their places in the files whose texts are at hand.

use crate::{
    domain::runbook::Document,
    runbooks::{
        compose::{compose, decode},
        problems::{Fault, Place, Problem, problem},
        set::{Finding, Member, SetProblem, Spot, identity},
        tree::Node,
    },
};
use std::collections::BTreeMap;

/// Gives the text of a file where it is at hand.
pub type Texts<'x, 't> = &'x dyn Fn(&str) -> Option<&'t [u8]>;

/// What is to be said of a document, at its name.
#[derive(Debug, Clone)]
pub struct AtName<'a> {
    /// The document.
    pub member: Member<'a>,
    /// What is wrong.
    pub what: String,
    /// What would help.
    pub hint: String,
}

/// Problems at the names of documents, in their order.
pub fn problems_at_names(told: Vec<AtName<'_>>, texts: Texts<'_, '_>) -> Vec<Problem> {
    let told = told.into_iter().map(|at| {
        let finding = Finding {
            index: 0,
            spot: Spot::Name,
            what: at.what,
            hint: Some(at.hint),
        };
        (at.member, finding)
    });
    let placed = placed(told.collect(), texts).into_iter();
    placed.map(|found| found.problem).collect()
}

/// Findings at their places, in their order. Each file is read once.
pub(super) fn placed(told: Vec<(Member<'_>, Finding)>, texts: Texts<'_, '_>) -> Vec<SetProblem> {
    let mut by_file: BTreeMap<&str, Vec<(usize, Member<'_>, Finding)>> = BTreeMap::new();
    for (order, (member, finding)) in told.into_iter().enumerate() {
        let there = by_file.entry(member.file).or_default();
        there.push((order, member, finding));
    }
    let mut found: Vec<(usize, SetProblem)> = Vec::new();
    for (file, told) in by_file {
        let decoded = decode(texts(file).unwrap_or_default());
        let lines: Vec<&str> = decoded.text.split('\n').collect();
        let documents = compose(&decoded.text);
        let roots: Vec<&Node<'_>> = documents.iter().map(|document| &document.root).collect();
        for (order, member, finding) in told {
            let place = place(&decoded.text, &roots, member, &finding.spot);
            found.push((order, set_problem(member, place, &lines, finding)));
        }
    }
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().map(|(_, problem)| problem).collect()
}

/// Nothing where the text is not at hand, or is not the one that the document was read from.
fn place(text: &str, roots: &[&Node<'_>], member: Member<'_>, spot: &Spot) -> Option<Place> {
    let (kind, name) = identity(member.document);
    let is_it = |root: &&&Node<'_>| {
        let named = root.get("metadata").and_then(|it| it.get("name"));
        let written = root.get("kind").and_then(Node::text);
        named.and_then(Node::text) == Some(name) && written == Some(kind.as_str())
    };
    let is_there = |root: &&&Node<'_>| root.place.line as usize == member.line;
    let mut named = roots.iter().filter(is_it);
    let root = named.clone().find(is_there).or_else(|| named.next())?;
    Some(spot.place(text, root))
}

fn set_problem(
    member: Member<'_>,
    place: Option<Place>,
    lines: &[&str],
    finding: Finding,
) -> SetProblem {
    let runbook = match member.document {
        Document::Runbook(runbook) => Some(runbook.name.clone()),
        Document::Environment(_) | Document::Calendar(_) | Document::Policy(_) => None,
    };
    let line = Place {
        line: u32::try_from(member.line).unwrap_or(u32::MAX),
        column: 1,
    };
    let fault = Fault::new(place.unwrap_or(line), finding.what).maybe_hint(finding.hint);
    let lines = if place.is_some() { lines } else { &[] };
    let problem = problem(member.file, lines, fault);
    SetProblem { problem, runbook }
}
