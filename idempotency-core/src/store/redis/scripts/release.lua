-- A release: KEYS record; ARGV key digest, owner and fence, channel.
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write. The TTL is
-- written first: a full server refuses what may grow only as a script's first write, and this grows nothing.
local value = get('GET', KEYS[1])
local state = read(value, ARGV[1])
if state == RELEASED and sub(value, 4, 27) == ARGV[2] then return 1 end
if not is_held(state, value, ARGV[2]) then return 0 end
local _, retention = struct.unpack('>I6I6', sub(value, 32, 43))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', retention))
redis.call('SETRANGE', KEYS[1], 1, string.char(RELEASED))
redis.pcall('PUBLISH', ARGV[3], '')
return 1
