-- Returns the milliseconds until the lease expires, or 0 if the key is not held: KEYS record; ARGV key digest. Reads
-- only the first bytes, since an outcome may be large.
-- Atomic because Redis runs nothing else while a script runs.
local value = get('GETRANGE', KEYS[1], 0, 58)
if #value < 59 or sub(value, 44, 59) ~= ARGV[1] then return 0 end
if byte(value) ~= 2 or byte(value, 2) ~= IN_FLIGHT or byte(value, 3) > 7 then return 0 end
return math.max(lease_left(KEYS[1], value) or 0, 0)
