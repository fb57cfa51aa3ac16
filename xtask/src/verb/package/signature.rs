//! Signs the checksums of the packages in the format of minisign.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use minisign::{SecretKey, SecretKeyBox};

use super::SUMS;

/// Name of the file with the signature. minisign looks for it beside the signed file.
pub const FILE: &str = "SHA256SUMS.minisig";

/// The environment variable with the password of the secret key.
const PASSWORD: &str = "MINERWATCH_SIGNING_PASSWORD";

/// Reads a secret key of minisign. If the key has a password and the environment does not contain it, asks for it.
pub fn read_key(file: &Path) -> Result<SecretKey> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let password = match env::var(PASSWORD) {
        Ok(password) => Some(password),
        Err(env::VarError::NotPresent) => None,
        Err(error @ env::VarError::NotUnicode(_)) => bail!("{PASSWORD}: {error}"),
    };
    open(&text, password).with_context(|| format!("cannot use the secret key {}", file.display()))
}

/// Opens a secret key, which may have no password. `None` asks for the password if there is one.
fn open(text: &str, password: Option<String>) -> Result<SecretKey> {
    let key = SecretKeyBox::from(text.to_owned());
    if let Ok(key) = key.clone().into_unencrypted_secret_key() {
        return Ok(key);
    }
    key.into_secret_key(password).map_err(|error| anyhow!("{error}"))
}

/// Signs the checksums in `directory`, and returns the path of the signature. Without a key, removes the signature of an
/// earlier run, which belongs to other checksums.
pub fn sign(directory: &Path, key: Option<&SecretKey>) -> Result<Option<PathBuf>> {
    let signature = directory.join(FILE);
    let Some(key) = key else {
        if signature.exists() {
            fs::remove_file(&signature).with_context(|| format!("cannot remove {}", signature.display()))?;
        }
        return Ok(None);
    };
    let sums = fs::read(directory.join(SUMS)).with_context(|| format!("cannot read {SUMS}"))?;
    // minisign signs and prints this comment, so that the files of an old release are not taken for those of a new one.
    let version = concat!("minerwatch ", env!("CARGO_PKG_VERSION"));
    let signed = minisign::sign(
        None,
        key,
        sums.as_slice(),
        Some(version),
        Some("signature of the checksums of minerwatch"),
    );
    let signed = signed.map_err(|error| anyhow!("cannot sign {SUMS}: {error}"))?;
    fs::write(&signature, signed.into_string())
        .with_context(|| format!("cannot write {}", signature.display()))?;
    Ok(Some(signature))
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;
    use minisign_verify::{PublicKey, Signature};

    use super::*;

    /// A directory with checksums, removed at the end.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("xtask-signature-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(SUMS), "00ff  minerwatch.deb\n").unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn public(pair: &KeyPair) -> PublicKey {
        PublicKey::decode(&pair.pk.to_box().unwrap().into_string()).unwrap()
    }

    #[test]
    fn only_the_signed_bytes_and_the_own_key_verify() {
        let (pair, other) = (
            KeyPair::generate_unencrypted_keypair().unwrap(),
            KeyPair::generate_unencrypted_keypair().unwrap(),
        );
        let directory = Directory::new("verify");
        let key = open(&pair.sk.to_box(None).unwrap().into_string(), None).unwrap();
        let file = sign(&directory.0, Some(&key)).unwrap().expect("a signature");
        assert_eq!(file, directory.0.join("SHA256SUMS.minisig"));
        let text = fs::read_to_string(&file).unwrap();
        let signature = Signature::decode(&text).unwrap();
        assert_eq!(signature.trusted_comment(), format!("minerwatch {}", env!("CARGO_PKG_VERSION")));

        let sums = fs::read(directory.0.join(SUMS)).unwrap();
        // `false` refuses the old kind of signatures, which minisign does not accept any more.
        public(&pair).verify(&sums, &signature, false).expect("the signature is valid");
        assert!(public(&other).verify(&sums, &signature, false).is_err(), "another key");
        for index in 0..sums.len() {
            let mut changed = sums.clone();
            changed[index] ^= 1;
            assert!(public(&pair).verify(&changed, &signature, false).is_err(), "byte {index} changed");
        }
        assert!(public(&pair).verify(&sums[1..], &signature, false).is_err(), "cut");
        let other_version =
            Signature::decode(&text.replace("comment: minerwatch", "comment: minerwatch 9")).unwrap();
        assert!(public(&pair).verify(&sums, &other_version, false).is_err(), "another version");
    }

    #[test]
    fn a_key_with_a_password_opens_with_it_alone() {
        let pair = KeyPair::generate_encrypted_keypair(Some("open sesame".into())).unwrap();
        let text = pair.sk.to_box(None).unwrap().into_string();
        assert!(open(&text, Some("close sesame".into())).is_err());
        let key = open(&text, Some("open sesame".into())).unwrap();
        let directory = Directory::new("password");
        let file = sign(&directory.0, Some(&key)).unwrap().expect("a signature");
        let signature = Signature::from_file(file).unwrap();
        public(&pair)
            .verify(&fs::read(directory.0.join(SUMS)).unwrap(), &signature, false)
            .expect("it is valid");
    }

    #[test]
    fn without_a_key_no_signature_is_left() {
        let directory = Directory::new("unsigned");
        assert_eq!(sign(&directory.0, None).unwrap(), None);
        fs::write(directory.0.join(FILE), "of an earlier run").unwrap();
        assert_eq!(sign(&directory.0, None).unwrap(), None);
        assert!(!directory.0.join(FILE).exists());
    }

    #[test]
    fn a_file_that_is_no_key_is_an_error() {
        let directory = Directory::new("key");
        for text in
            ["", "untrusted comment: x\n", "untrusted comment: x\nAAAA\n", "untrusted comment: x\n%%%\n"]
        {
            assert!(open(text, Some(String::new())).is_err(), "{text:?}");
        }
        let missing = read_key(&directory.0.join("missing")).unwrap_err();
        assert!(format!("{missing:#}").contains("missing"), "{missing:#}");
    }
}
