-- An operator's word on an abandoned record: KEYS record [mark]; ARGV key digest, state (1 byte), outcome, channel.
-- The fence grows, so that whoever abandoned the key has lost it.
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write.
local value = get('GET', KEYS[1])
local state, flags, body = read(value, ARGV[1])
if state ~= IN_FLIGHT then return 0 end
local left, retention = lease_left(KEYS[1], value)
if left and left > 0 then return 0 end
local version, mark_ttl
if KEYS[2] and flags > 1 then version, mark_ttl = raised(KEYS[2], sub(value, body - 8, body - 1), retention) end
local fence = struct.pack('>I4I4', after(sub(value, 20, 27)))
local settled = sub(value, 1, 1) .. ARGV[2] .. sub(value, 3, 19) .. fence .. sub(value, 28) .. ARGV[3]
redis.call('SET', KEYS[1], settled, 'PX', string.format('%.0f', retention))
if version then write_mark(KEYS[2], version, mark_ttl) end
redis.pcall('PUBLISH', ARGV[4], '')
return 1
