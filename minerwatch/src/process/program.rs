//! Which program a process really runs: its executable, or the script its interpreter was given.

use std::borrow::Cow;

use super::role::{interprets, is_shell};

/// The part of a path after its last slash.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path as the process meant it: relative ones below its working directory.
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

/// The script a process interprets, if its executable is an interpreter that was given one: by the kernel
/// (`#!`, then `invoked` names the script) or by an argument.
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
    // Flags after which no file follows: a command, standard input, a module. They may be clustered (`-lc`).
    let no_file: &[char] = if is_shell(base_name(executable)) { &['c', 's'] } else { &['c', 'e', 'm'] };
    for argument in arguments.iter().skip(1) {
        let argument = argument.as_ref();
        match argument.strip_prefix(['-', '+']) {
            Some(flags) if !flags.starts_with('-') && (flags.is_empty() || flags.contains(no_file)) => {
                return None;
            }
            Some(_) => {}
            // env(1) sets variables before the program.
            None if argument.contains('=') => {}
            None => return Some(argument),
        }
    }
    None
}

/// What a program is called and whether it lies where only the system's owner installs programs.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// File name of the program: of the script if one is interpreted.
    pub name: &'a str,
    /// Whether it lies in a system directory.
    pub system: bool,
}

impl<'a> Identity<'a> {
    /// Of a program file.
    pub fn of_path(path: &'a str) -> Self {
        Self { name: base_name(path), system: in_system_directory(path) }
    }
}

fn in_system_directory(path: &str) -> bool {
    ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/snap/", "/nix/store/", "/gnu/store/"]
        .iter()
        .any(|directory| path.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_without_the_filesystem() {
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
    fn scripts_are_found() {
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
