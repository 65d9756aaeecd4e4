//! The commands on places: sorted sets whose scores are cells of a grid over the earth (`cells`).
//! Adding and telling places (`places`), searching around one: what is asked (`search_request`),
//! which cells can hold it (`areas`), the search itself (`search`). Distances are in `sphere`.

pub mod areas;
pub mod cells;
pub mod places;
pub mod search;
pub mod search_request;
pub mod sphere;
#[cfg(test)]
mod tests;
