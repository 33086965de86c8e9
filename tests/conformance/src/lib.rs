//! Runs conformance cases: each is one YAML file, and a new one needs no code. See README.md for the format.

mod case;
mod expect;
mod matching;
mod run;
mod secrets;
mod step;
mod upstream;
mod verbs;

pub use case::{Case, Places};
pub use run::{Form, run};
pub use verbs::{VERBS, completed};
