-- The functions that all scripts share: reading records and marks, leases, and fences.
-- The layout of a record, as in codec.rs: 1 format, 2 state (the lower two bits) and flags, 3-18 owner, 19-26 fence,
-- 27-28 attempts, 29-34 lease (time of completion if completed), 35-40 retention, 41-48 end of the key digest; then
-- fingerprint (32) if flag 4 is set, version and resource (8 + 32) if flag 8 is set, length and parts (2 + n) if flag 16
-- is set, and the outcome of a completed record. Flag 128 only says that a record in flight has a waiter.
local FORMAT = 3
local IN_FLIGHT, RELEASED, COMPLETED = 1, 2, 3
-- Lua 5.1 has no bit operators: bits % flag gives the bits below a flag. UNKNOWN is the lowest bit without a meaning.
local HAS_FINGERPRINT, HAS_ORDER, HAS_PARTS, UNKNOWN, AWAITED = 4, 8, 16, 32, 128
local MAX_ATTEMPTS = 65535
local byte, sub = string.byte, string.sub

-- The value that this command reads. A value of another type reads as an empty string, which is no record. Any other
-- error ends the script.
local function get(...)
  local value = redis.pcall(...)
  if type(value) ~= 'table' then return value end
  if string.find(value.err, 'WRONGTYPE', 1, true) then return '' end
  return redis.call(...)
end

-- The end of the parts that start at this position. nil if they are truncated, or if one of them is binding (has a tag
-- of 128 or more), which must not be ignored.
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

-- The state of a record, and the positions of its order, its parts and its outcome. nil if the value is not a record of
-- this key in this format.
local function read(value, digest)
  if not value or #value < 48 or byte(value) ~= FORMAT or sub(value, 41, 48) ~= digest then return end
  local bits = byte(value, 2) % AWAITED
  local state = bits % HAS_FINGERPRINT
  if state == 0 or bits >= UNKNOWN then return end
  local order = bits % HAS_ORDER >= HAS_FINGERPRINT and 81 or 49
  local parts = order + (bits % HAS_PARTS >= HAS_ORDER and 40 or 0)
  local body = parts
  if bits >= HAS_PARTS then body = parts_end(value, parts) end
  if not body or #value < body - 1 or (state ~= COMPLETED and #value >= body) then return end
  return state, order, parts, body
end

-- The byte of this state and a record's flags, without the flag of a waiter.
local function in_state(state, value)
  local bits = byte(value, 2) % AWAITED
  return string.char(bits - bits % HAS_FINGERPRINT + state)
end

-- Whether a record is in flight under this owner and fence.
local function is_held(state, value, identity)
  return state == IN_FLIGHT and sub(value, 3, 26) == identity
end

-- The milliseconds left of a lease (0 or less once it has expired), its length, the retention, and the TTL. The first
-- is nil if the TTL does not tell: the key was persisted from outside, or pinned because its outcome could not be
-- recorded.
local function lease_left(key, value)
  local lease, retention = struct.unpack('>I6I6', sub(value, 29, 40))
  local ttl = redis.call('PTTL', key)
  local left
  if ttl >= 0 and ttl <= retention + 2 * lease then left = ttl - retention end
  return left, lease, retention, ttl
end

-- Formats milliseconds for PX and PEXPIRE.
local function whole(millis)
  return string.format('%.0f', millis)
end

-- The fence after this one (8 bytes), as two halves, since a double holds only 53 bits.
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

-- The current time in milliseconds since 1970 (6 bytes), as in a completed record.
local function unix_millis()
  local time = redis.call('TIME')
  return struct.pack('>I6', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- Whether one version (8 bytes) is older than another.
local function is_older(version, other)
  local hi, lo = struct.unpack('>I4I4', version)
  local other_hi, other_lo = struct.unpack('>I4I4', other)
  return hi < other_hi or (hi == other_hi and lo < other_lo)
end

-- The version in a mark (8 bytes). nil if the mark cannot be read.
local function marked(mark)
  if #mark == 9 and byte(mark) == 1 then return sub(mark, 2) end
end

-- The version and TTL of a resource's mark after this version completes. The version never falls. The TTL is nil if the
-- mark never expires. Both are nil if the mark cannot be read: it then stops claims, and stays as it is.
local function raised(name, version, retention)
  local mark = get('GET', name)
  if not mark then return version, retention end
  local newest = marked(mark)
  if not newest then return end
  local ttl = redis.call('PTTL', name)
  return is_older(version, newest) and newest or version, ttl >= 0 and math.max(ttl, retention) or nil
end

-- Writes the version and TTL that raised() returned.
local function write_mark(name, version, ttl)
  if ttl then
    redis.call('SET', name, '\1' .. version, 'PX', whole(ttl))
  elseif version then
    redis.call('SET', name, '\1' .. version)
  end
end
