//! SORT and SORT_RO: what they are asked (`request`), and how it is done (`run`).

pub mod request;
pub mod run;
#[cfg(test)]
mod tests;
