-- The record in Lua: its layout (see codec.rs), whether it can be read, and what is left of its lease.
-- 1 format, 2 state, 3 flags, 4-19 owner, 20-27 fence, 28-31 attempts, 32-37 lease (completed: when), 38-43 retention,
-- 44-59 key digest, then a fingerprint (32) where flag 1 is set, version and resource (8 + 32) where flag 2 is set, length
-- and parts (2 + n) where flag 4 is set, and the outcome of a completed one.
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

-- Where the parts end that begin here; nothing where they are cut short, or one is binding (its tag is 128 or more) and
-- must not be ignored.
local function parts_end(value, at)
  if #value < at + 1 then return end
  local stop = at + 2 + struct.unpack('>I2', sub(value, at, at + 1))
  if #value < stop - 1 then return end
  at = at + 2
  while at + 2 < stop and byte(value, at) < 128 do
    at = at + 3 + struct.unpack('>I2', sub(value, at + 1, at + 2))
  end
  if at == stop then return stop end
end

-- Its state, and where its order, its parts and its outcome begin; nothing where it is not a record of this key in this
-- format.
local function read(value, digest)
  if not value or #value < 59 or byte(value) ~= 2 or sub(value, 44, 59) ~= digest then return end
  local state, flags = byte(value, 2, 3)
  if state < IN_FLIGHT or state > COMPLETED or flags > 7 then return end
  local order = 60 + flags % 2 * 32
  local parts = order + (flags % 4 > 1 and 40 or 0)
  local body = parts
  if flags > 3 then body = parts_end(value, parts) end
  if not body or #value < body - 1 or (state ~= COMPLETED and #value >= body) then return end
  return state, order, parts, body
end

-- Whether it is in flight in the hands of this owner with this fence.
local function is_held(state, value, identity)
  return state == IN_FLIGHT and sub(value, 4, 27) == identity
end

-- Milliseconds left of its lease, none or less once it ran out, with lease, retention and TTL. Nothing in the first place
-- where its TTL cannot tell: it was persisted by a stranger, or pinned beyond what any lease leaves because its outcome
-- could not be recorded.
local function lease_left(key, value)
  local lease, retention = struct.unpack('>I6I6', sub(value, 32, 43))
  local ttl = redis.call('PTTL', key)
  local left
  if ttl >= 0 and ttl <= retention + 2 * lease then left = ttl - retention end
  return left, lease, retention, ttl
end

-- Milliseconds as PX and PEXPIRE take them.
local function whole(millis)
  return string.format('%.0f', millis)
end

-- The fence after the one that these 8 bytes are, in two halves because a double holds 53 bits.
local function after(fence)
  local hi, lo = struct.unpack('>I4I4', fence)
  if lo < 4294967295 then return hi, lo + 1 end
  if hi < 4294967295 then return hi + 1, 0 end
  return hi, lo
end

-- The fence of the next grant: max(previous + 1, microseconds).
local function next_fence(previous)
  local hi, lo = after(previous)
  local time = redis.call('TIME')
  local micros = time[1] * 1000000 + time[2]
  local now_hi = math.floor(micros / 4294967296)
  local now_lo = micros - now_hi * 4294967296
  if now_hi > hi or (now_hi == hi and now_lo > lo) then hi, lo = now_hi, now_lo end
  return struct.pack('>I4I4', hi, lo)
end

-- Now, in milliseconds since 1970, as a completed record has it.
local function unix_millis()
  local time = redis.call('TIME')
  return struct.pack('>I6', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- Whether one version, in 8 bytes, is older than another.
local function is_older(version, other)
  local hi, lo = struct.unpack('>I4I4', version)
  local other_hi, other_lo = struct.unpack('>I4I4', other)
  return hi < other_hi or (hi == other_hi and lo < other_lo)
end

-- The version that a mark holds, in 8 bytes; nothing where it cannot be read.
local function marked(mark)
  if #mark == 9 and byte(mark) == 1 then return sub(mark, 2) end
end

-- What a resource's mark becomes when this version completes, which never falls, and for how long it is then kept: no
-- time where it is kept for ever. Nothing where it cannot be read: it stops claims and is left alone.
local function raised(name, version, retention)
  local mark = get('GET', name)
  if not mark then return version, retention end
  local newest = marked(mark)
  if not newest then return end
  local ttl = redis.call('PTTL', name)
  return is_older(version, newest) and newest or version, ttl >= 0 and math.max(ttl, retention) or nil
end

-- Writes a mark as it was found to be raised.
local function write_mark(name, version, ttl)
  if ttl then
    redis.call('SET', name, '\1' .. version, 'PX', whole(ttl))
  elseif version then
    redis.call('SET', name, '\1' .. version)
  end
end
