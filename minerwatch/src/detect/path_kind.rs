//! Classifies files by their location.

use crate::process::Process;

/// The kind of location of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A world-writable directory that is cleared from time to time.
    Temporary,
    /// A path with a directory or file whose name begins with a dot, other than the usual ones of developer tools.
    Hidden,
    /// A path that is longer or deeper than any usual one, so that only a part of it is known.
    Deep,
    /// Any other location.
    Ordinary,
}

/// First byte of the character `…`, which stands for the parts that are unknown.
const ELLIPSIS: u8 = 0xe2;

/// Minimum length of a name that says whose directory it is. Shorter ones are a disguise more often.
const MIN_NAME: usize = 3;

/// Whether nothing is odd about the program of a process: it was not dropped, and its file lies in an ordinary place.
pub fn is_ordinary_program(process: &Process) -> bool {
    process.taint.is_none()
        && !process.view.executable.flags.has_no_file()
        && !PathKind::of(process.program_path()).is_odd()
}

impl PathKind {
    /// Returns the kind of location of an absolute path.
    pub fn of(path: &str) -> Self {
        const TEMPORARY: [&str; 9] = [
            "/tmp/",
            "/var/tmp/",
            "/dev/shm/",
            "/run/shm/",
            "/dev/mqueue/",
            "/run/lock/",
            "/var/lock/",
            "/run/user/",
            "/var/crash/",
        ];
        if TEMPORARY.iter().any(|directory| path.starts_with(directory)) {
            return Self::Temporary;
        }
        // Most paths have no hidden part. One search rules them out.
        if path.contains("/.") && path.split('/').any(is_hidden) {
            return Self::Hidden;
        }
        // Most paths are ASCII. A search for one byte is cheaper than one for a text.
        let is_cut = path.as_bytes().contains(&ELLIPSIS) && path.contains("/…/");
        if is_cut { Self::Deep } else { Self::Ordinary }
    }

    /// Returns the kind of location of a file that came from another host. Web roots and the directories where programs
    /// keep their own data are odd places for such a program, although not for others.
    pub fn of_fetched(path: &str) -> Self {
        const WEB_ROOTS: [&str; 4] = ["/var/www/", "/srv/www/", "/srv/http/", "/usr/share/nginx/"];
        match Self::of(path) {
            Self::Ordinary if WEB_ROOTS.iter().any(|root| path.starts_with(root)) || is_web_root(path) => {
                Self::Temporary
            }
            Self::Ordinary if path.contains("/.cache/") || is_private_data(path) => Self::Hidden,
            other => other,
        }
    }

    /// Whether a path with one hidden directory is one where installers and applications keep programs of their own:
    /// `~/.NAME/bin/x`, `~/.config/NAME/bin/x`, `~/.NAME/NAME.sh`, `~/.NAME/versions/1.5.0/x`,
    /// `/opt/NAME/.updates/NAME-2.1`.
    pub fn is_own_directory(path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let Some((file, directories)) = parts.split_last() else { return false };
        let mut hidden = directories.iter().enumerate().filter(|(_, part)| is_hidden(part));
        let (Some((place, directory)), None) = (hidden.next(), hidden.next()) else { return false };
        let name = directory.trim_start_matches('.');
        let is_word =
            |name: &str| name.len() >= MIN_NAME && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        let above = directories.get(..place).unwrap_or_default();
        let below = directories.get(place + 1..).unwrap_or_default();
        match above {
            ["root"] | ["home", _] if !is_hidden(file) => match below {
                ["bin"] => is_word(name.trim_end_matches(|last: char| last.is_ascii_digit())),
                [tool, "bin"] if name == "config" => is_word(tool),
                [kind, _, ..] => name != "config" && is_word(name) && is_word(kind),
                [] => name.len() >= MIN_NAME && file.starts_with(name),
                _ => false,
            },
            ["opt", .., owner] => {
                is_word(name) && below.is_empty() && owner.len() >= MIN_NAME && file.starts_with(owner)
            }
            _ => false,
        }
    }

    /// Whether a path has a hidden directory that is not usual in a temporary one. Usual are virtual environments, the
    /// programs of Node.js modules, and the mount of an `AppImage`.
    pub fn hides_in_temporary(path: &str) -> bool {
        let mut before = "";
        path.split('/').any(|part| {
            let is_usual = match part {
                ".venv" | ".tox" | ".nox" => true,
                ".bin" => before == "node_modules",
                _ => before == "tmp" && is_mounted_image(part),
            };
            before = part;
            part.starts_with('.') && !is_usual
        })
    }

    /// Whether programs seldom lie in such a location.
    pub fn is_odd(self) -> bool {
        self != Self::Ordinary
    }

    /// Returns the location in words, for messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Temporary => "a temporary directory",
            Self::Hidden => "a hidden place",
            Self::Deep => "a very deep directory",
            Self::Ordinary => "its place",
        }
    }
}

/// Whether a path is below the web pages of a person, or of a web server that was built on this host.
fn is_web_root(path: &str) -> bool {
    path.contains("/public_html/") || (path.starts_with("/usr/local/") && path.contains("/htdocs/"))
}

/// Whether a path is below `.local`, but not where people install programs.
fn is_private_data(path: &str) -> bool {
    path.contains("/.local/") && !path.contains("/.local/bin/") && !path.contains("/.local/lib/")
}

/// Whether a directory has the name of a mounted `AppImage`: the first letters of its file's name, and six random ones.
fn is_mounted_image(directory: &str) -> bool {
    let name = directory.strip_prefix(".mount_").unwrap_or_default();
    (7..=12).contains(&name.len()) && name.bytes().rev().take(6).all(|byte| byte.is_ascii_alphanumeric())
}

fn is_hidden(part: &str) -> bool {
    part.starts_with('.') && !matches!(part, "." | "..") && !is_usual(part)
}

/// Whether developer tools usually create a hidden directory or file of this name.
#[rustfmt::skip]
fn is_usual(part: &str) -> bool {
    matches!(
        part,
        ".ansible" | ".asdf" | ".bun" | ".bundle" | ".cabal" | ".cache" | ".cargo" | ".claude" | ".conda" | ".cursor-server"
        | ".deno" | ".docker" | ".dotnet" | ".emacs.d" | ".gem" | ".ghcup" | ".git" | ".github" | ".go" | ".gradle"
        | ".hex" | ".husky" | ".ivy2" | ".jenkins" | ".julia" | ".krew" | ".linuxbrew" | ".local" | ".m2" | ".mamba"
        | ".mix" | ".next" | ".nix-profile" | ".nox" | ".npm" | ".nuget" | ".nvm" | ".nvmrc" | ".oh-my-zsh" | ".opam"
        | ".pixi" | ".pnpm" | ".pnpm-store" | ".poetry" | ".pre-commit" | ".pyenv" | ".rbenv" | ".rustup" | ".rvm"
        | ".sdkman" | ".stack" | ".steam" | ".terraform" | ".terraform.d" | ".terragrunt-cache" | ".tox" | ".uv"
        | ".venv" | ".virtualenvs" | ".volta" | ".vim" | ".vscode" | ".vscode-oss" | ".vscode-server"
        | ".windsurf-server" | ".wine" | ".yarn" | ".zig-cache" | ".build" | ".bin" | ".libs"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_sorted_by_their_place() {
        let cases = [
            ("/tmp/x", PathKind::Temporary),
            ("/var/tmp/.x/y", PathKind::Temporary),
            ("/dev/shm/a", PathKind::Temporary),
            ("/run/lock/a", PathKind::Temporary),
            ("/run/user/1000/a", PathKind::Temporary),
            ("/var/crash/a", PathKind::Temporary),
            ("/run/locksmith", PathKind::Ordinary),
            ("/var/www/html/a", PathKind::Ordinary),
            ("/tmpfile", PathKind::Ordinary),
            ("/root/.x/kworker", PathKind::Hidden),
            ("/usr/bin/.sshd", PathKind::Hidden),
            ("/opt/...", PathKind::Hidden),
            ("/root/.cargo/bin/rustc", PathKind::Ordinary),
            ("/home/me/.cargo/.x/rustc", PathKind::Hidden),
            ("/…/a/b", PathKind::Deep),
            ("/home/me/…/a/b", PathKind::Deep),
            ("/tmp/x/…/b", PathKind::Temporary),
            ("/srv/a.b/c", PathKind::Ordinary),
            ("/srv/./c/../d", PathKind::Ordinary),
            ("relative", PathKind::Ordinary),
            ("", PathKind::Ordinary),
        ];
        for (path, place) in cases {
            assert_eq!(PathKind::of(path), place, "{path}");
        }
        for (path, place) in [
            ("/var/www/html/a", PathKind::Temporary),
            ("/home/me/.cache/a", PathKind::Hidden),
            ("/home/me/.local/share/a", PathKind::Hidden),
            ("/home/me/.local/bin/a", PathKind::Ordinary),
            ("/home/me/public_html/a", PathKind::Temporary),
            ("/usr/local/apache2/htdocs/a", PathKind::Temporary),
            ("/usr/share/nginx/html/a", PathKind::Temporary),
            ("/usr/local/bin/htdocs", PathKind::Ordinary),
            ("/opt/apache2/htdocs/a", PathKind::Ordinary),
            ("/home/me/public_html", PathKind::Ordinary),
            ("/srv/a", PathKind::Ordinary),
            ("/tmp/a", PathKind::Temporary),
        ] {
            assert_eq!(PathKind::of_fetched(path), place, "{path}");
        }
    }
    #[test]
    fn installers_and_applications_have_directories_of_their_own() {
        for path in [
            "/root/.fly/bin/flyctl",
            "/home/me/.config/tools/bin/golangci-lint",
            "/root/.acme.sh/acme.sh",
            "/opt/app/.updates/app-2.1",
            "/root/.tfenv/versions/1.5.0/terraform",
            "/home/me/.pulumi/plugins/resource-aws-v6.1.0/pulumi-resource-aws",
            "/root/.linkerd2/bin/linkerd",
        ] {
            assert!(PathKind::is_own_directory(path), "{path}");
        }
        for path in [
            "/root/.x/bin/kw",
            "/root/.../bin/kw",
            "/root/.fly/.x/bin/kw",
            "/root/.fly/bin/.kw",
            "/root/.fly/kw",
            "/root/.config/kw",
            "/root/.gconf/a/b/kw",
            "/root/.config/tools/x/kw",
            "/root/.configrc5/a/kswapd0",
            "/opt/app/.jvm/java",
            "/var/www/app/.updates/app",
            "/tmp/.fly/bin/flyctl",
            "/usr/bin/x",
            "",
        ] {
            assert!(!PathKind::is_own_directory(path), "{path}");
        }
    }

    #[test]
    fn builds_have_usual_hidden_directories() {
        for path in [
            "/tmp/etl/.venv/bin/tool",
            "/tmp/web/node_modules/.bin/vite",
            "/tmp/.mount_reporAbCdEf/usr/bin/report",
            "/tmp/x",
        ] {
            assert!(!PathKind::hides_in_temporary(path), "{path}");
        }
        for path in
            ["/tmp/.x/m", "/tmp/.venv/.x/m", "/tmp/.bin/m", "/tmp/.mount_x/m", "/tmp/x/.mount_reporAbCdEf/m"]
        {
            assert!(PathKind::hides_in_temporary(path), "{path}");
        }
    }
}
