//! Shows the reports of a response.

use crate::{
    cli::{ExitReason, Failure, streams::write_stdout},
    model::ResponseReport,
};

/// Writes the reports to standard output. The exit code tells whether all was done.
pub fn show(reports: &[ResponseReport], json: bool) -> Result<ExitReason, Failure> {
    let mut text = String::new();
    for report in reports {
        if json {
            text.push_str(&serde_json::to_string(report).map_err(anyhow::Error::from)?);
        } else {
            text.push_str(&plain(&report.message));
        }
        text.push('\n');
    }
    write_stdout(&text)?;
    let all_fine = reports.iter().all(|report| report.outcome.is_fine());
    Ok(if all_fine { ExitReason::Fine } else { ExitReason::Failed })
}

/// Escapes what would move the cursor of a terminal: a suspect chooses its own name.
fn plain(text: &str) -> String {
    text.chars()
        .map(
            |letter| {
                if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
            },
        )
        .collect()
}
