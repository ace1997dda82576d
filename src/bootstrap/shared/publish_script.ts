import { DROP, HEAD, LISTS } from "./lua_parts.ts";

/** Announcements under one name that lie in one string. */
const STRING_CAP = 16;
/** Versions of one publisher's that are kept of such a name; the oldest go first. */
const VERSIONS_CAP = 64;

/**
 * Publishes: the operations, in order. ARGV: life, token, time to live in ms, latest time, and
 * the operations: each an opcode, an ordinal after its length, and
 *
 *     0, 1, 2   a content is not held any more, or by one that was not reached, or was: the key of
 *               its sources, the number of its name after its length, the announcement after its length
 *     3         a peer: its record after its length
 *     4         a peer is gone
 */
export const PUBLISH = `${HEAD}${LISTS}${DROP}
local token, ttl, latest, b = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local at, size = 1, #b
local function take(n) at = at + n; return sub(b, at - n, at - 1) end
local function short() return take(byte(take(1))) end
local function long() local l, h = byte(b, at, at + 1); at = at + 2; return take(l * 256 + h) end
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
 * Clears up after bootstraps that were killed: announcements whose sources are all gone. ARGV: life,
 * token, time to live in ms of the right to do so, numbers of names. Answers 0 to all bootstraps but one.
 */
export const SCRUB = `${HEAD}${LISTS}${DROP}
local key = P .. 'scrub'
local holder = call('GET', key)
if holder and holder ~= ARGV[2] then return 0 end
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
