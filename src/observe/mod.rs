//! What is seen from outside.

pub mod logs;
