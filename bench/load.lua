-- Sends the lines of a file in turn as POST bodies and prints the result as one JSON line.
-- Arguments: file, first line to send, requests per second (0: as fast as possible), headers (`name: value`).
local ffi = require("ffi")
ffi.cdef([[
  struct bench_time { long seconds; long nanoseconds; };
  int clock_gettime(int clock, struct bench_time *time);
]])
local time = ffi.new("struct bench_time")
local requests = {}
local threads = {}
at = 0
sent = 0
due = 0

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  local headers = { ["content-type"] = "application/json", ["accept"] = "application/json" }
  for i = 4, #args do
    local name, value = args[i]:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, line)
  end
  at = tonumber(args[2])
  local rate = tonumber(args[3])
  if rate > 0 then
    -- ms until the next slot of a schedule that all connections share.
    delay = function()
      ffi.C.clock_gettime(1, time) -- CLOCK_MONOTONIC
      local now = tonumber(time.seconds) * 1000 + tonumber(time.nanoseconds) / 1000000
      due = math.max(now, due + 1000 / rate)
      return due - now
    end
  end
end

function request()
  at = at % #requests + 1
  sent = sent + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  local all = 0
  for _, thread in ipairs(threads) do all = all + thread:get("sent") end
  io.write(string.format(
    '\nRESULT {"requests":%d,"sent":%d,"seconds":%.6f,"bytes":%d,"p50Ms":%.3f,"p99Ms":%.3f,"maxMs":%.3f,"socketErrors":%d,"timeouts":%d,"statusErrors":%d}\n',
    summary.requests, all, summary.duration / 1000000, summary.bytes,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    errors.connect + errors.read + errors.write, errors.timeout, errors.status
  ))
end
