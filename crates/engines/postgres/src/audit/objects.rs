//! Tables, views, sequences and routines, with their rights.

use freehold_engine::audit::{
    On, Part, Relation, RelationKind, Rights, Routine, RowSecurity, ViewUse,
};

use super::Gathered;
use super::ask::Ask;
use super::people::place;

const OF_USERS: &str = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'";

impl Gathered {
    pub(super) async fn relations(&mut self, ask: &mut Ask) {
        let limit = ask.limits.rows;
        let sql = format!(
            "SELECT c.oid, c.relnamespace, c.relname, c.relkind::text, c.relowner, c.relrowsecurity, c.relforcerowsecurity, \
               c.reltuples::bigint, \
               (c.relpages + coalesce(t.relpages, 0) + coalesce(i.pages, 0)) * current_setting('block_size')::bigint, \
               c.relacl::text, \
               coalesce('security_invoker=true' = ANY (c.reloptions) OR 'security_invoker=on' = ANY (c.reloptions) \
                 OR 'security_invoker=1' = ANY (c.reloptions) OR 'security_invoker=yes' = ANY (c.reloptions), false), \
               p.inhparent, e.objid IS NOT NULL \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_class t ON t.oid = c.reltoastrelid AND c.reltoastrelid <> 0 \
             LEFT JOIN (SELECT x.indrelid, sum(ic.relpages)::bigint AS pages FROM pg_index x \
               JOIN pg_class ic ON ic.oid = x.indexrelid GROUP BY 1) i ON i.indrelid = c.oid \
             LEFT JOIN pg_inherits p ON p.inhrelid = c.oid AND c.relispartition \
             LEFT JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.objsubid = 0 AND e.deptype = 'e' \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {OF_USERS} ORDER BY c.oid LIMIT {}",
            limit + 1
        );
        let answer = ask.rows(&sql).await;
        let mut parents = Vec::new();
        for row in answer.iter().flatten().take(limit) {
            let Some(&schema) = self.schema_of_oid.get(&row.oid(1)) else {
                continue;
            };
            let at = place(self.facts.relations.len());
            let owner = self.role_of_oid.get(&row.oid(4)).copied();
            let kind = match row.text(3) {
                Some("v") => RelationKind::View,
                Some("m") => RelationKind::Materialized,
                Some("f") => RelationKind::Foreign,
                Some("S") => RelationKind::Sequence,
                _ => RelationKind::Table,
            };
            let all = match kind {
                RelationKind::Sequence => Rights::SELECT | Rights::UPDATE | Rights::USAGE,
                _ => Rights::ROWS | Rights::REFERENCES | Rights::TRIGGER | Rights::MAINTAIN,
            };
            self.rights(On::Relation(at), row.text(9), owner, Rights::NONE, all);
            self.relation_of_oid.insert(row.oid(0), at);
            if let Some(parent) = row.number::<u32>(11) {
                parents.push((at, parent));
            }
            self.facts.relations.push(Relation {
                schema,
                name: row.word(2),
                kind,
                owner,
                part_of: None,
                row_security: RowSecurity {
                    on: row.yes(5),
                    forced: row.yes(6),
                },
                invoker: row.yes(10),
                writable: Rights::NONE,
                rows: row.number(7),
                bytes: row.number(8),
                columns: Vec::new(),
                of_extension: row.yes(12),
            });
        }
        for (at, parent) in parents {
            self.facts.relations[at as usize].part_of = self.relation_of_oid.get(&parent).copied();
        }
        let rows = answer.as_ref().map_or(0, Vec::len);
        self.ended(Part::Relations, answer.as_ref().err(), "");
        self.cut(Part::Relations, rows, limit);
    }

    pub(super) async fn columns(&mut self, ask: &mut Ask) {
        let limit = ask.limits.rows * 5;
        let sql = format!(
            "SELECT a.attrelid, a.attnum, a.attname, a.attacl::text FROM pg_attribute a \
             JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {OF_USERS} \
             ORDER BY 1, 2 LIMIT {}",
            limit + 1
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten().take(limit) {
            let Some(&relation) = self.relation_of_oid.get(&row.oid(0)) else {
                continue;
            };
            let columns = &mut self.facts.relations[relation as usize].columns;
            let column = u16::try_from(columns.len()).unwrap_or(u16::MAX);
            columns.push(row.word(2));
            let number = row.number(1).unwrap_or_default();
            self.numbers.entry(relation).or_default().push(number);
            if let Some(list) = row.text(3) {
                let on = On::Column(relation, column);
                self.rights(on, Some(list), None, Rights::NONE, Rights::NONE);
            }
        }
        let rows = answer.as_ref().map_or(0, Vec::len);
        self.ended(Part::Columns, answer.as_ref().err(), "");
        self.cut(Part::Columns, rows, limit);
    }

    /// The place of a column by its number in the catalog.
    pub(super) fn column(&self, relation: u32, number: i32) -> Option<u16> {
        let numbers = self.numbers.get(&relation)?;
        let at = numbers.binary_search(&number).ok()?;
        u16::try_from(at).ok()
    }

    pub(super) async fn views(&mut self, ask: &mut Ask) {
        // Rules of tables (pg_dump's ON SELECT aside) are rare and are read as views' are.
        let sql = format!(
            "SELECT r.ev_class, d.refobjid, string_agg(DISTINCT nullif(d.refobjsubid, 0)::text, ' ') \
             FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
               AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'n' \
             WHERE r.rulename = '_RETURN' AND d.refobjid <> r.ev_class AND {OF_USERS} GROUP BY 1, 2 ORDER BY 1, 2"
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten() {
            let (Some(&view), Some(&relation)) = (
                self.relation_of_oid.get(&row.oid(0)),
                self.relation_of_oid.get(&row.oid(1)),
            ) else {
                continue;
            };
            let numbers = row.text(2).unwrap_or_default().split(' ');
            let mut columns: Vec<u16> = numbers
                .filter_map(|number| self.column(relation, number.parse().ok()?))
                .collect();
            columns.sort_unstable();
            self.facts.view_uses.push(ViewUse {
                view,
                relation,
                columns,
            });
        }
        self.ended(Part::Views, answer.as_ref().err(), "");
        self.writable(ask).await;
    }

    /// What may be written through views. The server opens each for it, so locks of others can
    /// stand in the way.
    async fn writable(&mut self, ask: &mut Ask) {
        if !self
            .facts
            .relations
            .iter()
            .any(|own| own.kind == RelationKind::View)
        {
            return;
        }
        let sql = format!(
            "SELECT c.oid, pg_relation_is_updatable(c.oid, true) FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND {OF_USERS}"
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten() {
            let Some(&view) = self.relation_of_oid.get(&row.oid(0)) else {
                continue;
            };
            // Bits are numbers of commands: 2 UPDATE, 3 INSERT, 4 DELETE.
            let bits: u32 = row.number(1).unwrap_or_default();
            let mut writable = Rights::NONE;
            for (bit, right) in [
                (1 << 2, Rights::UPDATE),
                (1 << 3, Rights::INSERT),
                (1 << 4, Rights::DELETE),
            ] {
                if bits & bit != 0 {
                    writable |= right;
                }
            }
            self.facts.relations[view as usize].writable = writable;
        }
        if let Err(error) = &answer {
            self.ended(Part::Views, Some(error), "");
        }
    }

    pub(super) async fn routines(&mut self, ask: &mut Ask) {
        let limit = ask.limits.rows;
        let body = if self.version >= 140_000 {
            "CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_function_sqlbody(p.oid) END"
        } else {
            "p.prosrc"
        };
        let sql = format!(
            "SELECT p.oid, p.pronamespace, p.proname, pg_get_function_identity_arguments(p.oid), p.proowner, p.prosecdef, \
               l.lanname, p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype), \
               CASE WHEN l.lanname IN ('c', 'internal') OR e.objid IS NOT NULL THEN NULL ELSE left({body}, {}) END, \
               p.proacl::text, e.objid IS NOT NULL \
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
             LEFT JOIN pg_depend e ON e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e' \
             WHERE p.prokind IN ('f', 'p') AND {OF_USERS} ORDER BY p.oid LIMIT {}",
            ask.limits.text,
            limit + 1
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten().take(limit) {
            let Some(&schema) = self.schema_of_oid.get(&row.oid(1)) else {
                continue;
            };
            let at = place(self.facts.routines.len());
            let owner = self.role_of_oid.get(&row.oid(4)).copied();
            self.routine_of_oid.insert(row.oid(0), at);
            let all = Rights::EXECUTE;
            self.rights(On::Routine(at), row.text(9), owner, all, all);
            self.facts.routines.push(Routine {
                schema,
                name: row.word(2),
                arguments: row.word(3),
                owner,
                definer: row.yes(5),
                language: row.word(6),
                for_triggers: row.yes(7),
                body: row.text(8).map(str::to_owned),
                of_extension: row.yes(10),
            });
        }
        let rows = answer.as_ref().map_or(0, Vec::len);
        self.ended(Part::Routines, answer.as_ref().err(), "");
        self.cut(Part::Routines, rows, limit);
    }
}
