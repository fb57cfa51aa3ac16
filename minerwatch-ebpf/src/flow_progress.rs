//! The progress of a watched connection. The programs count its payloads, and store the sizes and times of the latest
//! payloads at the socket. Bulk transfers are counted only.

use minerwatch_common::{
    Direction, FlowProgress, FlowTuple, FlowUpdateRecord, PAYLOAD_SAMPLES, PayloadSample, WatchedSocket,
};

use crate::{
    constants::setting,
    emit::{self, Context},
    task,
};

/// [`PAYLOAD_SAMPLES`] payloads in less than this time, in milliseconds, are a burst.
const BURST_MILLISECONDS: u32 = 5_000;

/// In a bulk transfer, the clock is read only for every 64th payload of a direction.
const BULK_STRIDE: u32 = 64;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// A flow update, if one is due. This is not an `Option`, because the compiler may copy the unset fields of `None`, and the
/// verifier refuses to read memory that was never set.
pub struct FlowDelta {
    /// Whether an update is due.
    pub due: bool,
    now: u64,
    /// Whether the update ends an interval.
    interval: bool,
}

impl FlowDelta {
    const NONE: Self = Self { due: false, now: 0, interval: false };
}

/// Counts a payload, stores a sample of it, and returns whether an update is due.
#[inline(always)]
pub fn follow(progress: &mut FlowProgress, direction: Direction, length: u32) -> FlowDelta {
    let side = direction as usize;
    progress.bytes[side] += u64::from(length);
    progress.payloads[side] = progress.payloads[side].wrapping_add(1);
    if progress.is_bulk() && !progress.payloads[side].is_multiple_of(BULK_STRIDE) {
        return FlowDelta::NONE;
    }
    let now = task::now();
    if progress.first == 0 {
        progress.first = now;
        progress.reported = now;
    }
    // The subtraction saturates because a packet of the other direction, on another CPU, may have read the clock a
    // little later.
    let at = (now.saturating_sub(progress.first) / NANOSECONDS_PER_MILLISECOND) as u32;
    let count = progress.count as usize;
    if count < PAYLOAD_SAMPLES && !progress.is_bulk() {
        let length = if length > 0xffff { 0xffff } else { length as u16 };
        progress.samples[count] = PayloadSample { at, length, direction: direction as u16 };
        progress.count = count as u32 + 1;
    }
    let interval = now.saturating_sub(progress.reported) >= setting!(flow_interval);
    if interval {
        return FlowDelta { due: true, now, interval };
    }
    if count + 1 < PAYLOAD_SAMPLES || progress.is_bulk() {
        return FlowDelta::NONE;
    }
    if at.wrapping_sub(progress.samples[0].at) < BURST_MILLISECONDS {
        progress.bursts += 1;
        progress.count = 0;
        return FlowDelta::NONE;
    }
    FlowDelta { due: true, now, interval }
}

/// Sends the update and discards the samples that were sent.
#[inline(always)]
pub fn send(context: Context, watched: &mut WatchedSocket, flow: FlowTuple, delta: &FlowDelta) {
    if delta.interval {
        watched.progress.reported = delta.now;
    }
    emit::in_place(context, |record: *mut FlowUpdateRecord| {
        // SAFETY: the record is memory of the ring, and every field is written.
        unsafe {
            (&raw mut (*record).header).write(watched.owner.for_record::<FlowUpdateRecord>(delta.now));
            (&raw mut (*record).opened).write(watched.owner.time);
            (&raw mut (*record).flow).write(flow);
            (&raw mut (*record).accepted).write(watched.accepted);
            (&raw mut (*record).interval).write(u32::from(delta.interval));
            (&raw mut (*record).progress).write(watched.progress);
        }
        true
    });
    watched.progress.count = 0;
}
