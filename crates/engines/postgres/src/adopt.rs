//! Taking over a store that is there: its owner, its mark, and everything that stands in it.
//!
//! Pure. Whoever owned something keeps the rights to work with it, as plain grants: a program that
//! runs under the old login goes on, and the plan shows what it still holds. Objects of extensions
//! stay with whoever made the extension.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{Adoption, At, Change, Mark, Role, Step, Subject};
use freehold_model::{Fault, Isolation};

use crate::case::Case;
use crate::catalog::Scope;
use crate::facts::{self, Fact};
use crate::names::{ident, literal};
use crate::{identities, refusals};

/// How long taking over an object waits for those who use it.
const LOCK_TIMEOUT: &str = "10s";

/// The steps before the diff, and the store as it will be then.
pub(crate) fn adopt(case: &Case<'_>) -> Adoption {
    let refused: Vec<Fault> = refused(case).into_iter().collect();
    if !refused.is_empty() {
        return Adoption {
            refused,
            ..Adoption::default()
        };
    }
    let mut steps: Vec<Step> = identities::owner(case).into_iter().collect();
    steps.extend(database(case));
    steps.extend(objects(case));
    Adoption {
        steps,
        refused,
        then: then(case),
    }
}

fn refused(case: &Case<'_>) -> Option<Fault> {
    let want = case.want;
    if want.isolation == Isolation::Tables {
        let message = format!(
            "{}: at isolation `tables` PostgreSQL has nothing that could be taken over as a whole",
            want.label()
        );
        return Some(
            Fault::new("FH3232", message)
                .help("choose `isolation: database` or `schema` for the service"),
        );
    }
    let found = match want.isolation {
        Isolation::Schema => &case.live.schema,
        _ => &case.live.database,
    };
    if let Some(Mark::Foreign(whose)) = found
        && whose.starts_with("freehold:")
    {
        return Some(refusals::taken_by(case, whose));
    }
    None
}

/// Everybody but our own roles who owns the database, the schema or something in it.
fn owners(case: &Case<'_>) -> BTreeSet<String> {
    let live = case.live;
    let ours = identities::all(case.want);
    let mut owners: BTreeSet<String> = live
        .tables
        .values()
        .map(|table| table.owner.clone())
        .collect();
    owners.extend(live.routines.values().map(|routine| routine.owner.clone()));
    owners.extend(
        facts::all(live, Fact::SequenceOwner)
            .into_iter()
            .map(|(_, owner)| owner),
    );
    if case.owns_database() {
        owners.insert(facts::get(live, Fact::DatabaseOwner, "").to_owned());
    } else {
        owners.insert(facts::get(live, Fact::SchemaOwner, &case.want.spot.schema).to_owned());
    }
    owners.retain(|owner| {
        !owner.is_empty() && owner != "pg_database_owner" && !ours.contains(&owner.as_str())
    });
    owners
}

/// Those of them who go on working and are no administrators.
fn keepers(case: &Case<'_>) -> Vec<String> {
    let owners = owners(case).into_iter();
    owners
        .filter(|owner| *owner != case.probe.user && !case.is_administrator(owner))
        .collect()
}

fn database(case: &Case<'_>) -> Option<Step> {
    let want = case.want;
    let owner = facts::get(case.live, Fact::DatabaseOwner, "");
    if !case.owns_database() || owner == want.identities.owner {
        return None;
    }
    let (db, new) = (ident(&want.spot.database), ident(&want.identities.owner));
    let step = Step::new(
        Change::Change,
        Subject::Database,
        At::Server,
        &want.spot.database,
        format!("taken over from {owner}"),
    )
    .run("SET LOCAL ROLE NONE")
    .run(format!("ALTER DATABASE {db} OWNER TO {new}"))
    .run(format!("SET LOCAL ROLE {new}"))
    .run(format!(
        "COMMENT ON DATABASE {db} IS {}",
        literal(&want.mark())
    ));
    let keepers: Vec<String> = keepers(case).iter().map(|name| ident(name)).collect();
    Some(if keepers.is_empty() {
        step
    } else {
        step.run(format!(
            "GRANT CONNECT, TEMPORARY ON DATABASE {db} TO {}",
            keepers.join(", ")
        ))
    })
}

/// Schemas, tables, sequences, routines and types change owner in one transaction.
fn objects(case: &Case<'_>) -> Option<Step> {
    let want = case.want;
    let count = strange_objects(case);
    let marked = case.owns_database() || case.live.schema == Some(Mark::Ours);
    if count.is_empty() && marked {
        return None;
    }
    let kept = keepers(case);
    let mut note = format!("{} taken over from {}", count.join(", "), {
        let from: Vec<String> = owners(case).into_iter().collect();
        from.join(", ")
    });
    if count.is_empty() {
        "marked as this store's".clone_into(&mut note);
    }
    if !kept.is_empty() {
        note = format!("{note}; {} keeps rights to work with them", kept.join(", "));
    }
    let (name, subject) = if case.owns_database() {
        (&want.spot.database, Subject::Grant)
    } else {
        (&want.spot.schema, Subject::Schema)
    };
    let mut step = Step::new(Change::Change, subject, At::Store, name, note)
        .run("SET LOCAL ROLE NONE")
        .run(format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        .run("SET LOCAL search_path = pg_catalog")
        .run(take_over(case, &kept));
    if !case.owns_database() {
        step = step
            .run(format!("SET LOCAL ROLE {}", ident(&want.identities.owner)))
            .run(format!(
                "COMMENT ON SCHEMA {} IS {}",
                ident(&want.spot.schema),
                literal(&want.mark())
            ));
    }
    Some(case.on_ground(step))
}

/// `12 tables`, `2 functions`: what is somebody else's.
fn strange_objects(case: &Case<'_>) -> Vec<String> {
    let strange = |owner: &str| !identities::all(case.want).contains(&owner);
    let live = case.live;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for table in live.tables.values().filter(|table| strange(&table.owner)) {
        *counts
            .entry(if table.view { "view" } else { "table" })
            .or_default() += 1;
    }
    let routines = live
        .routines
        .values()
        .filter(|routine| strange(&routine.owner));
    for routine in routines {
        *counts
            .entry(if routine.kind == "procedure" {
                "procedure"
            } else {
                "function"
            })
            .or_default() += 1;
    }
    let free = facts::all(live, Fact::SequenceOwner).into_iter();
    let free = free.filter(|(name, owner)| {
        strange(owner) && facts::get(live, Fact::SequenceKind, name) == "free"
    });
    *counts.entry("sequence").or_default() += free.count();
    let many = |(what, count): (&str, usize)| {
        format!("{count} {what}{}", if count == 1 { "" } else { "s" })
    };
    counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(many)
        .collect()
}

/// One block: first all owners, then, acting as the new one, what the old ones keep.
fn take_over(case: &Case<'_>, keepers: &[String]) -> String {
    let want = case.want;
    let scope = Scope::of(want);
    let owner = ident(&want.identities.owner);
    let ours = literal(&want.identities.owner);
    let issuer = literal(&want.identities.issuer);
    let kept: Vec<String> = keepers.iter().map(|name| literal(name)).collect();
    let strange = |column: &str| {
        format!("pg_get_userbyid({column}) NOT IN ({ours}, {issuer}, 'pg_database_owner')")
    };
    let relations = scope.relations();
    let routines = scope.holds("pg_proc", "p", "p.proname", "p.proowner");
    let types = scope.holds("pg_type", "t", "t.typname", "t.typowner");
    let schemas = &scope.schemas;
    format!(
        "DO $freehold$
DECLARE
  it record;
  kept text[] := '{{}}';
BEGIN
  FOR it IN
    SELECT 1 AS turn, format('SCHEMA %I', n.nspname) AS what, 'SCHEMA' AS kind, 'USAGE' AS rights, pg_get_userbyid(n.nspowner) AS old
      FROM pg_namespace n WHERE {schemas} AND {strange_schema}
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e')
    UNION ALL
    SELECT 2, format('%s %s', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass),
      CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, 'ALL', pg_get_userbyid(c.relowner)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {relations} AND {strange_class}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)
    UNION ALL
    SELECT 3, format('%s %s', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END, p.oid::regprocedure), 'ROUTINE', 'EXECUTE', pg_get_userbyid(p.proowner)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {routines} AND {strange_proc}
    UNION ALL
    SELECT 4, format('TYPE %s', t.oid::regtype), 'TYPE', 'USAGE', pg_get_userbyid(t.typowner)
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
      WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')) AND {types} AND {strange_type}
    ORDER BY 1, 2
  LOOP
    EXECUTE format('ALTER %s OWNER TO {quoted_owner}', it.what);
    IF it.old = ANY (ARRAY[{kept}]::name[]) THEN
      kept := kept || format('GRANT %s ON %s %s TO %I', it.rights, it.kind, regexp_replace(it.what, '^(SCHEMA|VIEW|MATERIALIZED VIEW|FOREIGN TABLE|SEQUENCE|TABLE|PROCEDURE|AGGREGATE|FUNCTION|TYPE) ', ''), it.old);
    END IF;
  END LOOP;
  SET LOCAL ROLE {owner};
  FOR it IN SELECT DISTINCT format('GRANT ALL ON SEQUENCE %s TO %I', c.oid::regclass, k.name) AS run
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
      CROSS JOIN unnest(ARRAY[{kept}]::name[]) AS k(name)
      WHERE c.relkind = 'S' AND {relations} AND array_length(kept, 1) > 0
  LOOP
    EXECUTE it.run;
  END LOOP;
  IF array_length(kept, 1) > 0 THEN
    FOR it IN SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, k.name) AS run
      FROM pg_namespace n CROSS JOIN unnest(ARRAY[{kept}]::name[]) AS k(name) WHERE {schemas}
    LOOP
      EXECUTE it.run;
    END LOOP;
  END IF;
  FOR it IN SELECT unnest(kept) AS run LOOP
    EXECUTE it.run;
  END LOOP;
END $freehold$",
        strange_schema = strange("n.nspowner"),
        strange_class = strange("c.relowner"),
        strange_proc = strange("p.proowner"),
        strange_type = strange("t.typowner"),
        // Inside a format string a percent sign would be read as one of its own.
        quoted_owner = owner.replace('%', "%%").replace('\'', "''"),
        kept = kept.join(", "),
    )
}

/// Live as the steps leave it.
fn then(case: &Case<'_>) -> freehold_engine::Live {
    let want = case.want;
    let owner = &want.identities.owner;
    let mut live = case.live.clone();
    let ours = identities::all(want);
    let strange = |name: &str| !ours.contains(&name) && name != "pg_database_owner";
    if case.owns_database() {
        live.database = Some(Mark::Ours);
        facts::put(&mut live, Fact::DatabaseOwner, "", owner);
        facts::put(&mut live, Fact::DatabaseMarked, "", "yes");
        facts::put(&mut live, Fact::MayLetIn, "", "yes");
    } else {
        live.schema = Some(Mark::Ours);
    }
    for (name, of) in facts::all(case.live, Fact::SchemaOwner) {
        if strange(&of) {
            facts::put(&mut live, Fact::SchemaOwner, &name, owner);
            facts::put(&mut live, Fact::SchemaMayGrant, &name, "yes");
        }
    }
    for (name, of) in facts::all(case.live, Fact::SequenceOwner) {
        if strange(&of) {
            facts::put(&mut live, Fact::SequenceOwner, &name, owner);
        }
    }
    for table in live
        .tables
        .values_mut()
        .filter(|table| strange(&table.owner))
    {
        table.owner.clone_from(owner);
    }
    for routine in live
        .routines
        .values_mut()
        .filter(|routine| strange(&routine.owner))
    {
        routine.owner.clone_from(owner);
    }
    live.roles.entry(owner.clone()).or_insert_with(|| Role {
        mark: Mark::Ours,
        can_login: false,
        has_password: Some(false),
        verifier: None,
        attributes: BTreeSet::new(),
        settings: BTreeSet::new(),
    });
    live
}
