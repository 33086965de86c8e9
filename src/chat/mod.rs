//! The OpenAI-shaped request and answer. Bytes stay the caller's and the provider's: only the top level is parsed.

mod about;
mod accumulated;
mod caching;
mod chunk;
mod ends;
mod event;
mod options;
mod outline;
mod policy;
mod prompt;
mod replay;
mod replayed_response;
mod request;
mod response;
mod text;
mod tokens;
mod verb;

pub use about::About;
pub use accumulated::Accumulated;
pub use caching::CacheControl;
pub use chunk::Chunk;
pub use ends::Ends;
pub use event::{EventKind, event};
pub use options::{Options, STREAM};
pub use policy::{Fallbacks, MockTesting};
pub use prompt::{Part, each_part};
pub use replay::replay;
pub use request::{Request, RequestError};
pub use response::{Body, Flaw, usage_of};
pub use text::text_of;
pub use tokens::{Tokens, tokens_of};
pub use verb::Verb;
