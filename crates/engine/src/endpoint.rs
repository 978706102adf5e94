//! Where a server is and as whom to enter: parsed from a URL once, for every engine.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use freehold_model::EngineKind;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;

/// What is left as it is in the parts of a URL.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Likewise in a path.
const KEPT_IN_PATHS: &AsciiSet = &KEPT.remove(b'/');

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Host and port.
    Tcp(String, u16),
    /// A unix socket: for PostgreSQL the folder (and port), for MySQL the socket itself.
    Unix(PathBuf, u16),
    /// No server: a folder that holds the stores, or one store's file.
    Path(PathBuf),
}

/// How much TLS is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    /// Never.
    Off,
    /// Where the server offers it, without looking at the certificate.
    #[default]
    Prefer,
    /// Always, without looking at the certificate.
    Require,
    /// Always, and the certificate must be right; `None`: the system's certificate authorities.
    Verify(Option<PathBuf>),
}

/// A server or store with a login.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The engine's kind as described.
    pub kind: EngineKind,
    /// Where it listens.
    pub address: Address,
    /// The login; empty where the engine has none.
    pub user: String,
    /// Its password, if it has one.
    pub password: Option<Secret>,
    /// The database; `None`: the engine's default.
    pub database: Option<String>,
    /// How much TLS.
    pub tls: Tls,
}

impl Endpoint {
    /// Parses `postgres://user:password@host:port/database?sslmode=require&sslrootcert=FILE&host=/socket/folder`,
    /// `mysql://…` or `mariadb://…` (`ssl-mode`, `ssl-ca`, `socket`), `sqlite:PATH`. The parts are percent-encoded.
    ///
    /// # Errors
    /// `Invalid`, naming the part, never the URL itself.
    pub fn parse(kind: EngineKind, url: &Secret) -> Result<Self> {
        let url = url.expose().trim();
        let (scheme, rest) = url
            .split_once(':')
            .ok_or_else(|| invalid("it has no scheme"))?;
        let wanted = match kind {
            EngineKind::Postgres => &["postgres", "postgresql"][..],
            EngineKind::Mysql | EngineKind::Mariadb => &["mysql", "mariadb"],
            EngineKind::Sqlite => &["sqlite"],
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("the engine {kind} is not there yet"),
                ));
            }
        };
        if !wanted.contains(&scheme) {
            return Err(invalid(&format!(
                "its scheme is `{scheme}`, and {kind} takes `{}`",
                wanted.join("`, `")
            )));
        }
        if kind == EngineKind::Sqlite {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            return Ok(Self {
                kind,
                address: Address::Path(PathBuf::from(decode(path, "path")?)),
                user: String::new(),
                password: None,
                database: None,
                tls: Tls::Off,
            });
        }
        Self::parse_network(kind, rest)
    }

    fn parse_network(kind: EngineKind, rest: &str) -> Result<Self> {
        let rest = rest
            .strip_prefix("//")
            .ok_or_else(|| invalid("`//` is missing after the scheme"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(Secret::new(decode(password, "password")?))),
            None => (login, None),
        };
        let default_port = if kind == EngineKind::Postgres {
            5432
        } else {
            3306
        };
        let (host, port) = split_port(host, default_port)?;
        let mut endpoint = Self {
            kind,
            address: Address::Tcp(
                if host.is_empty() {
                    "127.0.0.1".to_owned()
                } else {
                    decode(host, "host")?
                },
                port,
            ),
            user: decode(user, "user")?,
            password,
            database: if database.is_empty() {
                None
            } else {
                Some(decode(database, "database")?)
            },
            tls: Tls::Prefer,
        };
        endpoint.take_options(query, port)?;
        Ok(endpoint)
    }

    fn take_options(&mut self, query: &str, port: u16) -> Result<()> {
        let mut ca = None;
        let mut mode = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value, key)?;
            match key {
                "sslmode" | "ssl-mode" => mode = Some(value.to_lowercase().replace('_', "-")),
                "sslrootcert" | "ssl-ca" => ca = Some(PathBuf::from(value)),
                "host" | "socket" => self.address = Address::Unix(PathBuf::from(value), port),
                _ => return Err(invalid(&format!("the option `{key}` is not known"))),
            }
        }
        self.tls = match mode.as_deref() {
            None if ca.is_some() => Tls::Verify(ca),
            None | Some("prefer" | "preferred" | "allow") => Tls::Prefer,
            Some("disable" | "disabled") => Tls::Off,
            Some("require" | "required") => Tls::Require,
            Some("verify-ca" | "verify-full" | "verify-identity") => Tls::Verify(ca),
            Some(other) => return Err(invalid(&format!("the TLS mode `{other}` is not known"))),
        };
        Ok(())
    }

    /// The same place for another login.
    #[must_use]
    pub fn with_login(&self, user: &str, password: Option<Secret>) -> Self {
        Self {
            user: user.to_owned(),
            password,
            ..self.clone()
        }
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self {
            database: Some(database.to_owned()),
            ..self.clone()
        }
    }

    /// The URL with the password, for a program's `DATABASE_URL`.
    pub fn url(&self) -> Secret {
        let encode = |text: &str| utf8_percent_encode(text, KEPT).to_string();
        let scheme = match self.kind {
            EngineKind::Postgres => "postgres",
            EngineKind::Sqlite => "sqlite",
            _ => "mysql",
        };
        let password = self.password.as_ref().map_or(String::new(), |secret| {
            format!(":{}", encode(secret.expose()))
        });
        let database = self
            .database
            .as_deref()
            .map_or(String::new(), |name| format!("/{}", encode(name)));
        let (authority, mut options) = match &self.address {
            Address::Path(path) => return Secret::new(format!("sqlite:{}", encode_path(path))),
            Address::Tcp(host, port) => (format!("{host}:{port}"), Vec::new()),
            Address::Unix(path, port) => {
                let key = if self.kind == EngineKind::Postgres {
                    "host"
                } else {
                    "socket"
                };
                (
                    format!("localhost:{port}"),
                    vec![format!("{key}={}", encode(&path.to_string_lossy()))],
                )
            }
        };
        options.extend(self.tls_options(encode));
        let query = if options.is_empty() {
            String::new()
        } else {
            format!("?{}", options.join("&"))
        };
        Secret::new(format!(
            "{scheme}://{}{password}@{authority}{database}{query}",
            encode(&self.user)
        ))
    }

    fn tls_options(&self, encode: impl Fn(&str) -> String) -> Vec<String> {
        let postgres = self.kind == EngineKind::Postgres;
        let (mode_key, ca_key) = if postgres {
            ("sslmode", "sslrootcert")
        } else {
            ("ssl-mode", "ssl-ca")
        };
        match &self.tls {
            Tls::Prefer => vec![],
            Tls::Off => vec![format!(
                "{mode_key}={}",
                if postgres { "disable" } else { "disabled" }
            )],
            Tls::Require => vec![format!(
                "{mode_key}={}",
                if postgres { "require" } else { "required" }
            )],
            Tls::Verify(ca) => {
                let mode = if postgres {
                    "verify-full"
                } else {
                    "verify-identity"
                };
                let mut options = vec![format!("{mode_key}={mode}")];
                options.extend(
                    ca.iter()
                        .map(|file| format!("{ca_key}={}", encode(&file.to_string_lossy()))),
                );
                options
            }
        }
    }
}

/// Without the password.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(path, _) | Address::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Endpoint({} {}@{self} {:?})",
            self.kind, self.user, self.database
        )
    }
}

/// A path with its slashes as they are and everything else that a URL would read otherwise encoded.
fn encode_path(path: &std::path::Path) -> String {
    utf8_percent_encode(&path.to_string_lossy(), KEPT_IN_PATHS).to_string()
}

fn split_port(host: &str, default_port: u16) -> Result<(&str, u16)> {
    let after_bracket = host.rfind(']').map_or(0, |at| at + 1);
    match host[after_bracket..].rfind(':') {
        Some(at) => {
            let (name, port) = host.split_at(after_bracket + at);
            let port = port[1..]
                .parse()
                .map_err(|_| invalid("the port is not a number below 65536"))?;
            Ok((name.trim_matches(['[', ']']), port))
        }
        None => Ok((host.trim_matches(['[', ']']), default_port)),
    }
}

fn decode(text: &str, part: &str) -> Result<String> {
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| invalid(&format!("its {part} is not UTF-8")))?;
    if text.contains('\0') {
        return Err(invalid(&format!("its {part} holds a NUL")));
    }
    Ok(text.into_owned())
}

fn invalid(what: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("the server's URL is not right: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: EngineKind, url: &str) -> Endpoint {
        Endpoint::parse(kind, &Secret::new(url)).expect("a good URL")
    }

    #[test]
    fn a_canary_password_survives_the_round_trip() {
        let password = "a'b\\c$d&e%f\ng😀:/@?#";
        let endpoint = parse(
            EngineKind::Postgres,
            "postgres://adm@db.example:6000/x?sslmode=require",
        )
        .with_login("adm", Some(Secret::new(password)));
        let again = Endpoint::parse(EngineKind::Postgres, &endpoint.url()).expect("our own URL");
        assert_eq!(again, endpoint);
        assert_eq!(again.password.expect("a password").expose(), password);
        assert!(!format!("{endpoint:?} {endpoint}").contains("a'b"));
    }

    #[test]
    fn a_path_survives_the_round_trip() {
        let endpoint = parse(EngineKind::Sqlite, "sqlite:/a%25b/c%20d?e");
        assert_eq!(endpoint.address, Address::Path("/a%b/c d?e".into()));
        let again = Endpoint::parse(EngineKind::Sqlite, &endpoint.url()).expect("our own URL");
        assert_eq!(again, endpoint);
    }

    #[test]
    fn sockets_ports_and_hosts() {
        assert_eq!(
            parse(EngineKind::Postgres, "postgres:///x?host=/run/pg").address,
            Address::Unix("/run/pg".into(), 5432)
        );
        assert_eq!(
            parse(EngineKind::Mariadb, "mysql://u@[::1]:3307/x").address,
            Address::Tcp("::1".into(), 3307)
        );
        assert_eq!(
            parse(EngineKind::Sqlite, "sqlite:data/stores").address,
            Address::Path("data/stores".into())
        );
    }

    #[test]
    fn errors_name_the_part_and_never_the_password() {
        for url in [
            "postgres://u:geheim@h:99999/x",
            "mysql://u:geheim@h/x",
            "postgres://u:geheim@h/x?sslmode=perhaps",
            "postgres:u:geheim",
        ] {
            let error =
                Endpoint::parse(EngineKind::Postgres, &Secret::new(url)).expect_err("a bad URL");
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }
}
