-- Returns the milliseconds until the lease expires, or 0 if the key is not held, and sets the flag that makes every change
-- publish a message: KEYS record; ARGV key digest, milliseconds until the next look if the flag cannot be set. Reads only the
-- first bytes, since an outcome may be large.
-- Atomic because Redis runs nothing else while a script runs. A full server refuses the write.
local value = get('GETRANGE', KEYS[1], 0, 58)
if #value < 59 or sub(value, 44, 59) ~= ARGV[1] then return 0 end
local flags = byte(value, 3)
local is_awaited = flags >= AWAITED
if byte(value) ~= 2 or byte(value, 2) ~= IN_FLIGHT or (is_awaited and flags - AWAITED or flags) > 7 then return 0 end
local left = math.max(lease_left(KEYS[1], value) or 0, 0)
if left == 0 or is_awaited then return left end
local set = redis.pcall('SETRANGE', KEYS[1], 2, string.char(flags + AWAITED))
return type(set) == 'table' and math.min(left, tonumber(ARGV[2])) or left
