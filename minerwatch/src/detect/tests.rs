//! Tests that cover all detectors.

mod documentation;
mod example_detector;
