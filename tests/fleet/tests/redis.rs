//! The Redis engine against real servers.

mod failover;
mod faults;
mod leases;
mod litellm;
mod methods;
mod scene;
mod told;
