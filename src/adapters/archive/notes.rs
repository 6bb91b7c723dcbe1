//! Remarks about single files: all are counted, the first are kept.

/// How many remarks are kept; a broken disk would have one for each file.
const KEPT: usize = 20;

/// Remarks.
#[derive(Debug, Default)]
pub(super) struct Notes {
    count: u64,
    kept: Vec<String>,
}

impl Notes {
    pub(super) fn add(&mut self, note: String) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(note);
        }
    }
    pub(super) fn count(&self) -> u64 {
        self.count
    }
    /// Those that were kept, and how many were not.
    pub(super) fn listed(mut self) -> Vec<String> {
        let more = self.count - self.kept.len() as u64;
        if more > 0 {
            self.kept.push(format!("and {more} more"));
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::Notes;

    #[test]
    fn all_are_counted_and_the_first_are_listed() {
        let mut notes = Notes::default();
        assert!(Notes::default().listed().is_empty());
        for number in 0..25 {
            notes.add(number.to_string());
        }
        assert_eq!(notes.count(), 25);
        let listed = notes.listed();
        assert_eq!(listed.len(), 21);
        assert_eq!(listed.last().unwrap(), "and 5 more");
    }
}
