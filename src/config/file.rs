//! The configuration file: what of it can be used, and everything that cannot, each at its place.
//!
//! serde stops at the first thing that does not fit. So that is told, taken out, and the rest is read again, until all that is left fits.

use crate::config::{
    Config,
    fault::{Fault, hint_among, in_words, quoted},
    guides::{self, Moved},
};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};
use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileTypeExt as _,
};

/// More of a file is not read, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// More faults than this are not told.
const MOST: usize = 50;

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// The text of a file, and no more of it than can be a configuration.
pub(super) fn read(path: &std::path::Path) -> io::Result<String> {
    // A named pipe may never end, and would hold up a reload; those that shells make for `<(…)` do end.
    let is_passed = ["/dev", "/proc"]
        .iter()
        .any(|folder| path.starts_with(folder));
    if !is_passed && path.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other("it is a named pipe, not a file"));
    }
    let file = File::open(path)?;
    let size = file.metadata().ok().map(|known| known.len());
    let mut text = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        let size = size.filter(|size| *size > MOST_BYTES);
        let size = size.map_or_else(String::new, |size| format!(" {size} bytes,"));
        let why = format!("it has{size} more than the {MOST_BYTES} bytes that are read");
        return Err(io::Error::other(why));
    }
    String::from_utf8(text).map_err(|error| {
        let why = format!(
            "it is not UTF-8 from byte {} on",
            error.utf8_error().valid_up_to() + 1
        );
        io::Error::other(why)
    })
}

/// A file's text, and what of it stands elsewhere in [`Config`].
#[derive(Debug)]
pub(super) struct Text {
    name: String,
    content: String,
    moved: Vec<Moved>,
}

/// What can be used of a file's text, and what is wrong with the rest.
pub(super) fn sift(text: String, name: String) -> (Value, Vec<Fault>, Text) {
    let mut text = Text {
        name,
        content: text,
        moved: Vec::new(),
    };
    let nothing = || Value::Object(Map::new());
    let (layer, faults) = match text.tree() {
        Ok(Value::Null) => (nothing(), Vec::new()),
        Ok(mut tree @ Value::Object(_)) => {
            let (moved, problems) = guides::translate(&mut tree);
            text.moved = moved;
            let faults = problems.into_iter().map(|problem| {
                let place = at(&text.name, seek(&text.content, &problem.at, true));
                Fault::new(place, &problem.text)
            });
            let faults = faults.collect();
            Sifter::new(&text, tree, faults).sifted()
        }
        Ok(_) => {
            let problem = "the settings must be a mapping\nhint: `orderly config` lists them";
            let fault = Fault::new(format!("{}:1:1", text.name), problem);
            (nothing(), vec![fault])
        }
        Err(fault) => (nothing(), vec![fault]),
    };
    (layer, faults, text)
}

impl Text {
    fn tree(&self) -> Result<Value, Fault> {
        match serde_yaml::from_str::<serde_yaml::Value>(&self.content) {
            Ok(tree) => serde_json::to_value(tree)
                .map_err(|error| Fault::new(&self.name, &error.to_string())),
            Err(error) => {
                let place = at(&self.name, place_of(&error));
                Err(Fault::new(place, &without_place(&error)))
            }
        }
    }

    /// Where the value of a setting stands: its path as in [`crate::config::Setting`], and what leads on from there, keys or numbers of
    /// items.
    pub(super) fn place_of(&self, path: &str, below: &[&str]) -> String {
        let step = |word: &str| match word.parse() {
            Ok(index) => Step::Item(index),
            Err(_) => Step::Key(word.to_owned()),
        };
        let words = path.split('.').chain(below.iter().copied());
        let steps = guides::as_written(words.map(step).collect(), &self.moved);
        at(&self.name, seek(&self.content, &steps, false))
    }
}

fn at(file: &str, place: Option<(usize, usize)>) -> String {
    match place {
        Some((line, column)) => format!("{file}:{line}:{column}"),
        None => file.to_owned(),
    }
}

fn place_of(error: &serde_yaml::Error) -> Option<(usize, usize)> {
    error.location().map(|at| (at.line(), at.column()))
}

/// The place stands before the words already.
fn without_place(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    match place_of(error) {
        Some((line, column)) => text.replace(&format!(" at line {line} column {column}"), ""),
        None => text,
    }
}

fn seek(text: &str, steps: &[Step], at_key: bool) -> Option<(usize, usize)> {
    let seek = Seek { steps, at_key };
    let sought = seek.deserialize(serde_yaml::Deserializer::from_str(text));
    sought.err().and_then(|found| place_of(&found))
}

struct Sifter<'t> {
    text: &'t Text,
    /// What is left.
    tree: Value,
    /// What was taken out, as it stood in the file.
    removed: Vec<Vec<Step>>,
    faults: Vec<Fault>,
}

impl<'t> Sifter<'t> {
    fn new(text: &'t Text, tree: Value, faults: Vec<Fault>) -> Self {
        Self {
            text,
            tree,
            removed: Vec::new(),
            faults,
        }
    }

    fn sifted(mut self) -> (Value, Vec<Fault>) {
        while let Err(error) = serde_path_to_error::deserialize::<_, Config>(&self.tree) {
            let now = steps(error.path(), &self.tree);
            let then = self.in_the_file(&now);
            self.tell(&then, &error.inner().to_string());
            if self.faults.len() >= MOST || !take_out(&mut self.tree, &now) {
                self.tree = Value::Object(Map::new());
                break;
            }
            self.removed.push(then);
        }
        (self.tree, self.faults)
    }

    fn tell(&mut self, then: &[Step], message: &str) {
        let words = quoted(message);
        let (name, known) = words
            .split_first()
            .map_or(("", &[][..]), |(name, known)| (*name, known));
        let fault = if message.starts_with("missing field") {
            let mut missing = then.to_vec();
            missing.push(Step::Key(name.to_owned()));
            if self.removed.contains(&missing) {
                return;
            }
            self.fault(then, false, &format!("{}`{name}` is missing", prefix(then)))
        } else if message.starts_with("unknown field") {
            let problem = format!("unknown setting `{}`", written(then));
            self.fault(then, true, &problem)
                .hint(hint_among(name, known))
        } else {
            let (problem, hint) = in_words(message);
            let problem = format!("{}{problem}", prefix(then));
            self.fault(then, false, &problem).hint(hint)
        };
        self.faults.push(fault);
    }

    fn fault(&self, then: &[Step], at_key: bool, problem: &str) -> Fault {
        let place = seek(&self.text.content, then, at_key);
        Fault::new(at(&self.text.name, place), problem)
    }

    /// Items that were taken out have moved those behind them.
    fn in_the_file(&self, now: &[Step]) -> Vec<Step> {
        let mut then: Vec<Step> = Vec::new();
        for mut step in guides::as_written(now.to_vec(), &self.text.moved) {
            if let Step::Item(index) = &mut step {
                let mut gone: Vec<usize> = self
                    .removed
                    .iter()
                    .filter_map(|path| match path.strip_prefix(then.as_slice()) {
                        Some([Step::Item(gone)]) => Some(*gone),
                        Some(_) | None => None,
                    })
                    .collect();
                gone.sort_unstable();
                for gone in gone {
                    *index += usize::from(gone <= *index);
                }
            }
            then.push(step);
        }
        then
    }
}

/// The way to a fault, as far as it is known. A choice between several kinds is a key where it stands as one (`s3:` of a store), and
/// where something below it is at fault: without its only key, the choice itself would be another fault.
fn steps(path: &Path, tree: &Value) -> Vec<Step> {
    let mut here = Some(tree);
    let mut steps = Vec::new();
    let mut chosen = Vec::new();
    for segment in path {
        let step = match segment {
            Segment::Map { key } => Step::Key(key.clone()),
            Segment::Seq { index } => Step::Item(*index),
            Segment::Enum { variant } => {
                chosen.push(Step::Key(variant.clone()));
                here = here.and_then(|value| value.get(variant));
                continue;
            }
            Segment::Unknown => break,
        };
        if here.is_none() && !chosen.is_empty() {
            break;
        }
        steps.append(&mut chosen);
        here = here.and_then(|value| match &step {
            Step::Key(key) => value.get(key),
            Step::Item(index) => value.get(index),
        });
        steps.push(step);
    }
    steps
}

/// Whether there was something to take out.
fn take_out(tree: &mut Value, steps: &[Step]) -> bool {
    let Some((last, way)) = steps.split_last() else {
        return false;
    };
    let parent = way.iter().try_fold(tree, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Item(index) => value.get_mut(index),
    });
    match (parent, last) {
        (Some(Value::Object(map)), Step::Key(key)) => map.shift_remove(key).is_some(),
        (Some(Value::Array(items)), Step::Item(index)) if *index < items.len() => {
            items.remove(*index);
            true
        }
        (Some(_) | None, _) => false,
    }
}

/// `http.tokens[0].role`
pub(super) fn written(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn prefix(steps: &[Step]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    format!("`{}`: ", written(steps))
}

/// Goes to a place in a text and fails there on purpose: only errors of the reader know places.
#[derive(Debug, Clone, Copy)]
struct Seek<'s> {
    steps: &'s [Step],
    /// At the last key instead of its value.
    at_key: bool,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

/// Whatever is not overridden here fails, and so is at the place.
impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a way")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if let Some((Step::Key(name), rest)) = self.steps.split_first() {
            let fails = self.at_key && rest.is_empty();
            while let Some(found) = map.next_key_seed(SeekKey { name, fails })? {
                if found {
                    return map.next_value_seed(Seek {
                        steps: rest,
                        ..self
                    });
                }
                map.next_value::<IgnoredAny>()?;
            }
        }
        Err(A::Error::custom("here"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if let Some((Step::Item(index), rest)) = self.steps.split_first() {
            for _ in 0..*index {
                items.next_element::<IgnoredAny>()?;
            }
            items.next_element_seed(Seek {
                steps: rest,
                ..self
            })?;
        }
        Err(A::Error::custom("here"))
    }
}

struct SeekKey<'s> {
    name: &'s str,
    fails: bool,
}

impl<'de> DeserializeSeed<'de> for SeekKey<'_> {
    type Value = bool;
    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for SeekKey<'_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match (key == self.name, self.fails) {
            (true, true) => Err(E::custom("here")),
            (found, _) => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{read, sift};

    /// Each fault in one line.
    fn told(text: &str) -> Vec<String> {
        let (_, faults, _) = sift(text.to_owned(), "f".to_owned());
        faults
            .iter()
            .map(|fault| fault.to_string().replace('\n', " | "))
            .collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_its_place() {
        let text = "\
sorce: { url: x }
http:
  listen: 8080
  tokenz: 3
  tokens:
    - { subject: a, role: bos, secret: s }
    - { subject: b, role: viewer }
    - { subject: c, role: viewer, secret: s }
    - { subject: d, rolle: viewer, role: viewer, secret: s }
source: { poll: soon, branch: 1.10 }
secrets:
  a: { file: /a, env: A }
  b: { fille: /b }
artifacts:
  stores:
    offsite: { s3: { bucket: b, prefixx: p } }
    nowhere: { s3: { prefix: p } }
";
        insta::assert_snapshot!(told(text).join("\n"), @r"
        f:1:1: unknown setting `sorce` | hint: did you mean `source`?
        f:3:11: `http.listen`: must be an address and a port, not integer `8080` | hint: write an address and a port, as `127.0.0.1:8080`
        f:4:3: unknown setting `http.tokenz` | hint: did you mean `tokens`?
        f:6:27: `http.tokens[0].role`: `bos` is not one of viewer, operator, approver, admin
        f:7:7: `http.tokens[1]`: `secret` is missing
        f:9:21: unknown setting `http.tokens[3].rolle` | hint: did you mean `role`?
        f:10:17: `source.poll`: `soon` is not a length of time: write a number and a unit (ms, s, m, h, d, w), as in `90s` or `1h30m`
        f:10:31: `source.branch`: must be a string, not floating point `1.1` | hint: put it in quotes
        f:12:6: `secrets.a`: must have exactly one key
        f:13:6: `secrets.b`: `fille` is not one of env, file | hint: did you mean `file`?
        f:16:33: unknown setting `artifacts.stores.offsite.s3.prefixx` | hint: did you mean `prefix`?
        f:17:14: `artifacts.stores.nowhere`: `bucket` is missing
        ");
        let (left, _, _) = sift(text.to_owned(), "f".to_owned());
        assert_eq!(left["http"]["tokens"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_yaml_or_no_mapping_is_one_fault() {
        insta::assert_snapshot!(told("a: [\n").join("\n"), @"f:2:1: did not find expected node content, while parsing a flow node");
        insta::assert_snapshot!(told("- a\n").join("\n"), @"f:1:1: the settings must be a mapping | hint: `orderly config` lists them");
        let twice = told("http: {}\nhttp: {}\n").join("\n");
        assert!(
            twice.contains("duplicate") && twice.starts_with("f:"),
            "{twice}"
        );
        assert!(told("").is_empty() && told("# nothing\n").is_empty());
    }

    #[test]
    fn no_more_is_read_than_can_be_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let huge = std::fs::File::create(at("huge")).unwrap();
        huge.set_len(3_000_000_000).unwrap();
        std::fs::write(at("latin"), b"a: \xff").unwrap();
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), kind, mode, 0).unwrap();
        for (path, wanted) in [
            (
                at("huge"),
                "it has 3000000000 bytes, more than the 1048576 bytes that are read",
            ),
            (
                "/dev/zero".into(),
                "it has more than the 1048576 bytes that are read",
            ),
            (at("latin"), "it is not UTF-8 from byte 4 on"),
            (at("pipe"), "it is a named pipe, not a file"),
        ] {
            assert_eq!(read(&path).unwrap_err().to_string(), wanted);
        }
    }

    #[test]
    fn a_name_that_is_like_nothing_is_not_taken_for_another() {
        insta::assert_snapshot!(told("x: 1\nhttp: { zzz: 1 }").join("\n"), @r"
        f:1:1: unknown setting `x` | hint: known are environment, stateDir, source, http, log, runs, policy, secrets, channels, webhooks, clusters, artifacts, ai, audit, retention
        f:2:9: unknown setting `http.zzz` | hint: known are listen, openReads, metrics, allowedHosts, tokens
        ");
    }
}
