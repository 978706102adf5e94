//! The small system's store made by hand, by nobody of ours: what adoption takes over.

use std::path::Path;

use freehold_engine::Connection;
use freehold_lifecycle::Target;
use freehold_model::EngineKind;

use crate::must::Must as _;
use crate::orders::{OrdersFiles, orders_files, orders_target};
use crate::shape::Shape;

/// The description of a service whose store is somebody else's so far: no migrations, no seeds.
pub fn without_history(shape: &Shape) -> OrdersFiles {
    let mut files = orders_files(shape);
    let of_freehold = |path: &Path| {
        let path = path.to_string_lossy();
        path.contains("/migrations/") || path.contains("/seeds/")
    };
    files.0.retain(|path, _| !of_freehold(path));
    let service = files.0.get_mut(Path::new("services/orders/service.yaml"));
    let service = service.must("the service");
    let tables = service.find("tables:").must("its tables");
    service.truncate(tables);
    files
}

/// Makes the store where the description says, with the tables and rows of the small system. On
/// PostgreSQL it belongs to a role `…_legacy`.
pub async fn make(shape: &Shape) {
    let target = orders_target(shape);
    let name = &shape.name;
    if let Some(server) = &shape.server {
        let mut admin = server.connect().await;
        let made = if shape.kind == EngineKind::Postgres {
            vec![
                format!("DROP ROLE IF EXISTS {name}_legacy"),
                format!("CREATE ROLE {name}_legacy"),
                format!("CREATE DATABASE {name} OWNER {name}_legacy"),
            ]
        } else {
            vec![format!("CREATE DATABASE {name}")]
        };
        for sql in made {
            admin.execute(&sql).await.must(&sql);
        }
    }
    let mut inside = enter(&target).await;
    if shape.kind == EngineKind::Postgres {
        let legacy = format!("SET ROLE {name}_legacy; CREATE SCHEMA IF NOT EXISTS public");
        inside.execute(&legacy).await.must("the owner of old");
    }
    for migration in &target.migrations {
        for line in &migration.up {
            inside.execute(&line.sql).await.must(&line.sql);
        }
    }
}

/// A session of the administrator inside it.
pub async fn enter(target: &Target) -> Box<dyn Connection> {
    let at = target.engine.at_store(&target.admin, &target.want.spot);
    target.engine.connect(&at).await.must("the store")
}
