//! Recorded deliveries of real senders.
