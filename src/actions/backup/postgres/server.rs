//! A PostgreSQL server, as steps name it.

use crate::{
    actions::{
        backup::check_path,
        framework::{World, host::check_host},
        kubernetes::{check_name, default_cluster, pods::Pods},
    },
    domain::{
        effect::{Effect, Object, Verb, Which},
        right::Rights,
        secret,
    },
    ports::executor::StepContext,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// A PostgreSQL server, and where the programs that talk to it run: on the agent's host, or with `inside` in a container.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Server {
    /// Its name or address, or the folder of its socket. Where nothing is said, the usual socket.
    pub host: Option<String>,
    /// Its port; 5432 where nothing is said.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The role to log in as; that of the user that the program runs as where nothing is said.
    pub user: Option<String>,
    /// The role's password: `${{ secret("…") }}`. It reaches the program by its environment, in a container by its standard input.
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
    /// With `inside`: the variable of the container that holds the password.
    #[schemars(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub password_variable: Option<String>,
    /// How the connection is protected; what libpq takes where nothing is said.
    pub sslmode: Option<Protection>,
    /// A PEM file with the authorities that the server's certificate is checked against, where the program runs.
    pub authority_file: Option<String>,
    /// The programs run in a container instead of on the agent's host.
    pub inside: Option<Inside>,
    /// As which user of the agent's host the programs run; only an agent that runs as root can do that.
    pub run_as: Option<String>,
}

/// How a connection is protected, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Not at all.
    Disable,
    /// Where the server insists.
    Allow,
    /// Where the server can.
    Prefer,
    /// Always, whoever the server is.
    Require,
    /// Always, and an authority vouches for the server.
    VerifyCa,
    /// The same, and for its name.
    VerifyFull,
}

impl Protection {
    fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// A container. Exactly one of `pod`, `object` and `selector` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inside {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// A pod's name.
    #[serde(default)]
    pub pod: Option<String>,
    /// A workload or service, as in `statefulset/db`: its first pod that is ready, by name.
    #[serde(default)]
    pub object: Option<String>,
    /// Labels, as in `app=db,role=replica`, that exactly one pod has.
    #[serde(default)]
    pub selector: Option<String>,
    /// With `selector`: several may match, and the first that is ready will do.
    #[serde(default)]
    pub any: bool,
    /// The container; needed where the pod has several and does not name its default one.
    #[serde(default)]
    pub container: Option<String>,
}

impl Inside {
    pub(super) fn pods(&self) -> Result<Pods, String> {
        Pods::new(
            &self.cluster,
            &self.namespace,
            self.pod.as_deref(),
            self.object.as_deref(),
            self.selector.as_deref(),
        )
    }
}

impl Server {
    /// What the types cannot say.
    pub(in crate::actions::backup) fn check(&self, at: &str) -> Result<(), String> {
        let fault =
            |key: &str, why: &str| Err::<(), _>(format!("in `with`, at `{at}.{key}`: {why}"));
        if let Some(host) = &self.host {
            if host.starts_with('/') {
                check_path(host).or_else(|error| fault("host", &error))?;
            } else {
                check_host(&format!("{at}.host"), host)?;
            }
        }
        if let Some(path) = &self.authority_file {
            check_path(path).or_else(|error| fault("authorityFile", &error))?;
        }
        for (key, text) in [
            ("user", &self.user),
            ("authorityFile", &self.authority_file),
        ] {
            plain(text.as_deref().unwrap_or_default()).or_else(|why| fault(key, why))?;
        }
        match &self.inside {
            Some(inside) => self
                .check_inside(inside)
                .or_else(|(key, why)| fault(key, &why)),
            None if self.password_variable.is_some() => {
                fault("passwordVariable", "it goes with `inside`")
            }
            None => Ok(()),
        }
    }

    fn check_inside(&self, inside: &Inside) -> Result<(), (&'static str, String)> {
        inside.pods().map_err(|why| ("inside", why))?;
        if let Some(container) = &inside.container {
            check_name("container", container).map_err(|why| ("inside", why))?;
        }
        if inside.any && inside.selector.is_none() {
            return Err(("inside", "`any` goes with `selector`".to_owned()));
        }
        if self.run_as.is_some() {
            let why = "it is for programs of the host, and `inside` excludes it";
            return Err(("runAs", why.to_owned()));
        }
        let Some(variable) = &self.password_variable else {
            return Ok(());
        };
        if self.password.is_some() {
            let why = "it and `password` exclude each other";
            return Err(("passwordVariable", why.to_owned()));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if variable.starts_with(|c: char| c.is_ascii_digit())
            || variable.is_empty()
            || !variable.chars().all(fits)
        {
            let why = format!("`{variable}` cannot name a variable");
            return Err(("passwordVariable", why));
        }
        Ok(())
    }

    /// What libpq is told of a database; no secret is in it.
    pub(super) fn connection(&self, database: &str) -> String {
        let port = self.port.map(|port| port.to_string());
        let sslmode = self.sslmode.map(|mode| mode.word().to_owned());
        let all = [
            ("host", self.host.as_ref()),
            ("port", port.as_ref()),
            ("user", self.user.as_ref()),
            ("sslmode", sslmode.as_ref()),
            ("sslrootcert", self.authority_file.as_ref()),
        ];
        let mut text = format!("dbname={} connect_timeout=30", quoted(database));
        for (key, value) in all {
            if let Some(value) = value {
                text = format!("{text} {key}={}", quoted(value));
            }
        }
        text
    }

    /// One of its databases, as effects name it.
    pub(in crate::actions::backup) fn object(&self, database: &str) -> Object {
        if let Some(pods) = self.inside.as_ref().and_then(|inside| inside.pods().ok()) {
            return pods.object("database", Which::Named(database.to_owned()));
        }
        match self.host.as_deref() {
            Some(host) if !host.starts_with('/') => Object::network(host, "database", database),
            Some(_) | None => Object::host("database", database),
        }
    }

    /// Where its programs run, as effects name it.
    pub(in crate::actions::backup) fn visits(&self) -> Option<Effect> {
        let pods = self.inside.as_ref()?.pods().ok()?;
        let (kind, which) = pods.named();
        Some(Effect::read(Verb::Read, pods.object(&kind, which)))
    }

    /// Whether planning shows that no program can run there.
    pub(in crate::actions::backup) async fn foresee(
        &self,
        context: &StepContext,
        world: &World,
    ) -> Result<(), String> {
        match &self.inside {
            Some(inside) => inside.pods()?.foresee(context, world).await,
            None => Ok(()),
        }
    }

    /// What it takes to run programs there.
    pub(in crate::actions::backup) fn rights(&self) -> Rights {
        let pods = self.inside.as_ref().and_then(|inside| inside.pods().ok());
        pods.map_or_else(Rights::default, |pods| {
            pods.rights("exec", &["create", "get"])
        })
    }
}

/// The name of a database, or a pattern: it stands on a command line.
pub(in crate::actions::backup) fn plain(text: &str) -> Result<(), &'static str> {
    if secret::is_marked(text) {
        return Err("it stands on a command line, where no secret may be");
    }
    if text.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    Ok(())
}

/// A value of a connection string (libpq, "Keyword/Value Connection Strings").
fn quoted(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
    format!("'{escaped}'")
}

#[cfg(test)]
mod tests {
    use super::Server;
    use serde_json::{Value, json};

    fn server(value: Value) -> Server {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_connection_is_told_without_its_password() {
        let server = server(json!({
            "host": "db.example.org", "port": 5433, "user": "o'neil", "password": "p", "sslmode": "verify-full",
            "authorityFile": "/etc/ssl/db ca.pem"
        }));
        assert_eq!(server.check("server"), Ok(()));
        assert_eq!(
            server.connection("shop"),
            r"dbname='shop' connect_timeout=30 host='db.example.org' port='5433' user='o\'neil' sslmode='verify-full' sslrootcert='/etc/ssl/db ca.pem'"
        );
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        let inside = json!({ "namespace": "shop", "pod": "db-0" });
        for (value, words) in [
            (json!({ "host": "a b" }), "at `server.host`"),
            (json!({ "host": "/run/../etc" }), "goes up"),
            (json!({ "passwordVariable": "X" }), "goes with `inside`"),
            (
                json!({ "inside": inside, "runAs": "postgres" }),
                "at `server.runAs`",
            ),
            (
                json!({ "inside": inside, "passwordVariable": "a b" }),
                "cannot name a variable",
            ),
            (
                json!({ "inside": inside, "passwordVariable": "X", "password": "y" }),
                "exclude each other",
            ),
            (
                json!({ "inside": { "namespace": "shop" } }),
                "exactly one of",
            ),
            (json!({ "user": "a\nb" }), "control character"),
        ] {
            let error = server(value.clone()).check("server").unwrap_err();
            assert!(error.contains(words), "{value}: {error}");
        }
    }
}
