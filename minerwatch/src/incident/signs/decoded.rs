//! Code that was decoded from base64. Keys and settings are decoded too, so only what is run counts.

use crate::{
    bounded::BoundedMap,
    detect::DetectionContext,
    model::ProcessKey,
    process::{Command, Process, Role, base_name, reads_program_from_input},
};

/// Whether a command decodes base64.
pub(super) fn decodes(command: &Command<'_>) -> bool {
    let is_flag = |argument: &str| {
        matches!(argument, "--decode" | "-decode")
            || argument.strip_prefix('-').is_some_and(|flags| {
                !flags.starts_with('-') && flags.len() <= 3 && flags.contains(['d', 'D'])
            })
    };
    let is_decoder = command.is(&["base64"])
        || (command.is(&["openssl"]) && ["base64", "-base64", "-a"].iter().any(|word| command.has(word)));
    is_decoder && command.arguments().any(is_flag)
}

/// Maximum number of processes whose latest decoder and interpreter are remembered.
const PARENTS: usize = 1_024;

/// The latest decoder and the latest interpreter that a process started.
#[derive(Clone, Copy, Debug, Default)]
struct Pipeline {
    decoder: Option<ProcessKey>,
    /// It reads its program from its standard input.
    interpreter: Option<ProcessKey>,
}

/// The latest pipelines of decoders and interpreters, by the process that started them.
#[derive(Debug)]
pub(in crate::incident) struct Pipelines(BoundedMap<ProcessKey, Pipeline>);

impl Default for Pipelines {
    fn default() -> Self {
        Self(BoundedMap::new(PARENTS))
    }
}

impl Pipelines {
    /// Notes a program that starts. Returns the interpreter whose program a decoder writes, if it is one of the two. The
    /// same process started both, and both run: of commands that run one after the other, the first has ended.
    pub(in crate::incident) fn start(&mut self, context: &DetectionContext<'_>) -> Option<ProcessKey> {
        let (table, process) = (context.table, context.process);
        let parent = process.parent?;
        let is_decoder = context.command.as_ref().is_some_and(decodes);
        let view = &process.view;
        let is_interpreter = || {
            matches!(process.role, Role::Shell | Role::Interpreter)
                && reads_program_from_input(&view.executable.path, &view.arguments)
        };
        if !is_decoder && !is_interpreter() {
            return None;
        }
        let pipeline = self.0.entry(&parent, Pipeline::default);
        if is_decoder {
            pipeline.decoder = Some(process.key());
        } else {
            pipeline.interpreter = Some(process.key());
        }
        let (decoder, interpreter) = (pipeline.decoder?, pipeline.interpreter?);
        let runs = |key| table.get(key).is_some_and(Process::is_alive);
        (decoder != interpreter && runs(decoder) && runs(interpreter)).then_some(interpreter)
    }
}

/// Whether code decodes base64 and runs the result.
pub(super) fn runs_decoded(code: &str) -> bool {
    code.contains("ase64") && (runs_in_language(code) || commands(code).any(runs_in_shell))
}

/// Whether code of Python, Perl, PHP, Ruby or JavaScript does so.
fn runs_in_language(code: &str) -> bool {
    const DECODERS: [&str; 6] =
        ["b64decode", "decode_base64", "base64_decode", "decode64", "'base64'", "\"base64\""];
    const EVALUATORS: [&str; 6] = ["exec(", "eval(", "eval ", "system(", "popen(", "Function("];
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    has(&DECODERS) && has(&EVALUATORS)
}

/// Returns the commands of code of a shell.
fn commands(code: &str) -> impl Iterator<Item = &str> {
    code.split(['\n', ';']).flat_map(|line| line.split("&&")).flat_map(|line| line.split("||"))
}

/// Whether a pipeline of a shell leads from a decoder to an interpreter, or gives it the output of a decoder.
fn runs_in_shell(pipeline: &str) -> bool {
    let mut parts = pipeline.split('|').skip_while(|part| !decodes_in_shell(part));
    let is_piped = parts.next().is_some() && parts.any(|part| program_of(part).is_some_and(is_interpreter));
    is_piped || is_substituted(pipeline)
}

fn decodes_in_shell(part: &str) -> bool {
    let mut words = part.split(is_separator).filter(|word| !word.is_empty());
    let is_decoder = |word: &str| base_name(word).ends_with("base64");
    let is_flag = |word: &str| word.starts_with('-') && word.contains(['d', 'D']);
    words.any(is_decoder) && words.any(is_flag)
}

/// Whether code runs what a decoder in `$(…)`, `` `…` `` or `<(…)` prints.
fn is_substituted(pipeline: &str) -> bool {
    ["$(", "`", "<("].iter().any(|start| {
        let Some((before, inside)) = pipeline.split_once(start) else { return false };
        if !inside.contains("base64") {
            return false;
        }
        let is_program = || program_of(before).is_some_and(is_interpreter);
        let last = before.split(is_separator).rfind(|word| !word.is_empty()).unwrap_or_default();
        match last {
            "eval" | "source" | "." => true,
            "<<<" => is_program(),
            _ if *start == "<(" => is_interpreter(last),
            _ => is_program() && last.starts_with('-') && last.ends_with('c'),
        }
    })
}

/// Returns the first word of a command that is no assignment and no wrapper.
fn program_of(command: &str) -> Option<&str> {
    let mut words = command.split(is_separator).filter(|word| !word.is_empty());
    words.find(|word| !word.contains('=') && !matches!(*word, "sudo" | "nohup" | "exec" | "command"))
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '(' | ')' | '"' | '\'' | '{' | '}' | '&')
}

fn is_interpreter(word: &str) -> bool {
    matches!(Role::of_name(base_name(word)), Role::Shell | Role::Interpreter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_run_counts() {
        for code in [
            "echo ZXhl | base64 -d | bash",
            "echo ZXhl|base64 -d|gunzip|sudo sh -s",
            "curl -s x; (echo ZXhl | /usr/bin/base64 --decode | bash)",
            "echo ZXhl | openssl base64 -d | sh",
            "bash -c \"$(echo ZXhl | base64 -d)\"",
            "eval `echo ZXhl | base64 -d`",
            "bash <(echo ZXhl | base64 -d)",
            "bash <<< $(base64 -d /tmp/x)",
            "import base64;exec(base64.b64decode('ZXhl'))",
            "eval(Buffer.from('ZXhl','base64').toString())",
            "use MIME::Base64; eval decode_base64('ZXhl')",
        ] {
            assert!(runs_decoded(code), "{code}");
        }
        for code in [
            "echo $KUBECONFIG | base64 -d > ~/.kube/config; curl -fsSL https://x/get | bash",
            "TOKEN=$(echo $SECRET | base64 -d); bash deploy.sh",
            "eval $(ssh-agent); echo $KEY | base64 -d > key && ssh-add key",
            "kubectl get secret x | base64 -d | jq .",
            "cat script.sh | base64 | sh -s",
            "python3 app.py --token \"$(base64 -d token)\"",
            "import base64; print(base64.b64decode(key))",
            "",
        ] {
            assert!(!runs_decoded(code), "{code}");
        }
    }
}
