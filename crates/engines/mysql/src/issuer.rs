//! The procedure that gives this store's logins a new verifier, or takes their password away.
//!
//! It runs with the rights of a locked account that holds CREATE USER; the accounts that it can
//! alter are compiled in, and the argument must have a verifier's form, so that nothing that a
//! caller passes becomes SQL text but 40 or 63 characters of a fixed alphabet. CREATE USER itself
//! reaches every account of the server: the body is the only fence (advisory FH3128).

use freehold_engine::{Routine, Want};

use crate::names::{account, ident, object};
use crate::verifier;

/// `database`.`freehold_issue`.
pub(crate) fn name(want: &Want) -> String {
    object(&want.spot.database, &want.spot.own("issue"))
}

/// The key in `Live::routines`.
pub(crate) fn key(want: &Want) -> String {
    format!("procedure {}", want.spot.own("issue"))
}

/// Statements that make it, also where another one of this name stands.
pub(crate) fn create(want: &Want, host: &str, mysql: bool) -> [String; 2] {
    let text = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
    [
        format!("DROP PROCEDURE IF EXISTS {}", name(want)),
        format!(
            "CREATE DEFINER = {} PROCEDURE {} (IN login VARCHAR(255) {text}, IN verifier VARCHAR(255) {text}) \
             MODIFIES SQL DATA SQL SECURITY DEFINER {}",
            account(&want.identities.issuer, host),
            name(want),
            body(want, host, mysql)
        ),
    ]
}

/// Is what was found this procedure, with this text?
pub(crate) fn is_intact(want: &Want, host: &str, mysql: bool, found: &Routine) -> bool {
    let body = body(want, host, mysql);
    // On MySQL the header comes along; an END of another block would follow if the body were a part.
    let same = found.body == body || (mysql && found.body.ends_with(&body));
    same && found.definer && found.owner == format!("{}@{host}", want.identities.issuer)
}

/// The statement that calls it with two arguments.
pub(crate) fn call(want: &Want) -> String {
    format!("CALL {}(?, ?)", name(want))
}

/// The body, word for word as the catalog shows it.
fn body(want: &Want, host: &str, mysql: bool) -> String {
    // The argument is compared byte by byte: no padding, no case.
    let choice = |login: &str| {
        format!(
            "WHEN '{}' THEN SET account = '{}';\n",
            quoted(login),
            quoted(&account(login, host))
        )
    };
    let choices = want.logins().map(choice).concat();
    let (clause, form, length) = if mysql {
        (
            "IDENTIFIED WITH caching_sha2_password AS",
            "^[$]A[$]005[$][./0-9A-Za-z]+$",
            70,
        )
    } else {
        (
            "IDENTIFIED VIA mysql_native_password USING",
            "^[*][0-9A-F]+$",
            41,
        )
    };
    let impossible = quoted(&verifier::impossible(mysql));
    let run = if mysql {
        "SET @freehold_statement = statement;\n\
         PREPARE freehold_statement FROM @freehold_statement;\n\
         SET @freehold_statement = NULL;\n\
         EXECUTE freehold_statement;\n\
         DEALLOCATE PREPARE freehold_statement;\n"
    } else {
        "EXECUTE IMMEDIATE statement;\n"
    };
    format!(
        "BEGIN\n\
         DECLARE account VARCHAR(700) CHARACTER SET utf8mb4;\n\
         DECLARE statement VARCHAR(2000) CHARACTER SET utf8mb4;\n\
         CASE CAST(login AS BINARY)\n\
         {choices}\
         ELSE SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this login is not one of the store';\n\
         END CASE;\n\
         IF verifier IS NULL THEN\n\
         SET statement = CONCAT('ALTER USER ', account, ' {clause} {impossible} ACCOUNT LOCK');\n\
         ELSEIF CHAR_LENGTH(verifier) = {length} AND verifier REGEXP '{form}' THEN\n\
         SET statement = CONCAT('ALTER USER ', account, ' {clause} ''', verifier, ''' ACCOUNT UNLOCK');\n\
         ELSE SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this is not the form of a verifier';\n\
         END IF;\n\
         {run}\
         END"
    )
}

/// For the inside of a literal; our sessions read a backslash as an escape.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "''")
}

/// The grant that lets an account call it.
pub(crate) fn grant(want: &Want, to: &str, host: &str) -> String {
    format!(
        "GRANT EXECUTE ON PROCEDURE {} TO {}",
        name(want),
        account(to, host)
    )
}

/// What the definer needs on the server.
pub(crate) const ISSUER_PRIVILEGE: &str = "CREATE USER";

/// The issuer's own name, for a note.
pub(crate) fn shown(want: &Want) -> String {
    ident(&want.spot.own("issue"))
}

/// The procedure as `MariaDB`'s catalog shows it.
#[cfg(test)]
pub(crate) fn made(want: &Want, host: &str, mysql: bool) -> Routine {
    Routine {
        kind: "procedure".to_owned(),
        owner: format!("{}@{host}", want.identities.issuer),
        definer: true,
        fingerprint: String::new(),
        body: body(want, host, mysql),
    }
}
