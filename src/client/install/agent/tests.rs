use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::client::install::retry::Transient;
use crate::client::install::server::{Attempt, Server, ServerError};
use crate::system::{Command, Real, Runner};

#[test]
fn a_file_without_certificates_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = read_ca(file.path()).unwrap_err();
    assert!(matches!(error, CaError::Empty(_)), "{error}");
    let error = read_ca(Path::new("/nowhere/ca.pem")).unwrap_err();
    assert!(matches!(error, CaError::Read { .. }), "{error}");
}

#[test]
fn with_a_certificate_authority_nothing_is_asked_without_it() {
    let settings = Settings::parse("CA=/ca.pem").unwrap();
    let error = for_requests(&settings).get("http://127.0.0.1:1/").call();
    let error = error.unwrap_err();
    assert!(matches!(error, ureq::Error::RequireHttpsOnly(_)), "{error}");
}

/// A certificate that signs itself, and its key, below a directory; none where there is no openssl.
fn certificate(dir: &Path, name: &str) -> Option<(PathBuf, PathBuf)> {
    let (key, certificate) = (
        dir.join(format!("{name}.key")),
        dir.join(format!("{name}.pem")),
    );
    let words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=here",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        key.to_str()?,
        "-out",
        certificate.to_str()?,
    ];
    match Real.run(&Command::new("openssl", words)) {
        Ok(_) => Some((key, certificate)),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

/// A server that answers one request over TLS with its head, and those who do not trust it with nothing.
fn serve(key: &Path, certificate: &Path) -> u16 {
    let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, stream.unwrap()));
            let lines = stream.by_ref().lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let head = head.join("|").to_lowercase();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}",
                head.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).ok();
            stream.get_mut().flush().ok();
        }
    });
    port
}

#[test]
fn the_server_is_trusted_by_the_certificates_of_the_command_line_alone() {
    let dir = tempfile::tempdir().unwrap();
    let Some((key, own)) = certificate(dir.path(), "own") else {
        return;
    };
    let Some((_, other)) = certificate(dir.path(), "other") else {
        return;
    };
    let port = serve(&key, &own);
    let register = |ca: &Path| {
        let line = format!(
            "SERV=127.0.0.1 HTTP_PORT={port} CA={} TOKEN=t0k",
            ca.display()
        );
        let mut settings = Settings::parse(&line).unwrap();
        settings.ca_pem = read_ca(ca).unwrap();
        Server::of(&settings).register("[]", Attempt::InBoot(None))
    };
    let head = register(&own).unwrap();
    assert!(head.contains("post /api/v1/machines"), "{head}");
    assert!(head.contains("|authorization: bearer t0k"), "{head}");
    let error = register(&other).unwrap_err();
    assert!(matches!(error, ServerError::Unreachable { .. }), "{error}");
    assert!(error.may_pass());
}

#[test]
fn a_token_goes_over_no_plain_connection_where_there_are_certificates() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for (line, shown) in [
        ("TOKEN=t0k HSERV=h", true),
        ("TOKEN=t0k HSERV=h CA=/ca.pem", false),
    ] {
        let agent = for_images(&Settings::parse(line).unwrap());
        let asked = url.clone();
        let asking = std::thread::spawn(move || agent.get(&asked).call().map(|_| ()));
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .collect();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap();
        asking.join().unwrap().unwrap();
        let head = head.join("|");
        assert_eq!(head.contains("Bearer t0k"), shown, "{line}: {head}");
    }
}
