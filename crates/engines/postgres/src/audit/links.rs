//! What is installed, and the ways to other servers. Options that could hold a password are never
//! asked for.

use freehold_engine::audit::{
    Extension, Grantee, Link, LinkKind, On, Outcome, Part, Rights, UserMapping,
};

use super::Gathered;
use super::ask::Ask;
use super::people::place;

/// The options that say where to; everything else is left on the server.
const WHERE_TO: &str = "'host', 'hostaddr', 'port', 'dbname', 'service', 'server'";

impl Gathered {
    pub(super) async fn extensions(&mut self, ask: &mut Ask) {
        let answer = ask
            .rows("SELECT extname, extversion FROM pg_extension ORDER BY 1")
            .await;
        for row in answer.iter().flatten() {
            self.facts.extensions.push(Extension {
                name: row.word(0),
                version: row.word(1),
            });
        }
        self.ended(Part::Extensions, answer.as_ref().err(), "");
    }

    pub(super) async fn links(&mut self, ask: &mut Ask) {
        let failed = match self.foreign_servers(ask).await {
            Ok(()) => match self.user_mappings(ask).await {
                Ok(()) => self.replication(ask).await.err(),
                Err(error) => Some(error),
            },
            Err(error) => Some(error),
        };
        if self.facts.extensions.iter().any(|own| own.name == "dblink") {
            self.facts.links.push(Link {
                kind: LinkKind::Functions,
                name: "dblink".to_owned(),
                wrapper: "dblink".to_owned(),
                target: None,
                owner: None,
                mappings: Vec::new(),
                relations: Vec::new(),
                all_tables: false,
            });
        }
        let hidden = failed.is_none()
            && self
                .facts
                .links
                .iter()
                .any(|own| own.mappings.iter().any(|mapping| mapping.remote.is_none()));
        self.ended(Part::Links, failed.as_ref(), "SELECT on pg_subscription");
        if hidden {
            let why = "as whom others log in over there is shown to the server's owner only: ownership of the foreign server shows it";
            self.facts
                .say(Part::Links, Outcome::Partial(why.to_owned()));
        }
    }

    async fn foreign_servers(&mut self, ask: &mut Ask) -> freehold_engine::Result<()> {
        let sql = format!(
            "SELECT s.srvname, w.fdwname, s.srvowner, s.srvacl::text, \
               (SELECT string_agg(o.option_name || '=' || o.option_value, ' ' ORDER BY o.option_name) \
                 FROM pg_options_to_table(s.srvoptions) o WHERE o.option_name IN ({WHERE_TO})), \
               (SELECT string_agg(t.ftrelid::text, ' ') FROM pg_foreign_table t WHERE t.ftserver = s.oid) \
             FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw ORDER BY s.oid"
        );
        for row in ask.rows(&sql).await? {
            let at = place(self.facts.links.len());
            let owner = self.role_of_oid.get(&row.oid(2)).copied();
            self.rights(
                On::Link(at),
                row.text(3),
                owner,
                Rights::NONE,
                Rights::USAGE,
            );
            let tables = row.text(5).unwrap_or_default().split(' ');
            let relations = tables
                .filter_map(|oid| self.relation_of_oid.get(&oid.parse().ok()?).copied())
                .collect();
            self.facts.links.push(Link {
                kind: LinkKind::ForeignServer,
                name: row.word(0),
                wrapper: row.word(1),
                target: row.text(4).map(str::to_owned),
                owner,
                mappings: Vec::new(),
                relations,
                all_tables: false,
            });
        }
        Ok(())
    }

    async fn user_mappings(&mut self, ask: &mut Ask) -> freehold_engine::Result<()> {
        if self.facts.links.is_empty() {
            return Ok(());
        }
        let sql = "SELECT m.srvname, m.umuser, \
               (SELECT o.option_value FROM pg_options_to_table(m.umoptions) o WHERE o.option_name IN ('user', 'username')) \
             FROM pg_user_mappings m ORDER BY 1, 2";
        for row in ask.rows(sql).await? {
            let who = match row.oid(1) {
                0 => Grantee::Public,
                oid => match self.role_of_oid.get(&oid) {
                    Some(role) => Grantee::One(*role),
                    None => continue,
                },
            };
            let name = row.word(0);
            if let Some(link) = self.facts.links.iter_mut().find(|own| own.name == name) {
                link.mappings.push(UserMapping {
                    who,
                    remote: row.text(2).map(str::to_owned),
                });
            }
        }
        Ok(())
    }

    async fn replication(&mut self, ask: &mut Ask) -> freehold_engine::Result<()> {
        let sql = "SELECT p.pubname, p.pubowner, p.puballtables, \
               (SELECT string_agg(r.prrelid::text, ' ') FROM pg_publication_rel r WHERE r.prpubid = p.oid) \
             FROM pg_publication p ORDER BY p.oid";
        for row in ask.rows(sql).await? {
            let tables = row.text(3).unwrap_or_default().split(' ');
            let relations = tables
                .filter_map(|oid| self.relation_of_oid.get(&oid.parse().ok()?).copied())
                .collect();
            self.facts.links.push(Link {
                kind: LinkKind::Publication,
                name: row.word(0),
                wrapper: "logical replication".to_owned(),
                target: None,
                owner: self.role_of_oid.get(&row.oid(1)).copied(),
                mappings: Vec::new(),
                relations,
                all_tables: row.yes(2),
            });
        }
        let sql = "SELECT s.subname, s.subowner FROM pg_subscription s \
                   WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1";
        for row in ask.rows(sql).await? {
            self.facts.links.push(Link {
                kind: LinkKind::Subscription,
                name: row.word(0),
                wrapper: "logical replication".to_owned(),
                target: None,
                owner: self.role_of_oid.get(&row.oid(1)).copied(),
                mappings: Vec::new(),
                relations: Vec::new(),
                all_tables: false,
            });
        }
        Ok(())
    }
}
