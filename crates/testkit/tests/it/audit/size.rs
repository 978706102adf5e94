//! A big database: 5,000 tables, 2,000 roles, 10,000 statements. Only in the long proofs.

use std::time::Instant;

use freehold_boundary::audit::{Known, analyse};
use freehold_engine::audit::Limits;
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer};

/// The most memory that this process ever held, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").must("this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kb.expect("a number of kB") / 1024
}

#[tokio::test]
async fn a_big_database_is_told_in_bounded_memory() {
    if std::env::var_os("FREEHOLD_PROVE").is_none() {
        return;
    }
    let with = [
        ("shared_preload_libraries", "pg_stat_statements"),
        ("pg_stat_statements.max", "20000"),
        ("pg_stat_statements.track", "all"),
        ("max_locks_per_transaction", "2000"),
        ("log_statement", "none"),
    ];
    let Some(server) = TestServer::alone_with(EngineKind::Postgres, &with).await else {
        return;
    };
    let engine = freehold_builtin::engine(EngineKind::Postgres).expect("an engine");
    let mut admin = server.connect().await;
    admin
        .execute(
            "CREATE EXTENSION pg_stat_statements; \
             DO $$ BEGIN FOR i IN 1..2000 LOOP EXECUTE format('CREATE ROLE big_%s %s', i, CASE WHEN i % 2 = 0 THEN 'LOGIN' ELSE 'NOLOGIN' END); END LOOP; \
               FOR i IN 1..1000 LOOP EXECUTE format('GRANT big_%s TO big_%s', 2 * i - 1, 2 * i); END LOOP; END $$",
        )
        .await
        .must("roles");
    for from in (0..5000).step_by(500) {
        let sql = format!(
            "DO $$ BEGIN FOR i IN {from}..{} LOOP \
               EXECUTE format('CREATE TABLE mod%s_t%s (id bigint PRIMARY KEY, a text, b text, c text, d int, e int, f int, g int)', i / 50, i); \
               EXECUTE format('GRANT SELECT, INSERT ON mod%s_t%s TO big_%s, big_%s, big_%s', i / 50, i, 1 + i % 1999, 1 + (i * 7) % 1999, 1 + (i * 13) % 1999); \
             END LOOP; END $$",
            from + 499
        );
        admin.execute(&sql).await.must("tables");
    }
    admin
        .execute("DO $$ BEGIN FOR i IN 0..9999 LOOP EXECUTE format('SELECT a AS c%s FROM mod%s_t%s LIMIT 0', i, (i % 5000) / 50, i % 5000); END LOOP; END $$")
        .await
        .must("statements");
    let before = peak_mb();
    let began = Instant::now();
    let facts = engine
        .audit(&server.admin, &Limits::default())
        .await
        .must("the facts");
    let read = began.elapsed();
    let report = analyse(&facts, &Known::default());
    let whole = began.elapsed();
    let (mb, tables) = (peak_mb(), facts.relations.len());
    eprintln!(
        "{tables} tables, {} roles, {} statements: read in {read:?}, {whole:?} in all, {mb} MB at most ({before} before)",
        facts.principals.len(),
        facts.statements.len()
    );
    assert!(report.subject.tables >= 5000 && facts.principals.len() >= 2000);
    assert!(facts.statements.len() >= 9000, "{}", facts.statements.len());
    assert!(mb < 300, "{mb} MB");
}
