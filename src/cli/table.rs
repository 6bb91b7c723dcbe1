//! Tables without borders: columns as wide as what they hold, two spaces between them.

use crate::{cli::terminal::Style, http::visible};

/// A cell: its text, made visible, and its look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// With a look.
    pub(super) fn styled(text: &str, style: Style) -> Self {
        Self {
            text: visible::error_line(text),
            style,
        }
    }

    /// Cut to so many characters, with a mark.
    pub(super) fn cut(mut self, most: usize) -> Self {
        self.text = visible::shortened(&self.text, most);
        self
    }

    /// Less important.
    pub(super) fn faint(text: &str) -> Self {
        Self::styled(text, Style::Faint)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::styled(text, Style::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// A table being filled.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    head: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
    widths: Vec<usize>,
}

impl Table {
    /// With a head.
    pub(super) fn new(head: &[&str]) -> Self {
        Self {
            head: head
                .iter()
                .map(|name| Cell::styled(name, Style::Strong))
                .collect(),
            ..Self::default()
        }
    }

    /// Without a head: names and what belongs to them.
    pub(super) fn headless() -> Self {
        Self::default()
    }

    /// Without a head, with columns at least so wide; for lines that come one by one.
    pub(super) fn line<const N: usize>(widths: &[usize], cells: [Cell; N]) -> Self {
        Self {
            rows: vec![cells.into()],
            widths: widths.to_vec(),
            head: Vec::new(),
        }
    }

    /// Adds a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// Adds a name and a value, where there is a value.
    pub(super) fn pair(&mut self, name: &str, value: impl Into<Cell>) {
        let value = value.into();
        if !value.text.is_empty() {
            self.row([Cell::faint(name), value]);
        }
    }

    /// Adds a name and its values, one below the other.
    pub(super) fn pairs(&mut self, name: &str, values: impl IntoIterator<Item = impl Into<Cell>>) {
        let mut name = name;
        for value in values {
            self.row([Cell::faint(name), value.into()]);
            name = "";
        }
    }

    /// Whether it has no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As text, each line with its end. The last column is not padded.
    pub(super) fn render(&self, colour: bool) -> String {
        let head = (!self.head.is_empty()).then_some(&self.head);
        let lines: Vec<&Vec<Cell>> = head.into_iter().chain(&self.rows).collect();
        let mut widths = self.widths.clone();
        for line in &lines {
            for (place, cell) in line.iter().enumerate() {
                let width = cell.text.chars().count();
                match widths.get_mut(place) {
                    Some(known) => *known = width.max(*known),
                    None => widths.push(width),
                }
            }
        }
        lines
            .iter()
            .map(|line| render_line(line, &widths, colour))
            .collect()
    }
}

fn render_line(line: &[Cell], widths: &[usize], colour: bool) -> String {
    let mut text = String::new();
    let filled = line
        .iter()
        .rposition(|cell| !cell.text.is_empty())
        .map_or(0, |last| last + 1);
    for (place, (cell, width)) in line.iter().zip(widths).take(filled).enumerate() {
        text.push_str(&cell.style.paint(&cell.text, colour));
        if place + 1 < filled {
            let missing = width.saturating_sub(cell.text.chars().count());
            text.push_str(&" ".repeat(missing + 2));
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::{Cell, Table};
    use crate::cli::terminal::Style;

    #[test]
    fn columns_are_as_wide_as_what_they_hold_and_lines_end_without_spaces() {
        let mut table = Table::new(&["NAME", "STATE", "WHY"]);
        table.row(["a".into(), "running".into(), "".into()]);
        table.row(["größer".into(), "ok".into(), "because".into()]);
        insta::assert_snapshot!(table.render(false), @"
        NAME    STATE    WHY
        a       running
        größer  ok       because
        ");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let mut table = Table::headless();
        table.row([Cell::styled("ok", Style::Good), "x".into()]);
        table.row(["failed".into(), "y".into()]);
        assert_eq!(table.render(true), "\x1b[32mok\x1b[0m      x\nfailed  y\n");
    }

    #[test]
    fn a_text_of_others_cannot_move_the_cursor() {
        let mut table = Table::headless();
        table.pair("reason", "a\x1b[2Jb\nc");
        assert_eq!(
            table.render(true),
            "\x1b[2mreason\x1b[0m  a\\u{1b}[2Jb\\u{a}c\n"
        );
    }

    #[test]
    fn a_pair_without_value_is_left_out() {
        let mut table = Table::headless();
        table.pair("reason", "");
        table.pairs("next", ["one", "two"]);
        assert_eq!(table.render(false), "next  one\n      two\n");
    }
}
