-- Looks at a record and its TTL: KEYS record. A foreign type is given as no bytes.
-- Atomic because Redis runs nothing else while a script runs.
local value = get('GET', KEYS[1])
if not value then return false end
return {value, redis.call('PTTL', KEYS[1])}
