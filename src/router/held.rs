//! Something of another's, or made for this call: small to carry either way.

use std::ops::Deref;

pub enum Held<'a, T> {
    Borrowed(&'a T),
    Made(Box<T>),
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Held::Borrowed(borrowed) => borrowed,
            Held::Made(made) => made,
        }
    }
}
