//! Opening a connection: address, login, TLS modes, and what every session is set to.
//!
//! What is asked over it afterwards is `session`. A password goes to the driver and nowhere else;
//! the driver sends it scrambled by the server's challenge, never as text without TLS.

use std::time::Duration;

use freehold_engine::{Address, Connection, Endpoint, Error, ErrorKind, Result, Tls};
use mysql_async::{Conn, OptsBuilder, SslOpts};

use crate::errors::{from_driver, lacks_tls};
use crate::probe;
use crate::session::Session;
use crate::wire::Wire;

const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// Every session is alike, whatever the server's defaults are: what migrations mean must not
/// depend on them, and bookkeeping is READ COMMITTED. A lock that is not had within a minute is a
/// conflict to be tried again, not a server that stands still.
const SETTINGS: &str = "SET SESSION \
     sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
     time_zone = '+00:00', autocommit = 1, lock_wait_timeout = 60, innodb_lock_wait_timeout = 60";

/// Connects and probes.
pub(crate) async fn connect(at: &Endpoint) -> Result<Box<dyn Connection>> {
    let mut wire = open(at).await?;
    let answers = probe::ask(&mut wire)
        .await
        .map_err(|error| error.during(format!("probe {at}")))?;
    let probe = probe::read(&answers);
    Ok(Box::new(Session::new(wire, probe, at.clone())))
}

/// A connection set like every other, of which nothing is known yet.
pub(crate) async fn open(at: &Endpoint) -> Result<Wire> {
    let dialled = tokio::time::timeout(CONNECT_LIMIT, dial(at)).await;
    let conn =
        dialled.map_err(|_| Error::new(ErrorKind::Unavailable, "no answer within 15 seconds"));
    let conn = conn
        .and_then(|conn| conn)
        .map_err(|error| error.during(format!("connect to {at}")))?;
    let mut wire = Wire::new(conn);
    wire.execute(SETTINGS).await?;
    wire.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        .await?;
    Ok(wire)
}

pub(crate) async fn dial(at: &Endpoint) -> Result<Conn> {
    let base = options(at)?;
    let with = |ssl: SslOpts| Conn::new(base.clone().ssl_opts(ssl));
    // TLS is not used on a unix socket, which nobody can listen to.
    if matches!(at.address, Address::Unix(..)) {
        return Conn::new(base).await.map_err(from_driver);
    }
    let any = SslOpts::default().with_danger_accept_invalid_certs(true);
    match &at.tls {
        Tls::Off => Conn::new(base).await.map_err(from_driver),
        Tls::Prefer => match with(any).await {
            Err(error) if lacks_tls(&error) => Conn::new(base).await.map_err(from_driver),
            other => other.map_err(from_driver),
        },
        Tls::Require => with(any).await.map_err(from_driver),
        Tls::Verify(Some(ca)) => {
            let ssl = SslOpts::default().with_disable_built_in_roots(true);
            with(ssl.with_root_certs(vec![ca.clone().into()]))
                .await
                .map_err(from_driver)
        }
        Tls::Verify(None) => with(system_roots()?).await.map_err(from_driver),
    }
}

/// The operating system's certificate authorities.
fn system_roots() -> Result<SslOpts> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err(Error::new(
            ErrorKind::Tls,
            "the system has no certificate authorities; name a file with `ssl-ca`",
        ));
    }
    let roots = found
        .certs
        .into_iter()
        .map(|cert| cert.to_vec().into())
        .collect();
    Ok(SslOpts::default()
        .with_disable_built_in_roots(true)
        .with_root_certs(roots))
}

fn options(at: &Endpoint) -> Result<OptsBuilder> {
    let builder = OptsBuilder::default()
        .user(Some(at.user.as_str()))
        .pass(
            at.password
                .as_ref()
                .map(|password| password.expose().to_owned()),
        )
        .db_name(at.database.clone())
        // Fenced updates count the rows that matched, changed or not.
        .client_found_rows(true)
        // The driver would leave TLS for a socket that the server names.
        .prefer_socket(false)
        .tcp_keepalive(Some(Duration::from_secs(30)))
        .connect_attribute("program_name", "freehold");
    match &at.address {
        Address::Tcp(host, port) => Ok(builder.ip_or_hostname(host.as_str()).tcp_port(*port)),
        Address::Unix(socket, _) => Ok(builder.socket(Some(socket.to_string_lossy()))),
        Address::Path(path) => Err(Error::new(
            ErrorKind::Invalid,
            format!("{} is a folder, and a server was needed", path.display()),
        )),
    }
}
