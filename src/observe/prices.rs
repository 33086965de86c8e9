//! What models cost, looked up once for each deployment: every event asks.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::deployment::Deployment;
use crate::pricing::{self, ModelInfo};

/// Deployments and models that are remembered; a wildcard deployment has many.
const MOST: usize = 4096;

/// The address of a deployment, and the model's name at its provider.
type Key = (usize, Arc<str>);

/// The deployment is held, so that its address is nobody else's.
type Known = (Arc<Deployment>, Arc<ModelInfo>);

/// Prices that were looked up.
#[derive(Default)]
pub struct Prices(RwLock<HashMap<Key, Known>>);

impl Prices {
    /// What is known of a deployment's model.
    pub fn of(&self, deployment: &Arc<Deployment>, model: &Arc<str>) -> Arc<ModelInfo> {
        let key = (Arc::as_ptr(deployment) as usize, Arc::clone(model));
        if let Some((_, info)) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(info);
        }
        let info = Arc::new(pricing::of_deployment(&deployment.config, &deployment.provider, model));
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, (Arc::clone(deployment), Arc::clone(&info)));
        info
    }

    /// Forgets all, as after a reload: what is gone is not held any longer.
    pub fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
