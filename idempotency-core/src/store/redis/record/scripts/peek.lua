-- Returns the milliseconds until the lease expires, or 0 if the key is not held, and sets the flag that makes every change
-- publish a message: KEYS record; ARGV key digest, milliseconds until the next look if the flag cannot be set. Reads only the
-- first bytes, since an outcome may be large.
-- Atomic because Redis runs nothing else while a script runs. A full server refuses the write.
local value = get('GETRANGE', KEYS[1], 0, 47)
if #value < 48 or byte(value) ~= FORMAT or sub(value, 41, 48) ~= ARGV[1] then return 0 end
local bits = byte(value, 2)
local is_awaited = bits >= AWAITED
if bits % HAS_FINGERPRINT ~= IN_FLIGHT or bits % AWAITED >= UNKNOWN then return 0 end
local left = math.max(lease_left(KEYS[1], value) or 0, 0)
if left == 0 or is_awaited then return left end
local set = redis.pcall('SETRANGE', KEYS[1], 1, string.char(bits + AWAITED))
return type(set) == 'table' and math.min(left, tonumber(ARGV[2])) or left
