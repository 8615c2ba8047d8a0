-- Resolves an abandoned record for an operator: KEYS record [mark]; ARGV key digest, state (1 byte), outcome, channel,
-- and optionally the expected owner and fence. The fence grows, so that the holder that abandoned the key has lost it.
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write.
local value = get('GET', KEYS[1])
local state, order, parts = read(value, ARGV[1])
if state ~= IN_FLIGHT or (ARGV[5] and sub(value, 3, 26) ~= ARGV[5]) then return 0 end
local left, _, retention = lease_left(KEYS[1], value)
if left and left > 0 then return 0 end
local version, mark_ttl
if KEYS[2] and order < parts then
  version, mark_ttl = raised(KEYS[2], sub(value, order, order + 7), retention)
end
local fence = struct.pack('>I4I4', after(sub(value, 19, 26)))
local new = byte(ARGV[2])
local time = new == COMPLETED and unix_millis() or sub(value, 29, 34)
local head = sub(value, 1, 1) .. in_state(new, value) .. sub(value, 3, 18) .. fence .. sub(value, 27, 28) .. time
redis.call('SET', KEYS[1], head .. sub(value, 35) .. ARGV[3], 'PX', whole(retention))
if version then write_mark(KEYS[2], version, mark_ttl) end
redis.pcall('PUBLISH', ARGV[4], '')
return 1
