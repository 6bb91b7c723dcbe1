//! `orderly config`.

use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
        table::{Cell, Table},
    },
    config::{Loaded, Origin, markdown_table, settings},
};
use serde_json::{Value, json};
use url::Url;

/// Show every setting, its value, and where the value comes from
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Arguments {
    /// Print the settings as a Markdown table: name, variable, default, purpose
    #[arg(long)]
    markdown: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Say whether the configuration can be used
    #[command(long_about = CHECK)]
    Check,
}

const LONG: &str = "\
Show every setting, its value, and where the value comes from. Built-in values are overridden by the file, the file by variables of the \
environment, and those by flags. Secrets are only ever named; what may be one in an address is not shown.

Exits with 5 where the configuration cannot be used, and tells everything that is wrong with it.

Example:
  orderly config
  orderly --set http.listen=127.0.0.1:9090 config
  orderly config --output json | jq '.[\"http.listen\"]'
  orderly --config /etc/orderly/orderly.yaml config check";

const CHECK: &str = "\
Say whether the configuration can be used: the file, the environment and the flags together, as the agent would read them. Everything that \
is wrong is told at once, at its place, with a hint. Whether secrets and repositories can be reached is for `orderly doctor`.

Exits with 5 where it cannot be used.

Example:
  orderly --config /etc/orderly/orderly.yaml config check
  orderly config check --output json | jq -r '.problems[].place'";

/// Shows or checks the configuration.
pub(in crate::cli) fn config(arguments: &Arguments, context: &Context) -> Answer {
    if arguments.markdown {
        context.terminal.data(&markdown_table())?;
        return Ok(Exit::Done);
    }
    if arguments.what.is_some() && context.terminal.wants_json() {
        return check_for_machines(context);
    }
    let loaded = context.config()?;
    tell_file(context);
    for name in &loaded.unknown_variables {
        context.terminal.say(&format!(
            "warning: ${name} is set but means nothing to orderly"
        ));
    }
    match arguments.what {
        Some(What::Check) => {
            context.terminal.line("the configuration can be used")?;
            Ok(Exit::Done)
        }
        None => show(context, &loaded),
    }
}

/// Whether the configuration can be used, and everything that keeps it from being.
fn check_for_machines(context: &Context) -> Answer {
    let file = context.file();
    let (problems, unknown) = match context.config() {
        Ok(loaded) => (Vec::new(), loaded.unknown_variables),
        Err(CliError::Config(error)) => (error.faults(), Vec::new()),
        Err(other) => return Err(other),
    };
    let ok = problems.is_empty();
    context.terminal.json(&json!({
        "ok": ok, "file": file, "problems": problems, "unknown_variables": unknown,
    }))?;
    Ok(if ok { Exit::Done } else { Exit::Configuration })
}

/// Says which file is used where nobody named it.
pub(in crate::cli) fn tell_file(context: &Context) {
    if let Some(path) = context.file().filter(|_| context.file_was_found()) {
        context
            .terminal
            .say(&format!("using the configuration in {}", path.display()));
    }
}

fn show(context: &Context, loaded: &Loaded) -> Answer {
    let values = shown_values(loaded)?;
    if context.terminal.wants_json() {
        let document: serde_json::Map<String, Value> = values
            .into_iter()
            .map(|(path, value, origin)| {
                (path, json!({"value": value, "origin": origin.to_string()}))
            })
            .collect();
        context.terminal.json(&document)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["SETTING", "FROM", "VALUE"]);
    for (path, value, origin) in values {
        let value = plain(&value);
        let cells = if origin == Origin::Default {
            [Cell::faint("default"), Cell::faint(&value)]
        } else {
            [origin.to_string().into(), value.into()]
        };
        let [origin, value] = cells;
        table.row([path.into(), origin, value]);
    }
    context.terminal.table(&table, "there are no settings")?;
    Ok(Exit::Done)
}

/// Every setting with what may be shown of its value.
fn shown_values(loaded: &Loaded) -> Result<Vec<(String, Value, Origin)>, CliError> {
    let whole = serde_json::to_value(&loaded.config)
        .map_err(|error| CliError::Internal(format!("writing the configuration: {error}")))?;
    let value = |path: &str| {
        let pointer = format!("/{}", path.replace('.', "/"));
        whole.pointer(&pointer).cloned().unwrap_or_default()
    };
    Ok(settings()
        .into_iter()
        .map(|setting| {
            let shown = without_secrets(&setting.path, value(&setting.path));
            let origin = loaded.origin(&setting.path);
            (setting.path, shown, origin)
        })
        .collect())
}

/// An address may hold a password, and a channel's is one as a whole.
fn without_secrets(path: &str, value: Value) -> Value {
    match (path, value) {
        ("source.url", Value::String(text)) => Value::String(without_password(&text)),
        ("channels", Value::Object(channels)) => channels
            .into_iter()
            .map(|(name, channel)| (name, masked_channel(channel)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (_, value) => value,
    }
}

fn masked_channel(channel: Value) -> Value {
    match channel.get("webhook").and_then(Value::as_str) {
        Some(text) => json!({"webhook": origin_alone(text)}),
        None => channel,
    }
}

fn origin_alone(text: &str) -> String {
    let host = Url::parse(text).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(format!("{}://{host}/***", url.scheme()))
    });
    host.unwrap_or_else(|| "***".to_owned())
}

fn without_password(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("***")) {
            Ok(()) => url.to_string(),
            Err(()) => "***".to_owned(),
        },
        Ok(_) | Err(_) => text.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => String::new(),
        Value::Object(map) if map.is_empty() => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{without_password, without_secrets};
    use serde_json::json;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        assert_eq!(
            without_password("https://me:s3cret@git.example/x.git"),
            "https://me:***@git.example/x.git"
        );
        assert_eq!(without_password("git@host:x.git"), "git@host:x.git");
        let channels = json!({
            "ops": {"webhook": "https://hooks.example/services/T0/B0/s3cret"},
            "dev": {"webhookSecret": "dev-hook"},
        });
        assert_eq!(
            without_secrets("channels", channels),
            json!({"ops": {"webhook": "https://hooks.example/***"}, "dev": {"webhookSecret": "dev-hook"}})
        );
    }
}
