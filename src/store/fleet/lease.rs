//! What one process may use of one deployment, and what the others have used of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::config::{OnFailure, SharedLimits};
use crate::deployment::{KeyBench, Limits, Moment, State, Used};

use super::super::{Amounts, Ask, Grant, TRUSTED};
use super::common::Common;
use super::pace::Pace;
use super::terms::Terms;
use super::waiting::Demand;

/// The place of slots among the amounts.
const SLOTS: usize = 4;

/// What a deployment is to its fleet.
#[derive(Clone)]
pub struct Member {
    pub id: Arc<str>,
    pub state: Arc<State>,
    /// In any minute, and slots; `u64::MAX` is no limit.
    pub limits: Amounts,
    /// The shared name of its key, if it has one, and the key's bench.
    pub key: Option<Arc<str>>,
    pub key_bench: Arc<KeyBench>,
}

/// One deployment in the fleet, as this process sees it. Read by every call, written by the task that renews it.
pub struct Lease {
    pub member: Member,
    pub(super) common: Arc<Common>,
    allowed: [AtomicU64; 5],
    others: [AtomicU64; 5],
    /// What this process had used when it told so.
    told: [AtomicU64; 5],
    /// Beside what is allowed, this process's equal part of what was left to all.
    spare: [AtomicU64; 5],
    /// The others' seconds of an answer, as bits; not a number if they told none.
    seconds: AtomicU64,
    /// The moments until which all this counts, and until which nobody need ask for more.
    trusted: AtomicU64,
    short: AtomicU64,
    /// The store has lost what processes hold, and not all have told it again.
    is_blind: AtomicBool,
    /// The last renewal gave less than was wanted.
    was_denied: AtomicBool,
    /// Another one stands for the deployment: what was asked for this one before does not count any more.
    has_lapsed: AtomicBool,
    /// All that was ever taken: requests, tokens of prompts, tokens of completions.
    taken: [AtomicU64; 3],
    /// What the last call took, and what calls wait for now.
    call: [AtomicU64; 5],
    pub(super) waiting: [AtomicU64; 5],
    pub(super) renewed: Notify,
    pub(super) book: Mutex<Book>,
}

/// What the renewing task notes of a lease.
#[derive(Default)]
pub(super) struct Book {
    pub pace: Pace,
    /// When it was renewed last, or was tried to be.
    pub asked: Option<Instant>,
    /// The store has a row of it, or had one.
    pub has_row: bool,
    pub processes: u32,
    /// Somebody else is short: nothing beyond what is used, for a while.
    pub yields: Option<Instant>,
    /// That was not told yet.
    pub gives_back: bool,
}

impl Lease {
    pub(super) fn new(member: Member, common: Arc<Common>) -> Self {
        Self {
            member,
            common,
            allowed: Default::default(),
            others: Default::default(),
            told: Default::default(),
            spare: Default::default(),
            seconds: AtomicU64::new(f64::NAN.to_bits()),
            trusted: AtomicU64::new(0),
            short: AtomicU64::new(0),
            is_blind: AtomicBool::new(false),
            was_denied: AtomicBool::new(false),
            has_lapsed: AtomicBool::new(false),
            taken: Default::default(),
            call: Default::default(),
            waiting: Default::default(),
            renewed: Notify::new(),
            book: Mutex::default(),
        }
    }

    /// By what limits go at this moment.
    pub fn terms(&self) -> Terms {
        match Terms::now(&self.common.standing, self.common.config.limits) {
            // Nobody's part grows until all are seen again: as if the store had not answered.
            Terms::Leased if self.is_blind.load(Ordering::Relaxed) => self.terms_unanswered(),
            terms => terms,
        }
    }

    /// For a call that the store did not answer in time.
    pub fn terms_unanswered(&self) -> Terms {
        let standing = &self.common.standing;
        if standing.is_away() { Terms::Alone(standing.on_failure) } else { Terms::Missed(standing.on_failure) }
    }

    /// How much this process may have used in its own minute, of what all may use.
    pub fn cap(&self, limits: &Limits, terms: Terms, now: impl Into<Moment>) -> Limits {
        let now = now.into();
        let mut place = 0..;
        Limits::of(limits.each().map(|limit| self.capped(place.next().unwrap_or(SLOTS), limit, terms, now)))
    }

    /// How many slots it may hold.
    pub fn cap_slots(&self, slots: u32, terms: Terms, now: impl Into<Moment>) -> u32 {
        u32::try_from(self.capped(SLOTS, slots.into(), terms, now.into())).unwrap_or(slots)
    }

    fn capped(&self, place: usize, limit: u64, terms: Terms, now: Moment) -> u64 {
        let is_trusted = self.is_trusted(now);
        let leased = || if is_trusted { self.allowed[place].load(Ordering::SeqCst) } else { 0 };
        let share = || limit.div_ceil(self.common.standing.processes().into());
        match terms {
            _ if limit == u64::MAX => limit,
            Terms::Exact if place != SLOTS => limit,
            Terms::Leased | Terms::Exact => limit.min(leased()),
            Terms::Alone(OnFailure::FailOpen) => limit,
            Terms::Alone(OnFailure::FailClosed) | Terms::Missed(OnFailure::FailClosed) => 0,
            Terms::Alone(OnFailure::LocalShare) => share(),
            // All that was left, in equal parts: what all take of it meanwhile is within the limit.
            Terms::Missed(_) if is_trusted => match self.common.config.limits {
                SharedLimits::Exact if place != SLOTS => limit.min(self.parted(place, limit, now)),
                _ => limit.min(leased().saturating_add(self.spare[place].load(Ordering::Relaxed))),
            },
            Terms::Missed(_) => share(),
        }
    }

    /// What was used, and an equal part of the rest, where no leases are held: of half of it, since what the others have used since
    /// they told so is not known.
    fn parted(&self, place: usize, limit: u64, now: Moment) -> u64 {
        let told = self.told[place].load(Ordering::Relaxed);
        let left = limit.saturating_sub(told).saturating_sub(self.of_others(place, now));
        told.saturating_add(left / 2 / u64::from(self.common.standing.processes()))
    }

    /// How much this process could use if it asked: the limits without what the others have used. Who has just asked in vain, or
    /// is alone, has what it is allowed.
    pub fn room(&self, limits: &Limits, now: Moment) -> Limits {
        let terms = self.terms();
        if terms.is_unanswered() || (self.is_short(now) && terms == Terms::Leased) {
            return self.cap(limits, terms, now);
        }
        if self.is_short(now) && *limits != Limits::default() {
            return Limits::of([0; 4]);
        }
        let mut place = 0..;
        let others = |limit: u64| {
            let place = place.next().unwrap_or(SLOTS);
            if limit == u64::MAX { limit } else { limit.saturating_sub(self.of_others(place, now)) }
        };
        Limits::of(limits.each().map(others))
    }

    /// The same for slots.
    pub fn room_slots(&self, slots: u32, now: Moment) -> u32 {
        let terms = self.terms();
        if terms.is_unanswered() || self.is_short(now) {
            return self.cap_slots(slots, terms, now);
        }
        slots.saturating_sub(u32::try_from(self.of_others(SLOTS, now)).unwrap_or(u32::MAX))
    }

    /// What the others have used in the last minute; nothing while nobody tells.
    pub fn others(&self, now: impl Into<Moment>) -> Used {
        let now = now.into();
        let [requests, _, input, output, _] = [0, 1, 2, 3, 4].map(|place| self.of_others(place, now));
        Used { requests, input, output }
    }

    pub(super) fn others_amounts(&self, now: Instant) -> Amounts {
        let now = now.into();
        Amounts::of([0, 1, 2, 3, 4].map(|place| self.of_others(place, now)))
    }

    /// Somebody else used it when we heard of it last: worth hearing again.
    pub(super) fn knows_others(&self) -> bool {
        self.others.iter().any(|others| others.load(Ordering::Relaxed) > 0)
    }

    /// The others' mean of seconds of an answer, if that is shared and somebody told it.
    pub fn seconds(&self, now: Moment) -> Option<f64> {
        let seconds = f64::from_bits(self.seconds.load(Ordering::Relaxed));
        (self.is_trusted(now) && seconds.is_finite()).then_some(seconds)
    }

    fn of_others(&self, place: usize, now: Moment) -> u64 {
        if self.is_trusted(now) { self.others[place].load(Ordering::Relaxed) } else { 0 }
    }

    fn is_trusted(&self, now: Moment) -> bool {
        now.nanos() < self.trusted.load(Ordering::Acquire)
    }

    /// Somebody has asked for more, in vain, a moment ago.
    pub fn is_short(&self, now: Moment) -> bool {
        now.nanos() < self.short.load(Ordering::Relaxed)
    }

    /// For how long nobody need ask.
    pub fn short_for(&self, now: Moment) -> Duration {
        Duration::from_nanos(self.short.load(Ordering::Relaxed).saturating_sub(now.nanos()))
    }

    /// Nobody need ask for so long: it was in vain.
    pub fn set_short(&self, now: impl Into<Moment>, time: Duration) {
        self.short.store(now.into().after(time).nanos(), Ordering::Relaxed);
    }

    /// Whether a slot that was taken is one too many: what is allowed may have become less meanwhile.
    pub fn holds_too_many(&self, slots: u32, terms: Terms, now: Instant) -> bool {
        // The other half stands in `lower`: one of both sees what the other has done.
        fence(Ordering::SeqCst);
        self.member.state.in_flight() > self.cap_slots(slots, terms, now)
    }

    /// Notes what a call is expected to take.
    pub fn note(&self, demand: Used) {
        let each = Demand::of(demand).0.each();
        for (call, more) in self.call.iter().zip(each) {
            call.store(more, Ordering::Relaxed);
        }
        self.note_more(demand);
    }

    /// Notes that a call took so much more than was expected.
    pub fn note_more(&self, more: Used) {
        for (taken, more) in self.taken.iter().zip([more.requests, more.input, more.output]) {
            if more > 0 {
                taken.fetch_add(more, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn taken(&self) -> Amounts {
        let [requests, input, output] = self.taken.each_ref().map(|taken| taken.load(Ordering::Relaxed));
        Amounts { requests, tokens: input.saturating_add(output), input, output, slots: 0 }
    }

    pub(super) fn call(&self) -> Amounts {
        Amounts::of(self.call.each_ref().map(|call| call.load(Ordering::Relaxed)))
    }

    /// Lowers what is allowed to what is wanted, before the store is told: from then on it may be others'. Returns what is used.
    pub(super) fn lower(&self, now: Instant, want: impl Fn(Amounts) -> Amounts) -> (Amounts, Amounts) {
        let state = &self.member.state;
        let (mut used, mut wanted) = state.window.look(now, |used| {
            let used = Amounts { slots: state.in_flight().into(), ..Demand::of(used).0 };
            let used = Amounts { tokens: used.input.saturating_add(used.output), ..used };
            let wanted = want(used).with(used, u64::max);
            for (allowed, wanted) in self.allowed.iter().zip(wanted.each()) {
                allowed.fetch_min(wanted, Ordering::SeqCst);
            }
            (used, wanted)
        });
        // Slots are taken without a lock.
        fence(Ordering::SeqCst);
        used.slots = used.slots.max(state.in_flight().into());
        wanted.slots = wanted.slots.max(used.slots);
        (used, wanted)
    }

    /// Takes in what the store granted to what was asked at `asked`.
    pub(super) fn renew(&self, grant: &Grant, asked: Instant) {
        if self.has_lapsed.load(Ordering::Acquire) {
            return;
        }
        for (allowed, granted) in self.allowed.iter().zip(grant.allowed.each()) {
            allowed.store(granted, Ordering::SeqCst);
        }
        for (others, used) in self.others.iter().zip(grant.others.each()) {
            others.store(used, Ordering::Relaxed);
        }
        let left = grant.most.with(grant.allowed, u64::saturating_sub).each();
        for (spare, left) in self.spare.iter().zip(left) {
            spare.store(left / u64::from(grant.processes.max(1)), Ordering::Relaxed);
        }
        self.is_blind.store(grant.has_forgotten, Ordering::Relaxed);
        self.seconds.store(grant.seconds.unwrap_or(f64::NAN).to_bits(), Ordering::Relaxed);
        self.trusted.store(Moment::from(asked).after(TRUSTED).nanos(), Ordering::Release);
        self.renewed.notify_waiters();
    }

    /// Notes what was asked for the renewal that is told next, and whether it gave less than was wanted: then the fleet has no more.
    pub(super) fn note_ask(&self, ask: &Ask, grant: &Grant) {
        let was_denied = ask.want.each().iter().zip(grant.allowed.each()).any(|(want, got)| got < *want);
        self.was_denied.store(was_denied, Ordering::Relaxed);
        for (told, used) in self.told.iter().zip(ask.used.each()) {
            told.store(used, Ordering::Relaxed);
        }
    }

    pub(super) fn was_denied(&self) -> bool {
        self.was_denied.load(Ordering::Relaxed)
    }

    /// Another one stands for the deployment from now on.
    pub(super) fn lapse(&self) {
        self.has_lapsed.store(true, Ordering::Release);
        self.trusted.store(0, Ordering::Release);
    }

    /// Holds more than it uses, as far as can be seen without a lock.
    pub(super) fn has_headroom(&self, now: Instant) -> bool {
        let used = Demand::of(self.member.state.window.used(now)).0;
        let limits = self.member.limits.each();
        let each = used.each().into_iter().zip(&self.allowed).zip(limits).take(SLOTS);
        let slots = self.allowed[SLOTS].load(Ordering::SeqCst);
        each.into_iter().any(|((used, allowed), limit)| limit != u64::MAX && allowed.load(Ordering::SeqCst) > used)
            || (limits[SLOTS] != u64::MAX && slots > self.member.state.in_flight().into())
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
