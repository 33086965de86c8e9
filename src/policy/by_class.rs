//! A number for each class of failure: how often to retry it, or how many to allow.

use crate::error::{ErrorKind, FaultClass};

/// LiteLLM's `RetryPolicy` and `AllowedFailsPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByClass {
    numbers: [Option<u32>; FaultClass::ALL.len()],
    /// For a failure whose classes have no number.
    default: Option<u32>,
}

/// Where a key of a policy puts its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Class(FaultClass),
    Default,
}

impl Slot {
    /// Reads `RateLimitErrorRetries` (`suffix` is `Retries`), or the class alone: `RateLimitError`.
    pub fn of_key(key: &str, suffix: &str) -> Option<Self> {
        let name = key.strip_suffix(suffix).unwrap_or(key);
        match name {
            "Default" => Some(Slot::Default),
            "Timeout" => Some(Slot::Class(FaultClass::Timeout)),
            _ => FaultClass::ALL.into_iter().find(|class| class.name() == name).map(Slot::Class),
        }
    }
}

impl ByClass {
    /// The number in a slot, if one was set.
    pub fn slot(&mut self, slot: Slot) -> &mut Option<u32> {
        match slot {
            Slot::Class(class) => &mut self.numbers[class as usize],
            Slot::Default => &mut self.default,
        }
    }

    /// The number of the most specific class of this failure that has one, and that class.
    pub fn named(&self, kind: ErrorKind) -> Option<(FaultClass, u32)> {
        kind.fault_classes().iter().find_map(|class| Some((*class, self.numbers[*class as usize]?)))
    }

    /// The number for this failure: its class's, else the default.
    pub fn number(&self, kind: ErrorKind) -> Option<u32> {
        self.named(kind).map(|(_, number)| number).or(self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(entries: &[(&str, u32)]) -> ByClass {
        let mut policy = ByClass::default();
        for (key, number) in entries {
            *policy.slot(Slot::of_key(key, "Retries").unwrap()) = Some(*number);
        }
        policy
    }

    #[test]
    fn both_spellings_are_the_same_slot() {
        assert_eq!(policy(&[("RateLimitErrorRetries", 5)]), policy(&[("RateLimitError", 5)]));
        assert_eq!(policy(&[("TimeoutErrorRetries", 2)]), policy(&[("Timeout", 2)]));
        assert_eq!(policy(&[("TimeoutRetries", 2)]), policy(&[("TimeoutError", 2)]));
        assert_eq!(Slot::of_key("NoSuchError", "Retries"), None);
        assert_eq!(
            Slot::of_key("BadGatewayErrorAllowedFails", "AllowedFails"),
            Some(Slot::Class(FaultClass::BadGateway))
        );
    }

    #[test]
    fn the_most_specific_class_decides() {
        let one = policy(&[("BadRequestError", 1), ("ContentPolicyViolationError", 2), ("InternalServerError", 3)]);
        assert_eq!(one.number(ErrorKind::ContentPolicyViolation), Some(2));
        for (kind, number) in [
            (ErrorKind::ContextWindowExceeded, Some(1)),
            (ErrorKind::UnprocessableEntity, Some(1)),
            (ErrorKind::ServiceUnavailable, Some(3)),
            (ErrorKind::BadGateway, Some(3)),
            (ErrorKind::ApiConnection, Some(3)),
            (ErrorKind::ApiResponse, Some(3)),
            (ErrorKind::Status(529), Some(3)),
            (ErrorKind::RateLimit, None),
            (ErrorKind::NotFound, None),
        ] {
            assert_eq!(one.number(kind), number, "{kind:?}");
        }
        let two = policy(&[("DefaultRetries", 7), ("ServiceUnavailableErrorRetries", 0)]);
        assert_eq!(two.number(ErrorKind::ServiceUnavailable), Some(0));
        assert_eq!(two.number(ErrorKind::PermissionDenied), Some(7));
        assert_eq!(two.named(ErrorKind::PermissionDenied), None);
    }
}
