//! The definitions of all objects of a store, to tell whether a migration and its reverse cancel
//! out. Without owners, rights, counters, and without freehold's own objects.

use std::collections::BTreeMap;

use freehold_engine::Want;

use crate::catalog::Scope;
use crate::names::{key, split};

/// Each query gives rows of kind, schema, name, a piece of the definition; in order.
pub(crate) fn query(want: &Want) -> String {
    let scope = Scope::of(want);
    let relations = scope.relations();
    let routines = scope.holds("pg_proc", "p", "p.proname", "p.proowner");
    let types = scope.holds("pg_type", "t", "t.typname", "t.typowner");
    let mut queries = relation_queries(&relations);
    queries.extend(part_queries(&relations));
    queries.push(format!(
        "SELECT 'function', n.nspname, p.proname || '(' || oidvectortypes(p.proargtypes) || ')',
            CASE WHEN p.prokind = 'a' THEN 'aggregate ' || format_type(p.prorettype, NULL) || ' ' ||
              (SELECT concat_ws(' ', a.aggtransfn, a.aggfinalfn, format_type(a.aggtranstype, NULL), a.agginitval) FROM pg_aggregate a WHERE a.aggfnoid = p.oid)
            ELSE pg_get_functiondef(p.oid) END || coalesce(E'\\n-- ' || obj_description(p.oid, 'pg_proc'), '')
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {routines} ORDER BY 2, 3"
    ));
    queries.push(format!(
        "SELECT 'type', n.nspname, t.typname, concat_ws(E'\\n', t.typtype,
            (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
            CASE WHEN t.typtype = 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN 'NOT NULL' END, t.typdefault,
              (SELECT string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname) FROM pg_constraint k WHERE k.contypid = t.oid)) END,
            (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute a
              WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
            (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid), obj_description(t.oid, 'pg_type'))
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
         WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')) AND {types} ORDER BY 2, 3"
    ));
    queries.push(format!(
        "SELECT 'schema', n.nspname, n.nspname, '' FROM pg_namespace n WHERE {} AND NOT EXISTS (SELECT FROM pg_depend e
           WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e') ORDER BY 2",
        scope.schemas
    ));
    if crate::identities::own_database(want.isolation) {
        queries.push(
            "SELECT 'extension', '', extname, extversion FROM pg_extension ORDER BY extname"
                .to_owned(),
        );
    }
    queries.join(";\n")
}

/// Tables, views, sequences as such.
fn relation_queries(relations: &str) -> Vec<String> {
    let from = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace";
    vec![
        format!(
            "SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, n.nspname, c.relname,
                concat_ws(' ', c.relkind, c.relpersistence, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid), c.reloptions::text,
                  CASE WHEN c.relrowsecurity THEN 'row security' END, CASE WHEN c.relforcerowsecurity THEN 'forced' END,
                  CASE WHEN c.relreplident <> 'd' THEN 'replica identity ' || c.relreplident::text END,
                  (SELECT 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
                  CASE WHEN c.relkind IN ('v', 'm') THEN E'\\n' || pg_get_viewdef(c.oid) END, E'\\n-- ' || obj_description(c.oid, 'pg_class'))
             FROM {from} WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND {relations} ORDER BY 2, 3"
        ),
        format!(
            "SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, n.nspname, c.relname,
                concat_ws(' ', '  ' || quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attcollation <> 0 AND a.attcollation <> ty.typcollation THEN 'COLLATE ' || a.attcollation::regcollation::text END,
                  CASE WHEN a.attnotnull THEN 'NOT NULL' END, CASE a.attidentity WHEN 'a' THEN 'IDENTITY ALWAYS' WHEN 'd' THEN 'IDENTITY BY DEFAULT' END,
                  CASE WHEN a.attgenerated <> '' THEN 'GENERATED' WHEN d.oid IS NOT NULL THEN 'DEFAULT' END, pg_get_expr(d.adbin, d.adrelid),
                  '-- ' || col_description(c.oid, a.attnum))
             FROM {from} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type ty ON ty.oid = a.atttypid
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
             WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND {relations} ORDER BY 2, 3, a.attnum"
        ),
        format!(
            "SELECT 'sequence', n.nspname, c.relname, concat_ws(' ', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'by', s.seqincrement,
                'from', s.seqmin, 'to', s.seqmax, 'cache', s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END)
             FROM {from} JOIN pg_sequence s ON s.seqrelid = c.oid WHERE {relations} ORDER BY 2, 3"
        ),
    ]
}

/// What hangs on tables and views.
fn part_queries(relations: &str) -> Vec<String> {
    let from = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace";
    let part = |what: &str, join: &str, condition: &str, name: &str| {
        format!(
            "SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, n.nspname, c.relname, {what}
             FROM {from} {join} WHERE {condition} AND {relations} ORDER BY 2, 3, {name}"
        )
    };
    vec![
        part(
            "'  constraint ' || k.conname || ' ' || pg_get_constraintdef(k.oid)",
            "JOIN pg_constraint k ON k.conrelid = c.oid",
            "true",
            "k.conname",
        ),
        part(
            "'  ' || pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END",
            "JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid",
            "NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))",
            "x.relname",
        ),
        part(
            "'  ' || pg_get_triggerdef(g.oid) || ' ' || g.tgenabled::text",
            "JOIN pg_trigger g ON g.tgrelid = c.oid",
            "NOT g.tgisinternal",
            "g.tgname",
        ),
        part(
            "'  ' || pg_get_ruledef(r.oid)",
            "JOIN pg_rewrite r ON r.ev_class = c.oid",
            "r.rulename <> '_RETURN'",
            "r.rulename",
        ),
        part(
            "concat_ws(' ', '  policy', o.polname, o.polcmd, o.polpermissive, pg_get_expr(o.polqual, c.oid), pg_get_expr(o.polwithcheck, c.oid))",
            "JOIN pg_policy o ON o.polrelid = c.oid",
            "true",
            "o.polname",
        ),
        part(
            "'  ' || pg_get_statisticsobjdef(s.oid)",
            "JOIN pg_statistic_ext s ON s.stxrelid = c.oid",
            "true",
            "s.stxname",
        ),
    ]
}

/// The pieces put together, by `table orders`.
pub(crate) fn definitions(
    want: &Want,
    tables: &[Vec<Vec<Option<String>>>],
) -> BTreeMap<String, String> {
    let mut definitions: BTreeMap<String, String> = BTreeMap::new();
    for row in tables.iter().flatten() {
        let [kind, schema, name, piece] =
            [0, 1, 2, 3].map(|at| row[at].as_deref().unwrap_or_default());
        let name = match kind {
            "schema" | "extension" => name.to_owned(),
            "function" => match name.split_once('(') {
                Some((bare, types)) => format!("{}({types}", key(&want.spot, schema, bare)),
                None => name.to_owned(),
            },
            _ => key(&want.spot, schema, name),
        };
        let (stands_in, bare) = split(&want.spot, &name);
        if stands_in == want.spot.schema && want.spot.is_own(&bare) {
            continue;
        }
        let definition = definitions.entry(format!("{kind} {name}")).or_default();
        if !definition.is_empty() {
            definition.push('\n');
        }
        definition.push_str(piece);
    }
    definitions
}
