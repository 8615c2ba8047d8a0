-- Reads a record and its TTL: KEYS record. A value of another type reads as an empty string.
-- Atomic because Redis runs nothing else while a script runs.
local value = get('GET', KEYS[1])
if not value then return false end
return {value, redis.call('PTTL', KEYS[1])}
