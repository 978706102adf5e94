//! Free ports of 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::Error;

/// Which port to start on: the asked one, else the one of last time, else any free one.
pub(crate) fn choose(asked: Option<u16>, last: Option<u16>) -> Result<u16, Error> {
    if let Some(port) = asked {
        return if is_free(port) {
            Ok(port)
        } else {
            Err(Error::PortTaken { port })
        };
    }
    match last {
        Some(port) if is_free(port) => Ok(port),
        _ => any(),
    }
}

/// Free now; somebody may take it before the server binds it, so a start is tried again.
pub(crate) fn any() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::io("find a free port on", "127.0.0.1"))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asked_port_that_is_taken_is_refused_and_a_remembered_one_is_replaced() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = holder.local_addr().unwrap().port();
        assert!(
            matches!(choose(Some(taken), None), Err(Error::PortTaken { port }) if port == taken)
        );
        assert_ne!(choose(None, Some(taken)).unwrap(), taken);
    }

    #[test]
    fn a_remembered_free_port_is_kept() {
        let free = any().unwrap();
        assert_eq!(choose(None, Some(free)).unwrap(), free);
    }
}
