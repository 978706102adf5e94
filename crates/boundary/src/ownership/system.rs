//! Ownership as the services' descriptions say it.

use freehold_model::{EngineKind, Fault, Isolation, Right, System};
use freehold_sql::Dialect;

use super::{Allow, Context, Origin, Ownership};

impl Ownership {
    /// Each service is a context: it owns the tables of its entities, its stores' schemas and
    /// databases, its `code:` and its folder. Tables that only its migrations know are found when
    /// the files are read. `access:` of a service to others' stores is an allowed crossing.
    pub fn of_system(system: &System) -> Result<Self, Vec<Fault>> {
        let contexts = system
            .services
            .values()
            .map(|service| {
                let dir = service.dir.to_string_lossy().replace('\\', "/");
                let dir = dir
                    .trim_start_matches("./")
                    .trim_end_matches('/')
                    .to_owned();
                let below = |pattern: &str| {
                    if dir.is_empty() || dir == "." {
                        pattern.to_owned()
                    } else {
                        format!("{dir}/{pattern}")
                    }
                };
                let mut code = vec![below("**")];
                code.extend(service.code.iter().map(|pattern| below(pattern)));
                let schemas = service
                    .stores
                    .values()
                    .filter(|store| store.isolation != Isolation::Tables)
                    .map(|store| store.name.clone())
                    .collect();
                let mut tables: Vec<String> = service
                    .entities
                    .values()
                    .flat_map(|entity| entity.tables.clone())
                    .collect();
                tables.extend(service.tables.keys().cloned());
                tables.extend(service.read_models.keys().cloned());
                let dialect = service
                    .stores
                    .get("main")
                    .and_then(|store| system.servers.get(&store.server))
                    .and_then(|server| dialect(server.engine));
                Context {
                    name: service.name.clone(),
                    team: service.team.clone(),
                    tables,
                    schemas,
                    code,
                    dialect,
                    append_only: service
                        .tables
                        .iter()
                        .filter(|(_, rule)| rule.append_only)
                        .map(|(table, _)| table.clone())
                        .collect(),
                    require_down: service.require_down,
                }
            })
            .collect();
        let mut own = Self::new(contexts, Origin::Services, &[], &tests())?;
        own.allows = system
            .access
            .iter()
            .filter(|access| {
                system.services.contains_key(&access.who) && access.rights != Right::Connect
            })
            .flat_map(|access| {
                access.on.iter().map(|on| Allow {
                    from: Some(access.who.clone()),
                    to: Some(on.split('.').next().unwrap_or(on).to_owned()),
                    reason: access.reason.clone(),
                    until: access.until.clone(),
                    ..Allow::default()
                })
            })
            .collect();
        Ok(own)
    }
}

/// Where tests lie by custom; they may reach everywhere to make and check their ground.
pub(crate) fn tests() -> Vec<String> {
    [
        "**/test/**",
        "**/tests/**",
        "**/__tests__/**",
        "**/spec/**",
        "**/e2e/**",
        "**/testdata/**",
        "**/fixtures/**",
        "**/*.test.*",
        "**/*.spec.*",
        "**/*_test.*",
        "**/test_*.py",
        "**/*Test.java",
        "**/*Tests.cs",
        "**/*IT.java",
        "**/conftest.py",
        "**/*Test.php",
        "**/*Test.kt",
        "**/*_spec.rb",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn dialect(engine: EngineKind) -> Option<Dialect> {
    Some(match engine {
        EngineKind::Postgres => Dialect::Postgres,
        EngineKind::Mysql => Dialect::Mysql,
        EngineKind::Mariadb => Dialect::Mariadb,
        EngineKind::Sqlite => Dialect::Sqlite,
        EngineKind::Sqlserver => Dialect::Sqlserver,
        EngineKind::Oracle => Dialect::Oracle,
        EngineKind::Redis | EngineKind::Mongodb => return None,
    })
}
