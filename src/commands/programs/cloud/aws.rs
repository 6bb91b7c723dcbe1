//! aws: calls of the API by their first word, with those that are graver than it says, and the commands of `aws s3`.

use super::{
    aws_files,
    line::Line,
    options,
    verbs::{Sort, named, sort},
};
use crate::{
    commands::{
        found::{Found, object},
        programs,
        programs::handbook::Handbook,
        shell,
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Place, Tri, Verb},
};
use std::{collections::HashMap, sync::LazyLock};

/// The commands that are more than a call of the API.
static HANDBOOK: LazyLock<Handbook> = LazyLock::new(|| Handbook::read(include_str!("aws.book")));

const VALUED: [&str; 10] = [
    "endpoint-url",
    "query",
    "region",
    "profile",
    "output",
    "color",
    "ca-bundle",
    "cli-read-timeout",
    "cli-connect-timeout",
    "cli-binary-format",
];
const PLAIN: [&str; 8] = [
    "debug",
    "no-verify-ssl",
    "no-paginate",
    "no-sign-request",
    "no-cli-pager",
    "cli-auto-prompt",
    "no-cli-auto-prompt",
    "help",
];
/// Services whose every change says who may do what.
const ACCESS_SERVICES: [&str; 13] = [
    "iam",
    "organizations",
    "sso-admin",
    "identitystore",
    "ram",
    "lakeformation",
    "network-firewall",
    "waf",
    "wafv2",
    "waf-regional",
    "cognito-idp",
    "accessanalyzer",
    "rolesanywhere",
];
/// Parts of a call's name that say the same.
const ACCESS_PARTS: [&str; 19] = [
    "security-group",
    "ingress",
    "egress",
    "network-acl",
    "-acl",
    "access-block",
    "access-key",
    "-policy",
    "-permission",
    "-grant",
    "access-entry",
    "key-pair",
    "ssh-public-key",
    "-role",
    "public-access",
    "-member",
    "-principal",
    "firewall",
    "-access-point",
];
/// Policies that say how things grow, stay and are kept, not who may do what.
const OTHER_POLICIES: [&str; 9] = [
    "lifecycle-policy",
    "scaling-policy",
    "retention-policy",
    "snapshot-policy",
    "backup-policy",
    "data-protection",
    "dlm",
    "routing-policy",
    "replication-policy",
];
/// Calls that are other than the first word of their names says.
static OTHERWISE: LazyLock<HashMap<(&str, &str), Sort>> = LazyLock::new(|| {
    let mut calls = HashMap::new();
    for line in include_str!("aws.calls").lines() {
        let mut words = line.split(' ');
        let sort = words.next().and_then(named);
        let service = words.next().unwrap_or("");
        if let Some(sort) = sort {
            calls.extend(words.map(|call| ((service, call), sort)));
        }
    }
    calls
});

/// Judges a call of aws.
pub(super) fn aws(call: &Call<'_>, found: &mut Found) {
    let page = HANDBOOK.page(call.arguments);
    let manual = page
        .parsed
        .words
        .last()
        .is_some_and(|word| word.known() == Some("help"));
    if page.deed.is_some() && !page.path.is_empty() && !(manual && page.parsed.flags.is_empty()) {
        return HANDBOOK.judge_page(&page, call, found, aws_files::own);
    }
    let line = Line::read(call.arguments, &VALUED, &PLAIN);
    found.line(&line.parsed(), |_| false);
    let cloud = |kind: &str, name: &str| object(&Place::Network("aws".to_owned()), kind, name);
    let asks = line.shows(&["help"])
        || line.has(&["generate-cli-skeleton"])
        || line.words.iter().any(|word| word.text() == "help");
    let [service, operation, ..] = line.words.as_slice() else {
        if line.only_asks(&["version"]) || asks && !line.words.is_empty() {
            found.effect(Effect::read(Verb::Read, cloud("help", "aws")));
        } else {
            found.unknown_code(
                &call.setting.place,
                "aws",
                "it does not say what is asked of which service",
            );
        }
        return;
    };
    let (Some(service), Some(operation)) = (service.known(), operation.known()) else {
        return found.unknown_code(
            &call.setting.place,
            "aws",
            "what is asked of which service is not known before it runs",
        );
    };
    let thing = cloud(service, operation);
    if asks || line.shows(&["dry-run", "dryrun"]) {
        // `--dry-run` asks whether one may.
        found.effect(Effect::read(Verb::Read, thing));
        return reserve(&line, found);
    }
    let sort = sort_of(service, operation, &line);
    let graver = sort.and_then(|sort| options::weigh(sort, &[service, operation], &line, found));
    if let Some(graver) = graver {
        found.effect(graver.effect(thing.clone()));
    }
    if !special(service, operation, &line, &thing, call, found) {
        if sort.is_none() {
            found.opaque(format!(
                "`aws {service} {operation}` is not known to the gate"
            ));
        }
        found.effect(sort.unwrap_or(Sort::Run).effect(thing));
    }
    reserve(&line, found);
}

fn reserve(line: &Line, found: &mut Found) {
    for word in line.unknown() {
        found.bounded(format!("`{}` is not known before it runs", word.text()));
    }
}

/// What a call does, by its name.
fn sort_of(service: &str, operation: &str, line: &Line) -> Option<Sort> {
    if let Some(sort) = OTHERWISE.get(&(service, operation)) {
        return Some(*sort);
    }
    let reveals = match service {
        "ssm" => line.has(&["with-decryption"]) && operation.starts_with("get-parameter"),
        "apigateway" => line.has(&["include-value", "include-values"]),
        _ => operation.starts_with("get-") && operation.ends_with("-secret-value"),
    };
    if reveals {
        return Some(Sort::Values);
    }
    let sort = sort(operation)?;
    let access = ACCESS_SERVICES.contains(&service)
        || ACCESS_PARTS.iter().any(|part| operation.contains(part));
    let other = OTHER_POLICIES
        .iter()
        .any(|policy| operation.contains(policy));
    match sort {
        Sort::Read => Some(Sort::Read),
        Sort::Delete => Some(Sort::Delete),
        _ if access
            && !other
            && !operation.starts_with("create-security-group")
            && !operation.contains("tag") =>
        {
            Some(Sort::Access)
        }
        sort => Some(sort),
    }
}

/// Calls whose values say what they do.
fn special(
    service: &str,
    operation: &str,
    line: &Line,
    thing: &Object,
    call: &Call<'_>,
    found: &mut Found,
) -> bool {
    match (service, operation) {
        ("ecs", "update-service") => scaled(line, &["desired-count"], thing, found),
        ("autoscaling", "set-desired-capacity") => {
            scaled(line, &["desired-capacity"], thing, found);
        }
        ("autoscaling", "update-auto-scaling-group") => {
            scaled(line, &["desired-capacity", "max-size"], thing, found);
        }
        ("eks", "update-nodegroup-config") => scaled(line, &["scaling-config"], thing, found),
        ("application-autoscaling", "register-scalable-target") => {
            scaled(line, &["max-capacity"], thing, found);
        }
        ("route53", "change-resource-record-sets") => records(line, thing, found),
        ("ssm", "send-command") => command(line, call, found),
        ("ecs", "execute-command") => match line.value(&["command"]) {
            Some(text) => script(text, call, found),
            None => found.unknown_code(&call.setting.place, "ecs", "it names no command"),
        },
        ("rds-data" | "redshift-data", "execute-statement" | "batch-execute-statement") => {
            sql(line, &["sql", "sqls"], call, found);
        }
        ("dynamodb", "execute-statement") => sql(line, &["statement"], call, found),
        ("athena", "start-query-execution") => sql(line, &["query-string"], call, found),
        (_, _) if is_write(operation) && lets_in(operation, line) => {
            found.effect(Sort::Access.effect(thing.clone()));
        }
        ("lambda", "put-function-concurrency") => {
            scaled(line, &["reserved-concurrent-executions"], thing, found);
        }
        ("lambda", "invoke") => {
            found.effect(Sort::Run.effect(thing.clone()));
            found.opaque("what a function does is not known");
        }
        (_, _)
            if (operation.starts_with("modify-") || operation.starts_with("update-"))
                && unprotects(line) =>
        {
            found.effect(Effect {
                data_loss: Tri::Unknown,
                ..Sort::Change.effect(thing.clone())
            });
        }
        _ => return false,
    }
    true
}

fn is_write(operation: &str) -> bool {
    sort(operation).is_some_and(|sort| !matches!(sort, Sort::Read | Sort::Delete))
}

/// Changes that let somebody in.
fn lets_in(operation: &str, line: &Line) -> bool {
    let modifies = operation.starts_with("modify-") || operation.starts_with("update-");
    let groups = [
        "groups",
        "vpc-security-group-ids",
        "security-group-ids",
        "user-data",
        "publicly-accessible",
    ];
    modifies && line.has(&groups) || operation.contains("function-url")
}

/// Flags that take a protection away.
fn unprotects(line: &Line) -> bool {
    line.flags.iter().any(|(name, _)| {
        [
            "no-deletion-protection",
            "no-disable-api-",
            "publicly-accessible",
        ]
        .iter()
        .any(|flag| name.starts_with(flag))
    }) || line
        .value(&["deletion-protection"])
        .is_some_and(|value| value.text().contains("false"))
}

/// A number of copies; none cuts the service.
fn scaled(line: &Line, flags: &[&str], thing: &Object, found: &mut Found) {
    let Some(value) = flags.iter().find_map(|flag| line.value(&[flag])) else {
        return found.effect(Effect::change(
            Verb::Update,
            thing.clone(),
            "update it with the former values",
        ));
    };
    let text = value
        .text()
        .rsplit_once("desiredSize=")
        .or(value.text().rsplit_once("maxSize="))
        .map_or(value.text(), |(_, rest)| rest);
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let count = value.known().and_then(|_| digits.parse::<u32>().ok());
    if count.is_none() {
        found.opaque("how many are wanted is not known");
    }
    let verb = Verb::ScaleTo(count.unwrap_or(0));
    found.effect(Effect::change(
        verb,
        thing.clone(),
        "scale back to the former number",
    ));
}

/// Records that are deleted are gone.
fn records(line: &Line, thing: &Object, found: &mut Found) {
    let batch = line.value(&["change-batch"]).and_then(Word::known);
    let mut effect = Sort::Change.effect(thing.clone());
    match batch {
        Some(text) if text.starts_with('{') || text.starts_with("Changes=") => {
            if text.contains("DELETE") {
                effect = Sort::Delete.effect(thing.clone());
            }
        }
        _ => found.opaque("which records are changed stands in a file"),
    }
    found.effect(effect);
}

/// `send-command --parameters commands=…`.
fn command(line: &Line, call: &Call<'_>, found: &mut Found) {
    let shell = line.value(&["document-name"]).is_some_and(|name| {
        matches!(
            name.text(),
            "AWS-RunShellScript" | "AWS-RunPowerShellScript"
        )
    });
    let text = line
        .value(&["parameters"])
        .and_then(Word::known)
        .and_then(|text| text.strip_prefix("commands="));
    match text {
        Some(text) if shell => script(
            &Word::Known(text.trim_matches(['[', ']', '"', '\'']).to_owned()),
            call,
            found,
        ),
        _ => found.unknown_code(
            &call.setting.place,
            "ssm",
            "what runs on the machines is not known",
        ),
    }
}

/// Text that a shell on a machine of the cloud runs.
pub(super) fn script(text: &Word, call: &Call<'_>, found: &mut Found) {
    let place = Place::Network("cloud".to_owned());
    match (text.known(), call.setting.elsewhere(place)) {
        (Some(text), Some(setting)) => shell::judge(text, call.stdin, &setting, found),
        _ => found.unknown_code(
            &call.setting.place,
            "shell",
            "what runs on the machines is not known",
        ),
    }
}

/// SQL: judged as psql's.
fn sql(line: &Line, flags: &[&str], call: &Call<'_>, found: &mut Found) {
    let text = line.value(flags);
    let setting = call.setting.elsewhere(Place::Network("aws".to_owned()));
    match (text, setting) {
        (Some(text), Some(setting)) => {
            let words = [
                Word::Known("psql".to_owned()),
                Word::Known("-c".to_owned()),
                text.clone(),
            ];
            programs::judge(&words, call.stdin, &setting, found);
        }
        _ => found.unknown_code(
            &call.setting.place,
            "sql",
            "which statement runs is not known",
        ),
    }
}
