//! What a call cost, in dollars. Reckoned only when somebody asks; what is not known is none, never 0.

use crate::chat::Verb;
use crate::observe::Record;
use crate::pricing;

use super::stream::Usage;
use super::trail::{Parts, Trail};

/// The cost of a whole answer; `body` is its text if that is JSON.
pub fn of_answer(trail: &Trail, verb: Verb, body: Option<&str>) -> Option<f64> {
    if trail.hit().is_some() {
        return Some(0.0);
    }
    let characters = trail.characters().map(|count| count.get().into());
    reckon(trail.last_asked()?, &pricing::Usage::of_answer(verb, body, trail.fresh_usage(), characters))
}

/// The cost of a stream, as far as it has come.
pub fn of_stream(trail: &Trail, usage: &Usage) -> Option<f64> {
    if trail.hit().is_some() {
        return Some(0.0);
    }
    let last = of_last_part(trail, usage)?;
    match trail.joined() {
        Some(Parts { joined, last: Some(_), .. }) => Some(joined.cost_before? + last),
        _ => Some(last),
    }
}

/// What that deployment is paid for which spoke last.
pub fn of_last_part(trail: &Trail, usage: &Usage) -> Option<f64> {
    let own = trail.joined().and_then(|parts| parts.last.as_ref());
    of_part(trail.paid()?, own.unwrap_or(usage))
}

/// The cost of what one deployment gave of a stream.
pub fn of_part(record: &Record, usage: &Usage) -> Option<f64> {
    let usage = match usage {
        Usage::Told(told) => pricing::Usage::read(told),
        Usage::Estimated { prompt, completion } => pricing::Usage::of_tokens(*prompt, *completion),
    };
    reckon(record, &usage)
}

fn reckon(record: &Record, usage: &pricing::Usage) -> Option<f64> {
    let (deployment, model) = (record.deployment.as_ref()?, record.model.as_deref()?);
    let info = pricing::of_deployment(&deployment.config, &deployment.provider, model);
    pricing::cost(&info, usage)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chat::Request;
    use crate::config;
    use crate::router::Router;

    async fn cost(params: &str, verb: Verb, members: &str) -> Option<f64> {
        let yaml = format!("model_list: [{{model_name: g, litellm_params: {{{params}, mock_response: hi}}}}]");
        let router = Arc::new(Router::new(config::load(&yaml, |_| None).ok().unwrap()).unwrap());
        let request = Request::parse_for(verb, &format!(r#"{{"model":"g",{members}}}"#)).unwrap();
        let answered = router.answer(&request, 1).await.ok().unwrap();
        of_answer(&answered.trail, verb, answered.answer.body.json())
    }

    /// A mock's usage is ten tokens and twenty.
    #[tokio::test]
    async fn each_verb_is_reckoned_by_what_it_is_charged_for() {
        let chat = r#""messages":[]"#;
        assert_eq!(cost("model: openai/gpt-4o-mini", Verb::Chat, chat).await, Some(1.35e-5));
        assert_eq!(cost("model: openai/nobodys", Verb::Chat, chat).await, None);
        let own = "model: openai/nobodys, input_cost_per_token: 0.5, output_cost_per_token: 0.25";
        assert_eq!(cost(own, Verb::Chat, chat).await, Some(10.0));
        assert_eq!(
            cost("model: openai/gpt-4o-mini, input_cost_per_token: 0, output_cost_per_token: 0", Verb::Chat, chat)
                .await,
            Some(0.0)
        );
        assert_eq!(cost("model: openai/text-embedding-3-small", Verb::Embedding, r#""input":"a""#).await, Some(2e-7));
        let spoken = cost("model: openai/tts-1", Verb::Speech, r#""input":"0123456789""#).await.unwrap();
        assert!((spoken - 1.5e-4).abs() < 1e-12, "{spoken}");
        assert_eq!(
            cost("model: cohere/rerank-v3.5", Verb::Rerank, r#""query":"q","documents":["a"]"#).await,
            Some(0.002)
        );
    }

    #[test]
    fn streams_cost_what_was_told_or_estimated() {
        let nobody = Trail::new(1);
        assert_eq!(of_stream(&nobody, &Usage::Estimated { prompt: 1, completion: 1 }), None);
    }
}
