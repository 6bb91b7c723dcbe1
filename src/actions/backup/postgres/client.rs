//! PostgreSQL's programs, run where their server is reached from.

use super::server::{Inside, Server};
use crate::{
    actions::{
        framework::{
            World,
            program::{Call, Fault, exited},
            said::Said,
        },
        kubernetes::pods::{self, Miss},
    },
    domain::secret::SecretValue,
    ports::{
        archive::Unpacked,
        cluster::{Container, ExecEnd, ExecStreams, Sink},
        executor::{LogStream, Session},
    },
};
use std::io::Cursor;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::sync::CancellationToken;

/// How many last lines of standard error a failure shows.
const LAST_LINES: usize = 5;
/// What a query may answer.
const ANSWER: usize = 4096;
/// Takes the password from the first line of standard input. A shell reads a pipe byte by byte up to the line's end, so that the program
/// finds all that follows (POSIX, `read`).
const BY_INPUT: &str = "IFS= read -r PGPASSWORD && export PGPASSWORD && exec \"$@\"";

/// A server whose programs can be run.
pub(super) struct Client<'a> {
    pub(super) server: &'a Server,
    pub(super) session: &'a Session,
    pub(super) world: &'a World,
    place: Place,
}

enum Place {
    Host,
    Pod {
        cluster: String,
        namespace: String,
        pod: String,
        container: String,
    },
}

impl<'a> Client<'a> {
    /// Finds the container, if they run in one.
    pub(super) async fn reach(
        server: &'a Server,
        session: &'a Session,
        world: &'a World,
    ) -> Result<Self, Fault> {
        let place = match &server.inside {
            None => Place::Host,
            Some(inside) => tokio::select! {
                biased;
                () = session.stop.cancelled() => return Err(Fault::Stopped("stopped before it began".to_owned())),
                place = Place::find(inside, world) => place?,
            },
        };
        Ok(Self {
            server,
            session,
            world,
            place,
        })
    }

    /// Runs a program for one database of the server, fed with an artifact's content where there is one.
    pub(super) async fn run(
        &self,
        (program, flags): (&str, &[&str]),
        database: &str,
        input: Option<&dyn Unpacked>,
        output: &mut Sink<'_>,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        let connection = format!("--dbname={}", self.server.connection(database));
        let own = [program, "--no-password", &connection];
        self.run_words(&[&own, flags].concat(), input, output, stop)
            .await
    }

    /// The same, without any server.
    pub(super) async fn run_words(
        &self,
        words: &[&str],
        input: Option<&dyn Unpacked>,
        output: &mut Sink<'_>,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        match &self.place {
            Place::Host => self.on_host(words, input, output, stop).await,
            Place::Pod { .. } => tokio::select! {
                biased;
                () = stop.cancelled() => Err(Fault::Stopped(format!(
                    "`{}` was stopped: its connection is closed, which need not end it; it may still run there",
                    words.first().copied().unwrap_or_default()
                ))),
                ended = self.in_pod(words, input, output) => ended,
            },
        }
    }

    /// What a statement answers: the first bytes of it, without the last line's end.
    pub(super) async fn ask(
        &self,
        statement: &str,
        database: &str,
        stop: &CancellationToken,
    ) -> Result<String, Fault> {
        let flags = [
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            "--set=VERBOSITY=verbose",
            "--command",
            statement,
        ];
        let mut said = Said::to(self.session.log.clone(), LogStream::Out, ANSWER);
        let psql = ("psql", flags.as_slice());
        self.run(psql, database, None, &mut said, stop).await?;
        Ok(said.beginning().0.trim_end().to_owned())
    }

    async fn on_host(
        &self,
        words: &[&str],
        input: Option<&dyn Unpacked>,
        output: &mut Sink<'_>,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        let password = self.server.password.clone().map(SecretValue::new);
        let call = Call {
            environment: password
                .into_iter()
                .map(|value| ("PGPASSWORD", value))
                .collect(),
            user: self.server.run_as.clone(),
            ..Call::new(words)
        };
        let with = (self.session, self.world);
        call.run(input.map(Unpacked::path), output, with, stop)
            .await
    }

    async fn in_pod(
        &self,
        words: &[&str],
        input: Option<&dyn Unpacked>,
        output: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let Place::Pod {
            cluster,
            namespace,
            pod,
            container,
        } = &self.place
        else {
            return Ok(());
        };
        let place = Container {
            namespace,
            pod,
            container: Some(container),
        };
        let argv = self.argv(words);
        let mut fed = self.fed(input).await?;
        let mut errors = Said::to(self.session.log.clone(), LogStream::Err, 0);
        let streams = ExecStreams {
            stdin: fed.as_mut().map(|fed| fed as _),
            stdout: output,
            stderr: &mut errors,
        };
        let ended = self
            .world
            .clusters
            .exec(cluster, place, &argv, streams)
            .await;
        let what = words.first().copied().unwrap_or_default();
        let what = format!("`{what}` in pod {namespace}/{pod}");
        let last = errors.last_lines(LAST_LINES);
        match ended {
            Ok(ExecEnd::Exited(0)) => Ok(()),
            Ok(ExecEnd::Exited(code)) => {
                Err(exited(code, format!("{what} exited with {code}{last}")))
            }
            Ok(ExecEnd::Failed(why)) => Err(Fault::Failed(format!(
                "{what} did not run to its end: {why}{last}"
            ))),
            Err(error) if error.retryable() => Err(Fault::Failed(format!("{what}: {error}{last}"))),
            Err(error) => Err(Fault::Unfit(format!("{what}: {error}{last}"))),
        }
    }

    /// The command line in a container; the password is not on it.
    fn argv(&self, words: &[&str]) -> Vec<String> {
        let by_variable = self
            .server
            .password_variable
            .as_ref()
            .map(|name| format!("PGPASSWORD=${name} && export PGPASSWORD && exec \"$@\""));
        let script = match &self.server.password {
            Some(_) => Some(BY_INPUT.to_owned()),
            None => by_variable,
        };
        let shell =
            script.map(|script| ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()]);
        let words = words.iter().map(|word| (*word).to_owned());
        shell.into_iter().flatten().chain(words).collect()
    }

    /// Standard input in a container: the password's line, then the content.
    async fn fed(
        &self,
        input: Option<&dyn Unpacked>,
    ) -> Result<Option<Box<dyn AsyncRead + Send + Unpin>>, Fault> {
        let content = match input {
            Some(input) => Some(input.open().await.map_err(Fault::Failed)?),
            None => None,
        };
        let Some(password) = &self.server.password else {
            return Ok(content);
        };
        if password.contains(['\n', '\0']) {
            let why = "the password holds a line's end, which no line can carry into a container";
            return Err(Fault::Unfit(why.to_owned()));
        }
        let line = Cursor::new(format!("{password}\n").into_bytes());
        Ok(Some(match content {
            Some(content) => Box::new(line.chain(content)),
            None => Box::new(line),
        }))
    }
}

impl Place {
    async fn find(inside: &Inside, world: &World) -> Result<Self, Fault> {
        let pods = inside.pods().map_err(Fault::Unfit)?;
        let found = match pods.one(inside.any, world).await {
            Ok(found) => found,
            Err(Miss::Cluster(error)) if error.retryable() => {
                return Err(Fault::Failed(format!("{pods}: {error}")));
            }
            Err(Miss::Cluster(error)) => return Err(Fault::Unfit(format!("{pods}: {error}"))),
            Err(Miss::Unfit(why)) => return Err(Fault::Failed(why)),
        };
        let container =
            pods::container(&found, inside.container.as_deref()).map_err(Fault::Unfit)?;
        Ok(Self::Pod {
            pod: pods::name(&found).to_owned(),
            cluster: pods.cluster,
            namespace: pods.namespace,
            container,
        })
    }
}
