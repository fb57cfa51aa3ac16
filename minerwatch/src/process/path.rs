//! Paths, without access to the file system.

use std::borrow::Cow;

/// Makes a path absolute without access to the file system. A relative path is resolved against `directory`.
pub fn resolve<'a>(directory: &str, path: &'a str) -> Cow<'a, str> {
    if path.starts_with('/') || directory.is_empty() {
        return Cow::Borrowed(path);
    }
    let mut whole = String::with_capacity(directory.len() + path.len() + 1);
    whole.push_str(directory.trim_end_matches('/'));
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => whole.truncate(whole.rfind('/').unwrap_or(0)),
            part => {
                whole.push('/');
                whole.push_str(part);
            }
        }
    }
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_without_the_file_system() {
        let cases = [
            ("/tmp", "./x", "/tmp/x"),
            ("/tmp/", "x", "/tmp/x"),
            ("/a/b", "../c/./d", "/a/c/d"),
            ("/", "x", "/x"),
            ("/", "../../x", "/x"),
            ("", "x", "x"),
            ("/tmp", "/bin/x", "/bin/x"),
        ];
        for (directory, path, expected) in cases {
            assert_eq!(resolve(directory, path), expected, "{directory} {path}");
        }
    }
}
