"""The scripts that change job records, each one atomic step inside Redis. Time is Redis's own, in unix seconds."""

from __future__ import annotations

# Compare-and-set: the change is made only if the record stands as the caller last saw it.
# KEYS: 1 record, 2 queued set, 3 running set, 4 expired set, 5 photos by when they go, 6 ended jobs whose
#       manifests do not say so yet, 7 own paintings by when they go.
# ARGV: 1 job id, 2 states it may be in now (comma-separated), 3 attempt, 4 fence and 5 holder that it must have,
#       6 new state, 7 lease in seconds (0 leaves a running job's lease as it is),
#       8 how it is taken: "" not at all, "claim" if no living lease is in the way, "seize" whatever its lease says,
#       9 photo id, 10 seconds that photos and paintings are kept after their last job's end,
#       11 how many own paintings the job needs, 12… their ids, then field, value.
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
local paintings = tonumber(ARGV[11])
for i = 12 + paintings, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'state', ARGV[6])
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if ARGV[6] == 'queued' then
  redis.call('ZADD', KEYS[2], record[5], ARGV[1])
elseif ARGV[6] == 'running' then
  redis.call('ZADD', KEYS[3], lease, ARGV[1])
elseif ARGV[6] ~= record[1] then
  redis.call('SADD', KEYS[6], ARGV[1])
  if ARGV[6] == 'expired' then
    redis.call('ZADD', KEYS[4], now, ARGV[1])
  else
    redis.call('HSET', KEYS[1], 'finished_at', now)
    redis.call('ZADD', KEYS[5], now + ARGV[10], ARGV[9])
    -- One that was deleted meanwhile does not come back.
    for i = 12, 11 + paintings do redis.call('ZADD', KEYS[7], 'XX', now + ARGV[10], ARGV[i]) end
  end
end
if ARGV[8] ~= '' then
  redis.call('HINCRBY', KEYS[1], 'fence', 1)
  redis.call('HINCRBY', KEYS[1], 'attempt', 1)
  redis.call('HSET', KEYS[1], 'started_at', now)
end
return redis.call('HGETALL', KEYS[1])
"""

# Stores a record unless there is one or a limit is reached; gives a queued job its place in the queue.
# KEYS: 1 record, 2 queued set, 3 sequence counter, 4 the client's jobs, 5 the photo's jobs, 6 the photo's gone mark,
#       7 photos by when they go, 8 expired set, 9 own paintings by when they go, then two for each own painting that
#       the job needs: its jobs, its gone mark.
# ARGV: 1 job id, 2 state, 3 most jobs of the client under way, 4 most jobs in the queue (0: no limit), 5 prefix of
#       records, 6 photo id, 7 when photo and paintings go, 8 how many own paintings, 9… their ids, then field, value.
# Returns "stored" or "there" and the record as a flat list, or why not: "client", "queue", "gone" or "unhung".
STORE = """
local function put_off(by_time, id)
  local due = tonumber(redis.call('ZSCORE', by_time, id) or 0)
  if tonumber(ARGV[7]) > due then redis.call('ZADD', by_time, ARGV[7], id) end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return {'there', redis.call('HGETALL', KEYS[1])} end
local paintings = tonumber(ARGV[8])
if ARGV[2] == 'queued' then
  if redis.call('EXISTS', KEYS[6]) == 1 then return {'gone'} end
  for i = 1, paintings do
    if redis.call('EXISTS', KEYS[9 + 2 * i]) == 1 then return {'unhung'} end
  end
  if tonumber(ARGV[4]) > 0 and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return {'queue'} end
  if tonumber(ARGV[3]) > 0 then
    for _, job in ipairs(redis.call('SMEMBERS', KEYS[4])) do
      local state = redis.call('HGET', ARGV[5] .. job, 'state')
      if state ~= 'queued' and state ~= 'running' then redis.call('SREM', KEYS[4], job) end
    end
    if redis.call('SCARD', KEYS[4]) >= tonumber(ARGV[3]) then return {'client'} end
    redis.call('SADD', KEYS[4], ARGV[1])
    redis.call('EXPIRE', KEYS[4], 604800) -- longer than any job waits and runs
  end
end
for i = 9 + paintings, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[2] == 'queued' then
  local sequence = redis.call('INCR', KEYS[3])
  redis.call('HSET', KEYS[1], 'sequence', sequence)
  redis.call('ZADD', KEYS[2], sequence, ARGV[1])
end
if ARGV[2] == 'expired' then
  redis.call('ZADD', KEYS[8], redis.call('TIME')[1], ARGV[1])
else
  redis.call('SADD', KEYS[5], ARGV[1])
  put_off(KEYS[7], ARGV[6])
  for i = 1, paintings do
    redis.call('SADD', KEYS[8 + 2 * i], ARGV[1])
    put_off(KEYS[9], ARGV[8 + i])
  end
end
return {'stored', redis.call('HGETALL', KEYS[1])}
"""

# Takes a photo or an own painting out of use, unless a job still waits for it or paints with it: from then on no job
# can be made from it.
# KEYS: 1 its jobs, 2 its gone mark, 3 all of its kind by when they go.
# ARGV: 1 its id, 2 prefix of records, 3 now, 4 seconds that the mark stays, 5 "now" to do it in any case.
# Returns the ids of its jobs, or false if it stays.
RETIRE = """
local jobs = redis.call('SMEMBERS', KEYS[1])
if ARGV[5] ~= 'now' then
  if tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0) > tonumber(ARGV[3]) then return false end
  for _, job in ipairs(jobs) do
    local state = redis.call('HGET', ARGV[2] .. job, 'state')
    if state == 'queued' or state == 'running' then return false end
  end
end
redis.call('SET', KEYS[2], 1, 'EX', ARGV[4])
redis.call('ZREM', KEYS[3], ARGV[1])
return jobs
"""

# Notes when a hint was sent. A record that is gone must not come back as this one field: it could not be rebuilt then.
# KEYS: 1 record.
HINTED = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  local clock = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'published_at', clock[1] + clock[2] / 1000000)
end
"""
