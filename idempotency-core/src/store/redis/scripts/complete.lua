-- A completion: KEYS record [mark]; ARGV key digest, owner and fence, outcome, retention (6 bytes), channel, version
-- (8 bytes or none), and 'touch' where a repeat is to be waited for.
-- Atomic because Redis runs nothing else while a script runs; every check comes before the first write, and a full
-- server refuses the first write.
local value = get('GET', KEYS[1])
local state, _, body = read(value, ARGV[1])
if state == COMPLETED and sub(value, 4, 27) == ARGV[2] then
  if ARGV[7] then touch(KEYS[1]) end
  return 1
end
if not is_held(state, value, ARGV[2]) then return 0 end

local raised, mark_ttl
local retention = struct.unpack('>I6', ARGV[4])
if KEYS[2] then
  local mark = get('GET', KEYS[2])
  -- A mark that cannot be read is left alone: it stops claims, and the outcome is recorded all the same.
  if not mark then
    raised, mark_ttl = ARGV[6], retention
  elseif #mark == 9 and byte(mark) == 1 then
    local hi, lo = struct.unpack('>I4I4', ARGV[6])
    local mark_hi, mark_lo = struct.unpack('>I4I4', sub(mark, 2))
    local newer = hi > mark_hi or (hi == mark_hi and lo > mark_lo)
    raised = newer and ARGV[6] or sub(mark, 2)
    local ttl = redis.call('PTTL', KEYS[2])
    mark_ttl = ttl >= 0 and math.max(ttl, retention) or nil
  end
end

local completed = '\1\3' .. sub(value, 3, 37) .. ARGV[4] .. sub(value, 44, body - 1) .. ARGV[3]
redis.call('SET', KEYS[1], completed, 'PX', string.format('%.0f', retention))
if mark_ttl then
  redis.call('SET', KEYS[2], '\1' .. raised, 'PX', string.format('%.0f', mark_ttl))
elseif raised then
  redis.call('SET', KEYS[2], '\1' .. raised)
end
redis.pcall('PUBLISH', ARGV[5], '')
return 1
