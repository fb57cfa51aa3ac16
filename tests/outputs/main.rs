//! Tests the network outputs with real servers, which run on this host and keep their files in directories of the tests.

mod chaos;
mod noida;
mod recipe;
mod rsyslog;
mod syslog;
mod wazuh;
