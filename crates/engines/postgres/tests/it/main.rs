//! The engine against a real server: `life.rs` from nothing to nothing, `drift.rs` what others
//! change by hand, `attacks.rs` what each identity tries. Each is run by a superuser and by a
//! plain administrator. Another server version: `FREEHOLD_TEST_POSTGRESQL_BIN` and `…_LIB`.

mod scratch;
mod session;
mod store;

mod acls;
mod attacks;
mod described;
mod drift;
mod holes;
mod life;
mod plans;
