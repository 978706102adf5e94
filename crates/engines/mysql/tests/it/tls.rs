//! TLS modes against a server with and without a certificate.

use freehold_engine::{Endpoint, Engine, ErrorKind, Tls};
use freehold_mysql::Mysql;
use freehold_private_servers::TlsFiles;

use crate::world::{Admin, World, program, skipped};

#[tokio::test]
async fn a_server_without_tls() {
    let Some(mut world) = World::new(Admin::Super, &[]).await else {
        return;
    };
    if world.is_mysql() {
        // It makes itself a certificate.
        return;
    }
    assert_eq!(reached(&world, Tls::Prefer).await, Ok(false));
    assert_eq!(reached(&world, Tls::Off).await, Ok(false));
    assert_eq!(reached(&world, Tls::Require).await, Err(ErrorKind::Tls));
    assert_eq!(
        reached(&world, Tls::Verify(None)).await,
        Err(ErrorKind::Tls)
    );
    world.want.require_tls = true;
    let refused: Vec<&str> = world
        .diff()
        .await
        .refused
        .iter()
        .map(|fault| fault.code)
        .collect();
    assert_eq!(refused, ["FH3110"]);
}

#[tokio::test]
async fn a_server_with_a_certificate() {
    let certificates = tempfile::tempdir().unwrap();
    let at = |name: &str| certificates.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    if std::process::Command::new("openssl")
        .arg("version")
        .output()
        .is_err()
    {
        assert!(std::env::var("CI").is_err(), "openssl is missing in CI");
        return skipped("no openssl to make a certificate with");
    }
    authority(&text);
    certificate(&text, "right", "IP:127.0.0.1");
    certificate(&text, "wrong", "DNS:elsewhere.example");
    program(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=other",
            "-days",
            "2",
            "-keyout",
            &text("o.key"),
            "-out",
            &text("other.pem"),
        ],
    );

    let files = TlsFiles {
        cert: at("right.pem"),
        key: at("right.key"),
    };
    let Some(mut world) = World::with(Admin::Super, |mut start| {
        start.tls = Some(files);
        start
    })
    .await
    else {
        return;
    };
    assert_eq!(reached(&world, Tls::Off).await, Ok(false));
    for tls in [Tls::Prefer, Tls::Require, Tls::Verify(Some(at("ca.pem")))] {
        assert_eq!(reached(&world, tls.clone()).await, Ok(true), "{tls:?}");
    }
    for tls in [Tls::Verify(None), Tls::Verify(Some(at("other.pem")))] {
        assert_eq!(
            reached(&world, tls.clone()).await,
            Err(ErrorKind::Tls),
            "{tls:?}"
        );
    }
    require_tls(&mut world).await;
    drop(world);

    let files = TlsFiles {
        cert: at("wrong.pem"),
        key: at("wrong.key"),
    };
    let Some(world) = World::with(Admin::Super, |mut start| {
        start.tls = Some(files);
        start
    })
    .await
    else {
        return;
    };
    assert_eq!(reached(&world, Tls::Require).await, Ok(true));
    assert_eq!(
        reached(&world, Tls::Verify(Some(at("ca.pem")))).await,
        Err(ErrorKind::Tls),
        "another host's certificate"
    );
}

/// Connected, and encrypted or not; or why not.
async fn reached(world: &World, tls: Tls) -> Result<bool, ErrorKind> {
    let at = Endpoint {
        tls,
        ..world.root.clone()
    };
    Mysql
        .connect(&at)
        .await
        .map(|session| session.probe().tls)
        .map_err(|error| error.kind)
}

/// The service's logins are refused without TLS, also those made before it was asked for.
async fn require_tls(world: &mut World) {
    world.with_tables().await;
    let password = world.issue("orders_app_1").await;
    let plain = Endpoint {
        tls: Tls::Off,
        ..world.store("orders_app_1", &password)
    };
    Mysql.connect(&plain).await.map(drop).unwrap();
    world.want.require_tls = true;
    world.converge().await;
    let refused = Mysql.connect(&plain).await.err().unwrap();
    assert_eq!(refused.kind, ErrorKind::LoginRefused);
    assert!(
        world
            .try_log_in("orders_app_1", &password)
            .await
            .unwrap()
            .probe()
            .tls
    );
    world
        .by_hand(&["ALTER USER orders_app_1@'127.0.0.1' REQUIRE NONE"])
        .await;
    world.converge().await;
    assert!(Mysql.connect(&plain).await.is_err());
    world
        .migrate(&["CREATE TABLE more (id INT PRIMARY KEY)"])
        .await;
}

fn authority(text: &impl Fn(&str) -> String) {
    program(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=test authority",
            "-days",
            "2",
            "-keyout",
            &text("ca.key"),
            "-out",
            &text("ca.pem"),
        ],
    );
}

fn certificate(text: &impl Fn(&str) -> String, name: &str, alternative: &str) {
    let (key, request, cert) = (
        text(&format!("{name}.key")),
        text(&format!("{name}.csr")),
        text(&format!("{name}.pem")),
    );
    let extensions = text(&format!("{name}.ext"));
    std::fs::write(
        &extensions,
        format!("subjectAltName={alternative}\nbasicConstraints=CA:FALSE\n"),
    )
    .unwrap();
    program(
        "openssl",
        &[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=server",
            "-keyout",
            &key,
            "-out",
            &request,
        ],
    );
    program(
        "openssl",
        &[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &text("ca.pem"),
            "-CAkey",
            &text("ca.key"),
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            &extensions,
            "-out",
            &cert,
        ],
    );
}
