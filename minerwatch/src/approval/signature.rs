//! Signatures of requests and responses: HMAC-SHA256 with a shared secret.
//!
//! The signed text begins with the kind of the message, so that nobody can send a request back as its own response.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::credentials::Secret;

/// The header field of a signature.
pub(super) const HEADER: &str = "x-minerwatch-signature";
/// Least length of a secret, in characters. A shorter one can be guessed.
pub(super) const LEAST_SECRET: usize = 16;

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

impl Kind {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Request => b"request\n",
            Self::Response => b"response\n",
        }
    }
}

/// Returns the value of the header field for a body: `v1=` and 64 hexadecimal digits.
pub(super) fn sign(secret: &Secret, kind: Kind, body: &[u8]) -> Option<String> {
    let tag = keyed(secret, kind, body)?.finalize().into_bytes();
    let mut value = "v1=".to_owned();
    for byte in tag {
        let _ = write!(value, "{byte:02x}");
    }
    Some(value)
}

/// Whether a header field is the signature of a body. The comparison takes the same time wherever they differ.
pub(super) fn is_signed(secret: &Secret, kind: Kind, body: &[u8], value: &str) -> bool {
    let Some(tag) = value.trim().strip_prefix("v1=").and_then(bytes_of) else { return false };
    keyed(secret, kind, body).is_some_and(|keyed| keyed.verify_slice(&tag).is_ok())
}

fn keyed(secret: &Secret, kind: Kind, body: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes a key of any length.
    let mut keyed = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    keyed.update(kind.prefix());
    keyed.update(body);
    Some(keyed)
}

/// Decodes the hexadecimal digits of a tag.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}
