//! Kafka against a real server: `./x prove kafka`. Without one, each test says that it is skipped.

mod promises;
