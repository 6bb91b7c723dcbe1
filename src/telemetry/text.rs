//! Writes Prometheus' text format 0.0.4 by hand, for families that are too many for the registry.

use std::fmt::Write as _;

/// What sort of family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
}

/// A text being written. Families come one after the other, each once.
#[derive(Debug)]
pub(super) struct Text {
    out: String,
}

impl Text {
    /// Goes on after what is there.
    pub(super) fn after(out: String) -> Self {
        Self { out }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Opens a family. `help` is one line without `\`.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        self.push(&[
            "# HELP ",
            name,
            " ",
            help,
            "\n# TYPE ",
            name,
            " ",
            kind,
            "\n",
        ]);
    }

    /// One sample; `labels` is empty or `{name="value",…}` with the values escaped.
    pub(super) fn sample(&mut self, name: &str, labels: &[&str], value: impl std::fmt::Display) {
        self.out.push_str(name);
        self.push(labels);
        // Writing to a string cannot fail.
        let _written = writeln!(self.out, " {value}");
    }

    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.push_str(part);
        }
    }
}

/// A label's value as the format wants it: `\`, `"` and line feeds escaped.
pub(super) fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
