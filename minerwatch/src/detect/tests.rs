//! Tests of what all detectors have in common.

mod documentation;
mod example_detector;
