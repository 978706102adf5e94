//! The system that is measured, and the disk that it stands on.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Writes from which the disk's sync time is the median.
const SYNCS: usize = 51;

/// A service's name.
pub(super) fn name(number: usize) -> String {
    format!("s{number:04}")
}

/// A system of services with three migrations and a seed each.
pub(super) fn describe(system: &Path, services: std::ops::Range<usize>) -> std::io::Result<()> {
    fs::create_dir_all(system)?;
    let server = "system: bench\nservers:\n  main:\n    engine: postgres\n    url: \"env:BENCH_PG_URL\"\nservices: [services/*]\n";
    fs::write(system.join("freehold.yaml"), server)?;
    for name in services.map(name) {
        let service = system.join("services").join(&name);
        for (file, text) in [
            ("service.yaml", format!("service: {name}\nstore: {{ server: main, isolation: database }}\ntables:\n  notes: {{ append_only: true }}\n")),
            ("migrations/0001_things.up.sql", "CREATE TABLE things (thing_id BIGINT PRIMARY KEY, name VARCHAR(100) NOT NULL);\n".to_owned()),
            ("migrations/0001_things.down.sql", "DROP TABLE things;\n".to_owned()),
            ("migrations/0002_notes.up.sql", "CREATE TABLE notes (note_id BIGINT PRIMARY KEY, thing_id BIGINT NOT NULL);\nCREATE INDEX notes_thing ON notes (thing_id);\n".to_owned()),
            ("migrations/0002_notes.down.sql", "DROP TABLE notes;\n".to_owned()),
            ("migrations/0003_named.up.sql", "CREATE VIEW named AS SELECT thing_id, name FROM things WHERE name <> '';\nALTER TABLE things ADD COLUMN kind VARCHAR(20) NOT NULL DEFAULT 'plain';\n".to_owned()),
            ("migrations/0003_named.down.sql", "DROP VIEW named;\nALTER TABLE things DROP COLUMN kind;\n".to_owned()),
            ("seeds/01_things.up.sql", "INSERT INTO things (thing_id, name) VALUES (1, 'one'), (2, 'two');\n".to_owned()),
            ("seeds/01_things.down.sql", "DELETE FROM things;\n".to_owned()),
        ] {
            let path = service.join(file);
            fs::create_dir_all(path.parent().unwrap_or(&service))?;
            fs::write(path, text)?;
        }
    }
    Ok(())
}

/// The median time in which this disk makes a write of 4 KiB durable.
pub(super) fn disk_sync(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join("sync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        took.push(begun.elapsed());
    }
    fs::remove_file(path)?;
    took.sort();
    Ok(took[SYNCS / 2])
}
