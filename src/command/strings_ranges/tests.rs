use crate::command::fixture::Fixture;
