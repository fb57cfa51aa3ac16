//! N5: a connection by TLS that goes as mining goes. Shares are alike in size, are answered, and come by chance; new work
//! comes unasked; and it goes on for hours in few bytes. Sizes and times are all that is looked at.

use std::{collections::VecDeque, net::SocketAddr};

use super::leaves_host;
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{Close, Direction, FlowUpdate, Payload, PayloadSample, ProcessKey},
};

/// One connection of one process.
type Key = (ProcessKey, SocketAddr, SocketAddr);

/// What a process sent at once.
#[derive(Clone, Copy, Debug)]
struct Send {
    at: u32,
    length: u16,
    answered: bool,
}

/// How one connection went lately.
#[derive(Debug, Default)]
struct Rhythm {
    sends: VecDeque<Send>,
    /// How many sends were left out: the greeting and the login come first, and are like nothing else.
    greeting: usize,
    /// What came unasked.
    pushes: u32,
}

/// The connections by TLS that this host opened.
#[derive(Debug)]
pub struct Beaconing {
    rhythms: BoundedMap<Key, Rhythm>,
}

impl Default for Beaconing {
    fn default() -> Self {
        Self { rhythms: BoundedMap::new(tuning::BEACONING_FLOWS) }
    }
}

impl Beaconing {
    /// A connection on which TLS begins is watched from now on.
    pub fn greeted(&mut self, context: &DetectionContext<'_>, payload: &Payload) {
        if leaves_host(payload.flow.destination) {
            let key = (context.key(), payload.flow.source, payload.flow.destination);
            *self.rhythms.entry(&key, Rhythm::default) = Rhythm::default();
        }
    }

    /// Takes in how a connection went on.
    pub fn went_on(&mut self, context: &DetectionContext<'_>, course: &FlowUpdate) -> Option<Finding> {
        let rhythm = self.rhythms.get_mut(&(context.key(), course.flow.source, course.flow.destination))?;
        course.samples.iter().for_each(|beat| rhythm.take(*beat));
        let lasted = context.at().since(course.first);
        if lasted < tuning::BEACONING_SPAN || course.bytes_a_minute(lasted) > tuning::BEACONING_VOLUME {
            return None;
        }
        let shares = rhythm.shares()?;
        let pushes = std::mem::take(&mut rhythm.pushes);
        rhythm.sends.clear();
        let (destination, minutes) = (course.flow.destination, lasted.as_secs() / 60);
        let detail = format!(
            "goes on with {destination} by TLS as mining does, for {minutes} minutes: {} messages of {} to {} bytes at \
             irregular times, each answered, and {pushes} that came unasked",
            shares.count, shares.least, shares.most
        );
        Some(
            Finding::new(signals::ENCRYPTED_BEACONING, context, detail)
                .value("destination", destination)
                .with("shares", &shares.count)
                .with("pushes", &pushes),
        )
    }

    /// Forgets a connection that ended.
    pub fn closed(&mut self, context: &DetectionContext<'_>, close: &Close) {
        self.rhythms.remove(&(context.key(), close.flow.source, close.flow.destination));
    }

    /// Connections forgotten for others.
    pub fn evicted(&self) -> u64 {
        self.rhythms.evicted()
    }
}

/// Sends that are alike.
#[derive(Clone, Copy, Debug)]
struct Shares {
    count: usize,
    least: u16,
    most: u16,
}

impl Rhythm {
    fn take(&mut self, beat: PayloadSample) {
        let waits = |since: u32| beat.at.wrapping_sub(since) > tuning::BEACONING_ANSWER_MS;
        match beat.direction {
            Direction::Sent if self.greeting < tuning::BEACONING_GREETING => self.greeting += 1,
            Direction::Sent => {
                if self.sends.len() >= tuning::BEACONING_SENDS {
                    self.sends.pop_front();
                }
                self.sends.push_back(Send { at: beat.at, length: beat.length, answered: false });
            }
            Direction::Received => match self.sends.back_mut() {
                Some(last) if !waits(last.at) => last.answered = true,
                _ if tuning::BEACONING_PUSH.contains(&beat.length) => self.pushes += 1,
                _ => {}
            },
        }
    }

    /// The shares among the sends, if this is mining's rhythm.
    fn shares(&self) -> Option<Shares> {
        if self.pushes < tuning::BEACONING_PUSHES {
            return None;
        }
        let is_share = |send: &&Send| send.answered && tuning::BEACONING_SHARE.contains(&send.length);
        let mut lengths: Vec<u16> = self.sends.iter().filter(is_share).map(|send| send.length).collect();
        lengths.sort_unstable();
        let alike = |least: u16| lengths.iter().filter(move |length| is_like(**length, least));
        let least = *lengths.iter().max_by_key(|least| alike(**least).count())?;
        let most = *alike(least).max()?;
        let shares: Vec<&Send> =
            self.sends.iter().filter(is_share).filter(|send| is_like(send.length, least)).collect();
        // Besides there is what keeps the connection alive, which is small and alike as well.
        let others = self.sends.iter().filter(|send| !is_like(send.length, least));
        let (mut smallest, mut largest) = (u16::MAX, 0);
        for other in others {
            smallest = smallest.min(other.length);
            largest = largest.max(other.length);
        }
        let kept_alive = largest == 0 || (largest < least && is_like(largest, smallest));
        (shares.len() >= tuning::BEACONING_SHARES && kept_alive && by_chance(&shares)).then_some(Shares {
            count: shares.len(),
            least,
            most,
        })
    }
}

fn is_like(length: u16, least: u16) -> bool {
    (least..=least.saturating_add(tuning::BEACONING_SPREAD)).contains(&length)
}

/// Whether the gaps between sends differ as those of chance do: what a clock sends has gaps that are alike.
fn by_chance(sends: &[&Send]) -> bool {
    let gaps: Vec<f64> =
        sends.windows(2).map(|pair| f64::from(pair[1].at.wrapping_sub(pair[0].at))).collect();
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    mean > 0.0 && variance.sqrt() / mean >= tuning::BEACONING_IRREGULARITY
}

#[cfg(test)]
mod tests;
