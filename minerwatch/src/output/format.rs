//! The formats of documents in outputs that have a choice.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ocsf;

/// The format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentFormat {
    /// The JSON object of the Elastic Common Schema, as in a file.
    Ecs,
    /// The JSON object of the Open Cybersecurity Schema Framework.
    Ocsf,
}

impl DocumentFormat {
    /// Converts an object of ECS.
    pub fn convert(self, ecs: Value) -> Value {
        match self {
            Self::Ecs => ecs,
            Self::Ocsf => ocsf::document(&ecs),
        }
    }

    /// Converts the JSON of an object of ECS. What is no JSON stays as it is.
    pub fn encode(self, json: &Bytes) -> Bytes {
        let converted = match self {
            Self::Ecs => None,
            Self::Ocsf => serde_json::from_slice(json).ok().map(|ecs| self.convert(ecs).to_string().into()),
        };
        converted.unwrap_or_else(|| json.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_objects_are_converted() {
        let text = Bytes::from_static(b"no JSON");
        assert_eq!(DocumentFormat::Ocsf.encode(&text), text);
        let alert = json!({"event": {"kind": "alert", "action": "incident-opened"}, "minerwatch": {"incident": {"id": "i"}}});
        let alert = Bytes::from(alert.to_string());
        assert_eq!(DocumentFormat::Ecs.encode(&alert), alert);
        let finding: Value = serde_json::from_slice(&DocumentFormat::Ocsf.encode(&alert)).unwrap();
        assert!(finding["class_uid"].is_u64(), "{finding}");
    }
}
