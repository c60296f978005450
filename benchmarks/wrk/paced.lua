-- Asks at a constant rate: wrk -t CLIENTS -c CLIENTS -s paced.lua URL -- CLIENTS RATE
--
-- Each thread has one connection and a timetable. A request that could not be sent in time, because
-- the answer before it was late, counts from when it was due: a server that stalls cannot hide the
-- requests that it kept from being sent. When the connection was free in time, it counts from when
-- it was sent, since wrk's timer, of whole milliseconds, is not the server's fault.

local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long seconds; long nanoseconds; } moment;
    int clock_gettime(int clock, moment *at);
]]
local MONOTONIC = 1
local at = ffi.new("moment")
local threads = {}

local function now() -- in microseconds
    ffi.C.clock_gettime(MONOTONIC, at)
    return tonumber(at.seconds) * 1e6 + tonumber(at.nanoseconds) / 1e3
end

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

function init(args)
    local clients, rate = tonumber(args[1]), tonumber(args[2])
    interval = clients * 1e6 / rate
    offset = number * 1e6 / rate
    latencies = {}
    text = wrk.format()
end

function delay()
    due = due and due + interval or now() + offset
    local wait = due - now()
    waited = wait > 0
    return waited and math.ceil(wait / 1000) or 0
end

function request()
    began = waited and now() or due
    return text
end

function response(status, headers, body)
    table.insert(latencies, now() - began)
end

function done(summary, latency, requests)
    local all = {}
    for _, thread in ipairs(threads) do
        for _, each in pairs(thread:get("latencies")) do
            table.insert(all, each)
        end
    end
    table.sort(all)
    for _, share in ipairs({ 50, 90, 99, 99.9 }) do
        local place = math.max(1, math.ceil(#all * share / 100))
        print(string.format("latency %s: %.0f us", share, all[place] or 0))
    end
end
