//! What ties tables to each other: triggers, policies, foreign keys, sequences.

use freehold_engine::audit::{Grantee, Part, Policy, Reference, Rights, SequenceUse, Trigger};

use super::Gathered;
use super::ask::Ask;

impl Gathered {
    pub(super) async fn triggers(&mut self, ask: &mut Ask) {
        let sql = "SELECT tgrelid, tgname, tgfoid, tgtype FROM pg_trigger \
                   WHERE NOT tgisinternal AND tgenabled <> 'D' ORDER BY 1, 2";
        let answer = ask.rows(sql).await;
        for row in answer.iter().flatten() {
            let Some(&relation) = self.relation_of_oid.get(&row.oid(0)) else {
                continue;
            };
            let kind: u32 = row.number(3).unwrap_or_default();
            let mut fires_on = Rights::NONE;
            for (bit, right) in [
                (1 << 2, Rights::INSERT),
                (1 << 3, Rights::DELETE),
                (1 << 4, Rights::UPDATE),
                (1 << 5, Rights::TRUNCATE),
            ] {
                if kind & bit != 0 {
                    fires_on |= right;
                }
            }
            self.facts.triggers.push(Trigger {
                relation,
                name: row.word(1),
                routine: self.routine_of_oid.get(&row.oid(2)).copied(),
                definer: None,
                body: None,
                fires_on,
            });
        }
        self.ended(Part::Triggers, answer.as_ref().err(), "");
    }

    pub(super) async fn policies(&mut self, ask: &mut Ask) {
        let sql = "SELECT p.polrelid, p.polname, p.polcmd::text, p.polpermissive, array_to_string(p.polroles, ' '), \
               (SELECT string_agg(DISTINCT d.refobjid::text, ' ') FROM pg_depend d \
                 WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass \
                 AND d.deptype = 'n' AND d.refobjid <> p.polrelid) \
             FROM pg_policy p ORDER BY 1, 2";
        let answer = ask.rows(sql).await;
        for row in answer.iter().flatten() {
            let Some(&relation) = self.relation_of_oid.get(&row.oid(0)) else {
                continue;
            };
            let actions = match row.text(2) {
                Some("r") => Rights::SELECT,
                Some("a") => Rights::INSERT,
                Some("w") => Rights::UPDATE,
                Some("d") => Rights::DELETE,
                _ => Rights::SELECT | Rights::INSERT | Rights::UPDATE | Rights::DELETE,
            };
            let oids = |at: usize| {
                let text = row.text(at).unwrap_or_default();
                text.split(' ').filter_map(|oid| oid.parse::<u32>().ok())
            };
            let to = oids(4).filter_map(|oid| match oid {
                0 => Some(Grantee::Public),
                _ => self.role_of_oid.get(&oid).copied().map(Grantee::One),
            });
            let (to, reads) = (
                to.collect(),
                oids(5)
                    .filter_map(|oid| self.relation_of_oid.get(&oid).copied())
                    .collect(),
            );
            self.facts.policies.push(Policy {
                relation,
                name: row.word(1),
                permissive: row.yes(3),
                actions,
                to,
                reads,
            });
        }
        self.ended(Part::Policies, answer.as_ref().err(), "");
    }

    pub(super) async fn references(&mut self, ask: &mut Ask) {
        let sql = "SELECT conname, conrelid, confrelid, array_to_string(conkey, ' '), confdeltype::text, confupdtype::text \
                   FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY conrelid, conname";
        let answer = ask.rows(sql).await;
        for row in answer.iter().flatten() {
            let (Some(&from), Some(&to)) = (
                self.relation_of_oid.get(&row.oid(1)),
                self.relation_of_oid.get(&row.oid(2)),
            ) else {
                continue;
            };
            let names = &self.facts.relations[from as usize].columns;
            let numbers = row.text(3).unwrap_or_default().split(' ');
            let columns = numbers
                .filter_map(|number| self.column(from, number.parse().ok()?))
                .filter_map(|at| names.get(usize::from(at)).cloned())
                .collect();
            self.facts.references.push(Reference {
                name: row.word(0),
                from,
                columns,
                to,
                on_delete: action(row.text(4)),
                on_update: action(row.text(5)),
            });
        }
        self.ended(Part::References, answer.as_ref().err(), "");
    }

    pub(super) async fn sequences(&mut self, ask: &mut Ask) {
        let sql = "SELECT a.adrelid, a.adnum, d.refobjid FROM pg_attrdef a \
             JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid \
               AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'n' \
             JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S' ORDER BY 1, 2";
        let answer = ask.rows(sql).await;
        for row in answer.iter().flatten() {
            let (Some(&relation), Some(&sequence)) = (
                self.relation_of_oid.get(&row.oid(0)),
                self.relation_of_oid.get(&row.oid(2)),
            ) else {
                continue;
            };
            let at = self.column(relation, row.number(1).unwrap_or_default());
            let names = &self.facts.relations[relation as usize].columns;
            let column = at.and_then(|at| names.get(usize::from(at)).cloned());
            self.facts.sequences.push(SequenceUse {
                relation,
                column: column.unwrap_or_default(),
                sequence,
            });
        }
        self.ended(Part::Sequences, answer.as_ref().err(), "");
    }
}

fn action(letter: Option<&str>) -> &'static str {
    match letter {
        Some("r") => "RESTRICT",
        Some("c") => "CASCADE",
        Some("n") => "SET NULL",
        Some("d") => "SET DEFAULT",
        _ => "NO ACTION",
    }
}
