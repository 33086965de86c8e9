//! The router through its C ABI.

use std::ffi::{c_char, c_void};
use std::sync::mpsc;
use std::time::Instant;

use crate::Result;
use crate::abi::{Abi, Handle, Router};
use crate::child::{Outcome, Task, cpu_time, measure};
use crate::drive::{self, Tally, Tickets};

/// `router_completion` on threads that wait.
pub fn blocking(task: &Task) -> Result<Outcome> {
    let abi = Abi::open(&task.library)?;
    let router = abi.router(&config(task)?)?;
    measure(task, |calls| drive::threads(task.in_flight, calls, || router.complete(&task.request)))
}

/// `router_completion_async`; each callback starts the next call.
pub fn asynchronous(task: &Task) -> Result<Outcome> {
    let abi = Abi::open(&task.library)?;
    let router = abi.router(&config(task)?)?;
    measure(task, |calls| callbacks(&router, task, calls))
}

/// The same with an event listener that does nothing.
pub fn listened(task: &Task) -> Result<Outcome> {
    extern "C" fn hear(_: *mut c_void, _: i32, _: *const c_char, _: usize) {}
    let abi = Abi::open(&task.library)?;
    let router = abi.router(&config(task)?)?;
    router.listen(hear)?;
    measure(task, |calls| callbacks(&router, task, calls))
}

/// From YAML text to the first answer, in a process that has done nothing else.
pub fn load(task: &Task) -> Result<Outcome> {
    let abi = Abi::open(&task.library)?;
    let yaml = config(task)?;
    let (cpu, start) = (cpu_time(), Instant::now());
    let router = abi.router(&yaml)?;
    let outcome = router.complete(&task.request);
    let mut tally = Tally::default();
    tally.record(start, outcome);
    Ok(Outcome::new(tally, start.elapsed(), cpu_time() - cpu))
}

pub fn config(task: &Task) -> Result<Vec<u8>> {
    Ok(std::fs::read(&task.config).map_err(|e| format!("{}: {e}", task.config.display()))?)
}

/// One of the calls in flight: its successors reuse it.
struct Slot<'a> {
    router: &'a Router<'a>,
    request: &'a [u8],
    tickets: &'a Tickets,
    started: Instant,
    tally: Tally,
    finished: mpsc::Sender<()>,
}

fn callbacks(router: &Router, task: &Task, calls: usize) -> Result<Tally> {
    let tickets = Tickets::new(calls);
    let (finished, all_finished) = mpsc::channel();
    let slots: Vec<*mut Slot> = (0..task.in_flight)
        .map(|_| {
            Box::into_raw(Box::new(Slot {
                router,
                request: &task.request,
                tickets: &tickets,
                started: Instant::now(),
                tally: Tally::with_room(calls),
                finished: finished.clone(),
            }))
        })
        .collect();
    for slot in &slots {
        // SAFETY: each slot is alive until it has reported, and no callback of it runs yet.
        unsafe { next(*slot) };
    }
    for _ in &slots {
        all_finished.recv()?;
    }
    let mut all = Tally::with_room(calls);
    for slot in slots {
        // SAFETY: made by `into_raw` above, and reported: nothing else uses it.
        all.merge(unsafe { Box::from_raw(slot) }.tally);
    }
    Ok(all)
}

/// Starts a slot's next call, or reports that it has made its last.
///
/// # Safety
/// `slot` is alive, and nobody else uses it now.
unsafe fn next(slot: *mut Slot) {
    // SAFETY: the caller's promise. The callback may run before `start` returns, so the slot isn't touched after that
    // unless the call was refused.
    unsafe {
        if (*slot).tickets.take() {
            (*slot).started = Instant::now();
            let (router, request) = ((*slot).router, (*slot).request);
            match router.start(request, done, slot.cast()) {
                Ok(()) => return,
                Err(message) => (*slot).tally.record((*slot).started, Err(message)),
            }
        }
        // The sender is cloned first: once the report is out, the slot may be gone.
        let finished = (*slot).finished.clone();
        let _ = finished.send(());
    }
}

extern "C" fn done(user_data: *mut c_void, response: Handle, error: Handle) {
    let slot: *mut Slot = user_data.cast();
    // SAFETY: the slot that this call was started with; the library calls once and then forgets it.
    unsafe {
        let outcome = (*slot).router.abi.settle(response, error);
        let tally = &mut (*slot).tally;
        tally.record((*slot).started, outcome);
        next(slot);
    }
}
