//! What a control plane alone can show: charts, admission, the operator as a process.
//! `make e2e LEVEL=api` starts one and runs these.

mod admission;
mod charts;
mod claims;
mod deletion;
mod drift;
mod examples;
mod figures;
mod floors;
mod install;
mod killed;
mod lease;
mod monitors;
mod opening;
mod phases;
mod played;
mod release;
mod rights;
mod rules;
mod settings;
mod stage;
mod stores;
mod wrong;
