//! Columns that by name and type hold a password or a token as it is.

use super::columns::Column;
use super::{Lint, Rule, SqlFile};

pub(super) const RULE: Rule = Rule {
    code: "FH2121",
    name: "secret",
    way_out: "keep a hash and say so in the name: SHA-256 of a random token, a slow hash of a password",
};

const SECRETS: &[&str] = &[
    "password", "passwd", "pwd", "token", "secret", "otp", "passcode",
];

/// Parts of a name that say that it is no secret, or a hidden one.
const OTHERS: &[&str] = &[
    "hash",
    "hashed",
    "digest",
    "encrypted",
    "cipher",
    "crypt",
    "salt",
    "id",
    "ids",
    "at",
    "expires",
    "expiry",
    "expiration",
    "count",
    "type",
    "kind",
    "hint",
    "url",
    "uri",
    "algorithm",
    "name",
    "ref",
    "arn",
    "path",
    "version",
    "policy",
    "status",
    "required",
    "verified",
    "changed",
    "enabled",
    "length",
    "public",
    "date",
    "ttl",
    "limit",
    "usage",
    "prefix",
    "last",
    "fingerprint",
    "verifier",
    "checksum",
];

pub(super) fn read(file: &SqlFile, columns: &[Column]) -> Vec<Lint> {
    columns
        .iter()
        .filter(|column| is_secret(&column.name) && is_text(column))
        .map(|column| {
            let message = format!(
                "`{}` is text, and nothing in its name says that it is a hash",
                column.name
            );
            Lint::new(&RULE, file.path, column.spot.clone(), message)
        })
        .collect()
}

fn is_secret(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let named = parts.iter().any(|part| SECRETS.contains(part)) || name.contains("api_key");
    named && !parts.iter().any(|part| OTHERS.contains(part))
}

fn is_text(column: &Column) -> bool {
    let text = matches!(
        column.kind.as_str(),
        "varchar"
            | "varchar2"
            | "nvarchar"
            | "nvarchar2"
            | "character"
            | "char"
            | "nchar"
            | "text"
            | "longtext"
            | "mediumtext"
            | "tinytext"
            | "clob"
            | "nclob"
            | "citext"
            | "string"
    );
    // Sixty characters are bcrypt's, sixty-four SHA-256's.
    text && !matches!(column.sizes.first(), Some(60 | 64 | 97))
}
