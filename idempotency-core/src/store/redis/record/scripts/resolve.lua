-- Resolves an abandoned record for an operator: KEYS record [mark]; ARGV key digest, state (1 byte), outcome, channel,
-- and optionally the expected owner and fence. The fence grows, so that the holder that abandoned the key has lost it.
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write.
local value = get('GET', KEYS[1])
local state, order, parts = read(value, ARGV[1])
if state ~= IN_FLIGHT or (ARGV[5] and sub(value, 4, 27) ~= ARGV[5]) then return 0 end
local left, _, retention = lease_left(KEYS[1], value)
if left and left > 0 then return 0 end
local version, mark_ttl
if KEYS[2] and order < parts then
  version, mark_ttl = raised(KEYS[2], sub(value, order, order + 7), retention)
end
local fence = struct.pack('>I4I4', after(sub(value, 20, 27)))
local time = byte(ARGV[2]) == COMPLETED and unix_millis() or sub(value, 32, 37)
local head = sub(value, 1, 1) .. ARGV[2] .. unawaited(value) .. sub(value, 4, 19) .. fence .. sub(value, 28, 31) .. time
redis.call('SET', KEYS[1], head .. sub(value, 38) .. ARGV[3], 'PX', whole(retention))
if version then write_mark(KEYS[2], version, mark_ttl) end
redis.pcall('PUBLISH', ARGV[4], '')
return 1
