//! Which deployments show the same key to the same server: a key that is refused is refused wherever it is used.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Weak};

use ring::digest;

use crate::config::DeploymentConfig;
use crate::deployment::{KeyBench, Latest};

/// So much of a hash stands for a key: two never meet by chance.
const SHARED_BYTES: usize = 16;

/// The keys of one router. Holds their hashes, under random seeds of its own, and no key.
#[derive(Clone, Default)]
pub struct Keys {
    seeds: [RandomState; 2],
    /// As long as a deployment has them: a router that is given new keys again and again does not remember the old ones.
    known: HashMap<(String, [u64; 2]), Weak<KeyBench>>,
    latest: Latest,
}

impl Keys {
    /// The bench of a deployment's key; one of its own where it has no key.
    ///
    /// The server belongs to it: two servers of one's own may both be given a placeholder for a key.
    pub fn of(&mut self, config: &DeploymentConfig) -> Arc<KeyBench> {
        let latest = self.latest.clone();
        let fresh = || Arc::new(KeyBench::new(&latest));
        let (Some(key), Some(base)) = (&config.api_key, &config.api_base) else { return fresh() };
        let hashes = self.seeds.each_ref().map(|seed| seed.hash_one(key.expose()));
        let place = self.known.entry((origin(base).to_owned(), hashes)).or_default();
        place.upgrade().unwrap_or_else(|| {
            let bench = fresh();
            *place = Arc::downgrade(&bench);
            bench
        })
    }

    /// Those that some deployment has.
    #[must_use]
    pub fn living(&self) -> Self {
        let mut living = self.clone();
        living.known.retain(|_, bench| bench.strong_count() > 0);
        living
    }
}

/// What a deployment's key is called where processes talk of it: a hash of key, server and `namespace`, which tells nothing of
/// any of them. `None` without a key.
pub fn shared_name(config: &DeploymentConfig, namespace: &str) -> Option<String> {
    let (Some(key), Some(base)) = (&config.api_key, &config.api_base) else { return None };
    let mut context = digest::Context::new(&digest::SHA256);
    // Each part with its length, so that no two lists of parts are one text.
    for part in [namespace, origin(base), key.expose()] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let hash = context.finish();
    let hex = hash.as_ref().iter().take(SHARED_BYTES).map(|byte| format!("{byte:02x}"));
    Some(format!("key:{}", hex.collect::<String>()))
}

/// Scheme, host and port.
fn origin(base: &str) -> &str {
    let host = base.find("://").map_or(0, |at| at + 3);
    let end = base.get(host..).and_then(|rest| rest.find('/')).map_or(base.len(), |at| host + at);
    base.get(..end).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn the_same_key_at_the_same_server_is_one() {
        let yaml = "model_list:
- {model_name: a, litellm_params: {model: openai/x, api_key: k1, api_base: 'http://h:1/v1'}}
- {model_name: b, litellm_params: {model: openai/y, api_key: k1, api_base: 'http://h:1/other'}}
- {model_name: b, litellm_params: {model: openai/y, api_key: k2, api_base: 'http://h:1/other'}}
- {model_name: b, litellm_params: {model: openai/y, api_key: k1, api_base: 'http://h:2'}}
- {model_name: b, litellm_params: {model: openai/y, mock_response: hi}}
- {model_name: b, litellm_params: {model: openai/y, mock_response: ho}}";
        let config = config::load(yaml, |_| None).unwrap();
        let mut keys = Keys::default();
        let benches: Vec<_> = config.deployments.iter().map(|deployment| keys.of(deployment)).collect();
        assert!(Arc::ptr_eq(&benches[0], &benches[1]));
        for other in 2..benches.len() {
            assert!((0..other).all(|earlier| !Arc::ptr_eq(&benches[earlier], &benches[other])), "{other}");
        }
    }

    #[test]
    fn a_shared_name_is_that_of_key_server_and_namespace() {
        let name = |key: &str, base: &str, namespace: &str| {
            let yaml = format!(
                "model_list: [{{model_name: a, litellm_params: {{model: openai/x, api_key: {key}, api_base: '{base}'}}}}]"
            );
            shared_name(&config::load(&yaml, |_| None).unwrap().deployments[0], namespace).unwrap()
        };
        let one = name("sk-secret", "http://host:1/v1", "n");
        assert_eq!(one, name("sk-secret", "http://host:1/v2", "n"));
        assert!(one.len() == 4 + 32 && one.starts_with("key:") && !one.contains("secret"), "{one}");
        let others = [
            ("sk-other", "http://host:1", "n"),
            ("sk-secret", "http://host:2", "n"),
            ("sk-secret", "http://host:1", "m"),
        ];
        for (key, base, namespace) in others {
            assert_ne!(one, name(key, base, namespace));
        }
    }

    #[test]
    fn a_key_that_nobody_has_any_more_is_forgotten() {
        let yaml =
            "model_list: [{model_name: a, litellm_params: {model: openai/x, api_key: k, api_base: 'http://h:1'}}]";
        let config = config::load(yaml, |_| None).unwrap();
        let mut keys = Keys::default();
        let bench = keys.of(&config.deployments[0]);
        let mut next = keys.living();
        assert!(Arc::ptr_eq(&bench, &next.of(&config.deployments[0])));
        drop(bench);
        assert_eq!((next.known.len(), next.living().known.len()), (1, 0));
    }
}
