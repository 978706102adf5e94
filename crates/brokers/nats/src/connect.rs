//! Opens a connection, and watches what the server says on it besides answers: that it is lost,
//! and what was not permitted.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerError};
use freehold_broker::{Error, ErrorKind, Login, Result};
use tokio::sync::watch;

use crate::{errors, names};

/// What the server said so far.
#[derive(Debug, Default)]
struct Said {
    lost: bool,
    /// Sentences with the subject in quotes; only the last ones.
    violations: std::collections::VecDeque<(u64, String)>,
    count: u64,
}

/// An open connection.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    said: watch::Receiver<Said>,
}

const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn connect(address: &str, login: &Login) -> Result<Arc<Link>> {
    let (tell, said) = watch::channel(Said::default());
    let tell = Arc::new(tell);
    let options = ConnectOptions::new()
        .name(format!("freehold {}", login.name))
        .custom_inbox_prefix(names::inbox(&login.name))
        .connection_timeout(TIMEOUT)
        .request_timeout(Some(TIMEOUT))
        // A lost connection is lost: what was under way is settled before anything else is sent.
        .max_reconnects(1)
        .event_callback(move |event| {
            let tell = tell.clone();
            async move { note(&tell, event) }
        });
    let secret = login.secret.expose().to_owned();
    let options = if nkeys::KeyPair::from_seed(&secret).is_ok() {
        options.nkey(secret)
    } else {
        options.user_and_password(login.name.clone(), secret)
    };
    let client = options.connect(address).await.map_err(|error| {
        let kind = match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                ErrorKind::LoginRefused
            }
            ConnectErrorKind::ServerParse => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Error::new(kind, error.to_string()).during(format!("connect to the broker at {address}"))
    })?;
    let jetstream = ContextBuilder::new()
        .timeout(TIMEOUT)
        .ack_timeout(TIMEOUT)
        .max_ack_inflight(20_000)
        .build(client.clone());
    Ok(Arc::new(Link {
        client,
        jetstream,
        said,
    }))
}

fn note(tell: &watch::Sender<Said>, event: Event) {
    tell.send_modify(|said| match event {
        Event::Disconnected
        | Event::Closed
        | Event::ServerError(ServerError::AuthorizationViolation) => said.lost = true,
        Event::ServerError(ServerError::Other(text))
            if text.to_lowercase().contains("violation") =>
        {
            said.count += 1;
            said.violations.push_back((said.count, text));
            if said.violations.len() > 64 {
                said.violations.pop_front();
            }
        }
        _ => {}
    });
}

impl Link {
    pub(crate) fn broken(&self) -> bool {
        self.said.borrow().lost
    }

    /// How many violations there were: for [`Link::guard`].
    pub(crate) fn so_far(&self) -> u64 {
        self.said.borrow().count
    }

    /// Waits for an answer, or for the server to say that something about one of these names is
    /// not permitted, or that the connection is lost: it does not answer what it denies.
    pub(crate) async fn guard<T>(
        &self,
        since: u64,
        about: &[&str],
        answer: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut said = self.said.clone();
        let ends = |said: &Said| {
            if said.lost {
                return Some(lost());
            }
            let mut new = said.violations.iter().filter(|(count, _)| *count > since);
            let ours = new.find(|(_, text)| about.iter().any(|name| text.contains(name)));
            ours.map(|(_, text)| Error::new(ErrorKind::Denied, text.clone()))
        };
        let mut why = None;
        tokio::select! {
            biased;
            answer = answer => answer,
            _ = said.wait_for(|said| {
                why = ends(said);
                why.is_some()
            }) => Err(why.unwrap_or_else(lost)),
        }
    }
}

fn lost() -> Error {
    errors::unavailable("the connection to the broker is lost")
}
