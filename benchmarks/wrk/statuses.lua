-- Counts the answers of each status, and tells how long the last of them had to wait.

local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(args)
    statuses = {}
end

function response(status, headers, body)
    statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency, requests)
    local sums = {}
    for _, thread in ipairs(threads) do
        for status, count in pairs(thread:get("statuses")) do
            sums[status] = (sums[status] or 0) + count
        end
    end
    for status, count in pairs(sums) do
        print(string.format("status %d: %d", status, count))
    end
    print(string.format("longest: %.0f us", latency.max))
end
