//! The commands on sorted sets: what they share (`access`), adding (`add`), reading by member
//! (`read`), ranges (`range_request`, `range`), removing (`remove`), taking from the ends (`pop`,
//! `blocking`), several sets at once (`combine_request`, `combine`).

pub mod access;
pub mod add;
pub mod blocking;
pub mod combine;
pub mod combine_request;
pub mod pop;
pub mod range;
pub mod range_request;
pub mod read;
pub mod remove;
#[cfg(test)]
mod tests;
