//! A trial restore of a dump.
//!
//! All of it is read: its list, and its content. Where a server is named for it, it is restored there into a database of its own, whose
//! tables and rows are then looked at; that database goes whatever comes of it. Its name follows from the run and the step, so that a
//! step that is carried out again after a crash removes what the first attempt has left; what a run that has ended left goes before the
//! next trial on that server (`left`).

use super::{client::Client, left, server::Server, verdict};
use crate::{
    actions::{
        backup::{miss::Miss, tried::Tried},
        framework::{
            World,
            program::{Fault, note},
            said::Said,
        },
    },
    commands::{self, Command, NoFiles, Stdin, What, Word},
    domain::{
        digest::Digest,
        effect::{Class, Confidence, Effect, Verb},
        span::Span,
    },
    ports::{
        archive::Unpacked,
        executor::{LogStream, Session, StepContext},
    },
};
use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;

/// The database that is there on every server, to make others from.
pub(super) const MAINTENANCE: &str = "postgres";
/// What the names of all databases of trials begin with.
pub(super) const TRIALS: &str = "orderly_trial_";
/// How long the database's removal may take after a stop.
const REMOVAL: Duration = Duration::from_secs(20);
/// SQLSTATE of a table and of a schema that are not there (PostgreSQL, appendix A).
const MISSING: [&str; 2] = ["42P01", "3F000"];

/// What a trial is to look at.
#[derive(Debug, Clone, Default)]
pub(in crate::actions::backup) struct Trial<'a> {
    /// The server that it is restored on; without one, it is only read.
    pub(in crate::actions::backup) into: Option<&'a Server>,
    /// Tables whose rows are counted.
    pub(in crate::actions::backup) tables: Vec<&'a str>,
    /// A query that must answer true.
    pub(in crate::actions::backup) query: Option<&'a str>,
}

impl Trial<'_> {
    /// What can be said before anything runs.
    pub(in crate::actions::backup) fn check(&self) -> Result<(), String> {
        let looks = !self.tables.is_empty() || self.query.is_some();
        match self.into {
            Some(server) => server.check("into")?,
            None if looks => {
                return Err("in `with`, at `expect`: tables and a query can only be looked at in a database\nhint: name a server for it with `into`".to_owned());
            }
            None => {}
        }
        for table in &self.tables {
            identifier(table).map_err(|why| format!("in `with`, at `expect.tables`: {why}"))?;
        }
        self.query.map_or(Ok(()), check_query)
    }

    /// What it does beside reading the artifact.
    pub(in crate::actions::backup) fn effects(&self, context: &StepContext) -> Vec<Effect> {
        let Some(server) = self.into else {
            return Vec::new();
        };
        let object = server.object(&database(context));
        let made = Effect::change(
            Verb::DatabaseSchema,
            object,
            "it is dropped by the step itself",
        );
        let cleared = Effect::change(
            Verb::DatabaseSchema,
            server.object(&format!("{TRIALS}*")),
            "only those of trials of runs that have ended are dropped",
        );
        let all = server.visits().into_iter().chain([made, cleared]);
        all.collect()
    }
}

/// Tries a dump. The time is that of the restore.
pub(in crate::actions::backup) async fn trial(
    content: &dyn Unpacked,
    asked: &Trial<'_>,
    session: &Session,
    world: &World,
) -> Result<Tried, Miss> {
    let nowhere = Server::default();
    let server = asked.into.unwrap_or(&nowhere);
    let client = Client::reach(server, session, world).await?;
    let aside = match asked.into {
        Some(_) => left::clear(&client).await,
        None => None,
    };
    let begun = world.clock.elapsed();
    let mut entries = Entries::default();
    let list = ["pg_restore", "--list"];
    let stop = &session.stop;
    let listed = client.run_words(&list, Some(content), &mut entries, stop);
    listed.await.map_err(verdict::of_reading)?;
    let content = if asked.into.is_some() {
        restored(&client, content, asked).await?
    } else {
        read(&client, content).await?;
        BTreeMap::new()
    };
    let took = world.clock.elapsed().saturating_sub(begun);
    Ok(Tried {
        entries: entries.count(),
        content,
        took: Span::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        aside,
    })
}

/// Reads all of it, and puts it nowhere.
async fn read(client: &Client<'_>, content: &dyn Unpacked) -> Result<(), Miss> {
    let mut nothing = Said::unheard();
    let words = ["pg_restore", "--file=/dev/null"];
    let stop = &client.session.stop;
    let read = client.run_words(&words, Some(content), &mut nothing, stop);
    read.await.map_err(verdict::of_reading)
}

/// The database of this step.
pub(super) fn database(context: &StepContext) -> String {
    let run: String = context
        .run
        .to_string()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let step = Digest::of_bytes(context.step.as_str().as_bytes()).to_string();
    format!("{TRIALS}{run}_{}", step.get(..8).unwrap_or_default())
}

/// Restores it into a database that goes afterwards, and looks.
async fn restored(
    client: &Client<'_>,
    content: &dyn Unpacked,
    asked: &Trial<'_>,
) -> Result<BTreeMap<String, u64>, Miss> {
    let session = client.session;
    let database = database(&session.context);
    remove(client, &database, &session.stop).await?;
    note(
        session,
        &format!("restoring into the database {database}, which goes afterwards"),
    );
    let create = format!("create database \"{database}\" template template0");
    let looked = async {
        client.ask(&create, MAINTENANCE, &session.stop).await?;
        fill(client, content, &database).await?;
        look(client, asked, &database).await
    };
    let looked = looked.await;
    let removed = late_removal(client, &database).await;
    match removed {
        Ok(()) => looked,
        Err(why) => Err(left_behind(looked.err(), &database, &why)),
    }
}

/// Without owners and rights, for the roles of its origin need not be there; without what reaches out to other servers. Where it fails,
/// the dump is read by itself, for only that tells a broken dump from a server that does not take it.
async fn fill(client: &Client<'_>, content: &dyn Unpacked, database: &str) -> Result<(), Miss> {
    let flags = [
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        "--no-publications",
        "--no-subscriptions",
    ];
    let mut said = Said::to(client.session.log.clone(), LogStream::Out, 0);
    let stop = &client.session.stop;
    let restoring = client.run(
        ("pg_restore", &flags),
        database,
        Some(content),
        &mut said,
        stop,
    );
    match restoring.await {
        Ok(()) => Ok(()),
        Err(fault @ Fault::Refused(_)) => {
            read(client, content).await?;
            Err(verdict::of_restoring(fault))
        }
        Err(fault) => Err(fault.into()),
    }
}

async fn look(
    client: &Client<'_>,
    asked: &Trial<'_>,
    database: &str,
) -> Result<BTreeMap<String, u64>, Miss> {
    let stop = &client.session.stop;
    let mut rows = BTreeMap::new();
    for table in &asked.tables {
        let name = identifier(table).map_err(Fault::Unfit)?;
        let statement = format!("select count(*) from {name}");
        match client.ask(&statement, database, stop).await {
            Ok(answer) => {
                let count = answer.parse().map_err(|_| {
                    Fault::Failed(format!("the rows of `{table}` cannot be counted: {answer}"))
                })?;
                rows.insert((*table).to_owned(), count);
            }
            // Who asked for it says that it is missing.
            Err(Fault::Refused(why)) if MISSING.iter().any(|state| why.contains(state)) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    if let Some(query) = asked.query {
        let statement = format!("select coalesce(({query}\n)::boolean, false)");
        let answer = client.ask(&statement, database, stop).await;
        let answer = answer.map_err(verdict::of_asking)?;
        if answer != "t" {
            return Err(Miss::Unmet(format!(
                "it is restored, but the query does not hold: {query}"
            )));
        }
    }
    Ok(rows)
}

/// Drops the database, whoever is connected to it; servers before PostgreSQL 13 cannot push anybody out.
pub(super) async fn remove(
    client: &Client<'_>,
    database: &str,
    stop: &CancellationToken,
) -> Result<(), Fault> {
    let drop = format!("drop database if exists \"{database}\"");
    let forced = format!("{drop} with (force)");
    if client.ask(&forced, MAINTENANCE, stop).await.is_ok() {
        return Ok(());
    }
    client.ask(&drop, MAINTENANCE, stop).await.map(|_| ())
}

/// The same, also after a stop.
async fn late_removal(client: &Client<'_>, database: &str) -> Result<(), String> {
    let stop = CancellationToken::new();
    tokio::select! {
        biased;
        removed = remove(client, database, &stop) => removed.map_err(Fault::why),
        () = client.world.clock.sleep(REMOVAL) => Err("the server did not answer".to_owned()),
    }
}

/// What is left behind is told, whatever else went wrong.
fn left_behind(miss: Option<Miss>, database: &str, why: &str) -> Miss {
    let left = format!(
        "the database {database} of the trial could not be dropped: {why}; drop it by hand"
    );
    match miss {
        None => Miss::Untried(Fault::Failed(left)),
        Some(Miss::Unsound(what)) => Miss::Unsound(before_hint(&what, &left)),
        Some(Miss::Unmet(what)) => Miss::Unmet(before_hint(&what, &left)),
        Some(Miss::Refused(what)) => Miss::Refused(before_hint(&what, &left)),
        Some(Miss::Untried(fault)) => Miss::Untried(fault.with(|what| before_hint(what, &left))),
    }
}

/// A hint stays the last of what is said.
fn before_hint(what: &str, more: &str) -> String {
    match what.split_once("\nhint: ") {
        Some((what, hint)) => format!("{what}; {more}\nhint: {hint}"),
        None => format!("{what}; {more}"),
    }
}

/// A table's name in a statement: `orders`, or `shop.orders`.
fn identifier(table: &str) -> Result<String, String> {
    let parts: Vec<&str> = table.split('.').collect();
    let bad = |part: &&str| part.is_empty() || part.chars().any(char::is_control);
    if parts.len() > 2 || parts.iter().any(bad) || super::plain(table).is_err() {
        return Err(format!(
            "`{table}` cannot name a table\nhint: write `table` or `schema.table`"
        ));
    }
    let quoted = parts
        .iter()
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
    Ok(quoted.collect::<Vec<_>>().join("."))
}

/// It stands within a statement, and it only reads.
fn check_query(query: &str) -> Result<(), String> {
    let fault = |why: &str| Err(format!("in `with`, at `expect.query`: {why}"));
    if crate::domain::secret::is_marked(query) {
        return fault("it stands on a command line, where no secret may be");
    }
    let words = ["psql", "--dbname=trial", "--command", query];
    let words = words.map(|word| Word::Known(word.to_owned()));
    let judged = commands::of(
        &Command {
            what: What::Words(&words),
            stdin: Stdin::Nothing,
            environment: &BTreeMap::new(),
            folder: None,
        },
        &NoFiles,
    );
    let effects = judged.effects;
    let only_reads = effects.class() == Class::Read
        && effects.confidence != Confidence::Opaque
        && effects.refusals.is_empty();
    let is_one = !query.trim().is_empty() && !query.trim_end().ends_with(';');
    if only_reads && is_one {
        return Ok(());
    }
    fault(
        "want one query that only reads, without `;`, as in `select max(at) > now() - interval '1 day' from orders`",
    )
}

/// Counts the entries of a dump's list: its lines but for comments.
#[derive(Debug, Default)]
struct Entries {
    count: u64,
    line: Line,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Empty,
    Comment,
    Entry,
}

impl Entries {
    fn take(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.count += u64::from(self.line == Line::Entry);
                self.line = Line::Empty;
            }
            b';' if self.line == Line::Empty => self.line = Line::Comment,
            _ if self.line == Line::Empty => self.line = Line::Entry,
            _ => {}
        }
    }
    fn count(&self) -> u64 {
        self.count + u64::from(self.line == Line::Entry)
    }
}

impl AsyncWrite for Entries {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let entries = self.get_mut();
        for byte in bytes {
            entries.take(*byte);
        }
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, Trial, database, identifier};
    use crate::actions::{backup::postgres::Server, framework::scripted::context};

    #[test]
    fn entries_of_a_list_are_counted_without_its_comments() {
        let mut entries = Entries::default();
        let list = b";\n; Archive created\n;     dbname: shop\n\n5; 2615 2200 SCHEMA - public\n215; 1259 16385 TABLE public orders admin\n3321; 0 16385 TABLE DATA";
        for byte in list {
            entries.take(*byte);
        }
        assert_eq!(entries.count(), 3);
    }

    #[test]
    fn the_database_is_that_of_the_run_and_the_step() {
        let name = database(&context());
        assert!(name.starts_with("orderly_trial_"), "{name}");
        assert!(name.len() <= 63, "{name}");
        assert_eq!(name, database(&context()));
    }

    #[test]
    fn tables_are_quoted() {
        assert_eq!(
            identifier("Shop.or\"ders").unwrap(),
            "\"Shop\".\"or\"\"ders\""
        );
        for bad in ["", ".", "a.b.c", "a\nb"] {
            assert!(identifier(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_query_only_reads() {
        let server = Server::default();
        let check = |query| {
            let trial = Trial {
                into: Some(&server),
                tables: Vec::new(),
                query: Some(query),
            };
            trial.check()
        };
        assert_eq!(check("select count(*) > 10 from orders"), Ok(()));
        for bad in [
            "delete from orders",
            r"\! rm -rf /",
            "select 1; drop table orders",
            "select true) ; drop table x; select (true",
            "select true;",
            "drop database shop",
            "",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tables_need_a_server() {
        let trial = Trial {
            tables: vec!["orders"],
            ..Trial::default()
        };
        assert!(trial.check().unwrap_err().contains("`into`"));
    }
}
