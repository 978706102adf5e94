//! Leadership among the sidecars of one service: a row in the service's own store, with an epoch.
//!
//! Whoever leads renews its term; when the term is over somebody else takes the row with the next
//! epoch. A leader that was paused finds out at its next fence: [`fence`] is the first statement of
//! each of its transactions, and holds the row until that transaction ends.

use std::time::Duration;

use freehold_engine::{Connection, Error, ErrorKind, EventSql, Result, TxMode, Value};

/// Which of several leaders one is; larger is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub i64);

/// Who leads now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Its name for itself.
    pub holder: String,
    /// Its epoch.
    pub epoch: Epoch,
    /// Is its term still running, by the store's clock?
    pub alive: bool,
}

/// What to do about a leadership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Write the row with this epoch: one leads, or goes on leading.
    Lead(Epoch),
    /// Somebody else does.
    Follow,
}

/// The decision. Pure. Once a term is over, even the same holder comes back with a new epoch: in
/// between somebody else may have led and gone.
pub fn claim(found: Option<&Leader>, me: &str, mine: Option<Epoch>) -> Claim {
    match found {
        None => Claim::Lead(Epoch(1)),
        Some(leader) if leader.holder == me && mine == Some(leader.epoch) && leader.alive => {
            Claim::Lead(leader.epoch)
        }
        Some(leader) if leader.alive && leader.holder != me => Claim::Follow,
        Some(leader) => Claim::Lead(Epoch(leader.epoch.0 + 1)),
    }
}

/// Takes or renews the leadership of this name for a term, in a durable transaction of its own.
/// `None`: somebody else leads.
///
/// # Errors
/// The connection's. After one nothing is known: claim again over a new connection.
pub async fn lead(
    connection: &mut dyn Connection,
    sql: &EventSql,
    name: &str,
    me: &str,
    mine: Option<Epoch>,
    term: Duration,
) -> Result<Option<Epoch>> {
    connection.begin(TxMode::Relay).await?;
    match claimed(connection, sql, name, me, mine, term).await {
        Ok(Some(epoch)) => {
            connection.commit().await.done()?;
            Ok(Some(epoch))
        }
        // Two who find no row at all insert it both; the second is told so, or waits and sees.
        Ok(None) => connection.rollback().await.map(|()| None),
        Err(error) => {
            if !connection.broken() {
                connection.rollback().await?;
            }
            Err(error.during(format!("lead {name}")))
        }
    }
}

async fn claimed(
    connection: &mut dyn Connection,
    sql: &EventSql,
    name: &str,
    me: &str,
    mine: Option<Epoch>,
    term: Duration,
) -> Result<Option<Epoch>> {
    let rows = connection.query(&sql.lead_read, &[name.into()]).await?;
    let found = rows.first().map(|row| leader(row)).transpose()?;
    let Claim::Lead(epoch) = claim(found.as_ref(), me, mine) else {
        return Ok(None);
    };
    let micros = i64::try_from(term.as_micros()).unwrap_or(i64::MAX);
    let args = [
        name.into(),
        me.into(),
        Value::I64(epoch.0),
        Value::I64(micros),
    ];
    connection.run(&sql.lead_put, &args).await?;
    Ok(Some(epoch))
}

/// Gives the leadership back, so that nobody waits for the term to end. Harmless when it is lost.
///
/// # Errors
/// The connection's.
pub async fn resign(
    connection: &mut dyn Connection,
    sql: &EventSql,
    name: &str,
    epoch: Epoch,
) -> Result<()> {
    connection.begin(TxMode::Relay).await?;
    if fence(connection, sql, name, epoch).await? {
        let args = [name.into(), "".into(), Value::I64(epoch.0), Value::I64(-1)];
        connection.run(&sql.lead_put, &args).await?;
    }
    connection.commit().await.done()
}

/// Does this epoch still lead? True holds the row until the open transaction ends: nobody takes
/// over before. Must be the transaction's first statement.
///
/// # Errors
/// The connection's.
pub async fn fence(
    connection: &mut dyn Connection,
    sql: &EventSql,
    name: &str,
    epoch: Epoch,
) -> Result<bool> {
    let args = [name.into(), Value::I64(epoch.0)];
    let rows = connection.query(&sql.lead_fence, &args).await?;
    Ok(!rows.is_empty())
}

fn leader(row: &[Value]) -> Result<Leader> {
    let read = || {
        Some(Leader {
            holder: row.first()?.text()?.to_owned(),
            epoch: Epoch(row.get(1)?.int()?),
            alive: row.get(2)?.truth()?,
        })
    };
    read().ok_or_else(|| Error::new(ErrorKind::Invalid, "the leadership's row cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(holder: &str, epoch: i64, alive: bool) -> Leader {
        Leader {
            holder: holder.to_owned(),
            epoch: Epoch(epoch),
            alive,
        }
    }

    #[test]
    fn one_leads_at_a_time_and_each_takeover_is_a_new_epoch() {
        assert_eq!(claim(None, "a", None), Claim::Lead(Epoch(1)));
        let a = leader("a", 4, true);
        assert_eq!(claim(Some(&a), "a", Some(Epoch(4))), Claim::Lead(Epoch(4)));
        assert_eq!(claim(Some(&a), "b", None), Claim::Follow);
        let over = leader("a", 4, false);
        assert_eq!(claim(Some(&over), "b", None), Claim::Lead(Epoch(5)));
        assert_eq!(
            claim(Some(&over), "a", Some(Epoch(4))),
            Claim::Lead(Epoch(5))
        );
        // The same name after a restart knows nothing of what it had under way.
        assert_eq!(claim(Some(&a), "a", None), Claim::Lead(Epoch(5)));
    }
}
