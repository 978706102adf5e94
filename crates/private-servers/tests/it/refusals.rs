//! What is refused, by which code, and that nothing was changed then.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use freehold_model::Fault;
use freehold_private_servers::{Kind, Settings, TlsFiles, start, stop};

use crate::scratch::{processes_on, query, scratch, skipped, status};

async fn refused(settings: &Settings) -> Fault {
    let result = start(settings).await;
    let fault = result.unwrap_err().fault();
    assert!(!fault.help.is_empty(), "{fault} says how to mend it");
    fault
}

#[tokio::test]
async fn a_folder_of_something_else_is_left_alone() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    fs::write(scratch.dir.join("holiday.jpg"), "x").unwrap();
    assert_eq!(refused(&scratch.settings()).await.code, "FH3604");
    let left: Vec<_> = fs::read_dir(&scratch.dir)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["holiday.jpg"]);
    assert!(!stop(&scratch.dir).await.unwrap());
}

#[tokio::test]
async fn a_folder_of_another_kind_is_left_alone() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    let Some(mariadb) = crate::scratch::scratch(Kind::Mariadb) else {
        return;
    };
    let server = scratch.start().await;
    let fault = refused(&Settings::new(mariadb.kind, &scratch.dir)).await;
    assert_eq!(fault.code, "FH3604");
    assert!(fault.message.contains("data of PostgreSQL"), "{fault}");
    assert_eq!(query(&server, "SELECT 1"), "1");
}

#[tokio::test]
async fn a_taken_port_is_refused_before_anything_is_started() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let Some(scratch) = scratch(kind) else {
            continue;
        };
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut settings = scratch.settings();
        settings.port = Some(holder.local_addr().unwrap().port());
        assert_eq!(refused(&settings).await.code, "FH3605");
        assert!(processes_on(&scratch.dir).is_empty());
        drop(holder);
        assert_eq!(
            Some(crate::scratch::start(&settings).await.port()),
            settings.port
        );
    }
}

#[tokio::test]
async fn a_remembered_port_that_somebody_took_is_replaced() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    let first = scratch.start().await;
    let port = first.port();
    first.stop().await.unwrap();
    let _holder = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let second = scratch.start().await;
    assert_ne!(second.port(), port);
    assert_eq!(query(&second, "SELECT 1"), "1");
    let written = fs::read_to_string(scratch.dir.join("admin.url")).unwrap();
    assert_eq!(written.trim(), second.url());
}

#[tokio::test]
async fn a_running_server_with_other_settings_is_not_joined() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    let server = scratch.start().await;
    let fault = refused(&scratch.settings().with("log_statement", "all")).await;
    assert_eq!(fault.code, "FH3607");
    let mut settings = scratch.settings();
    settings.port = Some(1);
    assert_eq!(refused(&settings).await.code, "FH3607");
    assert_eq!(query(&server, "SELECT 1"), "1");
}

#[tokio::test]
async fn a_setting_that_the_server_does_not_know_is_told_with_its_log() {
    for (kind, setting) in [
        (Kind::Postgres, "no_such_thing"),
        (Kind::Mariadb, "no_such_thing"),
    ] {
        let Some(scratch) = scratch(kind) else {
            continue;
        };
        let fault = refused(&scratch.settings().with(setting, "1")).await;
        assert_eq!(fault.code, "FH3606", "{fault}");
        let help = fault.help.join("\n");
        assert!(
            help.contains("no_such_thing") || help.contains("no-such-thing"),
            "{help}"
        );
        assert_eq!(processes_on(&scratch.dir), Vec::<String>::new());
        // Nothing in its way afterwards.
        assert_eq!(query(&scratch.start().await, "SELECT 1"), "1");
    }
}

#[tokio::test]
async fn a_parent_that_the_servers_user_cannot_pass_is_named() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    if !status(std::process::id(), "Uid").starts_with('0') {
        return skipped("only root starts servers as another user");
    }
    fs::set_permissions(&scratch.dir, PermissionsExt::from_mode(0o700)).unwrap();
    let fault = refused(&Settings::new(Kind::Postgres, scratch.dir.join("below"))).await;
    assert_eq!(fault.code, "FH3603");
    let mend = format!("chmod o+x {}", scratch.dir.display());
    assert!(fault.help[0].contains(&mend), "{:?}", fault.help);
}

#[tokio::test]
async fn a_certificate_that_is_not_there_is_named() {
    let Some(scratch) = scratch(Kind::Postgres) else {
        return;
    };
    let mut settings = scratch.settings();
    let absent = scratch.dir.join("../no-such.pem");
    settings.tls = Some(TlsFiles {
        cert: absent.clone(),
        key: absent,
    });
    let fault = refused(&settings).await;
    assert_eq!(fault.code, "FH3609");
    assert!(fault.message.contains("no-such.pem"), "{fault}");
}

#[tokio::test]
async fn binaries_that_are_not_there_are_told_with_their_package() {
    let Some(scratch) = scratch(Kind::Mariadb) else {
        return;
    };
    let empty = tempfile::tempdir().unwrap();
    let mut settings = scratch.settings();
    settings.bin_dir = Some(empty.path().to_owned());
    let fault = refused(&settings).await;
    assert_eq!(fault.code, "FH3601");
    assert!(fault.help[0].contains("apt-get install --no-install-recommends mariadb-server"));
}
