//! What a deployment's own configuration says of its model, laid over the list.

use serde_json::Value;

use crate::config::{DeploymentConfig, Settings};

use super::info::{CAPABILITIES, Mode, ModelInfo};
use super::lookup::{base_model, find, find_base};
use super::rates::{Rates, Service};
use super::unit::{PriceKey, Unit};

/// What is known of a deployment's model: prices of `litellm_params`, else of `model_info`, else of the list; everything else of
/// `model_info`, else of the list. The list is asked for the `base_model` where there is one, else for the provider's `model`.
pub fn of_deployment(config: &DeploymentConfig, provider: &str, model: &str) -> ModelInfo {
    let listed = base_model(config).map_or_else(|| find(provider, model), |base| find_base(provider, base));
    let mut info = listed.unwrap_or_default();
    let mut own = Rates::default();
    for section in [&config.info, &config.settings] {
        gather(section, &mut own);
    }
    lay_over(&own, &mut info.rates);

    let count = |name| config.info.number(name).map(|number| number as u64);
    info.mode = config.info.text("mode").and_then(Mode::named).or(info.mode);
    info.max_input_tokens = count("max_input_tokens").or(info.max_input_tokens);
    info.max_output_tokens = count("max_output_tokens").or_else(|| count("max_tokens")).or(info.max_output_tokens);
    for ((_, name, _), known) in CAPABILITIES.iter().zip(&mut info.capabilities) {
        *known = config.info.flag(name).or(*known);
    }
    info
}

fn gather(section: &Settings, own: &mut Rates) {
    for (name, value) in section.iter() {
        // A search has a price for each size of its context; the middle one is what is asked for if nothing is said.
        let value = value.get("search_context_size_medium").unwrap_or(value);
        if let (Some(key), Some(price)) = (PriceKey::named(name), price(value)) {
            own.set(key, price);
        }
    }
    // Tiers say more than a flat price beside them, so they win.
    if let Some(tiers) = section.get("tiered_pricing").and_then(Value::as_array) {
        gather_tiers(tiers, section, own);
    }
}

fn price(value: &Value) -> Option<f64> {
    value.as_f64().filter(|price| price.is_finite() && *price >= 0.0)
}

/// `tiered_pricing`: the length of the prompt chooses the tier, whose prices hold for the whole call.
fn gather_tiers(tiers: &[Value], section: &Settings, own: &mut Rates) {
    let of = |tier: &Value, name: &str| tier.get(name).and_then(price);
    let names =
        |tier: &Value| -> Vec<String> { tier.as_object().into_iter().flat_map(|tier| tier.keys().cloned()).collect() };
    let told: Vec<_> = tiers.iter().flat_map(names).collect();
    for tier in tiers {
        let Some(start) = tier.get("range").and_then(|range| range.get(0)?.as_f64()) else { continue };
        for name in &told {
            let Some(PriceKey { unit, service: Service::Standard, above: 0 }) = PriceKey::named(name) else { continue };
            // What this tier does not name is its own price of input or output, not another tier's.
            let stand_in = if unit.is_output_token() { "output_cost_per_token" } else { "input_cost_per_token" };
            let price = of(tier, name).or_else(|| of(tier, stand_in)).or_else(|| section.get(stand_in).and_then(price));
            if let Some(price) = price {
                own.set(PriceKey { unit, service: Service::Standard, above: start as u64 }, price);
            }
        }
    }
}

/// Own prices over listed ones. A listed price that was derived from one that is now another goes with it: who names a price of
/// input tokens has not agreed to the list's price of cached ones, nor to that of long prompts.
fn lay_over(own: &Rates, listed: &mut Rates) {
    let plain = |unit| own.iter().any(|(key, _)| key == PriceKey { unit, service: Service::Standard, above: 0 });
    let (input, output) = (plain(Unit::InputToken), plain(Unit::OutputToken));
    // Who is paid by the second is not paid by the token.
    let by_time = own.has(Unit::is_second) && !input && !output;
    listed.retain(|unit| {
        let replaced = plain(unit)
            || (unit.is_input_token() && (input || by_time))
            || (unit.is_output_token() && (output || by_time));
        !replaced
    });
    for (key, price) in own.iter() {
        listed.set(key, price);
    }
}

#[cfg(test)]
mod tests {
    use super::super::info::Capability;
    use super::*;

    fn info(provider: &str, model: &str, params: &str, model_info: &str) -> ModelInfo {
        let yaml = format!(
            "model_list: [{{model_name: m, litellm_params: {{model: {provider}/{model}{params}}}, model_info: {{{model_info}}}}}]"
        );
        let config = crate::config::load(&yaml, |_| None).map_err(|error| error.message).unwrap();
        of_deployment(&config.deployments[0], provider, model)
    }

    #[test]
    fn parameters_beat_model_info_and_that_the_list() {
        let listed = info("openai", "gpt-4o", "", "");
        assert_eq!(Some(&listed), find("openai", "gpt-4o").as_ref());
        let price = |params, model_info| info("openai", "gpt-4o", params, model_info).price(Unit::InputToken);
        assert_eq!(price("", ""), listed.price(Unit::InputToken));
        assert_eq!(price("", "input_cost_per_token: 2"), Some(2.0));
        assert_eq!(price(", input_cost_per_token: 1", "input_cost_per_token: 2"), Some(1.0));
        assert_eq!(price(", input_cost_per_token: 0", "input_cost_per_token: 2"), Some(0.0));
        assert_eq!(price(", input_cost_per_token: null", "input_cost_per_token: 2"), Some(2.0));
        assert_eq!(info("openai", "mine", "", "").price(Unit::InputToken), None);
    }

    #[test]
    fn a_price_of_its_own_takes_the_lists_derived_ones_along() {
        let rates = info("gemini", "gemini-2.5-pro", ", input_cost_per_token: 1", "").rates;
        assert_eq!(rates.price(Unit::InputToken, Service::Priority, 900_000), Some(1.0));
        assert_eq!(rates.price(Unit::CacheRead, Service::Standard, 0), None);
        assert_eq!(rates.price(Unit::OutputToken, Service::Standard, 900_000), Some(1.5e-5));
        let rates = info("gemini", "gemini-2.5-pro", ", cache_read_input_token_cost: 1", "").rates;
        assert_eq!(rates.price(Unit::CacheRead, Service::Standard, 900_000), Some(1.0));
        assert_eq!(rates.price(Unit::InputToken, Service::Standard, 900_000), Some(2.5e-6));
        let rates = info("gemini", "gemini-2.5-pro", ", input_cost_per_token_above_200k_tokens: 1", "").rates;
        assert_eq!(
            [0, 900_000].map(|at| rates.price(Unit::InputToken, Service::Standard, at)),
            [Some(1.25e-6), Some(1.0)]
        );
        let rates = info("gemini", "gemini-2.5-pro", ", input_cost_per_second: 1", "").rates;
        assert!(!rates.has(|unit| unit.is_input_token() || unit.is_output_token()));
    }

    #[test]
    fn tiers_hold_for_the_whole_call() {
        let tiers = ", tiered_pricing: [{range: [0, 1000], input_cost_per_token: 1, output_cost_per_token: 2, \
                     cache_read_input_token_cost: 0.5}, {range: [1000, 2000], input_cost_per_token: 3}]";
        let rates = info("openai", "mine", &format!("{tiers}, output_cost_per_token: 9"), "").rates;
        let price = |unit, prompt| rates.price(unit, Service::Standard, prompt);
        assert_eq!([1000, 1001, 9999].map(|at| price(Unit::InputToken, at).unwrap()), [1.0, 3.0, 3.0]);
        assert_eq!([1000, 1001].map(|at| price(Unit::CacheRead, at).unwrap()), [0.5, 3.0]);
        assert_eq!([1000, 1001].map(|at| price(Unit::OutputToken, at).unwrap()), [2.0, 9.0]);
    }

    #[test]
    fn windows_and_capabilities_are_the_deployments_first() {
        let listed = info("openai", "gpt-4o", "", "");
        let own =
            info("openai", "gpt-4o", "", "max_input_tokens: 5, supports_vision: false, mode: responses, max_tokens: 7");
        assert_eq!((own.max_input_tokens, own.max_output_tokens), (Some(5), Some(7)));
        assert_eq!((listed.supports(Capability::Vision), own.supports(Capability::Vision)), (Some(true), Some(false)));
        assert_eq!((listed.mode, own.mode), (Some(Mode::Chat), Some(Mode::Responses)));
        assert_eq!(listed.supports(Capability::AudioInput), None);
        assert_eq!(own.rates, listed.rates);
    }

    #[test]
    fn a_base_model_comes_first() {
        let azure = find("azure", "gpt-4o").unwrap();
        assert_eq!(info("azure", "prod-1", "", "base_model: azure/gpt-4o"), azure);
        assert_eq!(info("azure", "prod-1", ", base_model: gpt-4o", ""), azure);
        // What is said to be another model is not the one of its name.
        assert_eq!(info("azure", "gpt-4o", "", "base_model: azure/gpt-99"), ModelInfo::default());
    }
}
