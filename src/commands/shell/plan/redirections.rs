//! Redirections of a plan: files, streams that are joined, texts.

use super::words::{self, Treatment};
use crate::domain::pipeline::{Matching, Open, Part, PlannedWord, Redirection, Stream};
use brush_parser::ast::{
    IoFileRedirectKind as Kind, IoFileRedirectTarget as Target, IoHereDocument, IoRedirect,
};

/// Files by which a process names its own streams, or that some shells only pretend to open.
const OWN: [&str; 9] = [
    "/dev/fd",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/tcp",
    "/dev/tty",
    "/dev/udp",
    "/proc/self",
    "/proc/thread-self",
];

pub(super) fn redirection(redirect: &IoRedirect) -> Option<Redirection> {
    match redirect {
        IoRedirect::OutputAndError(word, append) => {
            let open = if *append { Open::Append } else { Open::Replace };
            let both = vec![Stream::Output, Stream::Errors];
            Some(Redirection::File(both, open, file(&word.value)?))
        }
        IoRedirect::HereString(None | Some(0), word) => {
            let mut word = words::word(&word.value, Treatment::Whole)?;
            word.parts.push(Part::Text("\n".to_owned()));
            Some(Redirection::Text(word))
        }
        IoRedirect::HereDocument(None | Some(0), document) => {
            Some(Redirection::Text(lines(document)?))
        }
        IoRedirect::HereString(..) | IoRedirect::HereDocument(..) => None,
        IoRedirect::File(descriptor, kind, target) => to_file(*descriptor, kind, target),
    }
}

fn to_file(descriptor: Option<i32>, kind: &Kind, target: &Target) -> Option<Redirection> {
    let open = match kind {
        Kind::Read => Open::Read,
        Kind::Write | Kind::Clobber => Open::Replace,
        Kind::Append => Open::Append,
        Kind::DuplicateOutput => {
            let to = match target {
                Target::Fd(number) => *number,
                Target::Duplicate(word) => words::plain(&word.value)?.parse().ok()?,
                Target::Filename(_) | Target::ProcessSubstitution(..) => return None,
            };
            return Some(Redirection::Joined(
                printed(descriptor)?,
                printed(Some(to))?,
            ));
        }
        Kind::ReadAndWrite | Kind::DuplicateInput => return None,
    };
    let stream = match (open, descriptor) {
        (Open::Read, None | Some(0)) => Stream::Input,
        (Open::Read, Some(_)) => return None,
        (Open::Replace | Open::Append, _) => printed(descriptor)?,
    };
    match target {
        Target::Filename(word) => Some(Redirection::File(vec![stream], open, file(&word.value)?)),
        Target::Fd(_) | Target::Duplicate(_) | Target::ProcessSubstitution(..) => None,
    }
}

fn printed(descriptor: Option<i32>) -> Option<Stream> {
    match descriptor {
        None | Some(1) => Some(Stream::Output),
        Some(2) => Some(Stream::Errors),
        Some(_) => None,
    }
}

fn file(raw: &str) -> Option<PlannedWord> {
    let word = words::word(raw, Treatment::Target)?;
    let own = word
        .known()
        .is_some_and(|path| OWN.iter().any(|own| path.starts_with(own)));
    (!own).then_some(word)
}

fn lines(document: &IoHereDocument) -> Option<PlannedWord> {
    let text = &document.doc.value;
    // Whether the parser has taken the tabs away already is its own affair.
    if document.remove_tabs && text.lines().any(|line| line.starts_with('\t')) {
        return None;
    }
    if document.requires_expansion && text.contains(['$', '`', '\\']) {
        return words::document(text);
    }
    Some(PlannedWord {
        parts: vec![Part::Text(text.clone())],
        matching: Matching::No,
    })
}
