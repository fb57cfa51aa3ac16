//! Generates `docs/configuration.md`.

use std::fmt::Write as _;

use super::entries;
use crate::schema::Shape;

const INTRODUCTION: &str = r#"# Configuration

`minerwatch run --config FILE` reads one file in [TOML](https://toml.io). Without it the daemon uses the
defaults below: alerts as JSON on standard output. Every key is optional unless it is marked as required.

- A key or value that is not allowed stops the start with exit code 2. The message names the file, the line and
  the key. The same applies to a file output whose directory is missing or cannot be written. `minerwatch config
  check FILE` finds such errors before the daemon does.
- The daemon reads the file again when it changes, and on `SIGHUP`. A link to the file may change as well, as in a
  ConfigMap of Kubernetes. A broken configuration is refused and the old one stays in force, in all its parts. The
  daemon reports either on standard error. `[detection].min_verdict` and `.watch_hours`, the exceptions, `[intel]`,
  `[sink]`, `[log]` and `[config]` take effect at once, the other sections at the next start; the daemon says so. Lists of indicators
  have a reload of their own ([intel.md](intel.md)).
- `[[sink.file]]` may be given several times, once for each file, `[[intel.sync]]` once for each list, and
  `[[detection.except]]` once for each exception.

## Commands

| command | what it does |
|---|---|
| `minerwatch config check [FILE]` | checks the configuration, and the files and directories that it names; exit code 2 if anything is wrong |
| `minerwatch config show [FILE]` | shows all values with their origin, without secrets; `--json` for programs |
| `minerwatch config default` | prints [the example](../deploy/minerwatch.toml), a file to start from |
| `minerwatch config unit [FILE]` | prints the systemd drop-in that the configured outputs need ([deployment.md](deployment.md)) |

Without FILE, they read `/etc/minerwatch.toml`, or use the defaults if this file does not exist.

## Environment

An environment variable `MINERWATCH_SECTION__KEY` overrides a key of the file, with two underscores between the
levels:

```sh
MINERWATCH_DETECTION__MIN_VERDICT=mining
MINERWATCH_LIMITS__MAX_PROCESSES=131072
MINERWATCH_SINK__STDOUT__EVENTS='["exec", "connect"]'
MINERWATCH_FIELDS__LABELS='{ team = "web" }'
```

- The value is read as TOML, and as a text if it is not TOML or if the key wants a text.
- A variable that begins with `MINERWATCH_` and names no key stops the start with exit code 2. The message names
  similar variables. `MINERWATCH_LOG`, variables that a value in the file names, and the variables that Kubernetes
  sets because of a service called `minerwatch` are exceptions.
- Sections that may be given several times, such as `[[sink.file]]`, cannot be overridden.
- The overrides apply to the daemon, also after a reload, and to every command that reads the configuration.

This page is generated from the program; a test fails when they differ. [The example](../deploy/minerwatch.toml)
has the same keys.
"#;

/// Returns the page, in Markdown.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for entry in entries() {
        let _ = write!(
            page,
            "\n## `{}`\n\n{}\n\n| key | default | values | meaning |\n|---|---|---|---|\n",
            entry.header(),
            entry.meaning
        );
        for key in &entry.keys {
            let Shape::Value { required, values, default } = &key.shape else { continue };
            let default = default.as_ref().map_or_else(|| "none".to_owned(), |text| format!("`{text}`"));
            let required = if *required { "; required" } else { "" };
            let _ = writeln!(page, "| `{}` | {default} | {values}{required} | {} |", key.name, key.meaning);
        }
    }
    page
}
