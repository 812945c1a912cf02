"""The scripts that change job records, each one atomic step inside Redis. Time is Redis's own, in unix seconds."""

from __future__ import annotations

# Compare-and-set: the change is made only if the record stands as the caller last saw it.
# KEYS: 1 record, 2 queued set, 3 running set, 4 expired set, 5 photos by when they go, 6 ended jobs whose
#       manifests do not say so yet, 7 own paintings by when they go, 8 when work last went on.
# ARGV: 1 job id, 2 states it may be in now (comma-separated), 3 attempt, 4 fence and 5 holder that it must have,
#       6 new state, 7 lease in seconds (0 leaves a running job's lease as it is),
#       8 how it is taken: "" not at all, "claim" if no living lease is in the way, "seize" whatever its lease says,
#       9 photo id, 10 seconds that photos and paintings are kept after their last job's end,
#       11 how many own paintings the job needs, 12… their ids, then the version that it must have, or "" for any,
#       then field, value.
# Returns the record after the change as a flat list, or false if nothing was changed.
CHANGE = """
local record = redis.call('HMGET', KEYS[1], 'state', 'attempt', 'fence', 'holder', 'sequence', 'version')
if not record[1] then return false end
if not string.find(',' .. ARGV[2] .. ',', ',' .. record[1] .. ',', 1, true) then return false end
if record[2] ~= ARGV[3] or record[3] ~= ARGV[4] or record[4] ~= ARGV[5] then return false end
local paintings = tonumber(ARGV[11])
local version = ARGV[12 + paintings]
if version ~= '' and version ~= (record[6] or version) then return false end
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local lease = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0)
if ARGV[8] == 'claim' and lease > now then return false end
if tonumber(ARGV[7]) > 0 then
  lease = now + ARGV[7]
  redis.call('SET', KEYS[8], now)
end
for i = 13 + paintings, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
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

# How bytes are counted: what each thing takes and whose it is ("BYTES OWNER", where nobody is an empty text), and
# what that is together for each owner, and in all.
COUNTING = """
local function entry_of(kept, thing)
  local size, owner = string.match(redis.call('HGET', kept, thing) or '', '^(%d+) (.*)$')
  return tonumber(size or 0), owner or ''
end
local function use(used, name, more)
  if name ~= '' and redis.call('HINCRBY', used, name, string.format('%.0f', more)) == 0 then
    redis.call('HDEL', used, name)
  end
end
local function count(kept, used, thing, owner, size)
  local before, known = entry_of(kept, thing)
  use(used, known, -before)
  use(used, 'all', size - before)
  if known == '' then known = owner end
  use(used, known, size)
  if size > 0 then
    redis.call('HSET', kept, thing, string.format('%.0f %s', size, known))
  else
    redis.call('HDEL', kept, thing)
  end
end
local function beyond(used, name, more, most)
  return name ~= '' and more > 0 and most > 0 and tonumber(redis.call('HGET', used, name) or 0) + more > most
end
"""

# Counts the bytes of one thing.
# KEYS: 1 what each thing takes, 2 what is used.
# ARGV: 1 thing, 2 whose it is, unless that is known: a client, or a thing (with a slash) of the same owner, 3 bytes,
#       4 "add" to what it takes, or "set", 5 the entry that it must have, "none" for none, or "" for any,
#       6 most bytes of a client, 7 most in all (0: no limit).
# Returns "counted", or why not: "client quota", "quota" or "changed".
KEEP = (
    COUNTING
    + """
local thing, size = ARGV[1], tonumber(ARGV[3])
if ARGV[5] ~= '' and (redis.call('HGET', KEYS[1], thing) or 'none') ~= ARGV[5] then return 'changed' end
local before, owner = entry_of(KEYS[1], thing)
if owner == '' then
  owner = ARGV[2]
  if string.find(owner, '/', 1, true) then owner = select(2, entry_of(KEYS[1], owner)) end
end
if ARGV[4] == 'add' then size = before + size end
if beyond(KEYS[2], owner, size - before, tonumber(ARGV[6])) then return 'client quota' end
if beyond(KEYS[2], 'all', size - before, tonumber(ARGV[7])) then return 'quota' end
count(KEYS[1], KEYS[2], thing, owner, size)
return 'counted'
"""
)

# Stores records, all of them or none: each unless it is there already, all unless the new ones would reach a limit.
# Gives queued jobs their places in the queue, in the order given.
# KEYS: 1 queued set, 2 sequence counter, 3 the client's jobs, 4 photos by when they go, 5 expired set, 6 own paintings
#       by when they go, 7 what each thing takes, 8 what is used, 9 when work last went on, then for each job: its
#       record, its photo's jobs, its photo's gone mark, and for each own painting that it needs: its jobs, its gone
#       mark.
# ARGV: 1 most jobs of the client under way, 2 most jobs in the queue (0: no limit), 3 prefix of records,
#       4 the jobs as a JSON list of {id, state, photo: its id, paintings: their ids,
#       goes_at: when these go, fields: [field, value, …], folder, photo_folder: things that are counted,
#       size: bytes that it may take}, 5 most bytes of a photo's owner, 6 most in all (0: no limit).
# Returns "stored" and the records as flat lists, or why not: "client", "queue", "client quota", "quota", "gone" or
# "unhung".
STORE = (
    COUNTING
    + """
local function put_off(by_time, id, goes_at)
  local due = tonumber(redis.call('ZSCORE', by_time, id) or 0)
  if tonumber(goes_at) > due then redis.call('ZADD', by_time, goes_at, id) end
end
local jobs = cjson.decode(ARGV[4])
local queued, at, size, size_of = 0, 10, 0, {}
for _, job in ipairs(jobs) do
  job.record, job.siblings, job.gone, job.needed = KEYS[at], KEYS[at + 1], KEYS[at + 2], at + 3
  at = at + 3 + 2 * #job.paintings
  job.is_new = redis.call('EXISTS', job.record) == 0
  if job.is_new and job.state == 'queued' then
    if redis.call('EXISTS', job.gone) == 1 then return {'gone'} end
    for i = 1, #job.paintings do
      if redis.call('EXISTS', KEYS[job.needed + 2 * i - 1]) == 1 then return {'unhung'} end
    end
    queued = queued + 1
    job.owner = select(2, entry_of(KEYS[7], job.photo_folder))
    size, size_of[job.owner] = size + job.size, (size_of[job.owner] or 0) + job.size
  end
end
if queued > 0 then
  for _, job in ipairs(redis.call('SMEMBERS', KEYS[3])) do
    local state = redis.call('HGET', ARGV[3] .. job, 'state')
    if state ~= 'queued' and state ~= 'running' then redis.call('SREM', KEYS[3], job) end
  end
  if tonumber(ARGV[2]) > 0 and redis.call('ZCARD', KEYS[1]) + queued > tonumber(ARGV[2]) then return {'queue'} end
  if tonumber(ARGV[1]) > 0 and redis.call('SCARD', KEYS[3]) + queued > tonumber(ARGV[1]) then return {'client'} end
  for owner, its_size in pairs(size_of) do
    if beyond(KEYS[8], owner, its_size, tonumber(ARGV[5])) then return {'client quota'} end
  end
  if beyond(KEYS[8], 'all', size, tonumber(ARGV[6])) then return {'quota'} end
end
local records = {'stored'}
for _, job in ipairs(jobs) do
  if job.is_new then
    for i = 1, #job.fields, 2 do redis.call('HSET', job.record, job.fields[i], job.fields[i + 1]) end
    if job.state == 'queued' then
      if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('SET', KEYS[9], redis.call('TIME')[1]) end
      local sequence = redis.call('INCR', KEYS[2])
      redis.call('HSET', job.record, 'sequence', sequence)
      redis.call('ZADD', KEYS[1], sequence, job.id)
      count(KEYS[7], KEYS[8], job.folder, job.owner, job.size)
      -- Without a limit too: what comes back from its manifest counts with what is asked for after it.
      redis.call('SADD', KEYS[3], job.id)
      redis.call('EXPIRE', KEYS[3], 604800) -- longer than any job waits and runs
    end
    if job.state == 'expired' then
      redis.call('ZADD', KEYS[5], redis.call('TIME')[1], job.id)
    else
      redis.call('SADD', job.siblings, job.id)
      put_off(KEYS[4], job.photo, job.goes_at)
      for i, painting in ipairs(job.paintings) do
        redis.call('SADD', KEYS[job.needed + 2 * i - 2], job.id)
        put_off(KEYS[6], painting, job.goes_at)
      end
    end
  end
  table.insert(records, redis.call('HGETALL', job.record))
end
return records
"""
)

# Takes the record of a job back that was refused after all, unless somebody has begun it or it has ended.
# KEYS: 1 record, 2 queued set, 3 what each thing takes, 4 what is used, 5 the client's jobs, 6… its photo's jobs and
#       each own painting's.
# ARGV: 1 job id, 2 its folder.
WITHDRAW = (
    COUNTING
    + """
local stands = redis.call('HMGET', KEYS[1], 'state', 'attempt')
if stands[1] == 'queued' and stands[2] == '0' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  count(KEYS[3], KEYS[4], ARGV[2], '', 0)
  for i = 5, #KEYS do redis.call('SREM', KEYS[i], ARGV[1]) end
end
"""
)

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

# What polls are answered from: how jobs stand, and the whole record only of those that whoever asks does not know yet.
# KEYS: 1 queued set, 2 measured speeds, 3… records.
# ARGV: for each record its job's id, and what is known of it: `version` or `version.place`, several comma-separated.
# Returns the speeds as a flat list, then for each record state, version, place in the queue (-1 if it has none) and the
# record as a flat list, which is empty where it is known; nothing of a record that is not there.
LOOK = """
local looks = {redis.call('HGETALL', KEYS[2])}
for i = 3, #KEYS do
  local id, known = ARGV[2 * i - 5], ARGV[2 * i - 4]
  local stands = redis.call('HMGET', KEYS[i], 'state', 'version')
  local look = {}
  if stands[1] then
    local place = redis.call('ZRANK', KEYS[1], id)
    local now = stands[2] .. (place and '.' .. place or '')
    local is_known = (stands[1] == 'queued' or stands[1] == 'running')
      and string.find(',' .. known .. ',', ',' .. now .. ',', 1, true)
    look = {stands[1], stands[2], place or -1, is_known and {} or redis.call('HGETALL', KEYS[i])}
  end
  table.insert(looks, look)
end
return looks
"""

# Notes when a hint was sent. A record that is gone must not come back as this one field: it could not be rebuilt then.
# KEYS: 1 record.
HINTED = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  local clock = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'published_at', clock[1] + clock[2] / 1000000)
end
"""
