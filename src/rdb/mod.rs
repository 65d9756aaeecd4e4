//! The RDB format: bytes to records and back. No files, no sockets, no keyspace, no clock.
//!
//! `encode` writes a file or a chunk of one, `decode` reads one as its bytes arrive, `dump` is the
//! payload of DUMP and RESTORE. Below them: `value` (which decoder a type has; a further type is a
//! file of its own and an arm there), `string`, `length`, `reader`. `record` holds what both
//! directions speak of, `format` the numbers.

pub mod convert;
pub mod decode;
pub mod dump;
pub mod elements;
pub mod encode;
pub mod error;
pub mod expiring_hash;
pub mod format;
pub mod hash;
pub mod length;
pub mod list;
pub mod module_aux;
pub mod reader;
pub mod record;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod stream_reader;
pub mod string;
pub mod value;
pub mod ziplist;
pub mod zipmap;
