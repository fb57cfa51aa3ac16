//! Scenarios from events to alerts: attacks, ordinary activity, bounds and random events.

mod attacks;
mod benign;
mod bounds;
mod confirmed;
mod containers;
mod disguise;
mod exceptions;
mod operations;
mod property;
mod restart;
mod sabotage;
mod suspects;
mod through_services;
mod watch;
