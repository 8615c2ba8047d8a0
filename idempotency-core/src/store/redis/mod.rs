//! `RedisStore`: records in Redis or Valkey.
