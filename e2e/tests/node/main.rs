//! What only running pods show: from nothing to a purchase inside the cluster, an upgrade, an
//! end. `make e2e` starts a node, loads the images and runs these, one after the other: one
//! platform at a time is what a small machine carries.

mod deletion;
mod examples;
mod load;
mod opening;
mod platform;
mod purchase;
mod uninstall;
mod upgrade;
