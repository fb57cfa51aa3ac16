//! The program that a process runs: its executable, or the script that its interpreter runs.

use super::{
    program_file::base_name,
    role::{interprets, is_shell},
};

/// Returns the file that a process runs in place of its executable: the script of an interpreter, the archive of a
/// virtual machine, the program of a dynamic loader. The kernel passes a script in `invoked` if it starts with `#!`;
/// otherwise the file is an argument.
pub fn script_of<'a>(
    executable: &str,
    invoked: &'a str,
    arguments: &'a [impl AsRef<str>],
) -> Option<&'a str> {
    let name = base_name(executable);
    let runner = Runner::of(name)?;
    let invoked_name = base_name(invoked);
    let is_shebang = matches!(runner, Runner::Shell | Runner::Language)
        && !invoked_name.is_empty()
        && !interprets(invoked_name)
        && invoked_name != name;
    if is_shebang {
        return Some(invoked);
    }
    let mut first_file = None;
    let mut rest = arguments_after_name(name, arguments).iter().map(AsRef::as_ref);
    while let Some(argument) = rest.next() {
        match argument.strip_prefix(['-', '+']) {
            Some(flags) if runner.runs_no_file(flags) => {
                return match runner {
                    // The code may only name a file to read.
                    Runner::Shell if flags.contains('c') => {
                        rest.find(|code| !code.starts_with('-')).and_then(sourced)
                    }
                    _ => first_file,
                };
            }
            Some(_) if runner.has_value(name, argument) => {
                let value = rest.next();
                if matches!(argument, "--rcfile" | "--init-file") {
                    first_file = value;
                }
                if runner == Runner::Machine && argument == "-jar" {
                    return value;
                }
            }
            Some(_) => {}
            // An environment variable that env(1) sets before it runs the program.
            None if argument.contains('=') && name == "env" => {}
            // The class that a virtual machine runs is no file.
            None if runner == Runner::Machine => return None,
            None if is_input(argument) => return first_file,
            None => return Some(argument),
        }
    }
    first_file
}

/// Whether an interpreter was started so that it reads its program from its standard input: with no file and no code, with
/// `-s` (shells) or `-`, or with a name of its standard input (`/dev/stdin`). A person at a terminal starts a shell like
/// this, too.
pub fn reads_program_from_input(executable: &str, arguments: &[impl AsRef<str>]) -> bool {
    let name = base_name(executable);
    let Some(runner @ (Runner::Shell | Runner::Language)) = Runner::of(name) else {
        return false;
    };
    let mut rest = arguments_after_name(name, arguments).iter().map(AsRef::as_ref);
    while let Some(argument) = rest.next() {
        let Some(flags) = argument.strip_prefix(['-', '+']) else { return is_input(argument) };
        // After these, no argument is a file: `-s`, `-`. After `-c` the code follows.
        if runner.runs_no_file(flags) {
            return flags.is_empty() || (runner == Runner::Shell && !flags.contains('c'));
        }
        if runner.has_value(name, argument) {
            rest.next();
        }
    }
    true
}

/// Returns the arguments of an interpreter without its name. `busybox sh FILE` has two names in front, that of busybox and
/// that of the applet `sh`. Other applets are the program that runs, and stay: `busybox wget`.
fn arguments_after_name<'a, Argument: AsRef<str>>(name: &str, arguments: &'a [Argument]) -> &'a [Argument] {
    let Some((called, rest)) = arguments.split_first() else { return arguments };
    let is_by_own_name = name == "busybox" && base_name(called.as_ref()) == name;
    match rest.split_first() {
        Some((applet, rest)) if is_by_own_name && interprets(applet.as_ref()) => rest,
        _ => rest,
    }
}

/// A kind of program that runs other files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runner {
    Shell,
    /// An interpreter of any other language.
    Language,
    /// A virtual machine with an archive.
    Machine,
    /// The dynamic loader, called by its name.
    Loader,
}

impl Runner {
    fn of(name: &str) -> Option<Self> {
        match name {
            "java" => Some(Self::Machine),
            _ if is_loader(name) => Some(Self::Loader),
            _ if is_shell(name) => Some(Self::Shell),
            _ if interprets(name) => Some(Self::Language),
            _ => None,
        }
    }

    /// Whether these flags are followed by a command, standard input or a module, not by a file. Flags may be combined
    /// (`-lc`).
    fn runs_no_file(self, flags: &str) -> bool {
        let no_file: &[char] = match self {
            Self::Shell => &['c', 's'],
            Self::Language => &['c', 'e', 'm'],
            Self::Machine | Self::Loader => return false,
        };
        !flags.starts_with('-') && (flags.is_empty() || flags.contains(no_file))
    }

    /// Whether the next argument is the value of this option of the program `name`.
    fn has_value(self, name: &str, option: &str) -> bool {
        match self {
            Self::Shell => matches!(option, "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file"),
            // The same letter is a flag in one language and has a value in another.
            Self::Language if name.starts_with("python") || name.starts_with("pypy") => {
                matches!(option, "-W" | "-X" | "--check-hash-based-pycs")
            }
            Self::Language if name.starts_with("perl") => option == "-I",
            Self::Language if name.starts_with("ruby") => matches!(option, "-I" | "-r" | "-C" | "-E"),
            Self::Language if name.starts_with("php") => matches!(option, "-d" | "-z" | "-r"),
            Self::Language if name.starts_with("lua") => option == "-l",
            Self::Language => matches!(option, "-r" | "--require" | "--import" | "--loader"),
            Self::Machine => {
                matches!(option, "-jar" | "-cp" | "-classpath" | "--class-path" | "-p" | "--module-path")
            }
            Self::Loader => matches!(
                option,
                "--library-path"
                    | "--preload"
                    | "--argv0"
                    | "--inhibit-rpath"
                    | "--audit"
                    | "--glibc-hwcaps-prepend"
            ),
        }
    }
}

/// Whether a program of this name is the dynamic loader.
fn is_loader(name: &str) -> bool {
    ["ld-linux", "ld-musl-", "ld.so", "ld64.so", "ld-2."].iter().any(|loader| name.starts_with(loader))
}

/// Whether a path stands for the standard input of the process that opens it.
fn is_input(path: &str) -> bool {
    matches!(path, "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0")
}

/// Returns the file that code of a shell reads first: `. FILE` or `source FILE`, as any command of the code.
fn sourced(code: &str) -> Option<&str> {
    let mut commands = code.split([';', '&', '|', '\n', '{', '(']);
    let rest = commands.find_map(|command| {
        let command = command.trim_start();
        command.strip_prefix(". ").or_else(|| command.strip_prefix("source "))
    })?;
    let file = rest.split_whitespace().next()?.trim_end_matches([')', '}']);
    let file = file.trim_matches(['"', '\'']);
    (!file.is_empty() && !file.contains('$')).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (
                "/usr/lib/ld-linux-x86-64.so.2",
                "x",
                vec!["ld.so", "--library-path", "/l", "/tmp/x", "a"],
                Some("/tmp/x"),
            ),
            ("/lib/ld-musl-x86_64.so.1", "x", vec!["x", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/java", "java", vec!["java", "-Xmx1g", "-jar", "/tmp/x.jar", "y"], Some("/tmp/x.jar")),
            ("/usr/bin/java", "java", vec!["java", "-cp", "/srv/x", "Main", "-jar", "y"], none),
            ("/usr/bin/bash", "bash", vec!["bash", "-c", ". /tmp/x; y"], Some("/tmp/x")),
            ("/usr/bin/dash", "sh", vec!["sh", "-c", "source '/tmp/x y'"], Some("/tmp/x")),
            ("/usr/bin/bash", "bash", vec!["bash", "-c", "cd /; . /tmp/x && y"], Some("/tmp/x")),
            ("/usr/bin/bash", "bash", vec!["bash", "-c", "true && (. /tmp/x)"], Some("/tmp/x")),
            ("/usr/bin/bash", "bash", vec!["bash", "-c", "ls . ; cat source"], none),
            ("/usr/bin/bash", "bash", vec!["bash", "/dev/stdin"], none),
            ("/usr/bin/bash", "bash", vec!["bash", "--rcfile", "/tmp/x", "/dev/stdin"], Some("/tmp/x")),
            ("/usr/bin/bash", "bash", vec!["bash", "--rcfile", "/usr/bin/apt-get", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/bash", "bash", vec!["bash", "--rcfile", "/tmp/x", "-i"], Some("/tmp/x")),
            ("/usr/bin/bash", "bash", vec!["bash", "-o", "errexit", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/node", "node", vec!["node", "-r", "/srv/a.js", "/srv/b.js"], Some("/srv/b.js")),
            ("/bin/busybox", "busybox", vec!["busybox", "sh", "/tmp/x"], Some("/tmp/x")),
            ("/bin/busybox", "busybox", vec!["/bin/busybox", "ash", "-e", "/tmp/x"], Some("/tmp/x")),
            ("/bin/busybox", "busybox", vec!["busybox", "wget", "http://x"], Some("wget")),
            ("/bin/busybox", "busybox", vec!["busybox"], none),
            ("/bin/busybox", "/bin/sh", vec!["sh", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/python3", "python3", vec!["python3", "-W", "ignore", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/python3", "python3", vec!["python3", "-X", "dev", "-u", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/perl", "perl", vec!["perl", "-W", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/perl", "perl", vec!["perl", "-I", "/srv/l", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/ruby3.1", "ruby", vec!["ruby", "-I", "lib", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/php8.2", "php", vec!["php", "-d", "a=b", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/php8.2", "php", vec!["php", "-r", "echo 1;"], none),
            ("/usr/bin/luajit", "luajit", vec!["luajit", "-l", "ffi", "/tmp/x"], Some("/tmp/x")),
            ("/usr/bin/expect", "expect", vec!["expect", "-f", "/tmp/x"], Some("/tmp/x")),
            ("", "", vec![], none),
        ];
        for (executable, invoked, arguments, expected) in cases {
            assert_eq!(script_of(executable, invoked, &arguments), expected, "{executable} {arguments:?}");
        }
    }

    #[test]
    fn programs_come_from_the_input_without_file_and_code() {
        let reads = |executable: &str, arguments: &[&str]| reads_program_from_input(executable, arguments);
        assert!(reads("/bin/busybox", &["sh"]));
        assert!(reads("/bin/busybox", &["busybox", "sh"]));
        assert!(reads("/usr/bin/python3", &["python3", "-W", "ignore", "-"]));
        assert!(reads("/usr/bin/bash", &["bash", "/dev/stdin"]));
        assert!(reads("/usr/bin/perl", &["perl", "/proc/self/fd/0"]));
        assert!(!reads("/bin/busybox", &["busybox", "sh", "/tmp/x"]));
        assert!(!reads("/bin/busybox", &["busybox", "wget"]));
        assert!(!reads("/usr/bin/python3", &["python3", "-X", "dev", "/tmp/x"]));
    }
}
