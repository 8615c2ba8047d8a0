-- A renewal: KEYS record; ARGV key digest, owner and fence, lease (6 bytes).
-- Atomic because Redis runs nothing else while a script runs; the lease is written before its TTL is moved, so that a
-- full server refuses both.
local value = get('GET', KEYS[1])
local state = read(value, ARGV[1])
if not is_held(state, value, ARGV[2]) then return 0 end
local _, retention, lease = lease_left(KEYS[1], value)
-- Pinned: the outcome could not be recorded yet. It stays in doubt for everybody but its holder.
if redis.call('PTTL', KEYS[1]) > retention + lease then return 1 end
local wanted = struct.unpack('>I6', ARGV[3])
if wanted ~= lease then
  retention = math.max(retention, wanted)
  redis.call('SETRANGE', KEYS[1], 31, struct.pack('>I6I6', wanted, retention))
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', retention))
return 1
