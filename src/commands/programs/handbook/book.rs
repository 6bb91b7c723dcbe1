//! Handbooks on a shelf: each is read when it is first asked for.

use super::{Handbook, Own};
use std::sync::OnceLock;

/// A program's handbook, and what the program does beyond it.
#[derive(Debug)]
pub(in crate::commands::programs) struct Book {
    /// The program.
    pub(in crate::commands::programs) name: &'static str,
    text: &'static str,
    /// What the handbook leaves to it.
    pub(in crate::commands::programs) own: Own,
    read: OnceLock<Handbook>,
}

impl Book {
    pub(in crate::commands::programs) const fn new(
        name: &'static str,
        text: &'static str,
        own: Own,
    ) -> Self {
        Self {
            name,
            text,
            own,
            read: OnceLock::new(),
        }
    }

    /// What it says.
    pub(in crate::commands::programs) fn handbook(&self) -> &Handbook {
        self.read.get_or_init(|| Handbook::read(self.text))
    }
}

/// Holds that every line of these handbooks is understood.
#[cfg(test)]
pub(in crate::commands::programs) fn assert_understood(books: &[Book]) {
    for book in books {
        let left = Handbook::checked(book.text).1;
        assert_eq!(left, Vec::<&str>::new(), "{}", book.name);
    }
}
