//! One of the five fields of a schedule, as text and as the values it allows.

/// What one field of a schedule may say.
#[derive(Debug)]
pub(super) struct Field {
    /// As in a sentence: "the minute".
    pub(super) name: &'static str,
    low: u32,
    high: u32,
    /// Names in the order of their values, the first of which is `first`.
    names: &'static [&'static str],
    first: u32,
}

/// The fields in their order.
pub(super) const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        low: 0,
        high: 59,
        names: &[],
        first: 0,
    },
    Field {
        name: "hour",
        low: 0,
        high: 23,
        names: &[],
        first: 0,
    },
    Field {
        name: "day of month",
        low: 1,
        high: 31,
        names: &[],
        first: 0,
    },
    Field {
        name: "month",
        low: 1,
        high: 12,
        names: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
        first: 1,
    },
    // 0 and 7 are both Sunday (crontab(5)).
    Field {
        name: "day of week",
        low: 0,
        high: 7,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        first: 0,
    },
];

/// What is wrong with a field, and how many bytes after its start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    fn new(what: String, hint: Option<String>) -> Self {
        Self {
            offset: 0,
            what,
            hint,
        }
    }
    fn further(mut self, bytes: usize) -> Self {
        self.offset += bytes;
        self
    }
}

impl Field {
    /// The values that a text allows, a bit each.
    pub(super) fn read(&self, text: &str) -> Result<u64, Fault> {
        let mut values = 0;
        let mut offset = 0;
        for item in text.split(',') {
            values |= self.item(item).map_err(|fault| fault.further(offset))?;
            offset += item.len() + 1;
        }
        Ok(values)
    }

    /// What may surprise about an item: a step that is so long that only the first value is left.
    pub(super) fn warning(&self, item: &str) -> Option<String> {
        let (range, step) = item.split_once('/')?;
        let (low, high) = self.range(range).ok()?;
        let step: u32 = step.parse().ok()?;
        (high > low && step > high - low).then(|| {
            let name = self.name;
            format!(
                "`{item}` allows only the {name} {low}; a longer interval is written with `every`"
            )
        })
    }

    /// `*`, `n` or `n-m`, the first and the last perhaps with `/step`.
    fn item(&self, item: &str) -> Result<u64, Fault> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (low, high) = self.range(range)?;
        let step = match step {
            None => 1,
            Some(_) if range != "*" && !range.contains('-') => {
                return Err(self.step_after_a_single_value(item, range));
            }
            Some(step) => self
                .step(step)
                .map_err(|fault| fault.further(range.len() + 1))?,
        };
        Ok((low..=high)
            .step_by(step)
            .fold(0, |values, value| values | 1 << value))
    }

    fn range(&self, range: &str) -> Result<(u32, u32), Fault> {
        if range == "*" {
            return Ok((self.low, self.high));
        }
        let Some((from, to)) = range.split_once('-') else {
            let value = self.value(range)?;
            return Ok((value, value));
        };
        let low = self.value(from)?;
        let mut high = self
            .value(to)
            .map_err(|fault| fault.further(from.len() + 1))?;
        if to.eq_ignore_ascii_case("SUN") && low > 0 {
            high = 7;
        }
        if high < low {
            return Err(self.backwards(range, (from, low), (to, high)));
        }
        Ok((low, high))
    }

    fn value(&self, text: &str) -> Result<u32, Fault> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        if let Some(position) = named.and_then(|position| u32::try_from(position).ok()) {
            return Ok(self.first + position);
        }
        if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
            return Err(self.no_value(text));
        }
        text.parse()
            .ok()
            .filter(|value| (self.low..=self.high).contains(value))
            .ok_or_else(|| {
                let Self {
                    name, low, high, ..
                } = self;
                let what = format!("{name} {text} is out of range: it goes from {low} to {high}");
                Fault::new(what, None)
            })
    }

    fn step(&self, text: &str) -> Result<usize, Fault> {
        text.parse()
            .ok()
            .filter(|step| *step > 0 && !text.starts_with('+'))
            .ok_or_else(|| {
                let what = format!("`{text}` is not a step of the {}", self.name);
                let hint = "a step is a number from 1, as in `*/5`";
                Fault::new(what, Some(hint.to_owned()))
            })
    }

    fn step_after_a_single_value(&self, item: &str, value: &str) -> Fault {
        let what = format!("`{item}` has a step but no range");
        let high = self.high;
        let hint =
            format!("some crons read it as `{value}`, others as `{value}-{high}/…`: write which");
        Fault::new(what, Some(hint))
    }

    fn backwards(&self, range: &str, from: (&str, u32), to: (&str, u32)) -> Fault {
        let what = format!("the range `{range}` runs backwards");
        // Sunday ends a week as 7.
        let hint = if self.high == 7 && to.1 == 0 {
            format!("write `{}-7`", from.0)
        } else {
            let last = if self.high == 7 { 6 } else { self.high };
            let late = Self::piece((from.0, from.1), (&self.word(last, from.0), last));
            let early = Self::piece((&self.word(self.low, to.0), self.low), (to.0, to.1));
            format!("write `{late},{early}`")
        };
        Fault::new(what, Some(hint))
    }

    fn piece(from: (&str, u32), to: (&str, u32)) -> String {
        if from.1 == to.1 {
            from.0.to_owned()
        } else {
            format!("{}-{}", from.0, to.0)
        }
    }

    /// A value as a name where the one beside it is a name, else as a number.
    fn word(&self, value: u32, beside: &str) -> String {
        let position = usize::try_from(value.saturating_sub(self.first)).unwrap_or(usize::MAX);
        match self.names.get(position) {
            Some(name) if beside.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                (*name).to_owned()
            }
            Some(_) | None => value.to_string(),
        }
    }

    fn no_value(&self, text: &str) -> Fault {
        let name = self.name;
        if text.is_empty() {
            return Fault::new(format!("a value of the {name} is missing"), None);
        }
        let what = format!("`{text}` is not a {name}");
        let upper = text.to_ascii_uppercase();
        let hint = match upper.trim_matches(|c: char| c.is_ascii_digit()) {
            "L" => Some("`L` is Quartz's; there is no last day in cron: run on `28-31` and let the first step ask for the date".to_owned()),
            "W" | "LW" => Some("`W` is Quartz's; for weekdays write `MON-FRI` as the fifth field".to_owned()),
            "H" => Some("`H` is Jenkins's; write a fixed time and a `spread`".to_owned()),
            _ => self.hint_for_a_word(&upper),
        };
        Fault::new(what, hint)
    }

    fn hint_for_a_word(&self, upper: &str) -> Option<String> {
        if let Some(name) = self.names.iter().find(|name| upper.starts_with(**name)) {
            return Some(format!("write `{name}`"));
        }
        let elsewhere = FIELDS
            .iter()
            .find(|field| field.names.iter().any(|name| upper.starts_with(name)));
        if let Some(field) = elsewhere {
            return Some(format!(
                "it is a {}; the order is minute, hour, day of month, month, day of week",
                field.name
            ));
        }
        (!self.names.is_empty()).then(|| format!("one of {}", self.names.join(", ")))
    }
}
