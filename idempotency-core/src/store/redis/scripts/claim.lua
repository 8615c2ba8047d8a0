-- A claim: KEYS record [mark]; ARGV the record of a first grant, 'rerun' or 'in_doubt', the version (8 bytes or none),
-- and 'touch' where a repeat is to be waited for.
-- Atomic because Redis runs nothing else while a script runs; every check comes before the one write.
local mine, on_expired, version = ARGV[1], ARGV[2], ARGV[3]
local current = get('GET', KEYS[1])
local fence_hi, fence_lo, attempts, inherited = 0, 1, 0, ''

if current then
  local state, flags = read(current, sub(mine, 44, 59))
  if not state then return {'in_doubt'} end
  if flags % 2 == 1 then
    if byte(mine, 3) % 2 == 0 then
      inherited = sub(current, 60, 91)
    elseif sub(current, 60, 91) ~= sub(mine, 60, 91) then
      return {'mismatch'}
    end
  end
  if state == COMPLETED then return {'completed', current} end
  local same_owner = sub(current, 4, 19) == sub(mine, 4, 19)
  if state == IN_FLIGHT then
    if same_owner then
      if ARGV[4] then touch(KEYS[1]) end
      return {'granted', sub(current, 20, 31)}
    end
    local left = lease_left(KEYS[1], current)
    if not left then return {'in_doubt'} end
    if left > 0 then return {'in_flight', left} end
    if on_expired == 'in_doubt' then return {'in_doubt'} end
  elseif same_owner then
    return {'in_flight', 0}
  end
  fence_hi, fence_lo = after(sub(current, 20, 27))
  attempts = struct.unpack('>I4', sub(current, 28, 31))
end

if KEYS[2] then
  local mark = get('GET', KEYS[2])
  if mark then
    if #mark ~= 9 or byte(mark) ~= 1 then return {'in_doubt'} end
    local hi, lo = struct.unpack('>I4I4', version)
    local mark_hi, mark_lo = struct.unpack('>I4I4', sub(mark, 2))
    if hi < mark_hi or (hi == mark_hi and lo < mark_lo) then return {'stale', sub(mark, 2)} end
  end
end

-- The next fence is max(previous + 1, microseconds).
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local now_hi = math.floor(micros / 4294967296)
local now_lo = micros - now_hi * 4294967296
if now_hi > fence_hi or (now_hi == fence_hi and now_lo > fence_lo) then fence_hi, fence_lo = now_hi, now_lo end
local grant = struct.pack('>I4I4I4', fence_hi, fence_lo, math.min(attempts + 1, 4294967295))

local flags, tail = byte(mine, 3), sub(mine, 60)
if inherited ~= '' then flags, tail = flags + 1, inherited .. tail end
local value = sub(mine, 1, 2) .. string.char(flags) .. sub(mine, 4, 19) .. grant .. sub(mine, 32, 59) .. tail
local _, retention = struct.unpack('>I6I6', sub(mine, 32, 43))
redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', retention))
return {'granted', grant}
