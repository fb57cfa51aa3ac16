use super::*;

#[test]
fn a_file_that_is_too_large_is_an_error_and_is_not_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("headers");
    let size = usize::try_from(MAX_FILE).unwrap();
    fs::write(&path, "#".repeat(size)).unwrap();
    assert_eq!(headers(&path).unwrap(), []);
    fs::write(&path, "#".repeat(size + 1)).unwrap();
    let error = headers(&path).expect_err("one byte too many").to_string();
    assert!(error.contains("is too large: at most 4194304 bytes"), "{error}");
    let error = tls(Some(&path), None).expect_err("the same file").to_string();
    assert!(error.contains("is too large"), "{error}");
}

#[test]
fn a_secret_is_read_again_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let source = SecretSource::of(Some(&path), Some("PATH")).unwrap();
    assert!(source.read().is_err(), "there is no file");
    for (content, secret) in [("hunter2\n", "hunter2"), ("  other ", "other")] {
        fs::write(&path, content).unwrap();
        let read = source.read().unwrap();
        assert_eq!(read.expose(), secret);
        assert!(!format!("{source:?} {read:?}").contains(secret));
    }
    for bad in ["", " \n", "two\nlines", "nul\0"] {
        fs::write(&path, bad).unwrap();
        let error = source.read().expect_err(bad).to_string();
        assert!(error.contains("token") && !error.contains("lines"), "{error}");
    }
    assert!(SecretSource::of(None, Some("PATH")).unwrap().read().is_ok());
    let error = SecretSource::of(None, Some("MINERWATCH_NO_SUCH")).unwrap().read().expect_err("not set");
    assert_eq!(error.to_string(), "the environment has no MINERWATCH_NO_SUCH");
    assert_eq!(SecretSource::of(None, None), None);
}

#[test]
fn files_without_the_right_content_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "X-Key: secret\nno field\n").unwrap();
    let error = headers(&path).expect_err("a bad line").to_string();
    assert!(error.ends_with("file:2: is not `Name: value`"), "{error}");
    let error = tls(Some(&path), None).expect_err("no certificate").to_string();
    assert!(error.contains("holds no certificate"), "{error}");
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let chain = directory.path().join("chain.pem");
    fs::write(&chain, key.cert.pem()).unwrap();
    let error = tls(Some(&chain), Some((&chain, &path))).expect_err("no key").to_string();
    assert!(error.contains("file holds no private key"), "{error}");
    fs::write(&path, key.signing_key.serialize_pem()).unwrap();
    assert!(tls(Some(&chain), Some((&chain, &path))).is_ok());
}
