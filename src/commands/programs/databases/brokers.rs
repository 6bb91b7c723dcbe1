//! Message brokers: settings that throw messages away. And what consul saves.

use super::MANUAL;
use crate::commands::{
    found::{Found, object},
    programs::files::paths::{Write, written},
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Reversible, Tri, Verb};

/// What a policy of rabbitmq says where messages, or whole queues, go after a time or beyond a number.
const ENDS: [&str; 5] = [
    "\"expires\"",
    "\"message-ttl\"",
    "\"max-length\"",
    "\"max-length-bytes\"",
    "\"max-age\"",
];

/// Settings of kafka that say how long, and how much, a topic keeps, and less of each than anybody keeps who wants to have it.
const KEEPS: [(&str, u64); 2] = [
    ("retention.ms=", 3_600_000),
    ("retention.bytes=", 1_000_000),
];

/// rabbitmqctl and the programs of kafka.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    MANUAL.judge(call, found);
    let says = |list: &[&str]| {
        let mut words = call.arguments.iter().map(Word::text);
        words.any(|word| list.iter().any(|part| word.contains(part)))
    };
    let sets = |verb: &str| call.arguments.iter().any(|word| word.text() == verb);
    let loses = match call.program {
        "rabbitmqctl" => (sets("set_policy") || sets("set_operator_policy")) && says(&ENDS),
        _ => says(&["--al"]) && call.arguments.iter().any(keeps_little),
    };
    if loses {
        let broker = object(&call.setting.place, "broker", call.program);
        found.effect(Effect {
            data_loss: Tri::Yes,
            reversible: Reversible::No,
            ..Effect::read(Verb::Update, broker)
        });
    }
}

/// consul: a snapshot is a file.
pub(super) fn consul(call: &Call<'_>, found: &mut Found) {
    MANUAL.judge(call, found);
    let mut words = call.arguments.iter();
    let saves =
        words.any(|word| word.text() == "snapshot") && words.any(|word| word.text() == "save");
    for file in words.filter(|word| saves && !word.text().starts_with('-')) {
        written(file, Write::Product, &call.setting.place, found);
    }
}

/// Whether a word sets a topic to keep next to nothing. Less than nothing is everything.
fn keeps_little(word: &Word) -> bool {
    let mut settings = word.text().trim_matches(['[', ']']).split(',');
    let little = |setting: &str| {
        KEEPS.iter().any(|(name, least)| {
            let setting = setting.strip_prefix("--add-config=").unwrap_or(setting);
            let setting = setting.strip_prefix("--config=").unwrap_or(setting);
            let value = setting.strip_prefix(name);
            value.is_some_and(|value| value.parse::<u64>().is_ok_and(|value| value < *least))
        })
    };
    settings.any(little)
}
