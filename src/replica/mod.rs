//! Following a master: link, handshake, load, apply.
