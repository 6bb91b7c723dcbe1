//! Brace expansion: `{a,b}` and `{1..3}`, which the shell does before anything else, on the text as it was written.

/// The most words that one word may become.
const MOST: usize = 256;

/// The words that a word becomes; none if they are too many.
pub(super) fn expand(word: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![word.to_owned()];
    // Depth first, leftmost first, so that the order is the shell's.
    while let Some(word) = open.pop() {
        match first(&word) {
            None => done.push(word),
            Some((before, members, after)) => {
                for member in members.into_iter().rev() {
                    open.push(format!("{before}{member}{after}"));
                }
            }
        }
        if done.len() + open.len() > MOST || open.iter().map(String::len).sum::<usize>() > 65_536 {
            return None;
        }
    }
    Some(done)
}

/// The first brace expression: what stands before it, its members, what stands after it.
fn first(word: &str) -> Option<(&str, Vec<String>, &str)> {
    let mut from = 0;
    while let Some(open) = next_open(word, from) {
        if let Some((close, commas)) = close(word, open) {
            let inner = word.get(open + 1..close)?;
            let members = if commas.is_empty() {
                range(inner)
            } else {
                Some(members(word, open, close, &commas))
            };
            if let Some(members) = members {
                return Some((word.get(..open)?, members, word.get(close + 1..)?));
            }
        }
        from = open + 1;
    }
    None
}

fn members(word: &str, open: usize, close: usize, commas: &[usize]) -> Vec<String> {
    let mut start = open + 1;
    let mut members = Vec::new();
    for end in commas.iter().chain([&close]) {
        members.push(word.get(start..*end).unwrap_or_default().to_owned());
        start = end + 1;
    }
    members
}

/// Steps over what is quoted or expanded by itself: the place behind it, or none if this byte is nothing of that sort.
fn skip(word: &[u8], at: usize) -> Option<usize> {
    let until = |from: usize, end: u8| {
        let mut place = from;
        while place < word.len() && word[place] != end {
            place += if word[place] == b'\\' && end != b'\'' {
                2
            } else {
                1
            };
        }
        place + 1
    };
    match word.get(at)? {
        b'\\' => Some(at + 2),
        b'\'' => Some(until(at + 1, b'\'')),
        b'"' => Some(until(at + 1, b'"')),
        b'`' => Some(until(at + 1, b'`')),
        b'$' => match word.get(at + 1)? {
            b'{' => Some(balanced(word, at + 1, b'{', b'}')),
            b'(' => Some(balanced(word, at + 1, b'(', b')')),
            _ => None,
        },
        _ => None,
    }
}

fn balanced(word: &[u8], open: usize, more: u8, less: u8) -> usize {
    let (mut depth, mut place) = (0_usize, open);
    while let Some(byte) = word.get(place) {
        match *byte {
            b'\\' => place += 1,
            byte if byte == more => depth += 1,
            byte if byte == less => depth -= 1,
            _ => {}
        }
        place += 1;
        if depth == 0 {
            break;
        }
    }
    place
}

fn next_open(word: &str, from: usize) -> Option<usize> {
    let bytes = word.as_bytes();
    let mut place = from;
    while place < bytes.len() {
        if let Some(next) = skip(bytes, place) {
            place = next;
        } else if bytes[place] == b'{' {
            return Some(place);
        } else {
            place += 1;
        }
    }
    None
}

/// The brace that closes the one at `open`, and the commas between them.
fn close(word: &str, open: usize) -> Option<(usize, Vec<usize>)> {
    let bytes = word.as_bytes();
    let (mut place, mut depth, mut commas) = (open + 1, 0_usize, Vec::new());
    while place < bytes.len() {
        if let Some(next) = skip(bytes, place) {
            place = next;
            continue;
        }
        match bytes[place] {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some((place, commas)),
            b'}' => depth -= 1,
            b',' if depth == 0 => commas.push(place),
            _ => {}
        }
        place += 1;
    }
    None
}

/// The members of `1..3`, `a..e`, `1..10..2`.
fn range(inner: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = inner.split("..").collect();
    let (start, end, step) = match parts[..] {
        [start, end] => (start, end, 1),
        [start, end, step] => (start, end, step.parse::<i64>().ok()?.checked_abs()?.max(1)),
        _ => return None,
    };
    if let (Ok(first), Ok(last)) = (start.parse::<i64>(), end.parse::<i64>()) {
        let padded = |text: &str| text.trim_start_matches('-').starts_with('0') && text.len() > 1;
        let width = if padded(start) || padded(end) {
            start.len().max(end.len())
        } else {
            0
        };
        let names = numbers(first, last, step).map(|number| format!("{number:0width$}"));
        return Some(names.take(MOST + 1).collect());
    }
    let letter = |text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(i64::from(*byte)),
        _ => None,
    };
    let names = numbers(letter(start)?, letter(end)?, step);
    names
        .map(|number| Some(char::from(u8::try_from(number).ok()?).to_string()))
        .collect()
}

fn numbers(first: i64, last: i64, step: i64) -> impl Iterator<Item = i64> {
    let up = first <= last;
    let mut next = Some(first);
    std::iter::from_fn(move || {
        let current = next.filter(|number| if up { *number <= last } else { *number >= last })?;
        next = current.checked_add(if up { step } else { -step });
        Some(current)
    })
}
