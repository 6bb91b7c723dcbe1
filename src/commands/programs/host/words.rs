//! Lists of names, written as one text and taken apart when the program is compiled.

/// Names in a list to be looked through: `words!("a b c")` is `&["a", "b", "c"]`.
macro_rules! words {
    ($text:expr) => {{
        const COUNT: usize = $crate::commands::programs::host::words::count($text);
        const LIST: [&str; COUNT] = $crate::commands::programs::host::words::split::<COUNT>($text);
        &LIST
    }};
}
pub(in crate::commands::programs) use words;

/// How many names a list has.
pub(in crate::commands::programs) const fn count(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut place, mut names) = (0, 0);
    while place < bytes.len() {
        let starts = place == 0 || bytes[place - 1] == b' ';
        if bytes[place] != b' ' && starts {
            names += 1;
        }
        place += 1;
    }
    names
}

/// The names of a list.
pub(in crate::commands::programs) const fn split<const COUNT: usize>(
    text: &'static str,
) -> [&'static str; COUNT] {
    let mut names = [""; COUNT];
    let mut rest = text;
    let mut number = 0;
    while number < COUNT {
        let bytes = rest.as_bytes();
        let mut start = 0;
        while bytes[start] == b' ' {
            start += 1;
        }
        let mut end = start;
        while end < bytes.len() && bytes[end] != b' ' {
            end += 1;
        }
        let (head, tail) = rest.split_at(end);
        let (_, name) = head.split_at(start);
        names[number] = name;
        rest = tail;
        number += 1;
    }
    names
}
