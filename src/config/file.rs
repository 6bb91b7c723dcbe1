//! The file: checked strictly, so that everything wrong with it has a place, and then read by serde_yaml.

use crate::{
    config::{Config, ConfigProblem},
    runbooks::{MAX_FILE_BYTES, Problem, SingleFile},
};
use serde_json::{Map, Value};
use std::{fs::File, io::Read as _, os::unix::fs::FileTypeExt as _, path::Path};

/// The most problems of types that are looked for, each by reading once more.
const MOST_PROBLEMS: usize = 100;

/// What the file says, and what is wrong with it.
#[derive(Debug)]
pub(super) struct FileLayer {
    /// Its values, without those that are refused.
    pub(super) value: Value,
    pub(super) problems: Vec<ConfigProblem>,
    /// Nothing where it cannot be read at all.
    text: Option<SingleFile>,
}

impl FileLayer {
    /// Reads the file, and no more of it than can be a configuration.
    pub(super) fn read(path: &Path, below: &Value) -> Self {
        match start_of(path) {
            Ok((bytes, size)) if bytes.len() > MAX_FILE_BYTES => {
                let size = size.map_or_else(String::new, |size| format!(" of {size} bytes"));
                let what = format!(
                    "the configuration file{size} is too large: at most {MAX_FILE_BYTES} bytes are read"
                );
                Self::refused(path, what, None)
            }
            Ok((bytes, _)) => Self::of(path, &bytes, below),
            Err(error) => {
                let what = format!("the configuration file cannot be read: {error}");
                Self::refused(
                    path,
                    what,
                    Some("name another one with --config, or create it"),
                )
            }
        }
    }

    fn refused(path: &Path, what: String, hint: Option<&str>) -> Self {
        let problem = ConfigProblem::new(path.display().to_string(), what);
        Self {
            value: Value::Object(Map::new()),
            problems: vec![problem.hint(hint.map(str::to_owned))],
            text: None,
        }
    }

    fn of(path: &Path, bytes: &[u8], below: &Value) -> Self {
        let mut file = SingleFile::read(&path.display().to_string(), bytes);
        let whole = serde_yaml::from_slice::<Value>(bytes).ok();
        let whole = whole.filter(|value| value.is_object() && file.problems().is_empty());
        if let Some(value) = whole
            && read_over(below, &value).is_ok()
        {
            return Self {
                value,
                problems: Vec::new(),
                text: Some(file),
            };
        }
        file.fit(&schema());
        refuse_misfits(&mut file, below);
        Self {
            value: file.value(),
            problems: file.problems().iter().map(told).collect(),
            text: Some(file),
        }
    }

    /// Whether what a JSON Pointer leads to may be one of the values that are refused.
    pub(super) fn may_hold(&self, pointer: &str) -> bool {
        let file = self.text.as_ref();
        file.is_none_or(|file| file.may_hold(pointer))
    }

    /// A problem with what a JSON Pointer leads to.
    pub(super) fn problem(
        &self,
        pointer: &str,
        what: &str,
        hint: Option<String>,
    ) -> Option<ConfigProblem> {
        let file = self.text.as_ref()?;
        Some(told(&file.problem(pointer, what, hint)))
    }
}

/// What a file begins with, a little more than is read, and its size where it is known without reading to the end.
fn start_of(path: &Path) -> std::io::Result<(Vec<u8>, Option<u64>)> {
    // A named pipe may never end, and would hold up a reload; those that shells make for `<(…)` do end.
    let is_passed = ["/dev", "/proc"]
        .iter()
        .any(|folder| path.starts_with(folder));
    if !is_passed && path.metadata()?.file_type().is_fifo() {
        return Err(std::io::Error::other("it is a named pipe, not a file"));
    }
    let file = File::open(path)?;
    let known = file.metadata().ok().filter(std::fs::Metadata::is_file);
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok((bytes, known.map(|known| known.len())))
}

fn told(problem: &Problem) -> ConfigProblem {
    ConfigProblem {
        origin: problem.file.clone(),
        line: Some(problem.line),
        column: Some(problem.column),
        what: problem.what.clone(),
        hint: problem.hint.clone(),
    }
}

/// The types may refuse what their schema does not: a name, a number that is too large. Each is taken out, until the rest can be
/// read.
fn refuse_misfits(file: &mut SingleFile, below: &Value) {
    for _ in 0..MOST_PROBLEMS {
        let Err((pointer, why)) = read_over(below, &file.value()) else {
            return;
        };
        let setting = pointer.trim_start_matches('/').replace('/', ".");
        if !file.refuse(&pointer, &format!("`{setting}`: {why}"), None) {
            return;
        }
    }
}

/// Reads values over others. Where that fails: a JSON Pointer to what does not fit, and why.
pub(super) fn read_over(below: &Value, above: &Value) -> Result<Config, (String, String)> {
    let mut whole = below.clone();
    super::layers::merge(&mut whole, above.clone(), "", &mut |_| {});
    serde_path_to_error::deserialize(whole).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            match segment {
                serde_path_to_error::Segment::Seq { index } => {
                    pointer.push_str(&format!("/{index}"));
                }
                serde_path_to_error::Segment::Map { key } => {
                    pointer.push('/');
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                }
                // The key of a choice is in the path already, and what is not known leads no further.
                serde_path_to_error::Segment::Enum { .. }
                | serde_path_to_error::Segment::Unknown => break,
            }
        }
        (pointer, error.into_inner().to_string())
    })
}

fn schema() -> Value {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    generator.root_schema_for::<Config>().to_value()
}
