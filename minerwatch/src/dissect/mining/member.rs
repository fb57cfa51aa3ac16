//! The members of JSON messages that mining protocols use, and where they stand.

use super::json::Text;

/// A member that some mining protocol uses. The second half of the list stands in `params`, in `body`, in `result`, or
/// in a `job` inside of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// `worker` at the top level.
    Worker,
    /// `wallet` at the top level.
    Wallet,
    /// `addr` at the top level.
    Address,
    /// `computorId` at the top level.
    Computor,
    /// `hashrate` at the top level.
    HashRate,
    /// `api_key` at the top level.
    ApiKey,
    /// `nonce` at the top level.
    TopNonce,
    /// `seed` at the top level.
    Seed,
    /// `input` at the top level.
    Input,
    /// `output` at the top level.
    Output,
    /// `difficulty` or `diff` at the top level.
    TopDifficulty,
    /// `algo` or `algos` at the top level, or `algo` of one of the `pools`.
    TopAlgorithms,
    /// `agent` at the top level.
    TopAgent,
    /// `blob` at the top level.
    TopBlob,
    /// `data` at the top level.
    Data,
    /// `hash` at the top level.
    TopHash,
    /// `jobid` at the top level.
    TopJobId,
    /// `blocktemplate_blob` at the top level.
    TemplateBlob,
    /// `mbl_blob` at the top level.
    MiniBlob,
    /// `block_template` or `miner_work` at the top level.
    BlockTemplate,
    /// `new_job` at the top level.
    NewJob,
    /// `client_status` at the top level.
    ClientStatus,
    /// `pools` at the top level.
    Pools,
    /// `donate-level` at the top level.
    DonateLevel,

    /// `login`.
    Login,
    /// `pass`.
    Pass,
    /// `agent`.
    Agent,
    /// `algo` or `algorithm`.
    Algorithm,
    /// The elements of a list `algo` or `algorithm`.
    Algorithms,
    /// `job`, which contains what the pool sends.
    Job,
    /// `rigid`.
    RigId,
    /// `wallet_address`.
    WalletAddress,
    /// `reserve_size`.
    ReserveSize,
    /// `job_id`.
    JobId,
    /// `nonce`.
    Nonce,
    /// `result` of a share.
    Result,
    /// `id` of a session.
    Session,
    /// `blob`.
    Blob,
    /// `target`.
    Target,
    /// `seed_hash`.
    SeedHash,
    /// `height`.
    Height,
    /// `difficulty`.
    Difficulty,
    /// `pre_pow`.
    PrePow,
    /// `edge_bits`.
    EdgeBits,
    /// `pow`.
    Pow,
    /// `bds`.
    Segment,
    /// `hash`.
    Hash,
    /// `publicAddress`.
    PublicAddress,
    /// `miningRequestId`.
    RequestId,
    /// `header`.
    Header,
    /// `randomness`.
    Randomness,
    /// `proto`.
    Protocol,
    /// `worker`.
    InnerWorker,
    /// `template`.
    Template,
    /// `current_algo`, `hashrate_short` and their like in a miner's report about itself. The last member: the number of
    /// members follows from it.
    MinerStatus,
}

/// Length of the longest name of a member, in bytes.
const MAX_NAME: usize = 20;

/// Calls `with` with the name in small letters and without escapes, if it may be the name of a member.
fn named(key: Text<'_>, with: impl FnOnce(&[u8]) -> Option<Member>) -> Option<Member> {
    if key.len() > 6 * MAX_NAME {
        return None;
    }
    let mut buffer = [0; MAX_NAME];
    with(key.lowercase(&mut buffer)?)
}

impl Member {
    /// Number of members.
    pub const COUNT: usize = Self::MinerStatus as usize + 1;

    /// Returns the member of this name at the top level of a message.
    pub fn at_top(key: Text<'_>) -> Option<Self> {
        named(key, |name| {
            Some(match name {
                b"worker" => Self::Worker,
                b"wallet" => Self::Wallet,
                b"addr" => Self::Address,
                b"computorid" => Self::Computor,
                b"hashrate" => Self::HashRate,
                b"api_key" => Self::ApiKey,
                b"nonce" => Self::TopNonce,
                b"seed" => Self::Seed,
                b"input" => Self::Input,
                b"output" => Self::Output,
                b"difficulty" | b"diff" => Self::TopDifficulty,
                b"algo" | b"algos" => Self::TopAlgorithms,
                b"agent" => Self::TopAgent,
                b"blob" => Self::TopBlob,
                b"data" => Self::Data,
                b"hash" => Self::TopHash,
                b"jobid" => Self::TopJobId,
                b"blocktemplate_blob" => Self::TemplateBlob,
                b"mbl_blob" => Self::MiniBlob,
                b"block_template" | b"miner_work" => Self::BlockTemplate,
                b"new_job" => Self::NewJob,
                b"client_status" => Self::ClientStatus,
                b"pools" => Self::Pools,
                b"donate-level" => Self::DonateLevel,
                _ => return None,
            })
        })
    }

    /// Returns the member of this name in `params`, `body`, `result` or a job.
    pub fn inside(key: Text<'_>) -> Option<Self> {
        named(key, |name| {
            Some(match name {
                b"login" => Self::Login,
                b"pass" => Self::Pass,
                b"agent" => Self::Agent,
                b"algo" | b"algorithm" => Self::Algorithm,
                b"rigid" => Self::RigId,
                b"wallet_address" => Self::WalletAddress,
                b"reserve_size" => Self::ReserveSize,
                b"job" => Self::Job,
                b"job_id" => Self::JobId,
                b"nonce" => Self::Nonce,
                b"result" => Self::Result,
                b"id" => Self::Session,
                b"blob" => Self::Blob,
                b"target" => Self::Target,
                b"seed_hash" => Self::SeedHash,
                b"height" => Self::Height,
                b"difficulty" => Self::Difficulty,
                b"pre_pow" => Self::PrePow,
                b"edge_bits" => Self::EdgeBits,
                b"pow" => Self::Pow,
                b"bds" => Self::Segment,
                b"hash" => Self::Hash,
                b"publicaddress" => Self::PublicAddress,
                b"miningrequestid" => Self::RequestId,
                b"header" => Self::Header,
                b"randomness" => Self::Randomness,
                b"proto" => Self::Protocol,
                b"worker" => Self::InnerWorker,
                b"template" => Self::Template,
                b"current_algo" | b"current_algo_name" | b"hashrate_short" | b"hashrate_highest" => {
                    Self::MinerStatus
                }
                _ => return None,
            })
        })
    }
}
