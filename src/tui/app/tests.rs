//! The loop under a hand of keys.
