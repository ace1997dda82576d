import { HEAD, LISTS } from "./lua_parts.ts";

/** Publishers of one name that one question looks at, drawn at random. */
const PUBLISHERS_CAP = 32;
/** Names of one content that one question looks at. */
const NAMES_CAP = 16;
/** Sources of several names that are counted exactly; of more, the largest set counts. */
const UNION_CAP = 1_000;
/** Times that sources are drawn anew, when some were gone. */
const DRAWS = 4;

/**
 * Finds. ARGV: life, latest time, cap on sources, "1" for all versions, id, publisher, "1" for a list,
 * first publisher of a list, cap on announcements, and numbers of names. Without such numbers the id
 * says which. Answers with the registry's age in seconds, then for each announcement: it, the number of
 * its sources, and some of them, each after its length.
 */
export const FIND = `${HEAD}${LISTS}
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
