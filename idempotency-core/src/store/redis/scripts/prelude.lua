-- The record in Lua: its layout (see codec.rs), whether it can be read, and what is left of its lease.
-- 1 format, 2 state, 3 flags, 4-19 owner, 20-27 fence, 28-31 attempts, 32-37 lease, 38-43 retention, 44-59 key digest,
-- then a fingerprint (32) where flag 1 is set, a version (8) where flag 2 is set, and the outcome of a completed one.
local IN_FLIGHT, RELEASED, COMPLETED = 1, 2, 3
local byte, sub = string.byte, string.sub

-- What is there, read by this command. A foreign type is no bytes, which are no record; any other error is the
-- script's own.
local function get(...)
  local value = redis.pcall(...)
  if type(value) ~= 'table' then return value end
  if string.find(value.err, 'WRONGTYPE', 1, true) then return '' end
  return redis.call(...)
end

-- Its state, its flags and where its outcome starts; nothing where it is not a record of this key in this format.
local function read(value, digest)
  if not value or #value < 59 or byte(value) ~= 1 or sub(value, 44, 59) ~= digest then return end
  local state, flags = byte(value, 2, 3)
  if state < IN_FLIGHT or state > COMPLETED or flags > 3 then return end
  local body = 60 + flags % 2 * 32 + (flags > 1 and 8 or 0)
  if #value < body - 1 or (state ~= COMPLETED and #value >= body) then return end
  return state, flags, body
end

-- Whether it is in flight in the hands of this owner with this fence.
local function is_held(state, value, identity)
  return state == IN_FLIGHT and sub(value, 4, 27) == identity
end

-- Milliseconds left of its lease, none or less once it ran out. Nothing where its TTL cannot tell: it was persisted by
-- a stranger, or pinned beyond what any lease leaves because its outcome could not be recorded.
local function lease_left(key, value)
  local lease, retention = struct.unpack('>I6I6', sub(value, 32, 43))
  local ttl = redis.call('PTTL', key)
  if ttl < 0 or ttl > retention + lease then return nil, retention, lease end
  return lease - (retention - ttl), retention, lease
end

-- The fence after the one that these 8 bytes are, in two halves because a double holds 53 bits.
local function after(fence)
  local hi, lo = struct.unpack('>I4I4', fence)
  if lo < 4294967295 then return hi, lo + 1 end
  if hi < 4294967295 then return hi + 1, 0 end
  return hi, lo
end

-- Writes the record's own TTL once more: a repeat changes nothing, and whoever waits for replicas on this connection
-- needs a write on it that comes after the record's.
local function touch(key)
  local ttl = redis.call('PTTL', key)
  if ttl > 0 then redis.call('PEXPIRE', key, string.format('%.0f', ttl)) end
end

-- What a resource's mark becomes when this version completes, which never falls, and for how long it is then kept: no
-- time where it is kept for ever. Nothing where it cannot be read: it stops claims and is left alone.
local function raised(name, version, retention)
  local mark = get('GET', name)
  if not mark then return version, retention end
  if #mark ~= 9 or byte(mark) ~= 1 then return end
  local hi, lo = struct.unpack('>I4I4', version)
  local mark_hi, mark_lo = struct.unpack('>I4I4', sub(mark, 2))
  local newer = hi > mark_hi or (hi == mark_hi and lo > mark_lo)
  local ttl = redis.call('PTTL', name)
  return newer and version or sub(mark, 2), ttl >= 0 and math.max(ttl, retention) or nil
end

-- Writes a mark as it was found to be raised.
local function write_mark(name, version, ttl)
  if ttl then
    redis.call('SET', name, '\1' .. version, 'PX', string.format('%.0f', ttl))
  elseif version then
    redis.call('SET', name, '\1' .. version)
  end
end
