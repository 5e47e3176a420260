//! What a control plane alone can show: charts, admission, the operator as a process.
//! `make e2e LEVEL=api` starts one and runs these.

mod admission;
mod charts;
mod install;
mod played;
mod settings;
mod stores;
