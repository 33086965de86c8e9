//! What a call ended in, copied out of the library's objects, which are freed at once.

use std::fmt;
use std::ptr;

use serde_json::Value;

use super::library::{RawError, RawResponse, error_name, functions, sized, sized_bytes, text};

/// How one call ended. The failure is boxed, as it is large and rare.
pub type Outcome = Result<Answer, Box<Failure>>;

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// As it came from the provider. Empty if it is no text.
    pub body: String,
    /// The same as bytes, whatever they are.
    pub bytes: Vec<u8>,
    pub text: Option<String>,
    pub metadata: Value,
}

/// An error.
#[derive(Clone, Debug)]
pub struct Failure {
    pub code: i32,
    /// The LiteLLM class of `code`.
    pub name: String,
    pub http_status: i32,
    pub retryable: bool,
    /// -1 if there is none.
    pub retry_after_ms: i64,
    pub message: String,
    /// The member `error` of `router_error_json`.
    pub json: Value,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.code, self.message)
    }
}

impl std::error::Error for Failure {}

impl Answer {
    /// # Panics
    /// If the body is not JSON.
    pub fn body_json(&self) -> Value {
        serde_json::from_str(&self.body).expect("router_response_body is JSON")
    }
}

/// Copies and frees what a call gave.
///
/// # Safety
/// Both are NULL or owned by the caller.
pub unsafe fn outcome(response: *mut RawResponse, error: *mut RawError) -> Outcome {
    assert!(response.is_null() != error.is_null(), "a call ends in a response or an error, never both or neither");
    // SAFETY: exactly one is an owned object.
    unsafe { if error.is_null() { Ok(answer(response)) } else { Err(failure(error)) } }
}

unsafe fn answer(response: *mut RawResponse) -> Answer {
    let api = functions();
    let read = |get: unsafe extern "C" fn(*const RawResponse, *mut usize) -> _| {
        let mut len = 0;
        // SAFETY: the response lives until it is freed below, and so does what is read of it.
        unsafe {
            let pointer = get(response, &mut len);
            sized_bytes(pointer, len)
        }
    };
    let text_of = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what the library gives out as text is UTF-8");
    let bytes = read(api.response_body).expect("router_response_body is not NULL");
    let text = read(api.response_text).map(text_of);
    let metadata = text_of(read(api.response_metadata).expect("router_response_metadata is not NULL"));
    // SAFETY: owned and not used again.
    unsafe { (api.response_free)(response) };
    let metadata = serde_json::from_str(&metadata).expect("router_response_metadata is JSON");
    Answer { body: String::from_utf8(bytes.clone()).unwrap_or_default(), bytes, text, metadata }
}

/// Copies and frees an error.
///
/// # Safety
/// `error` is owned by the caller.
pub unsafe fn failure(error: *mut RawError) -> Box<Failure> {
    let api = functions();
    // SAFETY: the error lives until it is freed below, and so do its strings; NULL is allowed for `len`.
    unsafe {
        let mut len = 0;
        let pointer = (api.error_json)(error, &mut len);
        let json = sized(pointer, len).expect("router_error_json is not NULL");
        assert_eq!(
            (api.error_json)(error, ptr::null_mut()),
            pointer,
            "the same string on every call, with or without `len`"
        );
        let code = (api.error_code)(error);
        let failure = Failure {
            code,
            name: error_name(code),
            http_status: (api.error_http_status)(error),
            retryable: (api.error_is_retryable)(error),
            retry_after_ms: (api.error_retry_after_ms)(error),
            message: text((api.error_message)(error)).expect("router_error_message is not NULL"),
            json: serde_json::from_str::<Value>(&json).expect("router_error_json is JSON")["error"].take(),
        };
        (api.error_free)(error);
        Box::new(failure)
    }
}
