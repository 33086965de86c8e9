//! The prices of one model, by what is paid for, how it is served and how long the prompt is.

use super::unit::{PriceKey, Unit};

/// How a call is served (`service_tier`), as far as it has a price of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// Also whatever else a provider may call it: `default`, `auto`, `on_demand`.
    #[default]
    Standard,
    Flex,
    Balanced,
    Priority,
    Ultrafast,
}

impl Service {
    /// What a request or an answer says in `service_tier`.
    pub fn named(name: &str) -> Self {
        // Another word for the same price.
        let name = if name.eq_ignore_ascii_case("fast") { "priority" } else { name };
        [Self::Flex, Self::Balanced, Self::Priority, Self::Ultrafast]
            .into_iter()
            .find(|service| name.eq_ignore_ascii_case(service.name()))
            .unwrap_or_default()
    }

    /// The service that ends a price's name; `None` for a word that is none.
    pub(super) fn priced(name: &str) -> Option<Self> {
        let service = Self::named(name);
        (service.name() == name && service != Self::Standard).then_some(service)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Standard => "",
            Self::Flex => "flex",
            Self::Balanced => "balanced",
            Self::Priority => "priority",
            Self::Ultrafast => "ultrafast",
        }
    }
}

/// Room for the prices of most models.
const USUAL: usize = 8;

/// Prices, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates(Vec<(PriceKey, f64)>);

impl Rates {
    /// A price that is not there yet.
    pub(super) fn add(&mut self, key: PriceKey, price: f64) {
        if self.0.is_empty() {
            self.0.reserve(USUAL);
        }
        self.0.push((key, price));
    }

    pub(super) fn set(&mut self, key: PriceKey, price: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = price,
            None => self.add(key, price),
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(Unit) -> bool) {
        self.0.retain(|(key, _)| keep(key.unit));
    }

    pub fn has(&self, unit: impl Fn(Unit) -> bool) -> bool {
        self.0.iter().any(|(key, _)| unit(key.unit))
    }

    pub fn iter(&self) -> impl Iterator<Item = (PriceKey, f64)> + '_ {
        self.0.iter().copied()
    }

    /// The price of one `unit` in a call whose prompt has so many tokens: that of the highest threshold below it, and there
    /// the service's own before the common one.
    pub fn price(&self, unit: Unit, service: Service, prompt: u64) -> Option<f64> {
        let holds = |key: &PriceKey| {
            key.unit == unit
                && (key.service == service || key.service == Service::Standard)
                && (key.above == 0 || key.above < prompt)
        };
        let rank = |key: &PriceKey| (key.above, key.service == service);
        self.0.iter().filter(|(key, _)| holds(key)).max_by_key(|(key, _)| rank(key)).map(|(_, price)| *price)
    }

    /// Whether the service has a price of its own for this.
    pub(super) fn is_special(&self, unit: Unit, service: Service) -> bool {
        service != Service::Standard && self.0.iter().any(|(key, _)| key.unit == unit && key.service == service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_threshold_counts_and_there_the_service() {
        let mut rates = Rates::default();
        for (name, price) in [
            ("input_cost_per_token", 1.0),
            ("input_cost_per_token_priority", 2.0),
            ("input_cost_per_token_above_200k_tokens", 3.0),
            ("input_cost_per_token_above_200k_tokens_priority", 4.0),
            ("input_cost_per_token_above_512k_tokens", 5.0),
        ] {
            rates.set(PriceKey::named(name).unwrap(), price);
        }
        let price = |service, prompt| rates.price(Unit::InputToken, service, prompt);
        assert_eq!(
            [0, 200_000, 200_001, 600_000].map(|at| price(Service::Standard, at).unwrap()),
            [1.0, 1.0, 3.0, 5.0]
        );
        assert_eq!([0, 200_001, 600_000].map(|at| price(Service::Priority, at).unwrap()), [2.0, 4.0, 5.0]);
        assert_eq!(price(Service::Flex, 9), Some(1.0));
        assert_eq!(rates.price(Unit::OutputToken, Service::Standard, 9), None);
    }

    #[test]
    fn services_are_found_by_any_spelling() {
        assert_eq!(["Priority", "fast"].map(Service::named), [Service::Priority; 2]);
        assert_eq!(["", "default", "auto", "scale"].map(Service::named), [Service::Standard; 4]);
        assert_eq!(
            ["flex", "fast", "Flex", "", "tokens"].map(Service::priced),
            [Some(Service::Flex), None, None, None, None]
        );
    }
}
