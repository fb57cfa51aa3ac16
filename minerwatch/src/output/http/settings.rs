//! The settings of an output over HTTP.

/// Implements [`OutputSettings`](crate::output::OutputSettings) for a section with the keys `filter`, `shipping` and
/// `name`. `$kind` is the key of the section below `sink`. The section has methods `filter`, `needs_keys`,
/// `check_keys` and `sender`.
///
/// With `with login`, the section also has the keys `connection`, `login` and `url` and no others that depend on each
/// other. Then it needs the method `sender` only.
macro_rules! http_output {
    ($Settings:ty, $kind:literal, with login) => {
        impl $Settings {
            fn filter(&self) -> $crate::output::Filter {
                self.filter.filter(true)
            }

            fn needs_keys(&self) -> $crate::output::Needs {
                $crate::output::http::needs_of(&self.connection, &self.login, &self.url)
            }

            fn check_keys(&self) -> Result<(), (&'static str, String)> {
                $crate::output::http::check_of(&self.connection, &self.login, &self.url)
            }
        }

        $crate::output::http::http_output!($Settings, $kind);
    };
    ($Settings:ty, $kind:literal) => {
        impl $crate::output::OutputSettings for $Settings {
            fn name(&self) -> String {
                format!(concat!($kind, " {}"), self.name)
            }

            fn naming_key(&self) -> Option<&'static str> {
                Some("name")
            }

            fn filter(&self) -> $crate::output::Filter {
                self.filter()
            }

            fn needs(&self) -> $crate::output::Needs {
                self.needs_keys()
            }

            fn check(&self) -> Result<(), (&'static str, String)> {
                self.check_keys()
            }

            fn open(&self, state: &std::path::Path) -> anyhow::Result<Box<dyn $crate::output::Output>> {
                let name = $crate::output::OutputSettings::name(self);
                let sender = Box::new(self.sender());
                Ok(Box::new($crate::output::shipper::Shipper::open(name, &self.shipping, sender, state)))
            }

            fn destination(&self) -> Option<Box<dyn $crate::output::Destination>> {
                Some(Box::new(self.sender()))
            }
        }
    };
}
pub(in crate::output) use http_output;
