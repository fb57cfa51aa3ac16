//! The promises to whoever reads the JSON.

use serde_json::Value;

use super::samples;

#[test]
fn each_line_as_promised() {
    for (name, line) in samples::lines() {
        let value: Value = serde_json::from_str(&line).unwrap();
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&value).unwrap());
    }
}
