//! Opens a connection: the address, TLS, what the server understands, who we are.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use freehold_broker::{Error, ErrorKind, Login, Lost, Result, dial};
use kafka_protocol::messages::{
    ApiVersionsRequest, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use kafka_protocol::protocol::StrBytes;

use crate::errors::{answer, checked, code, nonsense, unavailable};
use crate::link::Link;
use crate::scram::{Client, MECHANISM};
use crate::wire::{self, version};

/// How long entering may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the servers are, as the address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Some of the cluster: the others are told by them.
    pub(crate) servers: Vec<Server>,
    pub(crate) tls: bool,
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    /// `kafka://host:9092,other:9092`, `kafka+tls://host:9093`.
    pub(crate) fn of(address: &str) -> Result<Self> {
        let read = || {
            let (scheme, rest) = address.split_once("://")?;
            let tls = match scheme {
                "kafka" => false,
                "kafka+tls" => true,
                _ => return None,
            };
            let server = |text: &str| {
                let (host, port) = text.rsplit_once(':')?;
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let plain = !host.is_empty() && !host.contains(['@', '/']);
                plain.then_some(())?;
                Some(Server {
                    host: host.to_owned(),
                    port: port.parse().ok()?,
                })
            };
            let servers: Option<Vec<_>> =
                rest.trim_end_matches('/').split(',').map(server).collect();
            Some(Self {
                servers: servers?,
                tls,
            })
        };
        read().ok_or_else(|| {
            let what = "an address is kafka://HOST:PORT,… or kafka+tls://HOST:PORT,…";
            Error::new(ErrorKind::Invalid, what)
        })
    }
}

/// Enters a server as this login.
pub(crate) async fn enter(
    server: &Server,
    tls: bool,
    login: &Login,
    lost: &Lost,
) -> Result<Arc<Link>> {
    let entered = async {
        let stream = dial::dial(&server.host, server.port, tls).await?;
        let link = Link::over(stream, lost);
        understands(&link).await?;
        log_in(&link, tls, login).await?;
        Ok(link)
    };
    let entered = tokio::time::timeout(TIMEOUT, entered).await;
    let entered = entered.unwrap_or_else(|_| Err(unavailable("no answer in time")));
    let (host, port) = (&server.host, server.port);
    entered.map_err(|error| error.during(format!("connect to the broker at {host}:{port}")))
}

/// All that we ask later.
async fn understands(link: &Link) -> Result<()> {
    let question = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("freehold"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    let known = link.ask(version::API_VERSIONS, &question).await?;
    checked(known.error_code, "ask what it understands")?;
    for (key, version) in wire::ASKED {
        let mut known = known.api_keys.iter();
        let fits = known.any(|one| {
            one.api_key == *key && (one.min_version..=one.max_version).contains(version)
        });
        if !fits {
            let what = format!("the server does not understand version {version} of request {key}");
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
    }
    Ok(())
}

async fn log_in(link: &Link, tls: bool, login: &Login) -> Result<()> {
    let offer = |mechanism: &'static str| {
        SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism))
    };
    let hello = link.ask(version::SASL_HANDSHAKE, &offer(MECHANISM)).await?;
    match hello.error_code {
        code::OK => scram(link, login).await,
        code::NO_MECHANISM if tls && hello.mechanisms.iter().any(|one| one.as_str() == "PLAIN") => {
            let hello = link.ask(version::SASL_HANDSHAKE, &offer("PLAIN")).await?;
            checked(hello.error_code, "log in")?;
            let proof = format!("\0{}\0{}", login.name, login.secret.expose());
            say(link, proof).await.map(drop)
        }
        code::NO_MECHANISM => {
            let what = format!("the listener does not offer {MECHANISM}, nor PLAIN over TLS");
            Err(Error::new(ErrorKind::Unsupported, what))
        }
        code::NO_LOGINS => {
            let what = "the listener asks nobody who they are: it needs SASL";
            Err(Error::new(ErrorKind::Unsupported, what))
        }
        other => Err(answer(other, "log in")),
    }
}

async fn scram(link: &Link, login: &Login) -> Result<()> {
    let mut nonce = [0; 18];
    getrandom::fill(&mut nonce).map_err(nonsense)?;
    let client = Client::new(&login.name, &nonce);
    let text = |answer: SaslAuthenticateResponse| {
        String::from_utf8(answer.auth_bytes.to_vec()).map_err(nonsense)
    };
    let server = text(say(link, client.first()).await?)?;
    let (last, expected) = client.last(&server, &login.secret)?;
    if text(say(link, last).await?)? == expected {
        Ok(())
    } else {
        Err(nonsense(
            "the server does not know the password either: it is a false one",
        ))
    }
}

async fn say(link: &Link, text: String) -> Result<SaslAuthenticateResponse> {
    let question = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(text));
    let said = link.ask(version::SASL_AUTHENTICATE, &question).await?;
    checked(said.error_code, "log in")?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let place = Place::of("kafka+tls://[::1]:9093,b.example:9094").expect("an address");
        let servers: Vec<_> = place
            .servers
            .iter()
            .map(|one| (one.host.as_str(), one.port))
            .collect();
        assert_eq!(servers, [("::1", 9_093), ("b.example", 9_094)]);
        assert!(place.tls && !Place::of("kafka://h:9092").expect("one").tls);
        for wrong in [
            "h:9092",
            "kafka://h",
            "kafka://a:b@h:1",
            "nats://h:1",
            "kafka://",
            "kafka://a:1,b",
        ] {
            assert!(Place::of(wrong).is_err(), "{wrong}");
        }
    }
}
