//! Formats arguments as one line that a shell would split into the same arguments.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer};

/// Arguments joined by spaces, quoted where needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommandLine<'a>(pub &'a [Arc<str>]);

impl fmt::Display for CommandLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, argument) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            quote(argument, formatter)?;
        }
        Ok(())
    }
}

impl Serialize for CommandLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn quote(argument: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return formatter.write_str(argument);
    }
    formatter.write_str("'")?;
    for (index, part) in argument.split('\'').enumerate() {
        if index > 0 {
            formatter.write_str("'\\''")?;
        }
        formatter.write_str(part)?;
    }
    formatter.write_str("'")
}

/// Whether a character has no meaning for a shell at any position.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "@%_-+=:,./".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_where_needed() {
        for (arguments, expected) in [
            (&[][..], ""),
            (&["ls", "-la", "/tmp"], "ls -la /tmp"),
            (&["sh", "-c", "curl x | sh"], "sh -c 'curl x | sh'"),
            (&["echo", ""], "echo ''"),
            (&["echo", "it's"], r"echo 'it'\''s'"),
            (&["printf", "a\nb"], "printf 'a\nb'"),
            (&["echo", "$(id)", "*", "~", "größe"], "echo '$(id)' '*' '~' größe"),
            (&["curl", "http://a/?b=1&c"], "curl 'http://a/?b=1&c'"),
        ] {
            let arguments: Vec<Arc<str>> = arguments.iter().map(|argument| (*argument).into()).collect();
            assert_eq!(CommandLine(&arguments).to_string(), expected);
        }
    }
}
