//! The names of everything that is kept: `llmrouter:{namespace}:…`, without the braces.

use std::time::Duration;

#[derive(Clone)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    pub fn new(namespace: &str) -> Self {
        Self { prefix: format!("llmrouter:{namespace}:") }
    }

    /// The rows of all processes for one deployment.
    pub fn rows(&self, deployment: &str) -> String {
        format!("{}rows:{deployment}", self.prefix)
    }

    /// What was taken of a deployment in the last minute, by the exact way.
    pub fn minute(&self, deployment: &str) -> String {
        format!("{}minute:{deployment}", self.prefix)
    }

    /// All that rests.
    pub fn resting(&self) -> String {
        format!("{}resting", self.prefix)
    }

    pub fn spent(&self, budget: &str, period: Duration) -> String {
        format!("{}spent:{}:{budget}", self.prefix, period.as_millis())
    }

    /// Of LiteLLM's counter `name`, what routers of this namespace added.
    pub fn own_part(&self, name: &str) -> String {
        format!("{}litellm:{name}", self.prefix)
    }

    /// The channel on which things are told.
    pub fn events(&self) -> String {
        format!("{}events", self.prefix)
    }
}
