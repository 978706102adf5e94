//! BookVault and ShopEase on private PostgreSQL and MariaDB, and servers that do not let us.

use std::path::Path;

use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer, server};

use crate::binary::Example;

/// Stops the private servers of an example, also when the test fails.
pub(crate) struct Down<'a>(pub(crate) &'a Example);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.0.run(&["down", "--volumes", "--yes"]);
    }
}

pub(crate) fn installed() -> bool {
    use freehold_private_servers::{Kind, find};
    let missing: Vec<_> = [Kind::Postgres, Kind::Mariadb]
        .into_iter()
        .filter_map(|kind| find(kind).err())
        .collect();
    assert!(
        missing.is_empty() || std::env::var_os("CI").is_none(),
        "servers are missing in CI: {missing:?}"
    );
    for error in &missing {
        eprintln!("SKIPPED: {error}");
    }
    missing.is_empty()
}

#[test]
fn bookvault_on_private_servers() {
    if !installed() {
        return;
    }
    let bookvault = Example::copy("bookvault");
    // The servers' own users have to get to their folders.
    open_to_all(bookvault.path());
    let _down = Down(&bookvault);
    let first = bookvault
        .run(&["up", "--prepare", "--servers", "local"])
        .done();
    assert!(
        first.contains("PostgreSQL") && first.contains("MariaDB") && first.contains("books 925"),
        "{first}"
    );
    let second = bookvault
        .run(&["up", "--prepare", "--servers", "local"])
        .done();
    assert!(
        second.contains("0 of 5 changed, 0 migrations run") && second.contains("ran already"),
        "{second}"
    );
    let run = |arguments: &[&str]| bookvault.run(&[&["--servers", "local"], arguments].concat());
    assert!(run(&["plan"]).done().contains("Nothing to do"));
    let seen = run(&[
        "creds",
        "exec",
        "orders",
        "--",
        "sh",
        "-c",
        "psql \"$DATABASE_URL\" -Atc 'select count(*) from orders'",
    ])
    .done();
    assert_eq!(seen, "0\n");
    let denied = run(&[
        "creds",
        "exec",
        "orders",
        "--",
        "sh",
        "-c",
        "psql \"$DATABASE_URL\" -c 'delete from order_items' 2>&1",
    ]);
    assert!(
        denied.code != 0 && denied.out.contains("permission denied"),
        "{denied:?}"
    );
    run(&["seed", "--undo"]).done();
    run(&["rollback", "--to", "0", "--yes"]).done();
    run(&["destroy", "--yes"]).done();
}

#[test]
fn shopease_product_service_on_both_engines() {
    if !installed() {
        return;
    }
    let shopease = Example::copy("shopease");
    open_to_all(shopease.path());
    let _down = Down(&shopease);
    for environment in [&[][..], &["-e", "mariadb"]] {
        let run = |arguments: &[&str]| {
            shopease.run(&[environment, &["--servers", "local"], arguments].concat())
        };
        let up = run(&["up", "--prepare"]).done();
        assert!(up.contains("products 10"), "{up}");
        assert!(run(&["plan"]).done().contains("Nothing to do"));
        run(&["destroy", "--yes"]).done();
    }
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in() {
    let Some(postgres) = server(EngineKind::Postgres).await else {
        return;
    };
    let mut bookvault = Example::copy("bookvault");
    bookvault.edit("freehold.yaml", |text| {
        text.replace("engine: mariadb", "engine: postgres")
    });
    let try_url = |bookvault: &mut Example, url: &str| {
        bookvault.set("BOOKVAULT_PG_URL", url);
        bookvault.set("BOOKVAULT_MARIADB_URL", url);
        let said = bookvault.run(&["plan", "orders"]);
        assert!(!said.err.contains("geheim"), "{}", said.err);
        said.refused(if url.contains("99999") { 2 } else { 3 })
    };
    let url = postgres
        .admin
        .with_login("nobody_here", Some(freehold_engine::Secret::new("geheim")))
        .url();
    assert_eq!(try_url(&mut bookvault, url.expose()), ["FH3002"]);
    assert_eq!(
        try_url(&mut bookvault, "postgres://a:geheim@127.0.0.1:9/postgres"),
        ["FH3001"]
    );
    assert_eq!(
        try_url(
            &mut bookvault,
            "postgres://a:geheim@127.0.0.1:99999/postgres"
        )
        .first()
        .map(String::as_str),
        Some("FH1305")
    );
    let plain = make_login(&postgres, "e2e_no_rights").await;
    assert_eq!(try_url(&mut bookvault, plain.expose()), ["FH3102"]);
}

async fn make_login(postgres: &TestServer, name: &str) -> freehold_engine::Secret {
    let password = freehold_engine::Secret::generate();
    let mut admin = postgres.connect().await;
    admin
        .execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{}'",
            password.expose()
        ))
        .await
        .must("a login");
    postgres.admin.with_login(name, Some(password)).url()
}

pub(crate) fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("mode");
}
