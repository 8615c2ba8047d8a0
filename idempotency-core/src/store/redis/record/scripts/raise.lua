-- Raises a mark whose record is in another slot: KEYS mark; ARGV version (8 bytes), retention (6 bytes).
-- Atomic because Redis runs nothing else while a script runs; the mark is read before the one write.
local version, ttl = raised(KEYS[1], ARGV[1], struct.unpack('>I6', ARGV[2]))
if version then write_mark(KEYS[1], version, ttl) end
return 1
