//! Which server binaries this machine has, and their version.
//!
//! Looked for on `PATH` first, then in the folders where packages put servers, newest first.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::{Kind, Settings};

/// The programs of one installed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    pub kind: Kind,
    /// `postgres`, `mariadbd` or `mysqld`.
    pub server: PathBuf,
    /// What makes a new data folder: `initdb`, `mariadb-install-db`; for MySQL the server itself.
    pub initialise: PathBuf,
    /// `psql`, `mariadb` or `mysql`, where there is one.
    pub client: Option<PathBuf>,
    /// As the server says it: `15.18`, `10.11.19`.
    pub version: String,
    pub library_dir: Option<PathBuf>,
}

/// The installed server of this kind; `FH3601` names the package when there is none.
pub fn find(kind: Kind) -> Result<Binaries, Error> {
    search(kind, &usual_folders(kind), None)
}

impl Binaries {
    pub(crate) fn of(settings: &Settings) -> Result<Self, Error> {
        match &settings.bin_dir {
            Some(dir) => {
                let dir = fs::canonicalize(dir).map_err(Error::io("look at", dir))?;
                let beside = dir.parent().unwrap_or(&dir);
                // MariaDB's own archives keep mariadb-install-db in `scripts`.
                let folders = [dir.clone(), beside.join("sbin"), beside.join("scripts")];
                let library = match &settings.library_dir {
                    Some(dir) => Some(fs::canonicalize(dir).map_err(Error::io("look at", dir))?),
                    None => None,
                };
                search(settings.kind, &folders, library.as_deref())
            }
            None => find(settings.kind),
        }
    }

    /// The number before the first point.
    pub(crate) fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }

    /// The folder of which `bin` or `sbin` is a part.
    pub(crate) fn base_dir(&self) -> Option<&Path> {
        self.server.parent()?.parent()
    }
}

struct Programs {
    server: &'static [&'static str],
    initialise: &'static [&'static str],
    client: &'static [&'static str],
}

fn programs(kind: Kind) -> Programs {
    match kind {
        Kind::Postgres => Programs {
            server: &["postgres"],
            initialise: &["initdb"],
            client: &["psql"],
        },
        Kind::Mariadb => Programs {
            server: &["mariadbd", "mysqld"],
            initialise: &["mariadb-install-db", "mysql_install_db"],
            client: &["mariadb", "mysql"],
        },
        Kind::Mysql => Programs {
            server: &["mysqld"],
            initialise: &["mysqld"],
            client: &["mysql"],
        },
    }
}

fn search(kind: Kind, folders: &[PathBuf], library: Option<&Path>) -> Result<Binaries, Error> {
    let programs = programs(kind);
    for server in in_folders(folders, programs.server) {
        // `None`: the other maker's `mysqld`.
        let Some(version) = version_of(kind, &server, library)? else {
            continue;
        };
        // Those beside the server come first, so that versions are not mixed.
        let mut near: Vec<PathBuf> = server.parent().map(Path::to_owned).into_iter().collect();
        near.extend_from_slice(folders);
        let Some(initialise) = in_folders(&near, programs.initialise).next() else {
            continue;
        };
        let client = in_folders(&near, programs.client).next();
        let library_dir = library.map(Path::to_owned);
        return Ok(Binaries {
            kind,
            server,
            initialise,
            client,
            version,
            library_dir,
        });
    }
    Err(Error::Missing {
        kind,
        program: programs.server[0],
        searched: folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect(),
    })
}

fn in_folders<'a>(
    folders: &'a [PathBuf],
    names: &'a [&'a str],
) -> impl Iterator<Item = PathBuf> + 'a {
    folders
        .iter()
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .filter(|path| path.is_file())
}

/// `None` when the program is another kind of server than its name says.
fn version_of(kind: Kind, server: &Path, library: Option<&Path>) -> Result<Option<String>, Error> {
    let broken = |said: String| Error::Broken {
        program: server.to_owned(),
        said,
    };
    let mut command = Command::new(server);
    command.arg("--version");
    if let Some(dir) = library {
        command.env("LD_LIBRARY_PATH", dir);
    }
    let output = command
        .output()
        .map_err(|source| broken(source.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(broken(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    Ok(read_version(kind, &said))
}

fn read_version(kind: Kind, said: &str) -> Option<String> {
    let after = match kind {
        Kind::Postgres => "(PostgreSQL) ",
        Kind::Mariadb | Kind::Mysql => "Ver ",
    };
    if (kind == Kind::Mariadb) != said.contains("MariaDB") {
        return None;
    }
    let version = said.split_once(after)?.1.split([' ', '-']).next()?;
    Some(version.trim().to_owned())
}

fn usual_folders(kind: Kind) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    if kind == Kind::Postgres {
        folders.extend(versioned("/usr/lib/postgresql", "", "bin"));
        folders.extend(versioned("/usr", "pgsql-", "bin"));
        folders.extend(versioned("/usr/libexec", "postgresql", ""));
        folders.push("/usr/local/pgsql/bin".into());
    }
    for folder in [
        "/usr/sbin",
        "/usr/bin",
        "/usr/libexec",
        "/usr/local/sbin",
        "/usr/local/bin",
    ] {
        folders.push(folder.into());
    }
    let mut seen = Vec::new();
    folders.retain(|folder| {
        let new = folder.is_absolute() && !seen.contains(folder);
        seen.push(folder.clone());
        new
    });
    folders
}

/// The folders `parent/<prefix><number>/<below>`, the highest number first.
fn versioned(parent: &str, prefix: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?.split('.').next()?.parse().ok()?;
            Some((number, entry.path().join(below)))
        })
        .collect();
    found.sort_by(|one, two| two.cmp(one));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_servers_say_them() {
        let postgres = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        let mariadb = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64\n";
        let mysql = "/x/mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)\n";
        assert_eq!(
            read_version(Kind::Postgres, postgres).as_deref(),
            Some("15.18")
        );
        assert_eq!(
            read_version(Kind::Mariadb, mariadb).as_deref(),
            Some("10.11.19")
        );
        assert_eq!(read_version(Kind::Mysql, mysql).as_deref(), Some("9.7.4"));
        // A mysqld of MariaDB's is not Oracle's, nor the other way round.
        assert_eq!(read_version(Kind::Mysql, mariadb), None);
        assert_eq!(read_version(Kind::Mariadb, mysql), None);
        assert_eq!(
            read_version(Kind::Postgres, "postgres (PostgreSQL) 18beta1\n").unwrap(),
            "18beta1"
        );
    }

    #[test]
    fn the_newest_version_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["9.6", "15", "18", "common"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let found = versioned(dir.path().to_str().unwrap(), "", "bin");
        let names: Vec<_> = found
            .iter()
            .map(|p| p.strip_prefix(dir.path()).unwrap())
            .collect();
        assert_eq!(
            names,
            [
                Path::new("18/bin"),
                Path::new("15/bin"),
                Path::new("9.6/bin")
            ]
        );
    }

    #[test]
    fn an_empty_folder_is_told_with_the_package() {
        let dir = tempfile::tempdir().unwrap();
        let error = search(Kind::Postgres, &[dir.path().to_owned()], None).unwrap_err();
        let fault = error.fault();
        assert_eq!(fault.code, "FH3601");
        assert_eq!(
            fault.help,
            ["install it: apt-get install --no-install-recommends postgresql"]
        );
    }
}
