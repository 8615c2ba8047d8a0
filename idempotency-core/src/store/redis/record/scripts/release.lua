-- Releases a lease: KEYS record; ARGV key digest, owner and fence, channel, 'failed', 'unstarted', 'abandoned' or
-- 'untaken', and the maximum retention of a record without attempts (milliseconds).
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write. The TTL comes
-- first: a full server refuses a script's first write if its command may use more memory, and PEXPIRE does not.
local value = get('GET', KEYS[1])
local state = read(value, ARGV[1])
if state == RELEASED and sub(value, 3, 26) == ARGV[2] then return 1 end
if not is_held(state, value, ARGV[2]) then return 0 end
local left, _, retention, ttl = lease_left(KEYS[1], value)
local attempts = struct.unpack('>I2', sub(value, 27, 28))
if ARGV[4] == 'abandoned' then
  -- A pinned or expired record is abandoned already.
  if left and left > 0 or ttl < 0 then redis.call('PEXPIRE', KEYS[1], whole(retention)) end
elseif ARGV[4] == 'untaken' then
  -- Undoes a stale takeover, and clears the owner, so that a repeat of that claim takes over again.
  redis.call('PEXPIRE', KEYS[1], whole(retention))
  redis.call('SETRANGE', KEYS[1], 2, string.rep('\0', 16))
  redis.call('SETRANGE', KEYS[1], 26, struct.pack('>I2', math.max(attempts - 1, 0)))
else
  if ARGV[4] == 'unstarted' then attempts = math.max(attempts - 1, 0) end
  if attempts == 0 then retention = math.min(retention, tonumber(ARGV[5])) end
  redis.call('PEXPIRE', KEYS[1], whole(retention))
  redis.call('SETRANGE', KEYS[1], 1, in_state(RELEASED, value))
  redis.call('SETRANGE', KEYS[1], 26, struct.pack('>I2', attempts))
end
redis.pcall('PUBLISH', ARGV[3], '')
return 1
