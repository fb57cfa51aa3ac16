//! Tests of the state file of incidents.
