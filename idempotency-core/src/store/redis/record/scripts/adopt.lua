-- Adopts a lease: KEYS record; ARGV key digest, owner and fence, new owner, lease (6 bytes).
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write. The TTL comes
-- first: a full server refuses a script's first write if its command may use more memory, and PEXPIRE does not.
local value = get('GET', KEYS[1])
local state = read(value, ARGV[1])
if state ~= IN_FLIGHT then return false end
if not is_held(state, value, ARGV[2]) then
  return sub(value, 3, 18) == ARGV[3] and sub(value, 19, 28)
end
local left, lease, retention, ttl = lease_left(KEYS[1], value)
-- A pinned record stays in doubt for all but its new holder.
local is_pinned = not left and ttl > 0
local fence = next_fence(sub(value, 19, 26))
redis.call('PEXPIRE', KEYS[1], whole(is_pinned and ttl or struct.unpack('>I6', ARGV[4]) + retention))
redis.call('SETRANGE', KEYS[1], 2, ARGV[3] .. fence)
if not is_pinned then redis.call('SETRANGE', KEYS[1], 28, ARGV[4]) end
return fence .. sub(value, 27, 28)
