//! Adapters: a request and a deployment become bytes for the wire, an answer's bytes become an answer or an error.
//!
//! Everything here is pure but [`connect`], which runs at load. A wire format is one [`Adapter`]; a provider that
//! speaks a known wire is one line of `data/providers.json`.

mod answer;
mod anthropic;
mod azure;
mod chunks;
mod classify;
mod encoded;
mod endpoint;
mod entra;
mod escape;
mod form;
mod identity;
mod keys;
mod merge;
mod mock;
mod openai;
mod path;
mod places;
mod played;
mod redact;
mod settle;
mod sift;
mod stream;
mod table;

pub use answer::{Answer, Opened, extra_headers};
pub use chunks::{Chunks, Patience};
pub use classify::ErrorRules;
pub use encoded::{BodyForm, Encoded};
pub use endpoint::{Defaults, Endpoint, Unusable, connect};
pub use keys::{Keys, shared_name};
pub use redact::Redactor;
pub use stream::{Progress, StreamFault, StreamReader};

use crate::chat::{Body, Flaw, Request, Verb};
use crate::config::{DeploymentConfig, Secret};
use crate::error::Error;

/// One wire format.
trait Adapter: Send + Sync {
    /// Whether requests of this kind can go over the wire.
    fn speaks(&self, verb: Verb) -> bool;

    /// Where requests go whose path, behind the base, is this.
    fn url(&self, config: &DeploymentConfig, base: &str, model: &str, path: &str) -> String;

    /// Headers of every request, the credential among them.
    fn headers(&self, config: &DeploymentConfig, key: Option<&Secret>) -> Vec<(String, Secret)>;

    /// The body of one attempt, from the caller's own request and the deployment's parameters. An error says why the
    /// two don't go together; nothing is sent then.
    fn body(&self, endpoint: &Endpoint, request: &Request, form: BodyForm) -> Result<Encoded, Error>;

    /// A whole answer in OpenAI's shape. `content_type` is the header's.
    fn whole(&self, verb: Verb, bytes: Vec<u8>, content_type: &str) -> Result<Body, Flaw>;

    /// What reads the stream that answers this request.
    fn stream(&self, endpoint: &Endpoint, request: &Request) -> Box<dyn StreamReader>;
}
