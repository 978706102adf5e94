//! The schema of a store as statements that make it again, written from the catalogs in the
//! server's own words (`pg_get_…def`), and in an order that its own dependencies allow.
//!
//! Needs no `pg_dump` of the right version. Names in the store's own schema are written without it:
//! the definitions are made with that schema in the path, while everything that this file itself
//! calls was found before, in `pg_catalog` alone. Pure below [`query`].

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{Dump, Want};

use crate::catalog::Scope;
use crate::names::{ident, literal};

type Rows = Vec<Vec<Option<String>>>;

/// The questions, in the order that [`dump`] expects.
pub(crate) fn query(want: &Want) -> String {
    let scope = Scope::of(want);
    let restore = "SET LOCAL search_path = pg_catalog";
    [
        objects(want, &scope),
        restore.to_owned(),
        edges(&scope),
        parts(want, &scope),
        restore.to_owned(),
        missing(want, &scope),
    ]
    .join(";\n")
}

/// Sets the path in the middle of a statement whose own names are resolved already.
fn with_path(want: &Want) -> String {
    format!(
        "path AS MATERIALIZED (SELECT set_config('search_path', {}, true))",
        literal(&ident(&want.spot.schema))
    )
}

/// node, up, down
fn objects(want: &Want, scope: &Scope) -> String {
    let relations = scope.relations();
    let routines = scope.holds("pg_proc", "p", "p.proname", "p.proowner");
    let types = scope.holds("pg_type", "t", "t.typname", "t.typowner");
    let own = own_relation(want);
    let issue = literal(&want.spot.own("issue"));
    format!(
        "WITH {path}
SELECT 't' || t.oid, CASE t.typtype
    WHEN 'e' THEN 'CREATE TYPE ' || t.oid::regtype || ' AS ENUM (' ||
      coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '') || ')'
    WHEN 'd' THEN concat_ws(' ', 'CREATE DOMAIN', t.oid::regtype, 'AS', format_type(t.typbasetype, t.typtypmod),
      (SELECT 'COLLATE ' || t.typcollation::regcollation FROM pg_type b WHERE b.oid = t.typbasetype AND b.typcollation <> t.typcollation),
      'DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN 'NOT NULL' END,
      (SELECT string_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ' ' ORDER BY k.conname)
         FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
    WHEN 'c' THEN 'CREATE TYPE ' || t.oid::regtype || ' AS (' || coalesce((SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '') || ')'
    ELSE 'CREATE TYPE ' || t.oid::regtype || ' AS RANGE (SUBTYPE = ' || (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid) || ')' END,
    CASE t.typtype WHEN 'd' THEN 'DROP DOMAIN ' ELSE 'DROP TYPE ' END || t.oid::regtype
  FROM path CROSS JOIN pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')) AND {types}
UNION ALL
SELECT 'f' || p.oid, replace_head(pg_get_functiondef(p.oid)), CASE p.prokind WHEN 'p' THEN 'DROP PROCEDURE ' ELSE 'DROP FUNCTION ' END || p.oid::regprocedure
  FROM path CROSS JOIN pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind <> 'a' AND p.proname <> {issue} AND {routines}
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
UNION ALL
SELECT 'r' || c.oid, concat_ws(' ', 'CREATE SEQUENCE', c.oid::regclass, 'AS', format_type(s.seqtypid, NULL), 'START', s.seqstart, 'INCREMENT', s.seqincrement,
    'MINVALUE', s.seqmin, 'MAXVALUE', s.seqmax, 'CACHE', s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' END), 'DROP SEQUENCE IF EXISTS ' || c.oid::regclass
  FROM path CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
  WHERE {relations} AND {own} AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
UNION ALL
SELECT 'r' || c.oid, concat_ws(' ', 'CREATE', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED' END, 'VIEW', c.oid::regclass, 'WITH (' || array_to_string(c.reloptions, ', ') || ')',
    E'AS\\n' || rtrim(pg_get_viewdef(c.oid, true), ';')),
    CASE c.relkind WHEN 'm' THEN 'DROP MATERIALIZED VIEW ' ELSE 'DROP VIEW ' END || c.oid::regclass
  FROM path CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND {relations} AND {own}
UNION ALL
{tables}",
        path = with_path(want),
        tables = tables(&relations, &own),
    )
    // Functions are always written with their schema; only the head is ours to shorten.
    .replace(
        "replace_head(pg_get_functiondef(p.oid))",
        &format!(
            "regexp_replace(pg_get_functiondef(p.oid), {}, '\\1')",
            literal(&format!("^(CREATE OR REPLACE (?:FUNCTION|PROCEDURE) ){}\\.", pattern(&ident_plain(&want.spot.schema))))
        ),
    )
}

fn tables(relations: &str, own: &str) -> String {
    format!(
        "SELECT 'r' || c.oid, concat_ws(' ', 'CREATE', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END, 'TABLE', c.oid::regclass,
    CASE WHEN c.relispartition THEN 'PARTITION OF ' || (SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid) END,
    coalesce('(' || E'\\n  ' || nullif(concat_ws(E',\\n  ',
      (SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
          CASE WHEN a.attcollation <> 0 AND a.attcollation <> ty.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END,
          CASE WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
            WHEN d.oid IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
          CASE WHEN a.attidentity <> '' THEN (SELECT format('GENERATED %s AS IDENTITY (START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s%s)',
              CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END)
            FROM pg_sequence q JOIN pg_depend e ON e.objid = q.seqrelid AND e.classid = 'pg_class'::regclass AND e.deptype = 'i'
            WHERE e.refobjid = c.oid AND e.refobjsubid = a.attnum) END,
          CASE WHEN a.attnotnull THEN 'NOT NULL' END), E',\\n  ' ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attislocal AND NOT c.relispartition),
      (SELECT string_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid, true)), E',\\n  ' ORDER BY k.contype DESC, k.conname)
        FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'x') AND k.convalidated AND k.conislocal AND k.conparentid = 0)), '') || E'\\n)',
      CASE WHEN c.relispartition THEN NULL ELSE '()' END),
    CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid)
      ELSE (SELECT 'INHERITS (' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) || ')' FROM pg_inherits i WHERE i.inhrelid = c.oid) END,
    'PARTITION BY ' || pg_get_partkeydef(c.oid), 'WITH (' || array_to_string(c.reloptions, ', ') || ')'),
    'DROP TABLE ' || c.oid::regclass
  FROM path CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND {relations} AND {own}"
    )
}

/// Which node needs which other one first.
fn edges(scope: &Scope) -> String {
    let schemas = &scope.schemas;
    format!(
        "WITH place(class, oid, node) AS (
    SELECT 'pg_class'::regclass, c.oid, 'r' || c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND {schemas}
    UNION ALL SELECT 'pg_type'::regclass, t.oid, CASE WHEN c.relkind <> 'c' THEN 'r' || c.oid WHEN t.typelem <> 0 AND t.typcategory = 'A' THEN
        coalesce((SELECT CASE WHEN ec.relkind <> 'c' THEN 'r' || ec.oid ELSE 't' || e.oid END FROM pg_type e LEFT JOIN pg_class ec ON ec.oid = e.typrelid WHERE e.oid = t.typelem), 't' || t.typelem) ELSE 't' || t.oid END
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid WHERE {schemas}
    UNION ALL SELECT 'pg_proc'::regclass, p.oid, 'f' || p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {schemas}
    UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, 'r' || d.adrelid FROM pg_attrdef d
    UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, 'r' || r.ev_class FROM pg_rewrite r WHERE r.rulename = '_RETURN'
    UNION ALL SELECT 'pg_constraint'::regclass, k.oid, CASE WHEN k.conrelid <> 0 THEN 'r' || k.conrelid ELSE 't' || k.contypid END FROM pg_constraint k WHERE k.contype <> 'f'
)
SELECT DISTINCT a.node, b.node FROM pg_depend d JOIN place a ON a.class = d.classid AND a.oid = d.objid JOIN place b ON b.class = d.refclassid AND b.oid = d.refobjid
  LEFT JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid
WHERE a.node <> b.node AND NOT (s.relkind IS NOT DISTINCT FROM 'S' AND d.deptype IN ('a', 'i')) ORDER BY 1, 2"
    )
}

/// What hangs on tables, in the order in which it can be added: turn, name, statement.
fn parts(want: &Want, scope: &Scope) -> String {
    let relations = scope.relations();
    let routines = scope.holds("pg_proc", "p", "p.proname", "p.proowner");
    let types = scope.holds("pg_type", "t", "t.typname", "t.typowner");
    let own = own_relation(want);
    let from = "path CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace";
    let there = format!("{relations} AND {own}");
    let issue = literal(&want.spot.own("issue"));
    let schema = literal(&format!("{}.", ident_plain(&want.spot.schema)));
    format!(
        "WITH {path}, found(turn, name, run) AS (
SELECT 1, c.relname || ' ' || c.relname, format('ALTER SEQUENCE %s OWNED BY %s.%I', c.oid::regclass, d.refobjid::regclass, a.attname)
  FROM {from} JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a' AND d.refclassid = 'pg_class'::regclass
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE c.relkind = 'S' AND {there}
UNION ALL SELECT 2, c.relname || ' ' || k.conname, format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.oid::regclass, k.conname, pg_get_constraintdef(k.oid, true))
  FROM {from} JOIN pg_constraint k ON k.conrelid = c.oid WHERE k.contype = 'c' AND NOT k.convalidated AND k.conislocal AND {there}
UNION ALL SELECT 3, c.relname || ' ' || x.relname, CASE x.relkind WHEN 'I' THEN regexp_replace(pg_get_indexdef(i.indexrelid, 0, true), ' ON ONLY ', ' ON ') ELSE pg_get_indexdef(i.indexrelid, 0, true) END
  FROM {from} JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
  WHERE i.indisvalid AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = x.oid)
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')) AND {there}
UNION ALL SELECT 4, c.relname || ' ' || k.conname, format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.oid::regclass, k.conname, pg_get_constraintdef(k.oid, true))
  FROM {from} JOIN pg_constraint k ON k.conrelid = c.oid WHERE k.contype = 'f' AND k.conparentid = 0 AND {there}
UNION ALL SELECT 5, c.relname || ' ' || s.stxname, replace(pg_get_statisticsobjdef(s.oid), {schema}, '')
  FROM {from} JOIN pg_statistic_ext s ON s.stxrelid = c.oid WHERE {there}
UNION ALL SELECT 6, c.relname || ' ' || r.rulename, rtrim(pg_get_ruledef(r.oid, true), ';')
  FROM {from} JOIN pg_rewrite r ON r.ev_class = c.oid WHERE r.rulename <> '_RETURN' AND {there}
UNION ALL SELECT 7, c.relname || ' ' || g.tgname, pg_get_triggerdef(g.oid, true)
  FROM {from} JOIN pg_trigger g ON g.tgrelid = c.oid WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND {there}
UNION ALL SELECT 8, c.relname || ' ' || g.tgname, format('ALTER TABLE %s %s TRIGGER %I', c.oid::regclass, CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, g.tgname)
  FROM {from} JOIN pg_trigger g ON g.tgrelid = c.oid WHERE NOT g.tgisinternal AND g.tgenabled <> 'O' AND {there}
UNION ALL SELECT 9, c.relname, format('ALTER TABLE %s %s ROW LEVEL SECURITY', c.oid::regclass, w.word)
  FROM {from} CROSS JOIN (VALUES ('ENABLE'), ('FORCE')) AS w(word) WHERE CASE w.word WHEN 'ENABLE' THEN c.relrowsecurity ELSE c.relforcerowsecurity END AND {there}
UNION ALL SELECT 10, c.relname || ' ' || o.polname, concat_ws(' ', format('CREATE POLICY %I ON %s', o.polname, c.oid::regclass), CASE WHEN NOT o.polpermissive THEN 'AS RESTRICTIVE' END,
    'FOR ' || CASE o.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    'TO ' || CASE WHEN o.polroles = '{{0}}' THEN 'PUBLIC' ELSE (SELECT string_agg(quote_ident(pg_get_userbyid(u)), ', ') FROM unnest(o.polroles) AS u) END,
    'USING (' || pg_get_expr(o.polqual, c.oid) || ')', 'WITH CHECK (' || pg_get_expr(o.polwithcheck, c.oid) || ')')
  FROM {from} JOIN pg_policy o ON o.polrelid = c.oid WHERE {there}
UNION ALL SELECT 11, c.relname, format('ALTER TABLE %s REPLICA IDENTITY %s', c.oid::regclass, CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
    ELSE (SELECT format('USING INDEX %I', x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident) END)
  FROM {from} WHERE c.relkind IN ('r', 'p') AND c.relreplident <> 'd' AND {there}
UNION ALL SELECT 12, c.relname, format('COMMENT ON %s %s IS %L', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass, obj_description(c.oid, 'pg_class'))
  FROM {from} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND obj_description(c.oid, 'pg_class') IS NOT NULL AND {there}
UNION ALL SELECT 13, c.relname || ' ' || a.attnum, format('COMMENT ON COLUMN %s.%I IS %L', c.oid::regclass, a.attname, col_description(c.oid, a.attnum))
  FROM {from} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relkind IN ('r', 'p', 'v', 'm') AND col_description(c.oid, a.attnum) IS NOT NULL AND {there}
UNION ALL SELECT 14, p.oid::regprocedure::text, format('COMMENT ON ROUTINE %s IS %L', p.oid::regprocedure, obj_description(p.oid, 'pg_proc'))
  FROM path CROSS JOIN pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname <> {issue} AND obj_description(p.oid, 'pg_proc') IS NOT NULL AND {routines}
UNION ALL SELECT 15, t.typname, format('COMMENT ON TYPE %s IS %L', t.oid::regtype, obj_description(t.oid, 'pg_type'))
  FROM path CROSS JOIN pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')) AND obj_description(t.oid, 'pg_type') IS NOT NULL AND {types}
) SELECT f.turn::text, f.name, f.run FROM found f ORDER BY f.turn, f.name",
        path = with_path(want),
    )
}

/// What the statements above cannot say: one text each.
fn missing(want: &Want, scope: &Scope) -> String {
    let schemas = &scope.schemas;
    let own = literal(&want.spot.schema);
    let relations = scope.relations();
    let of_class = |class: &str, what: &str, name: &str, namespace: &str, extra: &str| {
        format!(
            "SELECT '{what} ' || x.{name} FROM {class} x JOIN pg_namespace n ON n.oid = x.{namespace} WHERE {schemas} {extra}
             AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{class}'::regclass AND e.objid = x.oid AND e.deptype = 'e')"
        )
    };
    [
        format!("SELECT 'schema ' || n.nspname FROM pg_namespace n WHERE {schemas} AND n.nspname <> {own}
             AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e')"),
        format!("SELECT 'foreign table ' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f' AND {relations}"),
        format!("SELECT 'invalid index ' || x.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid WHERE NOT i.indisvalid AND {relations}"),
        of_class("pg_proc", "aggregate", "proname", "pronamespace", "AND x.prokind = 'a'"),
        of_class("pg_operator", "operator", "oprname", "oprnamespace", ""),
        of_class("pg_collation", "collation", "collname", "collnamespace", ""),
        of_class("pg_ts_config", "text search configuration", "cfgname", "cfgnamespace", ""),
        of_class("pg_ts_dict", "text search dictionary", "dictname", "dictnamespace", ""),
    ]
    .join(" UNION ALL ")
        + " ORDER BY 1"
}

/// Not a table of freehold's own.
fn own_relation(want: &Want) -> String {
    format!(
        "NOT starts_with(c.relname::text, {})",
        literal(&want.spot.own(""))
    )
}

/// As the server quotes it: only where it must.
fn ident_plain(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { ident(name) }
}

/// A text as a regular expression that matches it only.
fn pattern(text: &str) -> String {
    text.chars().fold(String::new(), |mut pattern, c| {
        if !c.is_alphanumeric() && c != '_' {
            pattern.push('\\');
        }
        pattern.push(c);
        pattern
    })
}

/// The answers put into an order.
pub(crate) fn dump(tables: &[Rows]) -> Dump {
    let cell =
        |row: &[Option<String>], at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    let [objects, edges, parts, missing] = tables else {
        return Dump::default();
    };
    let mut nodes: BTreeMap<String, (String, String)> = objects
        .iter()
        .map(|row| (cell(row, 0), (cell(row, 1), cell(row, 2))))
        .collect();
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in edges {
        let (node, needed) = (cell(row, 0), cell(row, 1));
        if nodes.contains_key(&node) && nodes.contains_key(&needed) {
            needs.entry(node).or_default().insert(needed);
        }
    }
    let mut dump = Dump {
        missing: missing.iter().map(|row| cell(row, 0)).collect(),
        ..Dump::default()
    };
    // By kind and text, so that the same schema gives the same file on every server.
    let mut left: Vec<String> = nodes.keys().cloned().collect();
    left.sort_by_cached_key(|node| (turn(node, &nodes[node].0), nodes[node].0.clone()));
    if left.iter().any(|node| node.starts_with('f')) {
        dump.up
            .push("SET LOCAL check_function_bodies = off".to_owned());
    }
    while !left.is_empty() {
        let free = |node: &String| {
            needs
                .get(node)
                .is_none_or(|needed| needed.iter().all(|other| !left.contains(other)))
        };
        // A circle cannot be ordered: its first goes first, and loading says what is wrong.
        let at = left.iter().position(free).unwrap_or(0);
        if let Some((up, down)) = nodes.remove(&left.remove(at)) {
            dump.up.push(up);
            dump.down.push(down);
        }
    }
    dump.down.reverse();
    let keys = parts.iter().filter(|row| cell(row, 0) == "4");
    let drops: Vec<String> = keys.filter_map(|row| drop_key(&cell(row, 2))).collect();
    dump.down.splice(0..0, drops);
    dump.up.extend(parts.iter().map(|row| cell(row, 2)));
    dump
}

/// Foreign keys may point in a circle: they go before the tables.
fn drop_key(add: &str) -> Option<String> {
    let (table, rest) = add.split_once(" ADD CONSTRAINT ")?;
    let name = rest.split(" FOREIGN KEY").next()?;
    Some(format!("{table} DROP CONSTRAINT {name}"))
}

/// Types, sequences, functions, tables, views: the order that people expect.
fn turn(node: &str, up: &str) -> u8 {
    match (node.chars().next(), up) {
        (Some('t'), _) => 0,
        (Some('f'), _) => 2,
        (_, up) if up.starts_with("CREATE SEQUENCE") => 1,
        (_, up) if up.contains("VIEW ") && !up.contains("TABLE ") => 4,
        _ => 3,
    }
}
