//! The words of the policy that the configuration, a request and the router share: retries by class of failure,
//! fallbacks, names with wildcards and names without a provider.

mod by_class;
mod fallback;
mod maker;
mod strategies;
mod wildcard;

pub use by_class::{ByClass, Slot};
pub use fallback::{ANY, Lists, Target};
pub use maker::maker_of;
pub use strategies::STRATEGIES;
pub use wildcard::Wildcard;
