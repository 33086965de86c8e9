//! The state of everything: what the router would answer if it were asked how it is.
//!
//! Collected first, plain numbers at one moment, while calls go on; then rendered, when nobody has to wait any more.

mod collected;
mod rendered;

pub use collected::Collected;
pub use rendered::render;
