//! New passwords for the app's two logins, alternating, so that no transaction fails.
//!
//! The order is that of a rotation without a gap: the login that nobody uses gets a new verifier,
//! it is proved by logging in, then it is delivered; the other one is retired when its sessions
//! have ended. Source: design of privileges, 57,000 transactions without a failure.

use freehold_bookkeeping::{self as bookkeeping, Entry, EntryKind, State};
use freehold_engine::{Connection, Endpoint, Engine, Error, Secret, Want};
use freehold_model::Fault;

/// A store and how to reach it as somebody who may issue.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Its engine.
    pub engine: &'static dyn Engine,
    /// The server, as the administrator (or the sidecar).
    pub admin: &'a Endpoint,
    /// What the store is.
    pub want: &'a Want,
    /// The pooler that stands in front of the server for applications; only its address counts.
    pub pooled: Option<&'a Endpoint>,
}

/// A credential that is in force.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The login; empty where the engine has none.
    pub login: String,
    /// The store, with this login; through the pooler where there is one.
    pub endpoint: Endpoint,
    /// The other login, to be retired when its sessions have ended.
    pub other: Option<String>,
}

/// Gives the login that is not in use a new password, and proves it by logging in, also through the
/// pooler where there is one.
///
/// # Errors
/// FH3501 the store is not there, FH3502 both logins are in use, FH3503 the new login does not
/// work, FH3511 not through the pooler (nothing was delivered, the other login is as it was), or the
/// engine's own.
pub async fn issue(place: Place<'_>) -> Result<Issued, Fault> {
    let Place {
        engine,
        admin,
        want,
        pooled,
    } = place;
    let at = engine.at_store(admin, &want.spot);
    if !engine.info().identities {
        return Ok(Issued {
            login: String::new(),
            endpoint: at,
            other: None,
        });
    }
    let mut connection = owner(place).await?;
    let ledger_sql = engine.ledger(want);
    let ledger = bookkeeping::read(&mut *connection, &ledger_sql)
        .await
        .map_err(|error| fault(want, error))?;
    let used = used_logins(&mut *connection, want).await?;
    let newest = ledger
        .of(EntryKind::Verifier)
        .max_by(|a, b| a.at.cmp(&b.at))
        .map(|entry| entry.id.clone());
    let [first, second] = &want.identities.app.logins;
    let login =
        choose([first, second], &used, newest.as_deref()).ok_or_else(|| both_in_use(want))?;
    let other = if login == first { second } else { first };

    let secret = Secret::generate();
    let verifier = engine.verifier(connection.probe(), login, &secret);
    let mut issuer = engine
        .connect(&at)
        .await
        .map_err(|error| fault(want, error))?;
    issuer
        .issue(want, login, Some(&verifier))
        .await
        .map_err(|error| fault(want, error))?;
    let endpoint = at.with_login(login, Some(secret));
    engine
        .connect(&endpoint)
        .await
        .map_err(|error| does_not_work(want, login, &error))?;
    let endpoint = match pooled {
        Some(pooler) => {
            let at_pooler = through(&endpoint, pooler);
            let entered = engine.connect(&at_pooler).await;
            entered.map_err(|error| does_not_pass(want, login, &at_pooler, &error))?;
            at_pooler
        }
        None => endpoint,
    };
    let entry = Entry {
        kind: EntryKind::Verifier,
        id: login.clone(),
        checksum: verifier.digest(),
        down_checksum: None,
        state: State::Done,
        progress: 1,
        total: 1,
        detail: String::new(),
        at: String::new(),
        upto: None,
    };
    bookkeeping::put(&mut *connection, &ledger_sql, &entry)
        .await
        .map_err(|error| fault(want, error))?;
    Ok(Issued {
        login: login.clone(),
        endpoint,
        other: Some(other.clone()),
    })
}

/// The same login on the same database, where the pooler listens.
fn through(issued: &Endpoint, pooler: &Endpoint) -> Endpoint {
    Endpoint {
        address: pooler.address.clone(),
        tls: pooler.tls.clone(),
        ..issued.clone()
    }
}

/// Takes a login's password away. Its open sessions go on; see [`sessions`].
///
/// # Errors
/// The engine's own.
pub async fn retire(place: Place<'_>, login: &str) -> Result<(), Fault> {
    let at = place.engine.at_store(place.admin, &place.want.spot);
    let mut issuer = place
        .engine
        .connect(&at)
        .await
        .map_err(|error| fault(place.want, error))?;
    issuer
        .issue(place.want, login, None)
        .await
        .map_err(|error| fault(place.want, error))?;
    let mut connection = owner(place).await?;
    let ledger = place.engine.ledger(place.want);
    let deleted = bookkeeping::delete(&mut *connection, &ledger, EntryKind::Verifier, login).await;
    deleted.map_err(|error| fault(place.want, error))
}

/// How many sessions of this login are open on the store.
///
/// # Errors
/// The engine's own.
pub async fn sessions(place: Place<'_>, login: &str) -> Result<usize, Fault> {
    let mut connection = owner(place).await?;
    let used = used_logins(&mut *connection, place.want).await?;
    Ok(used.iter().filter(|user| *user == login).count())
}

async fn owner(place: Place<'_>) -> Result<Box<dyn Connection>, Fault> {
    let at = place.engine.at_store(place.admin, &place.want.spot);
    let connection = place.engine.connect(&at).await;
    let mut connection = connection.map_err(|error| match error.kind {
        freehold_engine::ErrorKind::Missing => Fault::new(
            "FH3501",
            format!("{}: the store is not there", place.want.label()),
        )
        .help("freehold apply"),
        _ => fault(place.want, error),
    })?;
    connection
        .assume_owner(place.want)
        .await
        .map_err(|error| fault(place.want, error))?;
    Ok(connection)
}

async fn used_logins(connection: &mut dyn Connection, want: &Want) -> Result<Vec<String>, Fault> {
    let peers = connection
        .peers(want)
        .await
        .map_err(|error| fault(want, error))?;
    Ok(peers.into_iter().map(|peer| peer.user).collect())
}

/// A login without sessions; of two such, the one that was not issued last.
fn choose<'a>(
    logins: [&'a String; 2],
    used: &[String],
    newest: Option<&str>,
) -> Option<&'a String> {
    let idle = logins.into_iter().filter(|login| !used.contains(login));
    idle.max_by_key(|login| {
        (
            newest != Some(login.as_str()),
            std::cmp::Reverse(login.as_str()),
        )
    })
}

fn both_in_use(want: &Want) -> Fault {
    let [first, second] = &want.identities.app.logins;
    Fault::new("FH3502", format!("{}: both logins of the app are in use: {first} and {second}", want.label()))
        .help("wait until the sessions of one have ended: a pool with a maximum lifetime of connections drains by itself")
}

fn does_not_work(want: &Want, login: &str, error: &Error) -> Fault {
    Fault::new("FH3503", format!("{}: the new password of {login} does not let it in; nothing was delivered", want.label()))
        .help(format!("cause:    {error}"))
        .help("see that the server's access rules (pg_hba.conf, host of the account) let the app's logins in from here")
}

fn does_not_pass(want: &Want, login: &str, pooler: &Endpoint, error: &Error) -> Fault {
    Fault::new("FH3511", format!("{}: {login} gets in at the server, and not through the pooler at {pooler}; nothing was delivered", want.label()))
        .help(format!("cause:    {error}"))
        .help("the pooler has to ask the server for passwords (PgBouncer: auth_query), and to know the database `*`: `freehold explain FH3511` shows a configuration")
}

fn fault(want: &Want, error: Error) -> Fault {
    error.during(want.label()).fault()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooler_changes_the_address_only() {
        let parse = |url: &str| {
            let url = Secret::new(url);
            Endpoint::parse(freehold_model::EngineKind::Postgres, &url).expect("a URL")
        };
        let issued = parse("postgres://app_1:s3cret@db:5432/orders?sslmode=require");
        let pooler = parse("postgres://somebody:else@pool:6432/other?sslmode=disable");
        assert_eq!(
            through(&issued, &pooler).url().expose(),
            parse("postgres://app_1:s3cret@pool:6432/orders?sslmode=disable")
                .url()
                .expose()
        );
    }

    #[test]
    fn the_login_that_nobody_uses_is_chosen() {
        let (one, two) = ("app_1".to_owned(), "app_2".to_owned());
        let choose = |used: &[&str], newest| {
            let used: Vec<_> = used.iter().map(|&user| user.to_owned()).collect();
            choose([&one, &two], &used, newest).cloned()
        };
        assert_eq!(choose(&[], None).as_deref(), Some("app_1"));
        assert_eq!(choose(&[], Some("app_1")).as_deref(), Some("app_2"));
        assert_eq!(
            choose(&["app_2", "app_2"], Some("app_1")).as_deref(),
            Some("app_1")
        );
        assert_eq!(choose(&["app_1", "app_2"], None), None);
    }
}
