//! A private redis-server on a free loopback port.
