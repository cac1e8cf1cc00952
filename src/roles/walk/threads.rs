//! Work that all processors share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// More threads than this only wait for each other in the kernel.
const MOST_THREADS: usize = 16;

/// Does the same work in as many threads as there are processors, but in at most `most`; gives what each
/// came to.
pub(super) fn on_all_processors<T: Send>(most: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..processors.min(MOST_THREADS).min(most))
            .map(|_| scope.spawn(&work))
            .collect();
        let own = work();
        let others = others.into_iter().map(|thread| match thread.join() {
            Ok(found) => found,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(own).chain(others).collect()
    })
}

/// Makes something of each thing, on all processors; the results are in the order of the things.
pub(in crate::roles) fn each_on_a_processor<T: Sync, R: Send>(
    things: &[T],
    make: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = std::iter::from_fn(|| {
            let at = next.fetch_add(1, Ordering::Relaxed);
            things.get(at).map(|thing| (at, make(thing)))
        });
        taken.collect::<Vec<_>>()
    };
    let mut made: Vec<_> = on_all_processors(things.len(), work)
        .into_iter()
        .flatten()
        .collect();
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, result)| result).collect()
}

/// Things to do, each of which may bring more of them. It ends when nothing is left and nobody is at work.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: Vec<T>,
    at_work: usize,
}

impl<T> Queue<T> {
    pub(super) fn new(first: T) -> Queue<T> {
        Queue {
            state: Mutex::new(State {
                waiting: vec![first],
                at_work: 0,
            }),
            changed: Condvar::new(),
        }
    }

    /// The next thing to do; waits while another thread may still bring one.
    pub(super) fn next(&self) -> Option<Turn<'_, T>> {
        let mut state = self.lock();
        loop {
            if let Some(thing) = state.waiting.pop() {
                state.at_work += 1;
                return Some(Turn {
                    queue: self,
                    thing,
                    more: Vec::new(),
                });
            }
            if state.at_work == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thing that is being done. When it is dropped, what it brought is in the queue.
pub(super) struct Turn<'a, T> {
    queue: &'a Queue<T>,
    /// What to do.
    pub(super) thing: T,
    /// What else is to be done.
    pub(super) more: Vec<T>,
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.at_work -= 1;
        let is_over = state.at_work == 0;
        if is_over || !self.more.is_empty() {
            state.waiting.append(&mut self.more);
            self.queue.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_things() {
        let things: Vec<usize> = (0..1_000).collect();
        assert_eq!(each_on_a_processor(&things, |thing| *thing), things);
        assert!(each_on_a_processor(&[], |thing: &u8| *thing).is_empty());
    }

    #[test]
    fn everything_is_done_once_and_then_it_ends() {
        let queue = Queue::new(12_u32);
        let done = AtomicUsize::new(0);
        let work = || {
            while let Some(mut turn) = queue.next() {
                done.fetch_add(1, Ordering::Relaxed);
                if turn.thing > 0 {
                    turn.more = vec![turn.thing - 1; 2];
                }
            }
        };
        on_all_processors(4, work);
        assert_eq!(done.into_inner(), (1 << 13) - 1);
    }
}
