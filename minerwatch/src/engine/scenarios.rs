//! Whole intrusions and whole working days, from events to alerts.

mod attacks;
mod benign;
mod bounds;
mod property;
