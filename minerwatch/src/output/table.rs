//! The table of the kinds of output. A new kind needs a file in this module and a row here.

use super::{
    OutputSettings, file::FileSettings, kafka::KafkaSettings, stdout::StdoutSettings, syslog::SyslogSettings,
};
use crate::schema::{section, table, tables};

/// Declares the section of the configuration for all outputs, from rows `KEY: one SETTINGS` or `KEY: many SETTINGS`.
/// The settings of each kind are a section and implement [`OutputSettings`].
macro_rules! outputs {
    ($Outputs:ident {
        $($(#[doc = $doc:literal])+ $key:ident: $count:ident $Settings:ty;)+
    }) => {
        section! {
            /// The section `[sink]`: where events and alerts go.
            pub struct $Outputs {
                $($(#[doc = $doc])+ pub $key: outputs!(@type $count $Settings) = Default::default(),
                    outputs!(@accepts $count);)+
            }
        }

        impl $Outputs {
            /// Returns the settings of every output, in the order of the table.
            pub fn all(&self) -> Vec<&dyn OutputSettings> {
                let mut all: Vec<&dyn OutputSettings> = Vec::new();
                $(all.extend(outputs!(@slice $count self.$key).iter().map(|each| each as &dyn OutputSettings));)+
                all
            }
        }
    };
    (@type one $Settings:ty) => { $Settings };
    (@type many $Settings:ty) => { Vec<$Settings> };
    (@accepts one) => { table() };
    (@accepts many) => { tables() };
    (@slice one $value:expr) => { std::slice::from_ref(&$value) };
    (@slice many $value:expr) => { $value.as_slice() };
}
#[cfg(test)]
pub(super) use outputs;

outputs! { OutputsConfig {
    /// Standard output: the journal of a service, or the log of a container.
    stdout: one StdoutSettings;
    /// Files, each with its own choice of events.
    file: many FileSettings;
    /// Servers that take syslog messages.
    syslog: many SyslogSettings;
    /// Topics of Kafka.
    kafka: many KafkaSettings;
} }
