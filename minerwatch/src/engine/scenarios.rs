//! Whole intrusions and whole working days, from events to alerts.

mod attacks;
