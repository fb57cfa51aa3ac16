//! Paths, without access to the file system.

use std::borrow::Cow;

/// Makes a path absolute, and removes `.`, `..` and empty parts, without access to the file system. A relative path is
/// resolved against `directory`.
pub fn resolve<'a>(directory: &str, path: &'a str) -> Cow<'a, str> {
    let directory = if path.starts_with('/') {
        if is_normal(path) {
            return Cow::Borrowed(path);
        }
        ""
    } else if directory.is_empty() {
        return Cow::Borrowed(path);
    } else {
        directory
    };
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

/// Whether an absolute path has no `.`, `..` or empty part.
fn is_normal(path: &str) -> bool {
    // Most paths have no part that begins with a dot.
    let has_dots = || path.contains("/.") && path.split('/').any(|part| matches!(part, "." | ".."));
    !path.contains("//") && !has_dots()
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
            ("/a", "/etc//shadow", "/etc/shadow"),
            ("", "/usr/../tmp/./x", "/tmp/x"),
            ("/a", "/root/.x/y", "/root/.x/y"),
            ("/a", "/root/.ssh/", "/root/.ssh/"),
            ("/", "../../x", "/x"),
            ("", "x", "x"),
            ("/tmp", "/bin/x", "/bin/x"),
        ];
        for (directory, path, expected) in cases {
            assert_eq!(resolve(directory, path), expected, "{directory} {path}");
        }
    }
}
