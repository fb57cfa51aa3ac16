//! The program that a process runs: its executable, or the script that its interpreter runs.

use std::borrow::Cow;

use super::{
    program_file::base_name,
    role::{interprets, is_shell},
};

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

/// Returns the script that a process interprets, if its executable is an interpreter. The kernel passes the script in
/// `invoked` if it starts with `#!`; otherwise the script is an argument.
pub fn script_of<'a>(
    executable: &str,
    invoked: &'a str,
    arguments: &'a [impl AsRef<str>],
) -> Option<&'a str> {
    if !interprets(base_name(executable)) {
        return None;
    }
    let invoked_name = base_name(invoked);
    if !invoked_name.is_empty() && !interprets(invoked_name) && invoked_name != base_name(executable) {
        return Some(invoked);
    }
    // These flags are followed by a command, standard input or a module, not by a file. Flags may be combined (`-lc`).
    let no_file: &[char] = if is_shell(base_name(executable)) { &['c', 's'] } else { &['c', 'e', 'm'] };
    for argument in arguments.iter().skip(1) {
        let argument = argument.as_ref();
        match argument.strip_prefix(['-', '+']) {
            Some(flags) if !flags.starts_with('-') && (flags.is_empty() || flags.contains(no_file)) => {
                return None;
            }
            Some(_) => {}
            // An environment variable that env(1) sets before it runs the program.
            None if argument.contains('=') => {}
            None => return Some(argument),
        }
    }
    None
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

    #[test]
    fn scripts_are_found_by_shebang_or_argument() {
        let none: Option<&str> = None;
        let cases = [
            ("/usr/bin/dash", "./run.sh", vec!["/bin/sh", "./run.sh"], Some("./run.sh")),
            ("/usr/bin/dash", "/bin/sh", vec!["sh", "/tmp/x.sh"], Some("/tmp/x.sh")),
            ("/usr/bin/dash", "/bin/sh", vec!["sh", "-e", "/tmp/x.sh"], Some("/tmp/x.sh")),
            ("/usr/bin/perl", "/usr/bin/perl", vec!["perl", "-e", "print 1"], none),
            ("/usr/bin/bash", "/bin/bash", vec!["bash", "-x", "/tmp/x.sh", "a"], Some("/tmp/x.sh")),
            ("/usr/bin/bash", "/bin/bash", vec!["bash", "-lc", "/tmp/x.sh"], none),
            ("/usr/bin/bash", "/bin/bash", vec!["bash", "-s", "--"], none),
            (
                "/usr/bin/python3.11",
                "/usr/bin/dnf",
                vec!["/usr/bin/python3", "/usr/bin/dnf"],
                Some("/usr/bin/dnf"),
            ),
            ("/usr/bin/python3.11", "/usr/bin/python3", vec!["python3", "-m", "pip"], none),
            ("/usr/bin/env", "./x.py", vec!["env", "python3", "./x.py"], Some("./x.py")),
            ("/usr/bin/curl", "/usr/bin/curl", vec!["curl", "http://x"], none),
            ("", "", vec![], none),
        ];
        for (executable, invoked, arguments, expected) in cases {
            assert_eq!(script_of(executable, invoked, &arguments), expected, "{executable} {arguments:?}");
        }
    }
}
