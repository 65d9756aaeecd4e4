//! Tests of the socket layer inside real executors, against blocking sockets in plain threads.

mod connections;
mod loss;
mod moving;
mod parking;
mod support;
mod transfer;
