//! The network adapter against real servers on this host.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use crate::servers::{Server, authority, fixed, http, https, self_signed, wanting_certificates};
use orderly::{
    adapters::network::HostNetwork,
    domain::{secret::SecretValue, span::Span},
    ports::network::{Certificate, HttpRequest, HttpResponse, Network, NetworkError},
};
use std::{
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: secret(url),
        headers: Vec::new(),
        body: None,
        timeout: long(),
        redirects: 0,
        max_body: 64 * 1024,
        authority_file: None,
    }
}

/// Long enough for a busy machine.
fn long() -> Span {
    Span::from_secs(20)
}

fn secret(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned())
}

async fn ask(request: HttpRequest) -> Result<HttpResponse, NetworkError> {
    HostNetwork::new().http(request).await
}

async fn refused(request: HttpRequest) -> String {
    ask(request).await.unwrap_err().to_string()
}

fn header<'a>(answer: &'a HttpResponse, name: &str) -> &'a str {
    let found = answer.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}

#[tokio::test]
async fn an_answer_is_taken_as_it_comes() {
    let server = http(fixed(
        "418 Teapot",
        "X-Kind: Tea\r\nContent-Encoding: gzip\r\n",
        "not gzip",
    ));
    let answer = ask(get(&server.url("/x?y=1"))).await.unwrap();
    assert_eq!(answer.status, 418);
    assert_eq!(answer.body, b"not gzip");
    assert_eq!(header(&answer, "x-kind"), "Tea");
    assert!(!answer.cut);
    let head = &server.heads()[0];
    assert!(head.starts_with("get /x?y=1 http/1.1"), "{head}");
    assert!(head.contains("user-agent: orderly/"), "{head}");
    assert!(!head.contains("accept-encoding"), "{head}");
}

#[tokio::test]
async fn method_headers_and_body_are_sent() {
    let server = http(fixed("201 Created", "", "ok"));
    let request = HttpRequest {
        method: "PATCH".to_owned(),
        headers: vec![("Authorization".to_owned(), secret("Bearer t0k3n"))],
        body: Some(secret(r#"{"a":1}"#)),
        ..get(&server.url("/"))
    };
    assert_eq!(ask(request).await.unwrap().status, 201);
    let head = &server.heads()[0];
    assert!(
        head.starts_with("patch / ") && head.contains("authorization: bearer t0k3n"),
        "{head}"
    );
    assert!(head.ends_with(r#"{"a":1}"#), "{head}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = http(fixed("200 OK", "", "ok"));
    let network = HostNetwork::new();
    for _ in 0..5 {
        network.http(get(&server.url("/"))).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_without_end_is_cut() {
    let server = http(|_, stream| {
        let begun = write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let block = [b'x'; 8192];
        begun.is_ok() && (0..1_000_000).all(|_| stream.write_all(&block).is_ok())
    });
    let answer = ask(HttpRequest {
        max_body: 10_000,
        ..get(&server.url("/"))
    })
    .await
    .unwrap();
    assert!(answer.cut);
    assert_eq!(answer.body.len(), 10_000);
}

#[tokio::test]
async fn a_body_of_exactly_the_longest_length_is_whole() {
    let server = http(fixed("200 OK", "", "12345"));
    let answer = ask(HttpRequest {
        max_body: 5,
        ..get(&server.url("/"))
    })
    .await
    .unwrap();
    assert_eq!((answer.cut, answer.body.len()), (false, 5));
    let answer = ask(HttpRequest {
        max_body: 4,
        ..get(&server.url("/"))
    })
    .await
    .unwrap();
    assert_eq!((answer.cut, answer.body.len()), (true, 4));
    let answer = ask(HttpRequest {
        max_body: 0,
        ..get(&server.url("/"))
    })
    .await
    .unwrap();
    assert_eq!((answer.cut, answer.body.len()), (true, 0));
}

#[tokio::test]
async fn a_slow_head_and_a_slow_body_end_at_the_timeout() {
    let silent = http(|_, _| {
        thread::park();
        false
    });
    let dripping = http(|_, stream| {
        let begun = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        begun.is_ok()
            && (0..1000).all(|_| {
                thread::sleep(Duration::from_millis(20));
                stream.write_all(b"x").and_then(|()| stream.flush()).is_ok()
            })
    });
    for server in [silent, dripping] {
        let error = refused(HttpRequest {
            timeout: Span::from_millis(300),
            ..get(&server.url("/"))
        })
        .await;
        assert_eq!(
            error,
            format!(
                "no answer from http://127.0.0.1:{} within 300ms",
                server.port
            )
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let cut = http(|_, stream| {
        let _ignored = write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf"
        );
        false
    });
    let garbage = http(|_, stream| {
        let _ignored = write!(stream, "SSH-2.0-OpenSSH_9.2\r\n");
        false
    });
    let nothing = http(|_, _| false);
    for server in [cut, garbage, nothing] {
        let error = refused(get(&server.url("/"))).await;
        assert!(
            error.starts_with(&format!("http://127.0.0.1:{}: ", server.port)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_with_their_causes() {
    let port = closed_port();
    let error = refused(get(&format!(
        "http://u:s3cr3t@127.0.0.1:{port}/p4th?k=s3cr3t"
    )))
    .await;
    assert!(
        error.starts_with(&format!("http://127.0.0.1:{port}: ")),
        "{error}"
    );
    assert!(error.contains("Connection refused"), "{error}");
    assert!(
        !error.contains("s3cr3t") && !error.contains("p4th"),
        "{error}"
    );
    let error = refused(get("http://no-such-name.invalid/")).await;
    assert!(
        error.starts_with("http://no-such-name.invalid: dns error"),
        "{error}"
    );
}

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    let server = http(fixed("200 OK", "", ""));
    let url = server.url("/");
    let with = |name: &str, value: &str| HttpRequest {
        headers: vec![(name.to_owned(), secret(value))],
        ..get(&url)
    };
    for request in [
        with("X-Token", "a\r\nX-Evil: 1"),
        with("X Token", "a"),
        HttpRequest {
            method: "GE T".to_owned(),
            ..get(&url)
        },
        HttpRequest {
            authority_file: Some("/no/such/file.pem".into()),
            ..get(&url)
        },
        HttpRequest {
            authority_file: Some("/dev/zero".into()),
            ..get(&url)
        },
        HttpRequest {
            authority_file: Some("Cargo.toml".into()),
            ..get(&url)
        },
    ] {
        let error = ask(request).await.unwrap_err();
        assert!(matches!(error, NetworkError::NotAsked(..)), "{error}");
        assert!(!error.to_string().contains("X-Evil"), "{error}");
    }
    for address in ["file:///etc/passwd", "s3cr3t", "http://", "gopher://h/"] {
        let error = ask(get(address)).await.unwrap_err();
        assert!(matches!(error, NetworkError::InvalidAddress(..)), "{error}");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

/// Redirects `/1` to `/2` and so on, up to `/end`.
fn redirecting(
    status: &'static str,
    location: impl Fn(u32) -> String + Send + Sync + 'static,
) -> Server {
    http(move |head, stream| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let step: Option<u32> = path.trim_start_matches('/').parse().ok();
        match step {
            Some(step) => {
                let next = location(step);
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\nlocation: {next}\r\ncontent-length: 0\r\n\r\n"
                )
                .is_ok()
            }
            None => fixed("200 OK", "", "arrived")(head, stream),
        }
    })
}

#[tokio::test]
async fn redirects_are_followed_only_when_asked_and_only_so_often() {
    let server = redirecting("302 Found", |step| {
        if step == 3 {
            "/end".to_owned()
        } else {
            format!("/{}", step + 1)
        }
    });
    let follow = |redirects| HttpRequest {
        redirects,
        ..get(&server.url("/1"))
    };
    assert_eq!(ask(follow(0)).await.unwrap().status, 302);
    assert_eq!(ask(follow(3)).await.unwrap().body, b"arrived");
    let error = refused(follow(2)).await;
    assert!(error.ends_with("it redirects more than 2 times"), "{error}");
    let round = redirecting("307 Temporary Redirect", |_| "/1".to_owned());
    let error = refused(HttpRequest {
        redirects: 5,
        ..get(&round.url("/1"))
    })
    .await;
    assert!(error.ends_with("it redirects more than 5 times"), "{error}");
}

#[tokio::test]
async fn another_server_gets_nothing_that_was_meant_for_the_first() {
    let other = http(fixed("200 OK", "", "other"));
    let url = other.url("/x");
    let server = redirecting("307 Temporary Redirect", move |_| url.clone());
    let request = |method: &str| HttpRequest {
        method: method.to_owned(),
        redirects: 1,
        headers: ["Authorization", "X-Api-Key", "Cookie"]
            .map(|name| (name.to_owned(), secret("s3cr3t")))
            .to_vec(),
        ..get(&server.url("/1"))
    };
    assert_eq!(ask(request("GET")).await.unwrap().body, b"other");
    assert!(server.heads()[0].contains("x-api-key: s3cr3t"));
    assert!(!other.heads()[0].contains("s3cr3t"), "{:?}", other.heads());
    let error = refused(request("POST")).await;
    assert!(error.contains("another server"), "{error}");
    assert_eq!(other.heads().len(), 1);
}

#[tokio::test]
async fn a_redirected_change_keeps_its_method_unless_the_status_says_otherwise() {
    for (status, becomes) in [
        ("303 See Other", "get /end"),
        ("302 Found", "get /end"),
        ("307 Temporary Redirect", "post /end"),
        ("308 Permanent Redirect", "post /end"),
    ] {
        let server = redirecting(status, |_| "/end".to_owned());
        let request = HttpRequest {
            method: "POST".to_owned(),
            redirects: 1,
            body: Some(secret("data")),
            ..get(&server.url("/1"))
        };
        assert_eq!(ask(request).await.unwrap().status, 200);
        let head = &server.heads()[1];
        assert!(head.starts_with(becomes), "{status}: {head}");
        assert_eq!(
            head.ends_with("data"),
            becomes.starts_with("post"),
            "{status}: {head}"
        );
    }
}

#[tokio::test]
async fn a_redirect_out_of_http_is_refused() {
    for location in ["file:///etc/passwd", "javascript:1"] {
        let server = redirecting("302 Found", move |_| location.to_owned());
        let error = refused(HttpRequest {
            redirects: 1,
            ..get(&server.url("/1"))
        })
        .await;
        assert!(
            error.ends_with("it redirects to what is not an http address"),
            "{error}"
        );
    }
}

/// A file that holds these certificates for as long as it lives.
fn file_of(pem: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    file
}

fn over_tls(server: &Server, file: Option<&Path>) -> HttpRequest {
    HttpRequest {
        authority_file: file.map(PathBuf::from),
        ..get(&format!("https://localhost:{}/", server.port))
    }
}

#[tokio::test]
async fn only_trusted_servers_are_spoken_to() {
    let authority = authority();
    let file = file_of(&authority.pem);
    let good = https(
        authority.serves(&["localhost"], 2090),
        fixed("200 OK", "", "safe"),
    );
    let answer = ask(over_tls(&good, Some(file.path()))).await.unwrap();
    assert_eq!(answer.body, b"safe");
    let error = refused(over_tls(&good, None)).await;
    assert!(error.contains("UnknownIssuer"), "{error}");
    for (config, words) in [
        (
            authority.serves(&["other.example"], 2090),
            "not valid for name",
        ),
        (authority.serves(&["localhost"], 2001), "expired"),
        (self_signed(&["localhost"]), "UnknownIssuer"),
    ] {
        let bad = https(config, fixed("200 OK", "", "unsafe"));
        let error = refused(over_tls(&bad, Some(file.path()))).await;
        assert!(error.contains(words), "{error}");
        assert!(bad.heads().is_empty());
    }
}

#[tokio::test]
async fn a_changed_authority_file_counts_from_the_next_request() {
    let (old, new) = (authority(), authority());
    let file = file_of(&old.pem);
    let server = https(new.serves(&["localhost"], 2090), fixed("200 OK", "", "new"));
    let network = HostNetwork::new();
    assert!(
        network
            .http(over_tls(&server, Some(file.path())))
            .await
            .is_err()
    );
    std::fs::write(file.path(), &new.pem).unwrap();
    assert!(
        network
            .http(over_tls(&server, Some(file.path())))
            .await
            .is_ok()
    );
    assert!(network.http(over_tls(&server, None)).await.is_err());
}

async fn look(
    server: &Server,
    name: &str,
    file: Option<&Path>,
) -> Result<Certificate, NetworkError> {
    HostNetwork::new()
        .tls("127.0.0.1", server.port, name, file, long())
        .await
}

#[tokio::test]
async fn a_certificate_is_looked_at_whether_trusted_or_not() {
    let authority = authority();
    let file = file_of(&authority.pem);
    let quiet = || fixed("200 OK", "", "");
    let good = https(authority.serves(&["localhost", "10.1.2.3"], 2090), quiet());
    let seen = look(&good, "localhost", Some(file.path())).await.unwrap();
    assert_eq!(seen.trusted, Ok(()));
    assert_eq!(seen.names, ["localhost", "10.1.2.3"]);
    assert_eq!(seen.not_after.to_string(), "2090-01-01T00:00:00Z");
    assert_eq!(seen.not_before.to_string(), "2000-01-01T00:00:00Z");
    assert!(
        seen.subject.contains("CN=a test server"),
        "{}",
        seen.subject
    );
    assert!(
        seen.issuer.contains("CN=a test authority"),
        "{}",
        seen.issuer
    );
    for (config, name, words) in [
        (
            authority.serves(&["localhost"], 2001),
            "localhost",
            "expired",
        ),
        (
            authority.serves(&["localhost"], 2090),
            "other.example",
            "not valid for name",
        ),
        (self_signed(&["localhost"]), "localhost", "UnknownIssuer"),
    ] {
        let server = https(config, quiet());
        let seen = look(&server, name, Some(file.path())).await.unwrap();
        let distrust = seen.trusted.unwrap_err();
        assert!(distrust.contains(words), "{distrust}");
    }
    assert!(
        look(&good, "localhost", None)
            .await
            .unwrap()
            .trusted
            .is_err()
    );
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_shows_its_own() {
    let authority = authority();
    let file = file_of(&authority.pem);
    let server = https(
        wanting_certificates(&authority, &["localhost"]),
        fixed("200 OK", "", ""),
    );
    let seen = look(&server, "localhost", Some(file.path())).await.unwrap();
    assert_eq!(seen.trusted, Ok(()));
}

#[tokio::test]
async fn what_does_not_speak_tls_shows_no_certificate() {
    let plain = http(|_, _| false);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let talking = TcpListener::bind("127.0.0.1:0").unwrap();
    let talking_port = talking.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in talking.incoming().map_while(Result::ok) {
            let _ignored = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let network = HostNetwork::new();
    let timeout = Span::from_millis(500);
    for port in [talking_port, plain.port, closed_port()] {
        let error = network
            .tls("127.0.0.1", port, "localhost", None, timeout)
            .await
            .unwrap_err();
        assert!(matches!(error, NetworkError::Unreachable { .. }), "{error}");
    }
    let silent = listener.local_addr().unwrap().port();
    let error = network
        .tls("127.0.0.1", silent, "localhost", None, timeout)
        .await
        .unwrap_err();
    assert!(matches!(error, NetworkError::TimedOut(..)), "{error}");
    let error = network
        .tls("127.0.0.1", silent, "not a name", None, timeout)
        .await
        .unwrap_err();
    assert!(matches!(error, NetworkError::InvalidAddress(..)), "{error}");
}

#[tokio::test]
async fn ports_are_open_or_closed() {
    let network = HostNetwork::new();
    let server = http(|_, _| false);
    assert!(
        network
            .connect("127.0.0.1", server.port, long())
            .await
            .is_ok()
    );
    assert!(
        network
            .connect("localhost", server.port, long())
            .await
            .is_ok()
    );
    let error = network
        .connect("127.0.0.1", closed_port(), long())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("Connection refused"), "{error}");
    let error = network
        .connect("::1", closed_port(), long())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("[::1]:"), "{error}");
}

#[tokio::test]
async fn names_have_addresses_or_are_not_there() {
    let network = HostNetwork::new();
    let found = network.resolve("localhost", long()).await.unwrap();
    assert!(
        found.is_sorted() && found.iter().all(std::net::IpAddr::is_loopback),
        "{found:?}"
    );
    assert_eq!(network.resolve("192.0.2.7", long()).await.unwrap().len(), 1);
    let error = network
        .resolve("no-such-name.invalid", long())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("no-such-name.invalid: "), "{error}");
}

#[tokio::test]
async fn many_requests_at_once_share_one_network() {
    let server = http(fixed("200 OK", "", "ok"));
    let network = Arc::new(HostNetwork::new());
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (network, url) = (network.clone(), server.url("/"));
        #[expect(clippy::disallowed_methods, reason = "a test has no daemon")]
        asking.spawn(async move { network.http(get(&url)).await });
    }
    while let Some(answer) = asking.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status, 200);
    }
}
