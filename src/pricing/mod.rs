//! What calls cost and how much a model takes: the list of `data/prices.tsv`, the deployment's own word, and a sum.
//!
//! An unknown price is none, never 0. Names are taken as they are written: a price that is guessed is worse than none.

mod answer;
mod cost;
mod info;
mod lookup;
mod own;
mod rates;
mod table;
mod unit;
mod usage;

#[cfg(test)]
mod tests;

pub use cost::cost;
pub use info::{Capability, Mode, ModelInfo};
pub use lookup::{base_model, find};
pub use own::of_deployment;
pub use rates::{Rates, Service};
pub use table::about;
pub use unit::{PriceKey, Unit};
pub use usage::{Counts, Tokens, Usage};
