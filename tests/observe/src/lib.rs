//! What the tests of observers have in common.
