//! As which operating-system user a server runs, and what that user can reach.
//!
//! Started by root, a server runs as the user that its package made; else as the caller.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::Kind;
use crate::error::Error;

/// The user that a server runs as.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    name: String,
    /// User and group to change to; `None` when the caller is already the one.
    change_to: Option<(u32, u32)>,
}

impl Account {
    pub(crate) fn for_kind(kind: Kind) -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self {
                name: "this user".to_owned(),
                change_to: None,
            });
        }
        let user = kind.user();
        let passwd = fs::read_to_string("/etc/passwd").map_err(Error::io("read", "/etc/passwd"))?;
        let ids = ids_of(&passwd, user).ok_or(Error::NoUser { kind, user })?;
        Ok(Self {
            name: user.to_owned(),
            change_to: Some(ids),
        })
    }

    /// For a private NATS: the package's user, or nobody.
    pub(crate) fn for_nats() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self {
                name: "this user".to_owned(),
                change_to: None,
            });
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(Error::io("read", "/etc/passwd"))?;
        let found = ["nats", "nobody"].map(|user| Some((user, ids_of(&passwd, user)?)));
        let found = found.into_iter().flatten().next();
        Ok(Self {
            name: found.map_or("root", |(user, _)| user).to_owned(),
            change_to: found.map(|(_, ids)| ids),
        })
    }

    pub(crate) fn is_other(&self) -> bool {
        self.change_to.is_some()
    }

    /// A command as this user, with a cleared environment and no supplementary groups (the
    /// standard library drops them when it changes the user).
    pub(crate) fn command(&self, program: &OsStr, library_dir: Option<&Path>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        command.env("LC_ALL", "C");
        if let Some(dir) = library_dir {
            command.env("LD_LIBRARY_PATH", dir);
        }
        if let Some((uid, gid)) = self.change_to {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Hands a file or folder over to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        match self.change_to {
            Some((uid, gid)) => {
                chown(path, Some(uid), Some(gid)).map_err(Error::io("change the owner of", path))
            }
            None => Ok(()),
        }
    }

    /// Refuses when this user cannot pass through a folder on the way to `path`, itself included.
    pub(crate) fn must_reach(&self, path: &Path) -> Result<(), Error> {
        let Some(ids) = self.change_to else {
            return Ok(());
        };
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        for step in way {
            let metadata = fs::metadata(step).map_err(Error::io("look at", step))?;
            let owner = (metadata.uid(), metadata.gid());
            if metadata.is_dir() && !passes(metadata.mode(), owner, ids) {
                return Err(Error::Unreachable {
                    user: self.name.clone(),
                    blocked: step.to_owned(),
                    path: path.to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Whether the permission bits let `user` search a folder of `owner` (both user, group).
fn passes(mode: u32, owner: (u32, u32), user: (u32, u32)) -> bool {
    let search = if owner.0 == user.0 {
        0o100
    } else if owner.1 == user.1 {
        0o010
    } else {
        0o001
    };
    mode & search != 0
}

fn ids_of(passwd: &str, user: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(user)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\nmysqlx:x:7:8::/:\nmysql:x:102:103:,,,:/n:/f\n";
        assert_eq!(ids_of(passwd, "mysql"), Some((102, 103)));
        assert_eq!(ids_of(passwd, "postgres"), None);
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        assert!(passes(0o711, (0, 0), (5, 5)));
        assert!(!passes(0o710, (0, 0), (5, 5)));
        assert!(passes(0o710, (0, 5), (5, 5)));
        // The owner without x is refused although others have it.
        assert!(!passes(0o011, (5, 5), (5, 5)));
    }
}
