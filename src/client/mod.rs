//! One connected client: its session, its queries, its replies.
