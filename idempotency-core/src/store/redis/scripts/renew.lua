-- A renewal: KEYS record; ARGV key digest, owner and fence, lease (6 bytes).
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write. The TTL is
-- written first: a full server refuses what may grow only as a script's first write, and this grows nothing.
local value = get('GET', KEYS[1])
if not is_held(read(value, ARGV[1]), value, ARGV[2]) then return 0 end
local left, lease, retention, ttl = lease_left(KEYS[1], value)
-- Pinned: the outcome could not be recorded yet. It stays in doubt for everybody but its holder.
if not left and ttl > 0 then return 1 end
local wanted = struct.unpack('>I6', ARGV[3])
redis.call('PEXPIRE', KEYS[1], whole(wanted + retention))
if wanted ~= lease then redis.call('SETRANGE', KEYS[1], 31, ARGV[3]) end
return 1
