//! The plan as a shell script that asks before each step.

use std::fmt::Write as _;

use super::{Kind, Plan, text::shown};

/// The functions of the script. `check_hash` and `edit` stand for the commands that the plan names `minerwatch-…`.
const HEAD: &str = r#"#!/bin/sh
# Asks before each step. Any answer but `y` leaves the step out; `q` ends the script.
set -u

ask() {
  printf '\n%s\n' "$1"
  printf 'Do this? [y/N/q] '
  read -r answer || exit 1
  case $answer in
    y|Y) return 0 ;;
    q|Q) exit 0 ;;
    *) return 1 ;;
  esac
}

note() {
  printf '\n%s\n' "$1"
}

check_hash() {
  printf '%s\n' "$1" | sha256sum --check --status - && return 0
  echo 'The file is gone or is another one: it is left as it is.'
  return 1
}

edit() {
  "${EDITOR:-vi}" "$1"
}

optional() {
  "$@" 2>/dev/null || true
}
"#;

/// Returns a word that the shell reads as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn command(words: &[String]) -> String {
    let mut words = words.iter();
    let name = words.next().map(String::as_str).unwrap_or_default();
    let arguments: String = words.fold(String::new(), |text, word| format!("{text} {}", quoted(word)));
    match name {
        "minerwatch-check-hash" => format!("check_hash{arguments}"),
        "minerwatch-edit" => format!("edit{arguments}"),
        // Not every file system has these flags, and not every line is found.
        "chattr" | "grep" => format!("optional {name}{arguments}"),
        name => format!("{}{arguments}", quoted(name)),
    }
}

/// Writes the script.
pub fn script(plan: &Plan) -> String {
    let mut text = HEAD.to_owned();
    let title = format!("Cleaning up after the incident {}: {}", plan.incident, shown(&plan.message));
    let _ = writeln!(text, "\nnote {}", quoted(&title));
    for (number, step) in plan.steps.iter().enumerate() {
        let what = super::text::sentence(number + 1, step);
        if step.commands.is_empty() {
            let _ = writeln!(text, "\nnote {}", quoted(&what));
            continue;
        }
        let commands: Vec<String> = step.commands.iter().map(|words| command(words)).collect();
        // The last command may fail, for example because the suspects have ended.
        let joined = commands.join(" && \\\n    ");
        let _ = writeln!(text, "\nif ask {}; then\n    {joined}\nfi", quoted(&what));
        if step.kind == Kind::Verify {
            text.push_str("# `minerwatch scan` returns 10 if it found something.\n");
        }
    }
    text.push_str("\nnote 'Done.'\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $(x) `y` \"z\""), r#"'it'\''s $(x) `y` "z"'"#);
    }
}
