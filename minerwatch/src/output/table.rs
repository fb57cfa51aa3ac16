//! The table of the kinds of output. A new kind needs a file in this module and a row here.

use super::{
    OutputSettings, alertmanager::AlertmanagerSettings, elasticsearch::ElasticsearchSettings,
    file::FileSettings, kafka::KafkaSettings, loki::LokiSettings, otlp::OtlpSettings,
    pagerduty::PagerDutySettings, slack::SlackSettings, splunk::SplunkSettings, stdout::StdoutSettings,
    syslog::SyslogSettings, webhook::WebhookSettings,
};
use crate::schema::{section, table, tables};

/// The settings of an output, and the place of its section in the configuration.
pub struct PlacedOutput<'a> {
    /// The header of the section, for example `[[sink.file]]`.
    pub header: &'static str,
    /// The number of the section among those with the same header, from 0.
    pub number: usize,
    /// The settings.
    pub settings: &'a dyn OutputSettings,
}

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
                self.placed().into_iter().map(|placed| placed.settings).collect()
            }

            /// Returns the settings of every output with the place of its section in the configuration.
            pub fn placed(&self) -> Vec<$crate::output::PlacedOutput<'_>> {
                let mut all = Vec::new();
                $(all.extend(outputs!(@slice $count self.$key).iter().enumerate().map(|(number, settings)| {
                    $crate::output::PlacedOutput { header: outputs!(@header $count $key), number, settings }
                }));)+
                all
            }
        }
    };
    (@header one $key:ident) => { concat!("[sink.", stringify!($key), "]") };
    (@header many $key:ident) => { concat!("[[sink.", stringify!($key), "]]") };
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
    /// Elasticsearch and OpenSearch.
    elasticsearch: many ElasticsearchSettings;
    /// HTTP servers that accept JSON.
    webhook: many WebhookSettings;
    /// The HTTP Event Collector of Splunk.
    splunk: many SplunkSettings;
    /// Grafana Loki.
    loki: many LokiSettings;
    /// Receivers of OpenTelemetry logs over HTTP (OTLP).
    otlp: many OtlpSettings;
    /// Incoming webhooks of Slack, and of chats that accept the same messages.
    slack: many SlackSettings;
    /// Services of PagerDuty.
    pagerduty: many PagerDutySettings;
    /// The Alertmanager of Prometheus.
    alertmanager: many AlertmanagerSettings;
    /// Syslog servers.
    syslog: many SyslogSettings;
    /// Topics of Kafka.
    kafka: many KafkaSettings;
} }
