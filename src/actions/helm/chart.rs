//! Charts: those of the repository, and those of a registry or a server.

use crate::{
    actions::{command::is_inner_path, framework::World},
    domain::{digest::Digest, secret, secret::SecretValue, span::Span},
    ports::{materials::RevisionFile, network::HttpRequest},
};
use flate2::read::MultiGzDecoder;
use std::{io::Read, path::Path};

/// The largest packed chart; helm itself stops there, too.
const LARGEST: usize = 20 << 20;
/// The most that a packed chart is unpacked to, to look into it.
const LARGEST_UNPACKED: u64 = 64 << 20;
/// How long a server has to send a chart.
const DEADLINE_SECONDS: u64 = 60;
/// Where a chart lies in helm's folder.
const FOLDER: &str = "chart";
const PACKED: &str = "chart.tgz";

/// A chart, by where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chart<'a> {
    /// A folder or a packed chart of the repository.
    Repository(&'a str),
    /// `oci://…`
    Registry(Remote<'a>),
    /// `https://…`
    Server(Remote<'a>),
}

/// A chart that somebody else keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote<'a> {
    pub(super) address: &'a str,
    pub(super) version: &'a str,
    /// Of the manifest in a registry, or of the packed chart on a server.
    pub(super) digest: Option<Digest>,
}

impl<'a> Chart<'a> {
    /// Checks what the types cannot.
    pub(super) fn new(
        chart: &'a str,
        version: Option<&'a str>,
        digest: Option<&'a str>,
    ) -> Result<Self, String> {
        if !chart.contains("://") {
            if version.is_some() || digest.is_some() {
                return Err("in `with`: a chart of the repository has its version in it, so `version` and `digest` are not for it".to_owned());
            }
            if !is_inner_path(chart) {
                return Err(format!(
                    "in `with`, at `chart`: `{chart}` is no path in the repository\nhint: write it from the repository's top on, as in `charts/web`, or a whole address, as in `oci://registry.example.org/charts/web`"
                ));
            }
            return Ok(Self::Repository(chart.trim_end_matches('/')));
        }
        let remote = Remote::new(chart, version, digest)?;
        match chart.split_once("://") {
            Some(("oci", _)) => Ok(Self::Registry(remote)),
            Some(("https", _)) => Ok(Self::Server(remote)),
            _ => Err(format!(
                "in `with`, at `chart`: `{chart}`: only `oci://` and `https://` are read"
            )),
        }
    }

    /// The path in the repository that it needs.
    pub(super) fn wants(&self) -> Option<String> {
        match self {
            Self::Repository(path) => Some((*path).to_owned()),
            Self::Registry(_) | Self::Server(_) => None,
        }
    }

    /// Why nobody can know what it holds, if so.
    pub(super) fn unknown(&self) -> Option<String> {
        match self {
            Self::Repository(_) => None,
            Self::Registry(remote) | Self::Server(remote) => remote.digest.is_none().then(|| {
                format!(
                    "what {} holds can change, because the step names no digest",
                    remote.address
                )
            }),
        }
    }

    /// As helm is told it, and the files that it needs for that.
    pub(super) async fn laid(
        &self,
        repository: &[RevisionFile],
        world: &World,
    ) -> Result<Laid, String> {
        match self {
            Self::Repository(path) => Ok(of_repository(path, repository)),
            Self::Registry(remote) => Ok(of_registry(remote)),
            Self::Server(remote) => match remote.digest {
                Some(digest) => fetched(remote.address, digest, world).await,
                None => Ok(Laid::reference(vec![remote.address.to_owned()])),
            },
        }
    }
}

impl<'a> Remote<'a> {
    fn new(
        address: &'a str,
        version: Option<&'a str>,
        digest: Option<&'a str>,
    ) -> Result<Self, String> {
        let version = version.filter(|version| is_version(version)).ok_or(
            "in `with`, at `version`: a chart that does not lie in the repository needs its exact version, as in `1.2.3`",
        )?;
        let plain = |c: char| c.is_ascii_graphic() && !"@\"'\\`{}".contains(c);
        if !address.chars().all(plain) || secret::is_marked(address) {
            return Err(format!(
                "in `with`, at `chart`: `{address}` is no plain address\nhint: the digest is a field of its own"
            ));
        }
        let parsed = digest.map(|digest| {
            let hex = digest.strip_prefix("sha256:").unwrap_or_default();
            hex.parse().map_err(|_| {
                format!(
                    "in `with`, at `digest`: `{digest}`: want `sha256:` and 64 hexadecimal digits"
                )
            })
        });
        Ok(Self {
            address,
            version,
            digest: parsed.transpose()?,
        })
    }
}

/// No range.
fn is_version(version: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-.+".contains(c);
    version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(fits)
}

/// A chart as helm is told it.
#[derive(Debug)]
pub(super) struct Laid {
    /// Its place, and flags that belong to it.
    pub(super) words: Vec<String>,
    pub(super) files: Vec<RevisionFile>,
    /// Whether its templates may ask the cluster for objects, as far as that can be told.
    pub(super) looks: bool,
}

impl Laid {
    fn reference(words: Vec<String>) -> Self {
        Self {
            words,
            files: Vec::new(),
            looks: true,
        }
    }
}

fn of_repository(path: &str, repository: &[RevisionFile]) -> Laid {
    let inside = format!("{path}/");
    let mut files = Vec::new();
    let mut place = FOLDER;
    for file in repository {
        let laid = if file.path == path {
            place = PACKED;
            PACKED.to_owned()
        } else if let Some(rest) = file.path.strip_prefix(&inside) {
            format!("{FOLDER}/{rest}")
        } else {
            continue;
        };
        files.push(RevisionFile {
            path: laid,
            executable: false,
            ..file.clone()
        });
    }
    Laid {
        words: vec![format!("./{place}")],
        looks: files.iter().any(looks),
        files,
    }
}

fn of_registry(remote: &Remote<'_>) -> Laid {
    let (address, version) = (remote.address, remote.version);
    let words = match remote.digest {
        Some(digest) => vec![format!("{address}@sha256:{digest}")],
        None => vec![
            address.to_owned(),
            "--version".to_owned(),
            version.to_owned(),
        ],
    };
    Laid::reference(words)
}

async fn fetched(address: &str, digest: Digest, world: &World) -> Result<Laid, String> {
    let request = HttpRequest {
        method: "GET".to_owned(),
        url: SecretValue::new(address.to_owned()),
        headers: Vec::new(),
        body: None,
        timeout: Span::from_secs(DEADLINE_SECONDS),
        redirects: 5,
        max_body: LARGEST,
        authority_file: None,
    };
    let answer = world.network.http(request).await;
    let answer = answer.map_err(|error| format!("the chart cannot be fetched: {error}"))?;
    if answer.status != 200 {
        let status = answer.status;
        return Err(format!(
            "the chart cannot be fetched: {address} answers {status}"
        ));
    }
    let found = Digest::of_bytes(&answer.body);
    if found != digest {
        return Err(format!(
            "{address} is not the chart that the step names: its digest is sha256:{found}"
        ));
    }
    let file = RevisionFile {
        path: PACKED.to_owned(),
        bytes: answer.body,
        executable: false,
    };
    Ok(Laid {
        words: vec![format!("./{PACKED}")],
        looks: looks(&file),
        files: vec![file],
    })
}

/// Whether a file of a chart may ask the cluster for objects when it is rendered: by the function `lookup`. A packed one is unpacked for
/// this; where that fails, it may.
fn looks(file: &RevisionFile) -> bool {
    let is_packed = file.bytes.starts_with(&[0x1f, 0x8b]);
    if !is_packed {
        let is_prose = Path::new(&file.path)
            .extension()
            .is_some_and(|end| end == "md");
        return !is_prose && says_lookup(&file.bytes);
    }
    let mut whole = Vec::new();
    let mut unpacking = MultiGzDecoder::new(file.bytes.as_slice()).take(LARGEST_UNPACKED + 1);
    let read = unpacking.read_to_end(&mut whole);
    let is_whole =
        read.is_ok_and(|read| u64::try_from(read).is_ok_and(|read| read <= LARGEST_UNPACKED));
    // A packed chart in a packed chart would have to be unpacked, too.
    !is_whole || says_lookup(&whole) || holds(&whole, &[0x1f, 0x8b, 0x08])
}

/// The function's name, and where an argument begins.
fn says_lookup(bytes: &[u8]) -> bool {
    const NAME: &[u8] = b"lookup";
    let mut places = bytes.windows(NAME.len()).enumerate();
    places.any(|(place, word)| {
        let after = bytes.get(place + NAME.len()..).unwrap_or_default();
        let blanks = after.iter().take_while(|byte| byte.is_ascii_whitespace());
        let argument = after.get(blanks.count());
        word == NAME && argument.is_some_and(|byte| b"\"`.$(".contains(byte))
    })
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::{Chart, looks, of_repository};
    use crate::ports::materials::RevisionFile;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    fn file(path: &str, bytes: &[u8]) -> RevisionFile {
        RevisionFile {
            path: path.to_owned(),
            bytes: bytes.to_vec(),
            executable: true,
        }
    }

    #[test]
    fn a_chart_of_the_repository_lies_under_a_name_of_its_own() {
        let files = [
            file("charts/web/Chart.yaml", b"a"),
            file("charts/web/templates/-d.yaml", b"{{ lookup \"v1\" }}"),
            file("charts/website/x", b"b"),
        ];
        let laid = of_repository("charts/web", &files);
        let paths: Vec<&str> = laid.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["chart/Chart.yaml", "chart/templates/-d.yaml"]);
        assert_eq!(laid.words, ["./chart"]);
        assert!(laid.looks);
        let packed = of_repository("web-1.tgz", &[file("web-1.tgz", b"plain")]);
        assert_eq!(packed.words, ["./chart.tgz"]);
    }

    #[test]
    fn a_packed_chart_is_looked_into() {
        let packed = |text: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text).unwrap();
            file("x.tgz", &encoder.finish().unwrap())
        };
        assert!(!looks(&packed(b"kind: ConfigMap")));
        assert!(looks(&packed(b"{{ lookup \"v1\" }}")));
        assert!(looks(&packed(&packed(b"kind: ConfigMap").bytes)));
        assert!(looks(&file("x.tgz", &[0x1f, 0x8b, 0xff])));
        assert!(!looks(&file("templates/x.yaml", b"# a lookup table")));
        assert!(!looks(&file("README.md", b"lookup \"v1\"")));
    }

    #[test]
    fn a_chart_from_elsewhere_has_an_exact_version() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let oci = "oci://registry.example.org/charts/web";
        assert!(
            Chart::new(oci, Some("1.2.3"), Some(&digest))
                .unwrap()
                .unknown()
                .is_none()
        );
        assert!(
            Chart::new(oci, Some("1.2.3"), None)
                .unwrap()
                .unknown()
                .is_some()
        );
        for (chart, version, digest) in [
            (oci, None, None),
            (oci, Some("^1.2"), None),
            (oci, Some("1.2.3"), Some("sha256:1")),
            ("oci://x/y@sha256:1", Some("1.2.3"), None),
            ("http://x/y.tgz", Some("1.2.3"), None),
            ("file:///etc", Some("1.2.3"), None),
            ("../web", None, None),
            ("-web", None, None),
            ("charts/web", Some("1.2.3"), None),
        ] {
            assert!(Chart::new(chart, version, digest).is_err(), "{chart}");
        }
    }
}
