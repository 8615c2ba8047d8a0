-- Completes a record: KEYS record [mark]; ARGV key digest, owner and fence, outcome, retention (6 bytes), channel, and
-- with a mark the version (8 bytes).
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write, and a full
-- server refuses the first write.
local value = get('GET', KEYS[1])
local state, _, _, body = read(value, ARGV[1])
if state == COMPLETED and sub(value, 3, 26) == ARGV[2] then return 1 end
if not is_held(state, value, ARGV[2]) then return 0 end

local retention = struct.unpack('>I6', ARGV[4])
local version, mark_ttl
if KEYS[2] then version, mark_ttl = raised(KEYS[2], ARGV[6], retention) end

local head = sub(value, 1, 1) .. in_state(COMPLETED, value) .. sub(value, 3, 28) .. unix_millis() .. ARGV[4]
local completed = head .. sub(value, 41, body - 1) .. ARGV[3]
redis.call('SET', KEYS[1], completed, 'PX', whole(retention))
if version then write_mark(KEYS[2], version, mark_ttl) end
redis.pcall('PUBLISH', ARGV[5], '')
return 1
