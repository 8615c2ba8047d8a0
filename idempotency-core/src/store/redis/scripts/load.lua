-- Looks at a record and its TTL: KEYS record. A foreign type is given as no bytes, which is no record.
-- Atomic because Redis runs nothing else while a script runs.
local value = redis.pcall('GET', KEYS[1])
if not value then return false end
if type(value) ~= 'string' then value = '' end
return {value, redis.call('PTTL', KEYS[1])}
