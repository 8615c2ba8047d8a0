-- Deletes a record, readable or not: KEYS record; ARGV channel.
-- Atomic because Redis runs nothing else while a script runs.
local existed = redis.call('DEL', KEYS[1])
if existed == 1 then redis.pcall('PUBLISH', ARGV[1], '') end
return existed
