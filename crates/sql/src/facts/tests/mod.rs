//! Facts, dialect by dialect: statements and what they say.

mod answers;
mod kinds;
mod tables;

use crate::Dialect;

const MYSQLS: &[Dialect] = &[Dialect::Mysql, Dialect::Mariadb];
