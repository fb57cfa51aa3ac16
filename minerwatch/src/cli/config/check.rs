//! `minerwatch config check`: checks a configuration as far as possible without a daemon.

use std::fmt::Write as _;

use super::{ConfigFile, ExitReason, Failure, name_of};
use crate::{
    cli::{
        counted::counted,
        streams::{tell_as_is, write_stdout},
    },
    config::{Effective, drop_in},
    feeds::{FileReport, Loaded, check_database, load, with_synced},
    host,
    intel::ListKind,
    model::KindSet,
    pipeline::exceptions,
};

/// Check the configuration, and the files and directories that it names
///
/// Checks every key and every MINERWATCH_ variable, whether files can be read and outputs can be written by this user,
/// and the content of lists, databases and exceptions. The exit code is 2 if anything is wrong; each message names the
/// file, the line and the key.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch config check                 check the configuration of the service
  minerwatch config check m.toml               check a file before it is installed
  minerwatch config check && systemctl reload minerwatch";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    let effective = arguments.file.load()?;
    let mut wrong: Vec<String> = Vec::new();
    let paths = effective.unusable_paths().into_iter().chain(effective.missing_paths());
    wrong.extend(paths.map(|error| error.to_string()));
    if let Err(error) = exceptions(&effective.config, effective.path.as_deref()) {
        wrong.push(error.to_string());
    }
    let intel = with_synced(&effective.config);
    let loaded = load(&intel, host::unix_seconds(), None);
    wrong.extend(loaded.files.iter().filter_map(|file| of_list(&effective, file)));
    for path in &intel.geo_databases {
        if let Err(error) = check_database(path) {
            wrong.push(of_key(&effective, "geo_databases", &format!("{}: {error:#}", path.display())));
        }
    }
    if !wrong.is_empty() {
        tell_as_is(&wrong.iter().fold(String::new(), |text, message| text + "minerwatch: " + message + "\n"));
        return Ok(ExitReason::Usage);
    }
    write_stdout(&summary(&effective, &loaded))?;
    Ok(ExitReason::Fine)
}

/// Returns what is wrong with a list, with the key that names it.
fn of_list(effective: &Effective, file: &FileReport) -> Option<String> {
    let key = match file.kind {
        ListKind::Mining => "pools",
        ListKind::Threat => "threats",
        ListKind::Allow => "allow",
    };
    let trouble = file.trouble.as_deref()?;
    Some(of_key(effective, key, &format!("{}: {trouble}", file.source)))
}

fn of_key(effective: &Effective, key: &str, message: &str) -> String {
    effective.error_at("[intel]", 0, key, message.to_owned()).to_string()
}

/// Says that the configuration is fine, and what it does in a few words.
fn summary(effective: &Effective, loaded: &Loaded) -> String {
    let config = &effective.config;
    let mut text = format!("{}: fine\n", name_of(effective));
    for output in config.sink.all() {
        let filter = output.filter();
        let events = match filter.events {
            KindSet::NONE => String::new(),
            KindSet::ALL => "all events".to_owned(),
            kinds => format!("events ({kinds})"),
        };
        let what = match (filter.alerts, events.as_str()) {
            (true, "") => "alerts".to_owned(),
            (true, events) => format!("alerts and {events}"),
            (false, "") => "nothing".to_owned(),
            (false, events) => events.to_owned(),
        };
        let _ = writeln!(text, "  output {}: {what}", output.name());
    }
    let indicators = &loaded.indicators;
    let _ = writeln!(
        text,
        "  {}: {} watched for, {} allowed",
        counted(indicators.lists().len(), "list", "lists"),
        counted(indicators.len(), "entry", "entries"),
        indicators.allowed(),
    );
    let overrides = effective.overriding_variables();
    if !overrides.is_empty() {
        let _ = writeln!(text, "  from the environment: {}", overrides.join(", "));
    }
    if drop_in(config).contains("[Service]") {
        text.push_str("  the systemd service needs a drop-in: `minerwatch config unit` prints it\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Environment;

    #[test]
    fn the_summary_names_outputs_and_overrides() {
        let text = "[sink.stdout]\nalerts = false\n[[sink.file]]\npath = '/var/log/mw/a'\nevents = ['exec']\n\
                    [[sink.file]]\npath = '/b'\nevents = 'all'\n[intel]\nbuilt_in = false\n";
        let variables = [("MINERWATCH_LOG__LEVEL".into(), "warn".into())];
        let own =
            Effective::parse(text, Some(Path::new("m.toml")), &Environment::of(variables)).expect("fine");
        let loaded = load(&own.config.intel, 0, None);
        assert_eq!(
            summary(&own, &loaded),
            "m.toml: fine\n  output standard output: nothing\n  output /var/log/mw/a: alerts and events (exec)\n  \
             output /b: alerts and all events\n  0 lists: 0 entries watched for, 0 allowed\n  from the environment: \
             MINERWATCH_LOG__LEVEL\n  the systemd service needs a drop-in: `minerwatch config unit` prints it\n"
        );
    }
}
