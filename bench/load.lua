-- Sends the lines of a file in turn as POST bodies and prints the result as one JSON line.
-- Arguments: file, first line to send (default 0), Authorization header (optional).
local requests = {}
local threads = {}
at = 0
sent = 0

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  local headers = { ["content-type"] = "application/json", ["accept"] = "application/json" }
  if args[3] then headers["authorization"] = args[3] end
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, line)
  end
  at = tonumber(args[2] or "0")
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
