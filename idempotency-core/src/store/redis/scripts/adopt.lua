-- An adoption: KEYS record; ARGV key digest, owner and fence, the new owner, lease (6 bytes), and 'touch' where a repeat
-- is to be waited for.
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write. The TTL is
-- written first: a full server refuses what may grow only as a script's first write, and this grows nothing.
local value = get('GET', KEYS[1])
local state = read(value, ARGV[1])
if state ~= IN_FLIGHT then return false end
if not is_held(state, value, ARGV[2]) then
  if sub(value, 4, 19) ~= ARGV[3] then return false end
  if ARGV[5] then touch(KEYS[1]) end
  return sub(value, 20, 31)
end
local left, lease, retention, ttl = lease_left(KEYS[1], value)
-- Pinned: it stays in doubt for everybody but its new holder.
local is_pinned = not left and ttl > 0
local fence = next_fence(sub(value, 20, 27))
redis.call('PEXPIRE', KEYS[1], whole(is_pinned and ttl or struct.unpack('>I6', ARGV[4]) + retention))
redis.call('SETRANGE', KEYS[1], 3, ARGV[3] .. fence)
if not is_pinned then redis.call('SETRANGE', KEYS[1], 31, ARGV[4]) end
return fence .. sub(value, 28, 31)
