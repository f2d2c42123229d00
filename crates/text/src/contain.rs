//! Containing panics in libraries that parse foreign files: the work fails, the program continues.
//!
//! The standard library prints a panic before it can be caught. A program that sets a panic hook asks
//! [`is_contained`] there, and prints nothing if it returns `true`.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and returns its result; `None` if it panicked.
pub fn contain<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = CONTAINED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outer);
    done.ok()
}

/// Whether a panic of this thread would be caught by [`contain`].
pub fn is_contained() -> bool {
    CONTAINED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_contained_only_inside() {
        assert!(!is_contained());
        assert_eq!(contain(is_contained), Some(true));
        let inner: Option<Option<()>> = contain(|| contain(|| panic!("an inner one")));
        assert_eq!(inner, Some(None));
        assert!(!is_contained());
    }
}
