/**
 * The scripts that run in Redis. Each does a bounded amount of work, and first compares the
 * registry's life: one that was emptied since the caller looked answers `UNSURE`, never with too
 * little.
 *
 * All keys begin with the prefix of the swarm, which is also the hash tag:
 *
 *     born           the id of the registry, and of its life, and when that began
 *     seq            the number of the last bucket; none is used twice
 *     p:<bucket>     HASH: "o" is its owner's token, "00" to "31" are peers; lapses unless renewed
 *     B              ZSET of buckets by number
 *     n:<name>       STRING of announcements, each after its length; empty when there are too many, then
 *     N:<name>       HASH from publisher to its announcements, and
 *     O:<name>       ZSET of its publishers
 *     f:<key>        SET of ordinals of peers that hold that content under that name, and were reached
 *     u:<key>        the same of those that were not
 *     c:<id>         SET of the numbers of names that a content has
 *     C:<id>         SET of name and publisher, of names with too many announcements
 *     v:<publisher>  SET of the numbers of names that a publisher announced
 *     names          ZSET of all names
 *     b:<token>      STRING: what a bootstrap holds; lapses unless renewed
 *     bs             SET of the tokens of bootstraps
 *
 * An ordinal is 100 times a bucket's number and the slot in it.
 */
import { createHash } from "node:crypto";

/** Announcements under one name that lie in one string. */
export const STRING_CAP = 16;
/** Versions of one publisher's that are kept of such a name; the oldest go first. */
const VERSIONS_CAP = 64;
/** Publishers of one name that one question looks at, drawn at random. */
export const PUBLISHERS_CAP = 32;
/** Names of one content that one question looks at. */
const NAMES_CAP = 16;
/** Sources of several names that are counted exactly; of more, the largest set counts. */
const UNION_CAP = 1_000;
/** Times that sources are drawn anew, when some were gone. */
const DRAWS = 4;

const SHARED = `
local P = KEYS[1]
local sub, byte, call = string.sub, string.byte, redis.call
if call('GET', P .. 'born') ~= ARGV[1] then return redis.error_reply('UNSURE') end
local function nameOf(E) return sub(E, byte(E, 87) == 1 and 166 or 152) end
local function keyOf(E) return sub(redis.sha1hex(sub(E, 2, 65) .. nameOf(E)), 1, 16) end
local function timeOf(E) return (struct.unpack('>I7', E, 66)) end
local function each(list)
  local at, size = 1, #list
  return function()
    if at + 1 >= size then return end
    local length = byte(list, at) * 256 + byte(list, at + 1)
    local from = at + 2
    at = from + length
    return sub(list, from, at - 1), from - 2
  end
end
local function pack(E) return struct.pack('>I2', #E) .. E end
-- The list with E in it: in place of an older one of that content, publisher and name, or added.
local function merged(list, E, latest)
  local key, name = sub(E, 2, 65), nameOf(E)
  local count = 0
  for one, at in each(list) do
    count = count + 1
    if sub(one, 2, 65) == key and nameOf(one) == name then
      local known = timeOf(one)
      if timeOf(E) > known or known > latest then
        return sub(list, 1, at - 1) .. pack(E) .. sub(list, at + 2 + #one), count
      end
      return list, count
    end
  end
  return list .. pack(E), count + 1
end
local function without(list, E)
  local key, name = sub(E, 2, 65), nameOf(E)
  for one, at in each(list) do
    if sub(one, 2, 65) == key and nameOf(one) == name then
      return sub(list, 1, at - 1) .. sub(list, at + 2 + #one)
    end
  end
  return list
end
local function has(list, test)
  for one in each(list) do if test(one) then return true end end
  return false
end
local function drop(h, e, E)
  if call('EXISTS', P .. 'f:' .. e, P .. 'u:' .. e) > 0 then return end
  local id, publisher, name = sub(E, 2, 33), sub(E, 34, 65), nameOf(E)
  local ofId = function(one) return sub(one, 2, 33) == id end
  local ofPublisher = function(one) return sub(one, 34, 65) == publisher end
  local key = P .. 'n:' .. h
  local list = call('GET', key)
  if not list then return end
  if list ~= '' then
    list = without(list, E)
    if list == '' then call('UNLINK', key) else call('SET', key, list) end
    if not has(list, function(one) return nameOf(one) == name end) then
      call('ZREM', P .. 'names', name)
    end
    if not has(list, ofId) then call('SREM', P .. 'c:' .. id, h) end
    if not has(list, ofPublisher) then call('SREM', P .. 'v:' .. publisher, h) end
    return
  end
  local mine = without(call('HGET', P .. 'N:' .. h, publisher) or '', E)
  if mine ~= '' then
    call('HSET', P .. 'N:' .. h, publisher, mine)
  else
    call('HDEL', P .. 'N:' .. h, publisher)
    call('ZREM', P .. 'O:' .. h, publisher)
    call('SREM', P .. 'v:' .. publisher, h)
  end
  if not has(mine, ofId) then call('SREM', P .. 'C:' .. id, h .. ':' .. publisher) end
  if call('HLEN', P .. 'N:' .. h) == 0 then
    call('UNLINK', key)
    call('ZREM', P .. 'names', name)
  end
end
`;

/**
 * Publishes: the operations, in order. ARGV: life, token, time to live in ms, latest time, and
 * the operations: each an opcode, an ordinal after its length, and
 *
 *     0, 1, 2   a content is not held any more, or by one that was not reached, or was: the key of
 *               its sources, the number of its name after its length, the announcement after its length
 *     3         a peer: its record after its length
 *     4         a peer is gone
 */
const PUBLISH = `
local token, ttl, latest, b = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local at, size = 1, #b
local function take(n) at = at + n; return sub(b, at - n, at - 1) end
local function short() return take(byte(take(1))) end
local function long() local l, h = byte(b, at, at + 1); at = at + 2; return take(l * 256 + h) end
local function bucketOf(o) return P .. 'p:' .. sub(o, 1, -3), sub(o, -2) end
local function spread(h, list)
  call('SET', P .. 'n:' .. h, '')
  for one in each(list) do
    local publisher = sub(one, 34, 65)
    local mine = call('HGET', P .. 'N:' .. h, publisher) or ''
    call('HSET', P .. 'N:' .. h, publisher, mine .. pack(one))
    call('ZADD', P .. 'O:' .. h, 0, publisher)
    call('SREM', P .. 'c:' .. sub(one, 2, 33), h)
    call('SADD', P .. 'C:' .. sub(one, 2, 33), h .. ':' .. publisher)
  end
end
local function capped(list)
  local oldest, time, count = nil, nil, 0
  for one in each(list) do
    count = count + 1
    local t = timeOf(one)
    if not time or t < time then oldest, time = one, t end
  end
  if count > ${VERSIONS_CAP} then return without(list, oldest), oldest end
  return list
end
local function put(h, E)
  local key, packed = P .. 'n:' .. h, pack(E)
  local list = call('GET', key)
  if list == packed then return end
  local id, publisher = sub(E, 2, 33), sub(E, 34, 65)
  if list == '' then
    local old = call('HGET', P .. 'N:' .. h, publisher) or ''
    local mine, dropped = capped((merged(old, E, latest)))
    if mine == old then return end
    call('HSET', P .. 'N:' .. h, publisher, mine)
    call('ZADD', P .. 'O:' .. h, 0, publisher)
    call('SADD', P .. 'C:' .. id, h .. ':' .. publisher)
    call('SADD', P .. 'v:' .. publisher, h)
    if dropped and not has(mine, function(one) return sub(one, 2, 33) == sub(dropped, 2, 33) end) then
      call('SREM', P .. 'C:' .. sub(dropped, 2, 33), h .. ':' .. publisher)
    end
    return
  end
  local name = nameOf(E)
  local now, count = packed, 1
  if list then
    now, count = merged(list, E, latest)
    if now == list then return end
  end
  if not list or not has(list, function(one) return nameOf(one) == name end) then
    call('ZADD', P .. 'names', 0, name)
  end
  call('SADD', P .. 'v:' .. publisher, h)
  if count > ${STRING_CAP} then return spread(h, now) end
  call('SET', key, now)
  call('SADD', P .. 'c:' .. id, h)
end
while at <= size do
  local op = byte(take(1))
  local o = short()
  if op < 3 then
    local e, h, E = take(16), short(), long()
    if op == 0 then
      call('SREM', P .. 'f:' .. e, o)
      call('SREM', P .. 'u:' .. e, o)
      drop(h, e, E)
    else
      put(h, E)
      call('SADD', P .. (op == 2 and 'f:' or 'u:') .. e, o)
      call('SREM', P .. (op == 2 and 'u:' or 'f:') .. e, o)
    end
  else
    local key, slot = bucketOf(o)
    local owner = call('HGET', key, 'o')
    if owner and owner ~= token then return redis.error_reply('UNSURE') end
    if op == 3 then
      local record = long()
      if owner then
        call('HSET', key, slot, record)
      else
        call('HSET', key, 'o', token, slot, record)
        call('PEXPIRE', key, ttl)
        call('ZADD', P .. 'B', sub(o, 1, -3), sub(o, 1, -3))
      end
    elseif owner then
      call('HDEL', key, slot)
      if call('HLEN', key) == 1 then
        call('UNLINK', key)
        call('ZREM', P .. 'B', sub(o, 1, -3))
      end
    end
  end
end
return 1
`;

/**
 * Finds. ARGV: life, latest time, cap on sources, "1" for all versions, id, publisher, "1" for a list,
 * first publisher of a list, cap on announcements, and numbers of names. Without such numbers the id
 * says which. Answers with the registry's age in seconds, then for each announcement: it, the number of
 * its sources, and some of them, each after its length.
 */
const FIND = `
local latest, most, versions = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local id, publisher, isList, first = ARGV[5], ARGV[6], ARGV[7] == '1', ARGV[8]
local cap = tonumber(ARGV[9])
local function namesOf(content)
  local key = P .. 'c:' .. content
  if call('SCARD', key) > ${NAMES_CAP} then return call('SRANDMEMBER', key, ${NAMES_CAP}) end
  return call('SMEMBERS', key)
end
local function crowdedOf(content)
  local some = call('SRANDMEMBER', P .. 'C:' .. content, ${NAMES_CAP})
  local lists = {}
  for n, one in ipairs(some) do
    local colon = string.find(one, ':', 1, true)
    local list = call('HGET', P .. 'N:' .. sub(one, 1, colon - 1), sub(one, colon + 1))
    if list then lists[#lists + 1] = list end
  end
  return lists
end
-- The keys of a content's sources, under all of its names.
local function keysOf(E)
  local content = sub(E, 2, 33)
  local own = keyOf(E)
  local names = namesOf(content)
  local keys, known = { own }, { [own] = true }
  local lists = crowdedOf(content)
  for _, h in ipairs(names) do
    local list = call('GET', P .. 'n:' .. h) or ''
    if #names == 1 and #lists == 0 and list == pack(E) then return keys end
    lists[#lists + 1] = list
  end
  for _, list in ipairs(lists) do
    for one in each(list) do
      if #keys < ${NAMES_CAP} and sub(one, 2, 33) == content then
        local key = keyOf(one)
        if not known[key] then known[key] = true; keys[#keys + 1] = key end
      end
    end
  end
  return keys
end
local function totalOf(keys)
  local sum, largest = 0, 0
  local sets = {}
  for _, key in ipairs(keys) do
    local count = call('SCARD', P .. 'f:' .. key) + call('SCARD', P .. 'u:' .. key)
    sum = sum + count
    if count > largest then largest = count end
    sets[#sets + 1] = P .. 'f:' .. key
    sets[#sets + 1] = P .. 'u:' .. key
  end
  if #keys == 1 then return sum end
  if sum > ${UNION_CAP} then return largest end
  return #call('SUNION', unpack(sets))
end
local function draw(keys)
  local got, seen, lost = {}, {}, 0
  for _, kind in ipairs({ 'f:', 'u:' }) do
    for _, e in ipairs(keys) do
      local key = P .. kind .. e
      for attempt = 1, ${DRAWS} do
        if #got >= most then return got, lost end
        local gone = 0
        -- More than are missing: some of them may be here already.
        local some = call('SRANDMEMBER', key, #keys > 1 and most or most - #got)
        for _, o in ipairs(some) do
          if not seen[o] and #got < most then
            seen[o] = true
            local record = call('HGET', P .. 'p:' .. sub(o, 1, -3), sub(o, -2))
            if record then
              got[#got + 1] = pack(record)
            else
              gone, lost = gone + 1, lost + 1
              call('SREM', key, o)
            end
          end
        end
        if gone == 0 then break end
      end
    end
  end
  return got, lost
end
local found = {}
local function take(E)
  if #found < 3 * cap then
    local keys = keysOf(E)
    local total = totalOf(keys)
    local sources, lost = {}, 0
    if most > 0 then sources, lost = draw(keys) end
    if lost > 0 then total = totalOf(keys) end
    if total > 0 then
      found[#found + 1] = E
      found[#found + 1] = total
      found[#found + 1] = table.concat(sources)
    end
  end
end
local function newest(list, into)
  for one in each(list) do
    local p = sub(one, 34, 65) .. nameOf(one)
    local known = into[p]
    local time = timeOf(one)
    if time <= latest then
      local old = known and timeOf(known) or -1
      if not known or time > old or (time == old and sub(one, 2, 33) > sub(known, 2, 33)) then
        if not known then into[#into + 1] = p end
        into[p] = one
      end
    end
  end
end
local function consider(list)
  if id ~= '' or versions then
    for one in each(list) do
      if (id == '' or sub(one, 2, 33) == id) and (publisher == '' or sub(one, 34, 65) == publisher) then
        take(one)
      end
    end
    return
  end
  local best = {}
  newest(list, best)
  for _, p in ipairs(best) do
    if publisher == '' or sub(p, 1, 32) == publisher then take(best[p]) end
  end
end
local hs = {}
for n = 10, #ARGV do hs[#hs + 1] = ARGV[n] end
if #hs == 0 and id ~= '' then
  hs = namesOf(id)
  for _, list in ipairs(crowdedOf(id)) do consider(list) end
end
for n, h in ipairs(hs) do
  local list = call('GET', P .. 'n:' .. h)
  if list == '' then
    if isList then
      local from = n == 1 and first ~= '' and '[' .. first or '-'
      local some = call('ZRANGE', P .. 'O:' .. h, from, '+', 'BYLEX', 'LIMIT', 0, cap)
      for _, p in ipairs(some) do consider(call('HGET', P .. 'N:' .. h, p) or '') end
    elseif publisher ~= '' then
      consider(call('HGET', P .. 'N:' .. h, publisher) or '')
    elseif id ~= '' then
      for _, crowded in ipairs(crowdedOf(id)) do consider(crowded) end
    else
      local some = call('HRANDFIELD', P .. 'N:' .. h, ${PUBLISHERS_CAP}, 'WITHVALUES')
      for at = 2, #some, 2 do consider(some[at]) end
    end
  elseif list then
    consider(list)
  end
end
local now = call('TIME')[1]
local age = tonumber(now) - tonumber(string.match(ARGV[1], '(%d+)$'))
return { age, found }
`;

/**
 * Some sources of one key. ARGV: life, key, "f" or "u", cursor, how many at least. Answers with the
 * next cursor, "0" at the end, and the records.
 */
const SOURCES = `
local reply = call('SSCAN', P .. ARGV[3] .. ':' .. ARGV[2], ARGV[4], 'COUNT', ARGV[5])
local records = {}
for _, o in ipairs(reply[2]) do
  local record = call('HGET', P .. 'p:' .. sub(o, 1, -3), sub(o, -2))
  if record then records[#records + 1] = record end
end
return { reply[1], records }
`;

/** A part of all names. ARGV: life, first name after "[", how many. */
const NAMES = `
return call('ZRANGE', P .. 'names', ARGV[2], '+', 'BYLEX', 'LIMIT', 0, ARGV[3])
`;

/** The numbers of some names of a publisher's. ARGV: life, publisher, how many. */
const PUBLISHED = `
return call('SRANDMEMBER', P .. 'v:' .. ARGV[2], ARGV[3])
`;

/** Peers. ARGV: life, first bucket, how many buckets. Answers with a bucket and its fields in turns. */
const PEERS = `
local found = {}
local buckets = call('ZRANGE', P .. 'B', ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, bucket in ipairs(buckets) do
  local fields = call('HGETALL', P .. 'p:' .. bucket)
  if #fields == 0 then call('ZREM', P .. 'B', bucket) end
  found[#found + 1] = bucket
  found[#found + 1] = fields
end
return found
`;

/** Numbers for buckets. ARGV: life, the highest number of one's own, how many. Answers with the last. */
const NUMBER = `
local key = P .. 'seq'
if tonumber(call('GET', key) or '0') < tonumber(ARGV[2]) then call('SET', key, ARGV[2]) end
return call('INCRBY', key, ARGV[3])
`;

/** Renews buckets. ARGV: life, token, time to live in ms, their numbers. Answers how many are one's own. */
const RENEW = `
local own = 0
for n = 4, #ARGV do
  local key = P .. 'p:' .. ARGV[n]
  if call('HGET', key, 'o') == ARGV[2] then
    call('PEXPIRE', key, ARGV[3])
    own = own + 1
  end
end
return own
`;

/** Tells what a bootstrap holds, and hears of the others. ARGV: life, token, time to live in ms, text. */
const TELL = `
call('SET', P .. 'b:' .. ARGV[2], ARGV[4], 'PX', ARGV[3])
call('SADD', P .. 'bs', ARGV[2])
local told = {}
local tokens = call('SRANDMEMBER', P .. 'bs', 256)
for _, token in ipairs(tokens) do
  local text = call('GET', P .. 'b:' .. token)
  if not text then
    call('SREM', P .. 'bs', token)
  elseif token ~= ARGV[2] then
    told[#told + 1] = text
  end
end
return told
`;

/** A bootstrap leaves. ARGV: life, token. */
const LEAVE = `
call('UNLINK', P .. 'b:' .. ARGV[2])
call('SREM', P .. 'bs', ARGV[2])
return 1
`;

/**
 * Clears up after bootstraps that were killed: announcements whose sources are all gone. ARGV: life,
 * token, time to live in ms of the right to do so, first name after "[", how many names, then their
 * numbers follow in another call. Answers 0 to all but one.
 */
const SCRUB = `
local key = P .. 'scrub'
local who = call('GET', key)
if who and who ~= ARGV[2] then return 0 end
call('SET', key, ARGV[2], 'PX', ARGV[3])
for n = 4, #ARGV do
  local h = ARGV[n]
  local list = call('GET', P .. 'n:' .. h)
  if list == '' then
    list = ''
    local some = call('HRANDFIELD', P .. 'N:' .. h, ${STRING_CAP}, 'WITHVALUES')
    for at = 2, #some, 2 do list = list .. some[at] end
  end
  for E in each(list or '') do
    local e = keyOf(E)
    for _, kind in ipairs({ 'f:', 'u:' }) do
      for _, o in ipairs(call('SRANDMEMBER', P .. kind .. e, 16)) do
        if call('HEXISTS', P .. 'p:' .. sub(o, 1, -3), sub(o, -2)) == 0 then
          call('SREM', P .. kind .. e, o)
        end
      end
    end
    drop(h, e, E)
  end
end
return 1
`;

/**
 * The life of the registry; begins one if there is none. Writes a key, so that a registry that takes
 * no writes says so. ARGV: an id for a new one, a random text, token.
 */
const LIFE = `
local P = KEYS[1]
local born = redis.call('GET', P .. 'born')
if not born then
  born = ARGV[1] .. '.' .. ARGV[2] .. '.' .. redis.call('TIME')[1]
  redis.call('SET', P .. 'born', born)
end
redis.call('SET', P .. 'w:' .. ARGV[3], '1', 'PX', 5000)
return born
`;

/** A script, and the hash by which Redis knows it. */
export interface Script {
  source: string;
  sha1: string;
}

function script(source: string): Script {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}

export const SCRIPTS = {
  publish: script(SHARED + PUBLISH),
  find: script(SHARED + FIND),
  names: script(SHARED + NAMES),
  sources: script(SHARED + SOURCES),
  published: script(SHARED + PUBLISHED),
  peers: script(SHARED + PEERS),
  number: script(SHARED + NUMBER),
  renew: script(SHARED + RENEW),
  tell: script(SHARED + TELL),
  leave: script(SHARED + LEAVE),
  scrub: script(SHARED + SCRUB),
  life: script(LIFE),
};
