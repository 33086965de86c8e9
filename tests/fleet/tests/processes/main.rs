//! Real processes, each a C program with a router of its own, that share limits, cooldowns and usage. One test at a time: each
//! needs the machine for itself. Figures are printed; `FLEET_DRAW=1` draws them anew for the documentation.
//!
//! `FLEET_CALLERS` is the number of callers of each process (125; the long form has 1,000).

mod cooldowns;
mod faults;
mod limits;
mod plot;
mod processes;
