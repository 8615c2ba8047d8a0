-- A renewal: KEYS record; ARGV key digest, owner and fence, lease (6 bytes).
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write. The TTL is
-- written first: a full server refuses what may grow only as a script's first write, and this grows nothing.
local value = get('GET', KEYS[1])
local state = read(value, ARGV[1])
if not is_held(state, value, ARGV[2]) then return 0 end
local _, retention, lease = lease_left(KEYS[1], value)
-- Pinned: the outcome could not be recorded yet. It stays in doubt for everybody but its holder.
if redis.call('PTTL', KEYS[1]) > retention + lease then return 1 end
local wanted = struct.unpack('>I6', ARGV[3])
local changes = wanted ~= lease
if changes then retention = math.max(retention, wanted) end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', retention))
if changes then redis.call('SETRANGE', KEYS[1], 31, struct.pack('>I6I6', wanted, retention)) end
return 1
