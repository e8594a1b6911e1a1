//! The nouns of a migration: validated newtypes, plain data, nothing that acts.
//!
//! Everything here is a value that can be compared, printed and sent. There is no clock (time comes in as a [`time::Timestamp`]),
//! no I/O, no async and no knowledge of any vendor's JSON. What enters the program from outside is turned into these types once,
//! at the border, and is trusted from then on.

pub mod address;
pub mod age;
pub mod answer;
mod as_text;
pub mod by_hand;
pub mod by_metric;
pub mod claim;
pub mod cluster;
pub mod credentials;
pub mod database;
pub mod digest;
pub mod fact;
pub mod fault;
pub mod head;
pub mod hindrance;
pub mod http_route;
pub mod id;
pub mod metric;
pub mod platform;
pub mod position;
pub mod role;
pub mod secret;
pub mod series;
pub mod shared;
pub mod shown;
pub mod standing;
pub mod suggest;
pub mod table;
pub mod time;
pub mod universe;
pub mod weight;
