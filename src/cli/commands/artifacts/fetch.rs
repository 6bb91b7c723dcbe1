//! `orderly artifacts fetch`.

use crate::{
    cli::{
        client::{Address, Client},
        context::Context,
        exit::{Answer, CliError, Exit},
        ids,
    },
    daemon::wiring,
    domain::{artifact::Location, id::ArtifactId, secret::SecretValue},
    history::ArtifactRow,
    ports::archive::{Decode, Expected, Fetch},
};
use serde_json::json;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The longest file of keys that is read, in bytes.
const LONGEST_KEYS: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The artifact, by its id or a part of it
    artifact: String,
    /// A new file for it, or `-` for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Decrypt and decompress it
    #[arg(long)]
    decode: bool,
    /// File with the key that decrypts it, as age-keygen makes it; `artifacts.identity` where none is named
    #[arg(long, value_name = "FILE", requires = "decode")]
    identity: Option<PathBuf>,
}

pub(super) async fn fetch(arguments: Arguments, client: &Client, context: &Context) -> Answer {
    let id = ids::artifact::<ArtifactId>(client, &arguments.artifact).await?;
    let address = Address::api(&["artifacts", &id.to_string()]);
    let row: ArtifactRow = client.get_as(&address).await?;
    if let Some(at) = row.removed_at {
        return Err(CliError::Refused(format!(
            "artifact {id} was removed at {at}"
        )));
    }
    let outlet = wiring::outlet(&context.config()?.config, &context.environment)?;
    let decode = decode(&arguments)?;
    if arguments.out.as_os_str() == "-" {
        copy(&*outlet, &row, decode, Box::new(std::io::stdout())).await?;
        return Ok(Exit::Done);
    }
    let size = to_file(&*outlet, &row, decode, &arguments.out).await?;
    let shown = arguments.out.display();
    if context.terminal.wants_json() {
        let told = json!({"artifact": id, "file": arguments.out, "size": size, "sha256": row.record.sha256});
        context.terminal.json(&told)?;
    } else {
        let what = if arguments.decode {
            "its content is"
        } else {
            "it is"
        };
        context.terminal.line(&format!(
            "artifact {} is whole; {what} in {shown}",
            ids::short(&id)
        ))?;
    }
    Ok(Exit::Done)
}

fn decode(arguments: &Arguments) -> Result<Decode, CliError> {
    let Some(path) = &arguments.identity else {
        return Ok(if arguments.decode {
            Decode::Configured
        } else {
            Decode::No
        });
    };
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_KEYS).read_to_string(&mut text));
    read.map_err(|source| CliError::Unreadable {
        doing: "reading the key in",
        path: path.clone(),
        source,
    })?;
    Ok(Decode::With(SecretValue::new(text)))
}

async fn copy(
    outlet: &dyn Fetch,
    row: &ArtifactRow,
    decode: Decode,
    to: Box<dyn Write + Send>,
) -> Result<u64, CliError> {
    let expected = Expected {
        sha256: Some(row.record.sha256),
        raw_size: Some(row.record.raw_size),
    };
    let location = Location::parse(&row.record.path);
    let fetched = outlet.fetch(&location, expected, decode, to).await;
    fetched.map_err(|error| CliError::Failed(error.to_string()))
}

/// A file whose faults say where it is to be: what is fetched lies elsewhere.
struct Named(File, PathBuf);

impl Write for Named {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(|error| {
            let hint = if error.kind() == io::ErrorKind::StorageFull {
                "\nhint: make room on that file system, or name a place elsewhere"
            } else {
                ""
            };
            let text = format!("writing {}: {error}{hint}", self.1.display());
            io::Error::new(error.kind(), text)
        })
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The file gets its name when it is whole.
async fn to_file(
    outlet: &dyn Fetch,
    row: &ArtifactRow,
    decode: Decode,
    path: &Path,
) -> Result<u64, CliError> {
    if path.exists() {
        return Err(CliError::Usage(format!(
            "{} is there already\nhint: name a new file",
            path.display()
        )));
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let unwritten = |source| CliError::File {
        doing: "writing",
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .map_err(unwritten)?;
    let beside = file.try_clone().map_err(unwritten)?;
    let named = Named(file, path.to_owned());
    let copied = copy(outlet, row, decode, Box::new(named)).await;
    let named = copied.and_then(|size| {
        beside
            .sync_all()
            .and_then(|()| fs::rename(&partial, path))
            .map_err(unwritten)?;
        Ok(size)
    });
    if named.is_err() {
        // The error that matters is the first one.
        drop(fs::remove_file(&partial));
    }
    named
}
