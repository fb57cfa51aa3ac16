//! The resource use of a process: `minerwatch.cpu.*`, `minerwatch.quota.*`, `minerwatch.rounding.*` and
//! `minerwatch.memory.*`.

use serde::Serialize;

use crate::model::{CpuQuota, HugePages, Mapping, Rounding, RoundingCounts};

/// `minerwatch.quota.*`.
#[derive(Debug, Serialize)]
pub(super) struct QuotaFields<'a> {
    pub cgroup: &'a str,
    pub processors: f64,
    pub periods: u64,
    pub throttled_periods: u64,
    pub throttled_ns: u64,
    pub on_cpu_ns: u64,
}

impl<'a> QuotaFields<'a> {
    /// Creates the fields of a quota.
    pub fn of(quota: &'a CpuQuota) -> Self {
        Self {
            cgroup: &quota.cgroup,
            processors: quota.processors(),
            periods: quota.periods,
            throttled_periods: quota.throttled,
            throttled_ns: quota.throttled_time,
            on_cpu_ns: quota.on_cpu,
        }
    }
}

/// `minerwatch.rounding.*`.
#[derive(Debug, Serialize)]
pub(super) struct RoundingFields {
    pub register: &'static str,
    pub flushing: CountFields,
    pub plain: CountFields,
}

/// Number of samples, by rounding mode.
#[derive(Debug, Serialize)]
pub(super) struct CountFields {
    pub nearest: u64,
    pub down: u64,
    pub up: u64,
    pub zero: u64,
}

impl RoundingFields {
    /// Creates the fields of the rounding modes.
    pub fn of(rounding: &Rounding) -> Self {
        let counts = |counts: &RoundingCounts| CountFields {
            nearest: counts.nearest,
            down: counts.down,
            up: counts.up,
            zero: counts.zero,
        };
        Self {
            register: rounding.register.name(),
            flushing: counts(&rounding.flushing),
            plain: counts(&rounding.plain),
        }
    }
}

/// `minerwatch.cpu.*`; counters begin when the process is first seen.
#[derive(Debug, Default, Serialize)]
pub(super) struct CpuFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_cpu_ns: Option<u64>,
    pub total_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voluntary_switches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub involuntary_switches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_processors: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yields: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stops: Option<u64>,
}

/// `minerwatch.memory.*`.
#[derive(Debug, Default, Serialize)]
pub(super) struct MemoryFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huge: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages_before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages_after: Option<u64>,
}

impl MemoryFields {
    /// Creates the fields of a memory mapping.
    pub fn of_mapping(mapping: &Mapping) -> Self {
        Self {
            class: Some(mapping.class.name()),
            size: Some(mapping.size),
            count: Some(mapping.count),
            huge: Some(mapping.huge),
            ..Self::default()
        }
    }

    /// Creates the fields of a pool of huge pages.
    pub fn of_pool(pool: &HugePages) -> Self {
        Self { pages_before: Some(pool.before), pages_after: Some(pool.after), ..Self::default() }
    }
}
