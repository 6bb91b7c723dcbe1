//! Quotation marks and escapes of a word that holds nothing to expand, and the escapes of `$'…'`.

/// One stretch of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Stretch {
    pub(in crate::commands) text: String,
    /// Whether its characters stand for themselves.
    pub(in crate::commands) quoted: bool,
}

/// Whether a `$` or a backquote stands in a word where it is not quoted away.
pub(super) fn expands(word: &str) -> bool {
    if !word.contains(['$', '`']) {
        return false;
    }
    let (mut double, mut letters) = (false, word.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '$' | '`' => return true,
            '\\' => {
                letters.next();
            }
            '"' => double = !double,
            '\'' if !double => {
                letters.by_ref().find(|letter| *letter == '\'');
            }
            _ => {}
        }
    }
    false
}

/// The stretches of a word that [`expands`] to nothing else.
pub(in crate::commands) fn stretches(word: &str) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut letters = word.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        let text = match letter {
            '\\' => match letters.next() {
                Some('\n') => continue,
                Some(escaped) => escaped.to_string(),
                None => "\\".to_owned(),
            },
            '\'' => letters
                .by_ref()
                .take_while(|letter| *letter != '\'')
                .collect(),
            '"' => double_quoted(&mut letters),
            other => {
                plain.push(other);
                continue;
            }
        };
        if !plain.is_empty() {
            stretches.push(Stretch {
                text: std::mem::take(&mut plain),
                quoted: false,
            });
        }
        stretches.push(Stretch { text, quoted: true });
    }
    if !plain.is_empty() {
        stretches.push(Stretch {
            text: plain,
            quoted: false,
        });
    }
    stretches
}

fn double_quoted(letters: &mut std::str::Chars<'_>) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('\n') => {}
                Some(escaped @ ('$' | '`' | '"' | '\\')) => text.push(escaped),
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    text
}

/// What `$'…'`, `echo -e` and `printf` mean by their escapes; none if it is not valid text.
pub(in crate::commands) fn escapes(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let Some(kind) = letters.next() else {
            bytes.push(b'\\');
            break;
        };
        match kind {
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            'r' => bytes.push(b'\r'),
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'e' | 'E' => bytes.push(27),
            'f' => bytes.push(12),
            'v' => bytes.push(11),
            '\\' | '\'' | '"' | '?' => bytes.push(kind as u8),
            'x' => bytes.push(u8::try_from(number(&mut letters, 16, 2)?).ok()?),
            'u' => unicode(number(&mut letters, 16, 4)?, &mut bytes)?,
            'U' => unicode(number(&mut letters, 16, 8)?, &mut bytes)?,
            'c' => bytes.push((letters.next()? as u8) & 0x1f),
            '0'..='7' => {
                let first = kind.to_digit(8)?;
                let most = if first == 0 { 3 } else { 2 };
                let mut value = first;
                for _ in 0..most {
                    let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(8)) else {
                        break;
                    };
                    letters.next();
                    value = value * 8 + digit;
                }
                bytes.push(u8::try_from(value & 0xff).ok()?);
            }
            other => {
                bytes.push(b'\\');
                bytes.extend(other.encode_utf8(&mut [0; 4]).bytes());
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn number(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    base: u32,
    most: usize,
) -> Option<u32> {
    let mut value = None;
    for _ in 0..most {
        let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(base)) else {
            break;
        };
        letters.next();
        value = Some(
            value
                .unwrap_or(0_u32)
                .checked_mul(base)?
                .checked_add(digit)?,
        );
    }
    value
}

fn unicode(value: u32, bytes: &mut Vec<u8>) -> Option<()> {
    bytes.extend(char::from_u32(value)?.encode_utf8(&mut [0; 4]).bytes());
    Some(())
}
