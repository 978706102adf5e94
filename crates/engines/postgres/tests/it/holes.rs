//! Ways around an append-only table: each is refused, and each is a way. What only looks like one
//! is let through.

use freehold_engine::Keep;
use freehold_model::Isolation;

use crate::scratch::{Admin, server};
use crate::store::{Store, list};

/// A migration that makes a hole, and how the program would go through it.
const HOLES: &[(&str, &str)] = &[
    ("ALTER TABLE order_items DROP CONSTRAINT order_items_order_id_fkey, ADD FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE", "DELETE FROM orders"),
    ("ALTER TABLE order_items ADD COLUMN note_id int DEFAULT 1 REFERENCES notes ON DELETE SET NULL", "DELETE FROM notes"),
    ("ALTER TABLE order_items ADD COLUMN note_id int DEFAULT 1 REFERENCES notes ON UPDATE CASCADE", "UPDATE notes SET id = 2"),
    ("CREATE FUNCTION sweep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN DELETE FROM order_items; RETURN NEW; END';
      CREATE TRIGGER sweep AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION sweep()", "UPDATE notes SET words = 'b'"),
    ("CREATE FUNCTION sweep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'DELETE FROM order' || '_items'; RETURN NEW; END $$;
      CREATE TRIGGER sweep AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION sweep()", "UPDATE notes SET words = 'b'"),
    ("CREATE FUNCTION inner_sweep() RETURNS void LANGUAGE sql AS 'UPDATE order_items SET quantity = 99';
      CREATE FUNCTION sweep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN PERFORM inner_sweep(); RETURN NEW; END';
      CREATE TRIGGER sweep AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION sweep()", "UPDATE notes SET words = 'b'"),
    ("CREATE RULE sweep AS ON UPDATE TO notes DO ALSO DELETE FROM order_items", "UPDATE notes SET words = 'b'"),
    ("CREATE TABLE all_items (order_id bigint, quantity int); ALTER TABLE order_items ALTER order_id DROP NOT NULL, INHERIT all_items", "UPDATE all_items SET quantity = 99"),
];

/// Not a way around it.
const SOUND: &[&str] = &[
    "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN INSERT INTO order_items (order_id, quantity) VALUES (1, 1); RETURN NEW; END';
     CREATE TRIGGER keep AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION keep()",
    "CREATE FUNCTION sweep_in_vain() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM order_items; RETURN NEW; END';
     CREATE TRIGGER vain AFTER DELETE ON notes FOR EACH ROW EXECUTE FUNCTION sweep_in_vain()",
    "CREATE TABLE remarks (id int PRIMARY KEY, note_id int REFERENCES notes ON DELETE CASCADE)",
    "CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS '/* not: DELETE FROM order_items */ BEGIN UPDATE notes SET words = words; RETURN NEW; END';
     CREATE TRIGGER tidy AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION tidy()",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_description_with_a_hole_is_refused() {
    let Some(server) = server().await else { return };
    let mut store = Store::new(&server, Admin::Plain, Isolation::Database, "leaky");
    store.apply().await;
    store.migrate(&store.tables()).await.expect("a migration");
    for (hole, _) in HOLES {
        let refused = store.migrate(hole).await.expect_err(hole);
        assert!(refused.message.starts_with("FH3104"), "{hole}: {refused}");
    }
    for sound in SOUND {
        store.migrate(sound).await.expect(sound);
    }
    assert_eq!(store.diff().await.steps, []);
    store
        .root()
        .await
        .execute("DROP FUNCTION sweep_in_vain() CASCADE")
        .await
        .expect("out of the way");
    // And each was one: with the refusal out of the way the program goes through it.
    for (hole, attempt) in HOLES {
        store
            .root()
            .await
            .execute("TRUNCATE orders, notes, order_items RESTART IDENTITY CASCADE")
            .await
            .expect("empty tables");
        let usual = std::mem::take(&mut store.want.append_only);
        store.migrate(hole).await.expect(hole);
        store.want.append_only = usual;
        let mut root = store.root().await;
        root.execute("SET session_replication_role = replica; INSERT INTO orders DEFAULT VALUES; INSERT INTO notes (words) VALUES ('a'); INSERT INTO order_items (order_id, quantity) VALUES (1, 1)").await.expect("rows");
        let rights =
            "REVOKE ALL ON order_items FROM leaky_app; GRANT SELECT ON order_items TO leaky_app";
        root.execute(rights).await.expect("append-only by right");
        let rows = "SELECT (i.*)::text FROM order_items i";
        let before = list(&mut *root, rows).await;
        let mut app = store.enter(&store.want.identities.app.logins[0]).await;
        app.execute(attempt).await.expect(hole);
        assert_ne!(before, list(&mut *root, rows).await, "{hole}: no hole");
        let mend = "DROP RULE IF EXISTS sweep ON notes; DROP FUNCTION IF EXISTS sweep() CASCADE; DROP FUNCTION IF EXISTS inner_sweep(); DROP TABLE IF EXISTS all_items CASCADE;
                    ALTER TABLE order_items DROP COLUMN IF EXISTS note_id, DROP CONSTRAINT order_items_order_id_fkey, ADD CONSTRAINT order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders";
        root.execute("TRUNCATE orders, notes, order_items CASCADE")
            .await
            .expect("empty tables");
        drop((root, app));
        store.root().await.execute(&mend.replace("DROP TABLE IF EXISTS all_items CASCADE", "DO $$ BEGIN ALTER TABLE order_items NO INHERIT all_items; DROP TABLE all_items; EXCEPTION WHEN undefined_table THEN NULL; END $$")).await.expect("mended");
    }
    store.destroy(Keep::default()).await;
}
