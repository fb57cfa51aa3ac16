//! What a command line says about other programs: that it lists them, searches for them or kills them.

use crate::process::{Command, base_name};

/// Minimum length of a target, in bytes. Shorter ones match too many programs.
const MIN_LENGTH: usize = 3;

/// What a command does to other programs.
#[derive(Debug)]
pub(super) enum Deed<'a> {
    /// Kills programs by these names, patterns or ports.
    Kills(Vec<&'a str>),
    /// Lists processes: those that these patterns name, or all.
    Lists(Vec<&'a str>),
    /// Searches a list for these patterns.
    Searches(Vec<&'a str>),
    /// Kills what was found.
    KillsFound,
}

impl<'a> Deed<'a> {
    pub(super) fn of(command: &Command<'a>) -> Option<Self> {
        if command.is(&["pkill", "killall"]) {
            // Signal 0 only asks whether a process exists.
            let only_asks = command.has("-0") || command.has("--list-name");
            // `killall -r` has a pattern, and `pkill -r` has a value.
            let valued = if command.is(&["killall"]) { "nosuyZ" } else { "dFgGPrstuU" };
            let words = patterns(operands(command, valued));
            return (!only_asks && !words.is_empty()).then_some(Self::Kills(words));
        }
        if command.is(&["pgrep"]) {
            return Some(Self::Lists(patterns(operands(command, "dFgGPrstuU"))));
        }
        if command.is(&["pidof"]) {
            return Some(Self::Lists(patterns(operands(command, "oS"))));
        }
        if command.is(&["ps", "top", "netstat", "ss", "lsof"]) {
            return Some(Self::Lists(Vec::new()));
        }
        if command.is(&["fuser"]) {
            let kills = command.arguments().any(|flags| {
                flags == "--kill"
                    || (flags.starts_with('-') && !flags.starts_with("--") && flags.contains('k'))
            });
            return kills.then(|| Self::Kills(command.operands().collect()));
        }
        if command.is(&["xargs"]) {
            let kills = command.arguments().any(|argument| base_name(argument) == "kill");
            return kills.then_some(Self::KillsFound);
        }
        if command.is(&["kill"]) {
            let only_asks = ["-0", "-l", "-L", "--list", "--table"].iter().any(|option| command.has(option));
            return (!only_asks && !follows(command, "-s", "0")).then_some(Self::KillsFound);
        }
        if command.is(&["grep", "egrep", "fgrep"]) {
            let inverts = command.arguments().any(|flags| {
                flags == "--invert-match"
                    || (flags.starts_with('-') && !flags.starts_with("--") && flags.contains('v'))
            });
            let words = patterns(command.operands().take(1));
            return (!inverts && !words.is_empty()).then_some(Self::Searches(words));
        }
        None
    }
}

/// The arguments that are neither options nor the values of options. `valued` has the letters of the options that have a
/// value (pkill(1), killall(1), pidof(1)).
fn operands<'a>(command: &Command<'a>, valued: &str) -> impl Iterator<Item = &'a str> {
    let mut is_value = false;
    command.arguments().filter(move |argument| {
        let was_value = std::mem::take(&mut is_value);
        if was_value {
            return false;
        }
        let Some(option) = argument.strip_prefix('-') else { return true };
        is_value = option == "-signal" || (option.len() == 1 && valued.contains(option));
        false
    })
}

/// Returns what regular expressions search for: `/x/(abc|def)` searches for `abc` and `def`. Of `[x]mrig`, the rest without
/// the letter in brackets is kept.
pub(super) fn patterns<'a>(expressions: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let alternatives = |expression: &'a str| {
        let is_choice = expression.contains('|');
        expression.split('|').map(move |part| {
            let part = part.trim_end_matches('\\');
            let part = if is_choice { part.rsplit('(').next().unwrap_or(part) } else { part };
            let part = if is_choice { part.split(')').next().unwrap_or(part) } else { part };
            // The letter in brackets keeps grep from finding itself.
            let part = match part.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((letter, rest)) if letter.len() == 1 => rest,
                _ => part,
            };
            part.trim_matches(|edge: char| matches!(edge, '^' | '$' | '\\' | ' ' | '*'))
        })
    };
    expressions.flat_map(alternatives).filter(|part| part.len() >= MIN_LENGTH).collect()
}

/// Whether an option of a command has this value.
fn follows(command: &Command<'_>, option: &str, value: &str) -> bool {
    command.arguments().zip(command.arguments().skip(1)).any(|pair| pair == (option, value))
}
