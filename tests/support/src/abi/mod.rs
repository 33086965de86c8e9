//! A thin client of llmrouter's C ABI: it calls the shared library as a C program would, and checks its promises on the way.
//!
//! ```no_run
//! use fakeprovider::abi::Router;
//!
//! let router = Router::from_yaml("model_list: []").unwrap();
//! let failure = router.completion(r#"{"model": "gpt-4", "messages": []}"#).unwrap_err();
//! assert_eq!(failure.code, 400);
//! ```
//!
//! The library is `$LLMROUTER_LIB`, else `dist/lib/libllmrouter.so` of this workspace. It is loaded once and never unloaded.

mod call;
mod events;
mod export;
mod library;
mod log;
mod outcome;
mod router;
mod stream;

pub use call::{Call, stray_callbacks};
pub use events::Heard;
pub use export::Export;
pub use library::{abi_version, error_name, library_path, load, version};
pub use log::LogCapture;
pub use outcome::{Answer, Failure, Outcome};
pub use router::Router;
pub use stream::Stream;
