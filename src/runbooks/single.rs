//! A file of one document that is none of the repository's: the agent's configuration, inputs of a run.

use crate::runbooks::{
    compose::{compose, decode},
    explain::fit,
    gaps::Gaps,
    problems::{Fault, MAX_PROBLEMS, Place, Problem, problems},
    schema::Shape,
    tree::{Content, Node},
};
use serde_json::Value;

/// What such a file says, and everything wrong with it, each at its place.
#[derive(Debug, Clone, PartialEq)]
pub struct SingleFile {
    path: String,
    text: String,
    /// The document, without what was refused; an empty mapping where there is none.
    root: Node<'static>,
    gaps: Gaps,
    /// The text as a whole is refused.
    is_refused: bool,
    problems: Vec<Problem>,
}

impl SingleFile {
    /// Reads a file as strictly as those from git are read. Its document is a mapping.
    pub fn read(path: &str, bytes: &[u8]) -> Self {
        let decoded = decode(bytes);
        let mut file = Self {
            path: path.to_owned(),
            text: decoded.text.into_owned(),
            root: Node {
                content: Content::Mapping(Vec::new()),
                place: Place::START,
            },
            gaps: Gaps::default(),
            is_refused: !decoded.faults.is_empty(),
            problems: Vec::new(),
        };
        let faults = if file.is_refused {
            decoded.faults
        } else {
            file.compose()
        };
        file.tell(faults);
        file
    }

    fn compose(&mut self) -> Vec<Fault> {
        let text = std::mem::take(&mut self.text);
        let mut faults = Vec::new();
        let mut documents = compose(&text).into_iter();
        if let Some(first) = documents.next() {
            faults = first.faults;
            self.gaps = first.gaps;
            if let Content::Mapping(_) = first.root.content {
                self.root = first.root.into_owned();
            } else if faults.is_empty() {
                let fault = Fault::new(first.root.place, "a mapping is wanted");
                faults.push(fault.hint("write it as `key: value`"));
            }
        }
        if let Some(second) = documents.next() {
            let place = second.root.place;
            faults.push(Fault::new(place, "only one document is wanted"));
        }
        drop(documents);
        self.text = text;
        faults
    }

    /// What it says, without what was refused.
    pub fn value(&self) -> Value {
        self.root.json()
    }

    /// Everything wrong so far, in the order of its places.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Takes out what does not fit a schema, and says why.
    pub fn fit(&mut self, schema: &Value) {
        let shape = Shape::new(schema.clone());
        let (faults, _) = fit(&shape, &mut self.root, &mut self.gaps);
        self.tell(faults);
    }

    /// Takes out what a JSON Pointer leads to, or the last on the way that is there, and says why. False where nothing is there.
    pub fn refuse(&mut self, pointer: &str, what: &str, hint: Option<String>) -> bool {
        let fault = Fault::new(self.place(pointer), what).maybe_hint(hint);
        self.tell(vec![fault]);
        self.root.remove(pointer, &mut self.gaps)
    }

    /// Whether what a JSON Pointer leads to may have been taken out.
    pub fn may_hold(&self, pointer: &str) -> bool {
        let mut node = &self.root;
        for key in pointer.split('/').skip(1) {
            if self.gaps.may_hold(node, key) {
                return true;
            }
            match node.get(key) {
                Some(below) => node = below,
                None => return self.is_refused,
            }
        }
        false
    }

    /// A problem with what a JSON Pointer leads to, or with the last on the way that is there.
    pub fn problem(&self, pointer: &str, what: &str, hint: Option<String>) -> Problem {
        let fault = Fault::new(self.place(pointer), what).maybe_hint(hint);
        let mut told = problems(&self.path, &self.text, vec![fault]);
        told.remove(0)
    }

    fn place(&self, pointer: &str) -> Place {
        let found = self.root.find(pointer);
        match found.node.content {
            Content::Sequence(_) | Content::Mapping(_) => found.key_or_node(),
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => {
                found.node.place
            }
        }
    }

    fn tell(&mut self, faults: Vec<Fault>) {
        self.problems
            .extend(problems(&self.path, &self.text, faults));
        self.problems
            .sort_by_key(|problem| (problem.line, problem.column));
        self.problems.truncate(MAX_PROBLEMS);
    }
}
