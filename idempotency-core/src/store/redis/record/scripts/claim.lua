-- Claims a key: KEYS record [mark]; ARGV the record of a first grant, and 'rerun' or 'in_doubt'.
-- Atomic because Redis runs nothing else while a script runs; every check comes before the one write.
local mine, on_expired = ARGV[1], ARGV[2]
local _, my_order, my_parts = read(mine, sub(mine, 41, 48))
local fingerprint, parts = sub(mine, 49, my_order - 1), sub(mine, my_parts)
local fence, attempts, taken_over = '\0\0\0\0\0\0\0\0', 0, nil

local current = get('GET', KEYS[1])
if current then
  local state, order, parts_at, body = read(current, sub(mine, 41, 48))
  if not state then return {'in_doubt'} end
  local recorded = sub(current, 49, order - 1)
  if fingerprint == '' then
    fingerprint = recorded
  elseif recorded ~= '' and recorded ~= fingerprint then
    return {'mismatch'}
  end
  if state == COMPLETED then return {'completed', current} end
  local same_owner = sub(current, 3, 18) == sub(mine, 3, 18)
  if state == IN_FLIGHT then
    if same_owner then return {'granted', sub(current, 19, 28)} end
    local left = lease_left(KEYS[1], current)
    if not left then return {'in_doubt'} end
    if left > 0 then return {'in_flight', left} end
    if on_expired == 'in_doubt' then return {'in_doubt'} end
  elseif same_owner then
    return {'in_flight', 0}
  end
  taken_over = state == IN_FLIGHT and 1 or nil
  fence = sub(current, 19, 26)
  attempts = struct.unpack('>I2', sub(current, 27, 28))
  parts = sub(current, parts_at, body - 1)
end

if KEYS[2] then
  local mark = get('GET', KEYS[2])
  if mark then
    local newest = marked(mark)
    if not newest then return {'in_doubt'} end
    if is_older(sub(mine, my_order, my_order + 7), newest) then return {'stale', newest} end
  end
end

local grant = next_fence(fence) .. struct.pack('>I2', math.min(attempts + 1, MAX_ATTEMPTS))
local order = sub(mine, my_order, my_parts - 1)
local bits = IN_FLIGHT + (fingerprint ~= '' and HAS_FINGERPRINT or 0) + (order ~= '' and HAS_ORDER or 0) +
  (parts ~= '' and HAS_PARTS or 0)
local head = sub(mine, 1, 1) .. string.char(bits) .. sub(mine, 3, 18) .. grant .. sub(mine, 29, 48)
local lease, retention = struct.unpack('>I6I6', sub(mine, 29, 40))
redis.call('SET', KEYS[1], head .. fingerprint .. order .. parts, 'PX', whole(lease + retention))
-- Reports a takeover: giving such a grant back must leave the key abandoned.
return {'granted', grant, taken_over}
