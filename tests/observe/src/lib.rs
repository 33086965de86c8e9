//! What the tests of observers have in common.

pub mod scene;
