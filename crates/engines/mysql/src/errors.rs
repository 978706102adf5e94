//! What the driver reports as the contract's errors.
//!
//! Owns the table from server error numbers to kinds. Statement text is never added to a message;
//! what the server quotes of it is scrubbed by who sent a verifier (`session`).

use freehold_engine::{Error, ErrorKind};
use mysql_async::{DriverError, IoError};

/// The driver's error as ours.
pub(crate) fn from_driver(error: mysql_async::Error) -> Error {
    match error {
        mysql_async::Error::Server(server) => Error::new(kind_of(server.code), server.message)
            .native(format!("{} {}", server.code, server.state)),
        mysql_async::Error::Io(IoError::Tls(tls)) => Error::new(ErrorKind::Tls, tls.to_string()),
        mysql_async::Error::Io(IoError::Io(io)) if is_tls(&io) => {
            Error::new(ErrorKind::Tls, io.to_string())
        }
        mysql_async::Error::Io(io) => Error::new(ErrorKind::Unavailable, io.to_string()),
        mysql_async::Error::Driver(driver) => from_driver_part(&driver),
        other => Error::new(ErrorKind::Unknown, other.to_string()),
    }
}

fn from_driver_part(error: &DriverError) -> Error {
    let kind = match error {
        DriverError::NoClientSslFlagFromServer => {
            return Error::new(ErrorKind::Tls, "the server does not offer TLS").native("no ssl");
        }
        DriverError::ConnectionClosed | DriverError::PoolDisconnected => ErrorKind::Unavailable,
        DriverError::PacketTooLarge => ErrorKind::TooLarge,
        DriverError::UnknownAuthPlugin { .. } | DriverError::CleartextPluginDisabled => {
            ErrorKind::LoginRefused
        }
        DriverError::MixedParams | DriverError::StmtParamsMismatch { .. } => ErrorKind::Invalid,
        _ => ErrorKind::Unknown,
    };
    Error::new(kind, error.to_string())
}

/// rustls reports a bad certificate inside an I/O error.
fn is_tls(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData && error.get_ref().is_some()
}

/// Is the server there, and does it simply have no TLS?
pub(crate) fn lacks_tls(error: &mysql_async::Error) -> bool {
    matches!(
        error,
        mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer)
    )
}

fn kind_of(code: u16) -> ErrorKind {
    match code {
        // Too many connections, shutdown in progress, killed, gone, lost, idle too long.
        1040 | 1053 | 1152 | 1158..=1161 | 1184 | 1203 | 1226 | 1927 | 3169 | 4031 => {
            ErrorKind::Unavailable
        }
        1045 | 1130 | 1251 | 1275 | 1524 | 1698 | 1820 | 1862 | 1873 | 3118 | 3159 | 4151 => {
            ErrorKind::LoginRefused
        }
        1205 | 1206 | 1213 | 1317 | 1412 | 1613 | 1614 | 3058 | 3572 => ErrorKind::Conflict,
        1022 | 1062 | 1169 | 1586 => ErrorKind::Unique,
        1044 | 1095 | 1142 | 1143 | 1227 | 1290 | 1370 | 1410 | 1419 | 1449 | 1522 | 1792
        | 3530 => ErrorKind::Denied,
        1049 | 1051 | 1054 | 1091 | 1094 | 1109 | 1141 | 1146 | 1147 | 1176 | 1305 | 1360
        | 1403 | 1539 | 4091 => ErrorKind::Missing,
        1007 | 1050 | 1060 | 1061 | 1068 | 1304 | 1359 | 1537 | 1826 => ErrorKind::Exists,
        1059 | 1070 | 1071 | 1074 | 1118 | 1153 | 1264 | 1301 | 1406 => ErrorKind::TooLarge,
        1021 | 1114 | 1041 => ErrorKind::DiskFull,
        1235 | 1286 | 1289 => ErrorKind::Unsupported,
        1048 | 1064 | 1065 | 1136 | 1149 | 1215 | 1216 | 1217 | 1265 | 1292 | 1364 | 1366
        | 1396 | 1451 | 1452 | 1644 | 3819 | 4025 => ErrorKind::Invalid,
        _ => ErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_decide_what_happens_next() {
        for (code, kind) in [
            (1045, ErrorKind::LoginRefused),
            (1142, ErrorKind::Denied),
            (1213, ErrorKind::Conflict),
            (1062, ErrorKind::Unique),
            (1049, ErrorKind::Missing),
            (1927, ErrorKind::Unavailable),
            (9999, ErrorKind::Unknown),
        ] {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }
}
