//! From the catalogs to [`Live`]. Sends no change; `catalog.rs` asks, `rows.rs` reads the answers,
//! and what follows from them is decided in `diff.rs`.

use std::collections::BTreeSet;

use freehold_engine::{Grant, Live, Mark, Object, Result, Want};
use freehold_model::Isolation;

use crate::catalog::{Topic, queries, role_query};
use crate::facts::{Fact, get, yes};
use crate::names::name_array;
use crate::rows::Reader;
use crate::session::Session;

/// Reads the store's state: one round trip, two when somebody unknown holds something.
pub(crate) async fn inspect(session: &mut Session, want: &Want) -> Result<Live> {
    let probe = freehold_engine::Connection::probe(session).clone();
    crate::refusals::of_age(&probe)?;
    let queries = queries(&probe, want);
    let sql: Vec<&str> = queries.iter().map(|(_, sql)| sql.as_str()).collect();
    let tables = session.look(&sql.join(";\n")).await;
    let tables = tables.map_err(|error| error.during(format!("inspect {}", want.label())))?;
    let mut live = Live::default();
    for ((topic, _), rows) in queries.iter().zip(&tables) {
        for row in rows {
            Reader {
                want,
                live: &mut live,
                row,
            }
            .read(*topic);
        }
    }
    schemas_of_shared_levels(want, &mut live);
    default_execute(&mut live);
    let unknown = unknown_grantees(&live);
    if !unknown.is_empty() {
        let sql = role_query(&probe, &name_array(unknown.iter().map(String::as_str)));
        for row in session.look(&sql).await?.iter().flatten() {
            Reader {
                want,
                live: &mut live,
                row,
            }
            .read(Topic::Roles);
        }
    }
    Ok(live)
}

/// Where the store shares a schema, that schema is the place it may use: nobody's in particular.
fn schemas_of_shared_levels(want: &Want, live: &mut Live) {
    let is_there = !get(live, Fact::SchemaOwner, &want.spot.schema).is_empty();
    if want.isolation != Isolation::Schema && is_there {
        live.schema = Some(Mark::Ours);
    }
}

/// A function that the owner makes may be run by everybody, unless a default says otherwise.
fn default_execute(live: &mut Live) {
    if live.looked_inside && !yes(live, Fact::FunctionDefaults, "") {
        let everybody = Grant::new("PUBLIC", Object::Default("FUNCTIONS".to_owned()), "EXECUTE");
        live.grants.insert(everybody);
    }
}

fn unknown_grantees(live: &Live) -> BTreeSet<String> {
    let held = live.grants.iter().flat_map(|grant| match &grant.on {
        Object::Role(role) => vec![grant.grantee.clone(), role.clone()],
        _ => vec![grant.grantee.clone()],
    });
    held.filter(|name| name != "PUBLIC" && !live.roles.contains_key(name))
        .collect()
}
