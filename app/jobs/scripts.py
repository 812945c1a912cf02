"""The scripts that change job records, each one atomic step inside Redis. Time is Redis's own, in unix seconds."""

from __future__ import annotations

# Compare-and-set: the change is made only if the record stands as the caller last saw it.
# KEYS: 1 record, 2 queued set, 3 running set.
# ARGV: 1 job id, 2 states it may be in now (comma-separated), 3 attempt, 4 fence and 5 holder that it must have,
#       6 new state, 7 lease in seconds (0 leaves a running job's lease as it is),
#       8 how it is taken: "" not at all, "claim" if no living lease is in the way, "seize" whatever its lease says,
#       9… field, value.
# Returns the record after the change as a flat list, or false if nothing was changed.
CHANGE = """
local record = redis.call('HMGET', KEYS[1], 'state', 'attempt', 'fence', 'holder', 'sequence')
if not record[1] then return false end
if not string.find(',' .. ARGV[2] .. ',', ',' .. record[1] .. ',', 1, true) then return false end
if record[2] ~= ARGV[3] or record[3] ~= ARGV[4] or record[4] ~= ARGV[5] then return false end
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local lease = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0)
if ARGV[8] == 'claim' and lease > now then return false end
if tonumber(ARGV[7]) > 0 then lease = now + ARGV[7] end
for i = 9, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'state', ARGV[6])
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if ARGV[6] == 'queued' then
  redis.call('ZADD', KEYS[2], record[5], ARGV[1])
elseif ARGV[6] == 'running' then
  redis.call('ZADD', KEYS[3], lease, ARGV[1])
else
  redis.call('HSET', KEYS[1], 'finished_at', now)
end
if ARGV[8] ~= '' then
  redis.call('HINCRBY', KEYS[1], 'fence', 1)
  redis.call('HINCRBY', KEYS[1], 'attempt', 1)
  redis.call('HSET', KEYS[1], 'started_at', now)
end
return redis.call('HGETALL', KEYS[1])
"""

# Stores a record unless there is one; gives a queued job its place in the queue.
# KEYS: 1 record, 2 queued set, 3 sequence counter.  ARGV: 1 job id, 2 state, 3… field, value.
# Returns the record as a flat list.
STORE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  if ARGV[2] == 'queued' then
    local sequence = redis.call('INCR', KEYS[3])
    redis.call('HSET', KEYS[1], 'sequence', sequence)
    redis.call('ZADD', KEYS[2], sequence, ARGV[1])
  end
end
return redis.call('HGETALL', KEYS[1])
"""

# Notes when a hint was sent. A record that is gone must not come back as this one field: it could not be rebuilt then.
# KEYS: 1 record.
HINTED = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  local clock = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'published_at', clock[1] + clock[2] / 1000000)
end
"""
