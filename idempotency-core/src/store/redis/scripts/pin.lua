-- Pins a record whose outcome did not fit: KEYS record; ARGV key digest, owner and fence, channel.
-- Atomic because Redis runs nothing else while a script runs. A full server still moves a TTL: one that is longer than
-- any lease leaves says that the outcome is unknown.
local value = get('GET', KEYS[1])
local state = read(value, ARGV[1])
if not is_held(state, value, ARGV[2]) then return 0 end
local lease, retention = struct.unpack('>I6I6', sub(value, 32, 43))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', 2 * retention + lease))
redis.pcall('PUBLISH', ARGV[3], '')
return 1
