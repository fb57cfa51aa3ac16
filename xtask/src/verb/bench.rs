//! placeholder
use anyhow::Result;
/// x
#[derive(clap::Args)]
pub struct Arguments {}
impl Arguments {
    /// x
    pub fn run(self) -> Result<()> {
        Ok(())
    }
}
