//! `orderly doctor`: looks, and changes nothing.

mod agent;
pub(in crate::cli) mod inside;
mod outside;
mod reviewer;

use crate::{
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
        table::{Cell, Table},
        terminal::Style,
    },
    config::Loaded,
};
use serde::Serialize;

/// How a thing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    name: String,
    verdict: Verdict,
    detail: String,
    hint: Option<String>,
}

impl Finding {
    fn new(name: &str, verdict: Verdict, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let (hints, said): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with("hint: "));
        Self {
            name: name.to_owned(),
            verdict,
            detail: said.join(" "),
            hint: hints
                .first()
                .map(|hint| hint.trim_start_matches("hint: ").to_owned()),
        }
    }
    fn ok(name: &str, text: impl AsRef<str>) -> Self {
        Self::new(name, Verdict::Ok, text)
    }
    fn warn(name: &str, text: impl AsRef<str>) -> Self {
        Self::new(name, Verdict::Warn, text)
    }
    fn fail(name: &str, text: impl AsRef<str>) -> Self {
        Self::new(name, Verdict::Fail, text)
    }
    /// As an error says.
    fn error(name: &str, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            let said = cause.to_string();
            if !text.contains(&said) {
                text = format!("{said}\n{text}");
            }
            next = cause.source();
        }
        Self::fail(name, text)
    }
}

/// Looks at everything that the configuration leads to.
pub(in crate::cli) async fn doctor(context: &Context) -> Answer {
    let findings = match context.config() {
        Ok(loaded) => look(context, &loaded).await,
        Err(CliError::Config(error)) => {
            let faults = error.faults().into_iter();
            faults
                .map(|fault| Finding::fail("configuration", fault.to_string()))
                .collect()
        }
        Err(other) => return Err(other),
    };
    if context.terminal.wants_json() {
        context.terminal.json(&findings)?;
    } else {
        context.terminal.table(&table(&findings), "")?;
    }
    let failed = findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

async fn look(context: &Context, loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let mut findings = inside::configuration(context, loaded);
    findings.extend(inside::state_folder(config));
    findings.extend(inside::history(config).await);
    findings.extend(inside::halted(config).await);
    findings.push(inside::clock(context, config).await);
    findings.extend(outside::secrets(context, config));
    findings.push(outside::encryption(context, config));
    findings.extend(outside::stores(context, config).await);
    findings.extend(outside::source(context, config).await);
    findings.extend(outside::clusters(context, config).await);
    findings.extend(reviewer::providers(context, config).await);
    findings.extend(agent::agent(config).await);
    findings
}

fn table(findings: &[Finding]) -> Table {
    let mut table = Table::headless();
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Ok => Cell::styled("ok", Style::Good),
            Verdict::Warn => Cell::styled("warn", Style::Warn),
            Verdict::Fail => Cell::styled("fail", Style::Bad),
        };
        table.row([
            verdict,
            finding.name.as_str().into(),
            finding.detail.as_str().into(),
        ]);
        if let Some(hint) = &finding.hint {
            table.row([
                Cell::default(),
                Cell::default(),
                Cell::faint(&format!("hint: {hint}")),
            ]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{Finding, table};

    #[test]
    fn a_hint_stands_below_its_finding() {
        let findings = [
            Finding::ok("clock", "fine"),
            Finding::fail(
                "http",
                "the port is taken\nby something\nhint: name another",
            ),
        ];
        insta::assert_snapshot!(table(&findings).render(false), @"
        ok    clock  fine
        fail  http   the port is taken by something
                     hint: name another
        ");
    }
}
