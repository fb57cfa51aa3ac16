//! `[response.approval]`: the server that approves.

use std::path::PathBuf;

use crate::{
    credentials::SecretSource,
    model::Stage,
    output::{ConnectionKeys, HttpUrl, Needs},
    schema::{absolute_path, between, checked, optional, parsed, section},
};

/// The stages that change something.
const CHANGES: &str = "a list of `\"isolate\"`, `\"throttle\"`, `\"freeze\"`, `\"stop\"`, `\"quarantine\"`";

/// Longest time for a decision, in seconds: a day.
const DAY: u64 = 86_400;

section! {
    /// Keys of `[response.approval]`.
    pub struct ApprovalSettings {
        include {
            pub connection: ConnectionKeys;
        }
        /// Address of the server. It gets the approval requests as POST requests ([response.md](response.md#approval)).
        pub url: Option<HttpUrl> = None, optional(parsed(HttpUrl::ACCEPTED));
        /// File with the secret that signs requests and responses, at least 16 characters. It is read before each request.
        pub secret_file: Option<PathBuf> = None, optional(absolute_path());
        /// Environment variable of the daemon with the secret.
        pub secret_env: Option<String> = None, optional(parsed("the name of a variable"));
        /// The stages that need an approval. In the policy, they and all stages after them wait for it.
        pub stages: Vec<Stage> = vec![Stage::Isolate, Stage::Throttle, Stage::Freeze, Stage::Stop, Stage::Quarantine],
            checked(CHANGES, are_changes);
        /// Time for a decision, in seconds. After it, nothing is done.
        pub timeout_s: u64 = 600, between(10, DAY);
    }
}

fn are_changes(stages: &[Stage]) -> Result<(), String> {
    if stages.is_empty() {
        return Err("an empty list needs no approval; write approve = \"nobody\" in [response]".to_owned());
    }
    if stages.contains(&Stage::Observe) {
        return Err("`observe` changes nothing, and needs no approval".to_owned());
    }
    Ok(())
}

impl ApprovalSettings {
    /// Checks keys that depend on each other, if approvals are switched on.
    ///
    /// # Errors
    ///
    /// The key at fault, and the message.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.url.is_none() {
            let message = "a webhook has an address; set url in [response.approval]".to_owned();
            return Err(("approve", message));
        }
        match (&self.secret_file, &self.secret_env) {
            (None, None) => {
                let message =
                    "responses must be signed; set secret_file or secret_env in [response.approval]";
                Err(("approve", message.to_owned()))
            }
            (Some(_), Some(_)) => {
                Err(("secret_env", "secret_file is set already; give one of the two".to_owned()))
            }
            _ => self.connection.check(self.url.as_ref()),
        }
    }

    /// Returns the host of the server, and the files that are read.
    pub fn needs(&self) -> Needs {
        let mut needs = self.connection.needs(self.url.as_ref().map(HttpUrl::as_str));
        needs.reads.extend(self.secret_file.clone().map(|path| ("secret_file", path)));
        needs
    }

    /// Returns where the secret comes from.
    pub fn secret(&self) -> Option<SecretSource> {
        SecretSource::of(self.secret_file.as_deref(), self.secret_env.as_deref())
    }
}
