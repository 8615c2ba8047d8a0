-- Pins a record whose outcome did not fit into memory: KEYS record; ARGV key digest, owner and fence, channel.
-- Atomic because Redis runs nothing else while a script runs. A full server still changes a TTL. A TTL that is longer
-- than any lease leaves, and stays so for a retention from now, means that the outcome is unknown.
local value = get('GET', KEYS[1])
if not is_held(read(value, ARGV[1]), value, ARGV[2]) then return 0 end
local lease, retention = struct.unpack('>I6I6', sub(value, 29, 40))
redis.call('PEXPIRE', KEYS[1], whole(2 * (lease + retention)))
redis.pcall('PUBLISH', ARGV[3], '')
return 1
