//! What a call costs.

use super::info::{Mode, ModelInfo};
use super::rates::Service;
use super::unit::Unit;
use super::usage::{Counts, Tokens, Usage};

/// The cost of a call in USD; `None` if it needs a price that nobody knows, or if nothing says what was used.
pub fn cost(info: &ModelInfo, usage: &Usage) -> Option<f64> {
    let tokens = usage.tokens.and_then(|tokens| of_tokens(info, &tokens, usage.service));
    let counts = of_counts(info, &usage.counts);
    let used = match info.mode {
        // A reranker's tokens may be free, and its queries what is paid.
        Some(Mode::Rerank) => counts.map(|counts| counts + tokens.unwrap_or(0.0)).or(tokens),
        _ => tokens.or(counts),
    }?;
    let searches = times(usage.web_searches, || info.price(Unit::WebSearch))?;
    Some(used + searches + info.price(Unit::Request).unwrap_or(0.0))
}

fn of_tokens(info: &ModelInfo, tokens: &Tokens, service: Service) -> Option<f64> {
    let rates = &info.rates;
    let price = |unit| rates.price(unit, service, tokens.prompt);
    // Nothing of a model without prices is not free.
    if !rates.has(|unit| unit.is_input_token() || unit.is_output_token()) {
        return None;
    }

    // Kinds without a price of their own are common tokens; no token is paid twice, whatever the provider's sums are.
    let input = || price(Unit::InputToken);
    let created = || price(Unit::CacheCreation).or_else(input);
    let mut prompt = Left(tokens.prompt);
    let cached = prompt.take(tokens.cached);
    let mut written = Left(prompt.take(tokens.created));
    let hour = written.take(tokens.created_hour);
    let (audio, image) = (prompt.take(tokens.prompt_audio), prompt.take(tokens.prompt_image));
    let prompt = times(cached, || price(Unit::CacheRead).or_else(input))?
        + times(hour, || price(Unit::CacheCreationHour).or_else(created))?
        + times(written.0, created)?
        + times(audio, || price(Unit::InputAudioToken).or_else(input))?
        + times(image, || price(Unit::InputImageToken).or_else(input))?
        + times(prompt.0, input)?;

    let output = || {
        // A model of images may say nothing but those.
        let image = || price(Unit::OutputImageToken).filter(|_| info.mode == Some(Mode::ImageGeneration));
        price(Unit::OutputToken).or_else(image)
    };
    let thought = || {
        // The common price of thoughts is not that of a service with a price of its own.
        let special = rates.is_special(Unit::OutputToken, service) && !rates.is_special(Unit::ReasoningToken, service);
        price(Unit::ReasoningToken).filter(|_| !special).or_else(output)
    };
    let mut completion = Left(tokens.completion);
    let reasoning = completion.take(tokens.reasoning);
    let (audio, image) = (completion.take(tokens.completion_audio), completion.take(tokens.completion_image));
    let completion = times(reasoning, thought)?
        + times(audio, || price(Unit::OutputAudioToken).or_else(output))?
        + times(image, || price(Unit::OutputImageToken).or_else(output))?
        + times(completion.0, output)?;
    Some(prompt + completion)
}

/// The first count that is known and has a price: a model is paid in one way.
fn of_counts(info: &ModelInfo, counts: &Counts) -> Option<f64> {
    let first = |units: &[Unit]| units.iter().find_map(|unit| info.price(*unit));
    let whole = |count: Option<u64>| count.map(|count| count as f64);
    [
        (whole(counts.images), first(&[Unit::OutputImage, Unit::InputImage])),
        (whole(counts.pixels), first(&[Unit::InputPixel])),
        // Where both are listed they are the same price under two names.
        (counts.seconds, first(&[Unit::InputSecond, Unit::OutputSecond])),
        (whole(counts.characters), first(&[Unit::InputCharacter])),
        (whole(counts.queries), first(&[Unit::InputQuery])),
    ]
    .into_iter()
    .find_map(|(count, price)| Some(count? * price?))
}

/// So many at that price; a price of nothing need not be known.
fn times(count: u64, price: impl Fn() -> Option<f64>) -> Option<f64> {
    if count == 0 { Some(0.0) } else { price().map(|price| price * count as f64) }
}

/// Tokens that are not yet accounted for.
struct Left(u64);

impl Left {
    fn take(&mut self, count: u64) -> u64 {
        let taken = count.min(self.0);
        self.0 -= taken;
        taken
    }
}
