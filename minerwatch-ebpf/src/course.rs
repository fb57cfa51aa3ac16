//! How a watched connection goes on: its payloads are counted, and the sizes and times of the last ones are kept at the
//! socket, unless they come too fast to be a conversation.

use minerwatch_common::{
    BEATS, Beat, Course, CourseRecord, Direction, FlowTuple, RecordHeader, RecordKind, WatchedSocket,
};

use crate::{
    constants::setting,
    emit::{self, Context},
    task,
};

/// [`BEATS`] payloads within less are a rush.
const RUSH_MILLISECONDS: u32 = 5_000;

/// Of a connection in bulk, each of so many payloads of a direction reads the clock.
const BULK_STRIDE: u32 = 64;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// What there is to tell.
pub struct News {
    now: u64,
    interval: bool,
}

/// Takes a payload in.
#[inline(always)]
pub fn follow(course: &mut Course, direction: Direction, length: u32) -> Option<News> {
    let side = direction as usize;
    course.bytes[side] += u64::from(length);
    course.payloads[side] = course.payloads[side].wrapping_add(1);
    if course.is_bulk() && !course.payloads[side].is_multiple_of(BULK_STRIDE) {
        return None;
    }
    let now = task::now();
    if course.first == 0 {
        course.first = now;
        course.told = now;
    }
    // Saturating: the other direction's packet, on another CPU, may have read the clock a little later.
    let at = (now.saturating_sub(course.first) / NANOSECONDS_PER_MILLISECOND) as u32;
    let count = course.count as usize;
    if count < BEATS && !course.is_bulk() {
        let length = if length > 0xffff { 0xffff } else { length as u16 };
        course.beats[count] = Beat { at, length, direction: direction as u16 };
        course.count = count as u32 + 1;
    }
    let interval = now.saturating_sub(course.told) >= setting!(flow_interval);
    if interval {
        return Some(News { now, interval });
    }
    if count + 1 < BEATS || course.is_bulk() {
        return None;
    }
    if at.wrapping_sub(course.beats[0].at) < RUSH_MILLISECONDS {
        course.rushes += 1;
        course.count = 0;
        return None;
    }
    Some(News { now, interval })
}

/// Sends what was gathered.
#[inline(always)]
pub fn send(context: Context, watched: &mut WatchedSocket, flow: FlowTuple, news: &News) {
    if news.interval {
        watched.course.told = news.now;
    }
    emit::in_place(context, RecordKind::Course, |record: *mut CourseRecord| {
        // SAFETY: the record is the ring's memory, and every field is written.
        unsafe {
            (&raw mut (*record).header).write(RecordHeader {
                kind: RecordKind::Course as u16,
                length: size_of::<CourseRecord>() as u32,
                time: news.now,
                ..watched.owner
            });
            (&raw mut (*record).opened).write(watched.owner.time);
            (&raw mut (*record).flow).write(flow);
            (&raw mut (*record).accepted).write(watched.accepted);
            (&raw mut (*record).interval).write(u32::from(news.interval));
            (&raw mut (*record).course).write(watched.course);
        }
        true
    });
    watched.course.count = 0;
}
