-- Renews a lease: KEYS record; ARGV key digest, owner and fence, lease (6 bytes).
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write. The TTL comes
-- first: a full server refuses a script's first write if its command may use more memory, and PEXPIRE does not.
local value = get('GET', KEYS[1])
if not is_held(read(value, ARGV[1]), value, ARGV[2]) then return 0 end
local left, lease, retention, ttl = lease_left(KEYS[1], value)
-- A pinned record, whose outcome could not be recorded yet, stays in doubt for all but its holder.
if not left and ttl > 0 then return 1 end
local wanted = struct.unpack('>I6', ARGV[3])
redis.call('PEXPIRE', KEYS[1], whole(wanted + retention))
if wanted ~= lease then redis.call('SETRANGE', KEYS[1], 28, ARGV[3]) end
return 1
