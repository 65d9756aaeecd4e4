//! Serving replicas: links, full resynchronization, acknowledgements.
