//! Panics of libraries that read other people's files: they end the work, not the program, and are not shown.
//!
//! The standard library prints a panic before anybody can catch it. A program that sets a hook of its own asks [`is_contained`]
//! there, and prints nothing if so.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// The result of `work`; `None` if it panicked.
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
