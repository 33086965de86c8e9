//! Embeddings: each input has an entry of its own, and only those are sent that have none.

use std::sync::Arc;

use serde_json::Map;

use crate::cache::{Entry, Key, Lead, Place, Wish, inputs, join, of_inputs, of_request, only, split};
use crate::chat::Body;
use crate::error::Error;

use super::super::call::Visit;
use super::super::fallback::Stop;
use super::super::form::Form;
use super::super::held::Held;
use super::super::trail::Trail;
use super::keep::failed;
use super::{Caching, Looked, producer};

/// The inputs of a request, and what is known of them.
struct List<'c> {
    caching: &'c Caching,
    wish: &'c Wish,
    keys: Vec<Key>,
    /// In the order of the keys.
    found: Vec<Option<Arc<Entry>>>,
}

impl List<'_> {
    async fn look(&mut self) {
        if self.wish.look {
            self.found = self.caching.cache.look_all(&self.keys, self.wish.max_age).await;
        }
    }

    /// The places of those that nothing is known of.
    fn missing(&self) -> Vec<usize> {
        self.found.iter().enumerate().filter(|(_, found)| found.is_none()).map(|(place, _)| place).collect()
    }

    /// One answer to all inputs, if all of theirs are there. Who gave the first is told.
    fn joined(&self) -> Option<Arc<Entry>> {
        if let [Some(only)] = self.found.as_slice() {
            return Some(Arc::clone(only));
        }
        let entries: Option<Vec<&Arc<Entry>>> = self.found.iter().map(Option::as_ref).collect();
        let entries = entries?;
        let bodies: Option<Vec<&str>> = entries.iter().map(|entry| entry.json()).collect();
        let body = join(&bodies?)?;
        Some(Arc::new(Entry::new(&body, entries.first()?.producer.clone())))
    }

    /// Keeps the vectors of an answer to the inputs at these places. False if it has another number of them.
    fn store(&mut self, json: &str, places: &[usize], trail: &Trail) -> bool {
        let producer = trail.last_asked().and_then(producer);
        let (Some(bodies), Some(producer)) = (split(json, places.len()), producer) else { return false };
        let mut kept = Vec::with_capacity(bodies.len());
        for (place, body) in places.iter().zip(bodies) {
            let entry = Arc::new(Entry::new(&body, producer.clone()));
            if let (Some(key), Some(found)) = (self.keys.get(*place), self.found.get_mut(*place)) {
                kept.push((*key, Arc::clone(&entry)));
                *found = Some(entry);
            }
        }
        if self.wish.store {
            self.caching.cache.put_all(kept, self.wish);
        }
        true
    }
}

impl Visit<'_, '_> {
    pub(super) async fn run_inputs<F: Form>(
        &mut self,
        caching: &Caching,
        place: &Place<'_>,
        wish: &Wish,
        form: &F,
        trail: &mut Trail,
    ) -> Result<F::Output, Error> {
        let request = &*self.stop.request;
        let Some(items) = inputs(request) else { return self.ask(form, trail).await };
        let of = of_inputs(place, request);
        let keys: Vec<Key> = items.iter().map(|item| of(item)).collect();
        // Equal lists at one time are one call; lists that share some of their inputs are not.
        let whole = match keys.as_slice() {
            [only] => *only,
            _ => of_request(place, request),
        };
        let found = keys.iter().map(|_| None).collect();
        let mut list = List { caching, wish, keys, found };
        list.look().await;
        let mut lead = None;
        if wish.look && wish.store && caching.cache.config().single_flight && !list.missing().is_empty() {
            match self.turn::<F>(caching, whole, trail).await {
                Looked::Hit(entry) => {
                    if let Some(output) = self.hit(caching, form, &entry, whole, trail) {
                        return Ok(output);
                    }
                }
                Looked::Lead(own) => {
                    // Whoever led before may have kept them since the first look.
                    list.look().await;
                    lead = Some(own);
                }
                Looked::Alone => {}
            }
        }
        if let Some(entry) = list.joined() {
            tell(lead.take(), Some(&entry));
            if let Some(output) = self.hit(caching, form, &entry, whole, trail) {
                return Ok(output);
            }
        }
        caching.cache.count(false);
        trail.rare().missed = true;
        let asked = match self.rest(&mut list, form, trail).await {
            Ok(None) => self.all(&mut list, form, trail).await,
            Ok(Some(output)) => Ok(output),
            Err(error) => Err(error),
        };
        match &asked {
            Ok(_) => tell(lead, list.joined().as_ref()),
            Err(_) => failed(lead),
        }
        asked
    }

    /// Asks for all.
    async fn all<F: Form>(&mut self, list: &mut List<'_>, form: &F, trail: &mut Trail) -> Result<F::Output, Error> {
        // What was known in part was known for nothing.
        list.found.fill(None);
        let output = self.ask(form, trail).await?;
        if let Some(json) = form.body(&output).and_then(Body::json) {
            let places = list.missing();
            list.store(json, &places, trail);
        }
        Ok(output)
    }

    /// Asks for what is missing, and puts all together. `None` if nothing was known, or if as many vectors as were asked
    /// for did not come: then all is asked for.
    async fn rest<F: Form>(
        &mut self,
        list: &mut List<'_>,
        form: &F,
        trail: &mut Trail,
    ) -> Result<Option<F::Output>, Error> {
        let (stop, missing) = (self.stop, list.missing());
        if missing.len() == list.keys.len() {
            return Ok(None);
        }
        let Some(input) = only(&stop.request, &missing) else { return Ok(None) };
        let Ok(request) = stop.request.changed(&Map::from_iter([("input".to_owned(), input)])) else { return Ok(None) };
        let request = Held::Made(Box::new(request));
        let rest = Stop { asked: stop.asked, lead: stop.lead.clone(), request, first: stop.first };
        let mut visit = self.with(&rest);
        let asked = visit.ask(form, trail).await;
        self.end = visit.end;
        let output = asked?;
        let fresh = form.body(&output).and_then(Body::json);
        if !fresh.is_some_and(|json| list.store(json, &missing, trail)) {
            return Ok(None);
        }
        let Some(entry) = list.joined() else { return Ok(None) };
        // Only the new ones were paid for.
        trail.rare().fresh_usage = form.body(&output).and_then(Body::usage).map(str::to_owned);
        Ok(Some(form.with_body(output, entry.body())))
    }
}

/// Gives those who wait the answer to all inputs, or sets them free.
fn tell(lead: Option<Lead>, entry: Option<&Arc<Entry>>) {
    match (lead, entry) {
        (Some(lead), Some(entry)) => lead.answered(entry),
        (Some(lead), None) => lead.alone(),
        (None, _) => {}
    }
}
