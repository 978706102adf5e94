//! Random databases on MariaDB and MySQL.
