//! Facts, dialect by dialect.
