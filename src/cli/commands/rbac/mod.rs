//! `orderly rbac`.

mod needed;
mod roles;

use crate::{
    cli::{
        commands::{
            gate::beside::is_error,
            validate::find::{Found, find},
        },
        context::Context,
        exit::{Answer, CliError, Exit},
        values::key_and_value,
    },
    config::{AccountConfig, Config},
    daemon::wiring,
    domain::{
        active::ActiveSet,
        name::{EnvironmentName, RunbookName, SecretName},
        right::{Need, Right},
    },
    http::visible,
    runbooks::{FileContent, Loader, ReportFormat, render},
};
use needed::{Asked, Needed};
use roles::{Account, Bound};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// Print the least roles that runbooks need in a cluster
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Files and folders with the runbooks; may be given more than once
    #[arg(long, value_name = "PATH", required = true)]
    runbooks: Vec<PathBuf>,
    /// The service account that the roles are bound to, as `namespace/name`; no bindings without it
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = account)]
    service_account: Option<Account>,
    /// Roles for each runbook apart, bound to its own account as the configuration names it
    #[arg(long)]
    per_runbook: bool,
    /// The cluster, where the runbooks are about more than one
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// A value of an input, beside its default; may be given more than once, also for the same input
    #[arg(long = "input", short, value_name = "KEY=VALUE", value_parser = key_and_value)]
    inputs: Vec<(String, String)>,
    /// As in this environment instead of the configured one
    #[arg(long, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// What the names of the roles begin with
    #[arg(long, value_name = "PREFIX", default_value = "orderly")]
    name: String,
}

const LONG: &str = "\
Print the least ClusterRole and Roles that a set of runbooks needs in a cluster, with their bindings, as YAML for `kubectl apply` or, with \
--output json, as one List. Nothing is asked of a cluster, and no agent is needed: the rights follow from what each step says that it would \
do.

Every step counts, also those under rollback and finally, and those of the runbooks that a step runs. Inputs count with their defaults, with \
every value of their enum, or with what --input gives. Where what a step names is only known in a run, the right cannot be narrowed to it; \
that is said on standard error and at the head of the YAML.

With --per-runbook each runbook gets roles of its own, bound to the account that `clusters:` of the configuration names for it, and \
--service-account is the agent's own, which gets the right to impersonate those accounts. Roles of a runbook whose account is a token are \
bound to nobody, because whose it is is not known here; that is said, too.

Exits with 0, or with 1 where a runbook has errors or a step cannot be planned.

Example:
  orderly rbac --runbooks runbooks --service-account orderly/orderly
  orderly rbac --runbooks runbooks/restart.yaml --input namespace=shop --input namespace=todo
  orderly rbac --runbooks runbooks --per-runbook --service-account orderly/orderly --output json";

fn account(text: &str) -> Result<Account, String> {
    let config = AccountConfig::ServiceAccount(text.to_owned());
    let (namespace, name) = config
        .service_account()
        .ok_or_else(|| format!("`{text}` is not `namespace/name`"))?;
    Ok(Account {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

/// Prints roles.
pub(in crate::cli) fn rbac(arguments: &Arguments, context: &Context) -> Answer {
    let config = &context.config()?.config;
    let set = load(&arguments.runbooks)?;
    let mut settings = wiring::settings(config);
    if let Some(environment) = &arguments.environment {
        settings.environment = environment.clone();
    }
    let asked = Asked {
        set: &set,
        settings: &settings,
        inputs: given(&arguments.inputs, &set)?,
        top: &arguments.runbooks,
        now: context.now(),
    };
    let needed = needed::needed(&asked);
    let cluster = cluster(&needed, arguments, config)?;
    let bound = bound(&needed, &cluster, arguments, config);
    let mut told = told(&needed, &cluster);
    if arguments.per_runbook {
        told.extend(of_tokens(&needed, &cluster, config));
    }
    for line in &told {
        context.terminal.say(&format!("warning: {line}"));
    }
    if bound.iter().all(|one| one.rights.is_empty()) {
        let text = "the runbooks need nothing of a cluster";
        context.terminal.say(text);
    }
    if context.terminal.wants_json() {
        context.terminal.json(&roles::list(&bound))?;
    } else {
        context.terminal.data(&roles::yaml(&bound, &told)?)?;
    }
    let is_whole = needed.values().all(|one| one.is_whole);
    Ok(if is_whole { Exit::Done } else { Exit::Failed })
}

/// Every document; a file with errors would make the answer too small, and so there is none.
fn load(paths: &[PathBuf]) -> Result<ActiveSet, CliError> {
    let catalogue = wiring::catalogue();
    let loader = Loader::new(&catalogue);
    let Found { files, .. } = find(paths)?;
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for (path, kind) in files {
        let FileContent::Whole(bytes) = kind.read(&path) else {
            let text = format!("{} cannot be read as a runbook", path.display());
            return Err(CliError::Failed(visible::line(&text)));
        };
        let loaded = loader.load(&path.to_string_lossy(), &bytes);
        problems.extend(loaded.problems.into_iter().filter(is_error));
        documents.extend(loaded.documents.into_iter().map(|document| document.value));
    }
    if problems.is_empty() {
        return Ok(ActiveSet::of_documents(documents));
    }
    let told = render(&problems, ReportFormat::Text);
    Err(CliError::Failed(format!(
        "{}\nhint: `orderly validate` shows all that is wrong",
        told.trim_end()
    )))
}

/// The values given for each input; one that no runbook takes is a slip.
fn given(
    inputs: &[(String, String)],
    set: &ActiveSet,
) -> Result<BTreeMap<String, Vec<String>>, CliError> {
    let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in inputs {
        let takes = |input: &crate::domain::runbook::Input| input.name.as_str() == name;
        if !set
            .runbooks()
            .any(|one| one.runbook.inputs.iter().any(takes))
        {
            let text = format!("none of the runbooks has an input {name}");
            return Err(CliError::Usage(visible::line(&text)));
        }
        given.entry(name.clone()).or_default().push(value.clone());
    }
    Ok(given)
}

/// Roles of two clusters cannot stand in one file.
fn cluster(
    needed: &BTreeMap<RunbookName, Needed>,
    arguments: &Arguments,
    config: &Config,
) -> Result<String, CliError> {
    let rights = needed.values().flat_map(|one| &one.rights);
    let clusters: BTreeSet<&str> = rights.map(|right| right.cluster.as_str()).collect();
    if let Some(named) = &arguments.cluster {
        let configured = config.clusters.keys().map(String::as_str);
        return known_cluster(named, clusters.into_iter().chain(configured).collect());
    }
    let mut names = clusters.iter();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok((*only).to_owned()),
        (None, _) => Ok("default".to_owned()),
        (Some(_), Some(_)) => {
            let names = clusters.into_iter().collect::<Vec<_>>().join(", ");
            Err(CliError::Usage(format!(
                "the runbooks are about more than one cluster: {names}\nhint: name one with --cluster"
            )))
        }
    }
}

/// A name that neither the configuration nor a runbook knows is a slip. Where none is configured, there is `default`.
fn known_cluster(named: &str, mut known: BTreeSet<&str>) -> Result<String, CliError> {
    if known.is_empty() {
        known.insert("default");
    }
    if known.contains(named) {
        return Ok(named.to_owned());
    }
    let known = known.into_iter().collect::<Vec<_>>().join(", ");
    let text = visible::line(&format!("there is no cluster {named}"));
    Err(CliError::Usage(format!("{text}\nhint: there are {known}")))
}

/// Roles that are bound to nobody, because who holds a token is not known here.
fn of_tokens(
    needed: &BTreeMap<RunbookName, Needed>,
    cluster: &str,
    config: &Config,
) -> Vec<String> {
    let of = |name: &RunbookName| match actor(config, cluster, name) {
        Actor::HolderOf(token) => Some(format!(
            "{name}: it acts by the token `{token}`, and whose that is is not known here: bind its roles to the account of the token"
        )),
        Actor::Agent | Actor::Account(_) => None,
    };
    needed.keys().filter_map(of).collect()
}

fn told(needed: &BTreeMap<RunbookName, Needed>, cluster: &str) -> Vec<String> {
    let of = |(name, one): (&RunbookName, &Needed)| {
        let lines = one.untold.iter();
        let lines =
            lines.filter(|(about, _)| about.as_deref().is_none_or(|about| about == cluster));
        let lines = lines.map(|(_, line)| visible::line(&format!("{name}: {line}")));
        lines.collect::<Vec<_>>()
    };
    needed.iter().flat_map(of).collect()
}

fn bound(
    needed: &BTreeMap<RunbookName, Needed>,
    cluster: &str,
    arguments: &Arguments,
    config: &Config,
) -> Vec<Bound> {
    let has_notes = config.clusters.get(cluster).is_none_or(|one| one.events);
    let of_cluster = |one: &Needed| {
        let counts =
            |right: &&Right| right.cluster == cluster && (has_notes || right.need != Need::Notes);
        let rights = one.rights.iter().filter(counts);
        rights.cloned().collect::<BTreeSet<Right>>()
    };
    let prefix = &arguments.name;
    if !arguments.per_runbook {
        return vec![Bound {
            name: format!("{prefix}-runbooks"),
            rights: needed.values().flat_map(of_cluster).collect(),
            account: arguments.service_account.clone(),
        }];
    }
    let mut all = Vec::new();
    let mut impersonated = BTreeSet::new();
    for (name, one) in needed {
        let account = match actor(config, cluster, name) {
            Actor::Agent => arguments.service_account.clone(),
            Actor::Account(account) => {
                impersonated.insert(account.clone());
                Some(account)
            }
            Actor::HolderOf(_) => None,
        };
        all.push(Bound {
            name: format!("{prefix}-{name}"),
            rights: of_cluster(one),
            account,
        });
    }
    all.push(Bound {
        name: format!("{prefix}-impersonates"),
        rights: impersonated
            .iter()
            .map(|account| impersonates(account, cluster))
            .collect(),
        account: arguments.service_account.clone(),
    });
    all
}

/// As whom a runbook acts.
enum Actor {
    /// As the agent itself.
    Agent,
    /// As this account, which the agent impersonates.
    Account(Account),
    /// As whoever holds the token of this secret.
    HolderOf(SecretName),
}

fn actor(config: &Config, cluster: &str, runbook: &RunbookName) -> Actor {
    let cluster = config.clusters.get(cluster);
    let account = cluster.and_then(|of| of.accounts.get(runbook).or(of.account.as_ref()));
    match (account, account.and_then(AccountConfig::service_account)) {
        (Some(AccountConfig::Token(secret)), _) => Actor::HolderOf(secret.clone()),
        (_, Some((namespace, name))) => Actor::Account(Account {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        (Some(AccountConfig::ServiceAccount(_)) | None, None) => Actor::Agent,
    }
}

fn impersonates(account: &Account, cluster: &str) -> Right {
    Right {
        cluster: cluster.to_owned(),
        namespace: Some(account.namespace.clone()),
        group: String::new(),
        resource: "serviceaccounts".to_owned(),
        name: Some(account.name.clone()),
        verb: "impersonate".to_owned(),
        need: Need::Acts,
    }
}
